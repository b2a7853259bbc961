"""The connections that a door holds, and how it parts from them at the end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Generic, Protocol, TypeVar


class Leaving(Protocol):
    """A connection that can be asked to end, and be cut off."""

    def leave(self) -> None:
        """Answer what is under way, and take nothing more."""
        ...

    def abort(self) -> None:
        """End at once."""
        ...


Held = TypeVar("Held", bound=Leaving)


class OpenConnections(Generic[Held]):
    """The connections of one open port."""

    def __init__(self) -> None:
        self._held: set[Held] = set()
        self._empty = asyncio.Event()

    def add(self, connection: Held) -> Held:
        """Hold a connection until it says that it ended."""
        self._held.add(connection)
        return connection

    def ended(self, connection: Held) -> None:
        """Let go of a connection."""
        self._held.discard(connection)
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
