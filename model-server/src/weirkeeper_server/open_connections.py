"""The connections that a door holds, how it gets them, and how it parts from them at the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar, cast


class Leaving(Protocol):
    """A connection that can be asked to end, and be cut off."""

    def leave(self) -> None:
        """Answer what is under way, and take nothing more."""
        ...

    def abort(self) -> None:
        """End at once."""
        ...


Held = TypeVar("Held", bound=Leaving)

log = logging.getLogger(__name__)


class OpenConnections(Generic[Held]):
    """The connections of one open port; `parted` is called whenever one has ended."""

    def __init__(self, parted: Callable[[], None] | None = None) -> None:
        self._held: set[Held] = set()
        self._empty = asyncio.Event()
        self._parted = parted
        self._taking: set[asyncio.Task[None]] = set()

    def take(self, accept: Callable[[], Held], connection: socket.socket) -> None:
        """Answer a connection that was accepted elsewhere, by what `accept` makes and adds."""
        taking = asyncio.get_running_loop().create_task(self._take(accept(), connection))
        self._taking.add(taking)
        taking.add_done_callback(self._taking.discard)

    async def _take(self, held: Held, connection: socket.socket) -> None:
        connection.settimeout(0)
        try:
            protocol = cast("asyncio.Protocol", held)
            await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, connection)
        except OSError as error:
            log.warning("a connection ended before it was taken up: %s", error)
            connection.close()
            self.ended(held)

    def add(self, connection: Held) -> Held:
        """Hold a connection until it says that it ended."""
        self._held.add(connection)
        return connection

    def ended(self, connection: Held) -> None:
        """Let go of a connection."""
        self._held.discard(connection)
        if self._parted is not None:
            self._parted()
        if not self._held:
            self._empty.set()

    def leave(self) -> None:
        """Ask all of them to end."""
        for connection in tuple(self._held):
            connection.leave()

    async def part(self, seconds: float) -> None:
        """Wait until all have ended, for at most `seconds`; cut off those that have not."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._held:
                    self._empty.clear()
                    await self._empty.wait()
        for connection in tuple(self._held):
            connection.abort()
