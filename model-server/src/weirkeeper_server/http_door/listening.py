"""The open port of the HTTP door."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from weirkeeper_server.http_door.connection import Connection
from weirkeeper_server.http_door.door import Door
from weirkeeper_server.open_connections import OpenConnections

BACKLOG: Final = 1024
LEAVE_SECONDS: Final = 10.0
"""Time at the end for clients to take answers that were given already; one that does not read must not hold a pod."""


class HttpServer:
    """Answers connections, and lets none go unanswered at the end; `parted` is called when one has ended."""

    def __init__(self, door: Door, parted: Callable[[], None] | None = None) -> None:
        self._door = door
        self._connections: OpenConnections[Connection] = OpenConnections(parted)
        self._accepting: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        """Answer from now on."""
        self._accepting = await asyncio.get_running_loop().create_server(self._accepted, sock=listener, backlog=BACKLOG)

    def take(self, connection: socket.socket) -> None:
        """Answer a connection that was accepted elsewhere."""
        self._connections.take(self._accepted, connection)

    def send_away(self) -> None:
        """Ask the connections that there are to end; others may come."""
        self._connections.leave()

    async def stop(self, seconds: float = LEAVE_SECONDS) -> None:
        """Accept no more, and end when what is under way is answered, or after `seconds`."""
        if self._accepting is not None:
            self._accepting.close()
        self._connections.leave()
        await self._connections.part(seconds)

    def _accepted(self) -> Connection:
        return self._connections.add(Connection(self._door, self._connections.ended))
