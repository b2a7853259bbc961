"""The open port of the gRPC door."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from typing import Final

from weirkeeper_server.grpc_door.connection import AGE_SECONDS, Connection
from weirkeeper_server.grpc_door.door import Door
from weirkeeper_server.open_connections import OpenConnections

BACKLOG: Final = 1024
QUIET_SECONDS: Final = 1.0
LATE_SECONDS: Final = 1.0
"""Age of a connection that comes then: its calls are answered, before it is asked as well."""
LEAVING_SECONDS: Final = 12.0
"""Time at the end in which clients may still come that have not heard yet."""


class GrpcServer:
    """Answers connections, and lets no call go unanswered at the end; `parted` is called when one has ended."""

    def __init__(self, door: Door, parted: Callable[[], None] | None = None) -> None:
        self._door = door
        self._connections: OpenConnections[Connection] = OpenConnections(parted)
        self._accepting: asyncio.Server | None = None
        self._leaving = False

    async def start(self, listener: socket.socket) -> None:
        """Answer from now on."""
        self._accepting = await asyncio.get_running_loop().create_server(self._accepted, sock=listener, backlog=BACKLOG)

    def take(self, connection: socket.socket) -> None:
        """Answer a connection that was accepted elsewhere."""
        self._connections.take(self._accepted, connection)

    def send_away(self) -> None:
        """Ask the connections that there are to end; others may come."""
        self._connections.leave()

    async def stop(self, grace: float, quiet: float = QUIET_SECONDS) -> None:
        """Ask clients to leave, and end when no call has come for `quiet` seconds.

        Who was on the way here when clients were asked is answered, and asked as well. At the end calls that are yet
        under way have `grace` seconds.
        """
        self._leaving = True
        self._connections.leave()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVING_SECONDS):
                while (wait := self._door.last_call + quiet - time.monotonic()) > 0:  # noqa: ASYNC110
                    await asyncio.sleep(wait)
        if self._accepting is not None:
            self._accepting.close()
        await self._connections.part(grace)

    def _accepted(self) -> Connection:
        age = LATE_SECONDS if self._leaving else AGE_SECONDS
        return self._connections.add(Connection(self._door, self._connections.ended, age))
