"""How many connections each worker has: what was handed to it, less what it says has ended."""

from __future__ import annotations

import mmap

_BYTES = 8


class Places:
    """One place a worker. The ends of connections are told by shared memory, in which each worker has its number."""

    def __init__(self, count: int) -> None:
        self._ended = memoryview(mmap.mmap(-1, count * _BYTES)).cast("q")
        self._handed = [0] * count
        self._turn = 0

    def __len__(self) -> int:
        return len(self._handed)

    def begin(self, place: int) -> None:
        """Let a new worker have a place."""
        self._handed[place] = self._ended[place] = 0

    def handed(self, place: int) -> None:
        """Book a connection that a worker got."""
        self._handed[place] += 1
        self._turn = place

    def ended(self, place: int) -> None:
        """Book a connection that is over; the worker itself says it, and nobody else writes its number meanwhile."""
        self._ended[place] += 1

    def open(self, place: int) -> int:
        """Count the connections of a worker."""
        return self._handed[place] - self._ended[place]

    def order(self) -> list[int]:
        """List places as connections are offered to them: fewest first, and of those with as many the next in turn."""
        count = len(self)
        return sorted(range(count), key=lambda place: (self.open(place), (place - self._turn - 1) % count))
