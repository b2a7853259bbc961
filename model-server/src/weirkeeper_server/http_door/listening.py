"""The open port of the HTTP door."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Final

from weirkeeper_server.http_door.connection import Connection
from weirkeeper_server.http_door.door import Door

BACKLOG: Final = 1024
LEAVE_SECONDS: Final = 10.0
"""Time at the end for clients to take answers that were given already; one that does not read must not hold a pod."""


class HttpServer:
    """Accepts connections, and lets none go unanswered at the end."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._connections: set[Connection] = set()
        self._accepting: asyncio.Server
        self._empty = asyncio.Event()

    async def start(self, listener: socket.socket) -> None:
        """Answer from now on."""
        self._accepting = await asyncio.get_running_loop().create_server(self._accepted, sock=listener, backlog=BACKLOG)

    async def stop(self, seconds: float = LEAVE_SECONDS) -> None:
        """Accept no more, and end when what is under way is answered, or after `seconds`."""
        self._accepting.close()
        for connection in tuple(self._connections):
            connection.leave()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._connections:
                    self._empty.clear()
                    await self._empty.wait()
        for connection in tuple(self._connections):
            connection.abort()

    def _accepted(self) -> Connection:
        connection = Connection(self._door, self._ended)
        self._connections.add(connection)
        return connection

    def _ended(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()
