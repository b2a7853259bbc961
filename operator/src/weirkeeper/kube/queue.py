"""The work queue: each key at most once, never worked twice at the same time, later after a failure, again when due."""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

from weirkeeper.kube.keys import Key

FIRST_BACKOFF: Final = 0.5
LONGEST_BACKOFF: Final = 60.0
QUIET: Final = 1.0
"""For so long after a failure even news of a key do not bring it back: they may be the echo of the failure."""


class Schedule:
    """When which key is due. Knows no clock: `now` is monotonic seconds.

    A key is due at the earliest time asked for, but not before the end of its pause after a failure.
    """

    def __init__(self) -> None:
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._not_before: dict[Key, float] = {}
        self._failures: dict[Key, int] = defaultdict(int)

    def __len__(self) -> int:
        return len(self._due)

    def add(self, key: Key, at: float) -> None:
        """Ask for `key` at `at`; an earlier time that was asked for holds."""
        at = max(at, self._not_before.get(key, at))
        if at < self._due.get(key, float("inf")):
            self._due[key] = at
            heapq.heappush(self._heap, (at, key))

    def succeeded(self, key: Key) -> None:
        """Its failures count no more."""
        self._failures.pop(key, None)
        self._not_before.pop(key, None)

    def failed(self, key: Key, now: float, retry_after: float | None, forgiven: int) -> float:
        """Ask for `key` again after a pause that doubles with every failure; give the pause in seconds.

        The first `forgiven` failures in a row cost no pause.
        """
        failures = self._failures[key]
        self._failures[key] += 1
        if failures < forgiven:
            self.add(key, now)
            return 0.0
        backoff = min(FIRST_BACKOFF * 2.0 ** min(failures - forgiven, 16), LONGEST_BACKOFF)
        backoff *= random.uniform(0.8, 1.2)  # noqa: S311 - jitter
        pause = max(backoff, retry_after or 0.0)
        self._not_before[key] = now + (retry_after or min(pause, QUIET))
        self.add(key, now + pause)
        return pause

    def next_due(self) -> float | None:
        """When the next key is due."""
        self._forget_moved()
        return self._heap[0][0] if self._heap else None

    def pop(self, now: float) -> Key | None:
        """Take the key that has been due for longest, None where none is."""
        self._forget_moved()
        if not self._heap or self._heap[0][0] > now:
            return None
        _, key = heapq.heappop(self._heap)
        del self._due[key]
        return key

    def _forget_moved(self) -> None:
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)


class Queue:
    """The schedule with a clock, for several workers: `take`, work, then `succeeded` or `failed`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._schedule = Schedule()
        self._working: dict[Key, float] = {}
        self._again: dict[Key, float] = {}
        self._news = asyncio.Event()

    def __len__(self) -> int:
        """Keys that wait or are worked at."""
        return len(self._schedule) + len(self._working)

    def add(self, key: Key, delay: float = 0.0) -> None:
        """Ask for `key` in `delay` seconds at the latest; while it is worked at, it comes again afterwards."""
        at = self._clock() + delay
        if key in self._working:
            self._again[key] = min(at, self._again.get(key, at))
            return
        self._schedule.add(key, at)
        self._news.set()

    def add_all(self, keys: Iterable[Key]) -> None:
        """Ask for each of `keys` now."""
        for key in keys:
            self.add(key)

    async def take(self) -> Key:
        """Wait for a key that is due and take it."""
        while True:
            key = self._schedule.pop(self._clock())
            if key is not None:
                self._working[key] = self._clock()
                return key
            await self._wait()

    def succeeded(self, key: Key) -> None:
        """The work at `key` is done."""
        self._schedule.succeeded(key)
        self._end(key)

    def failed(self, key: Key, retry_after: float | None = None, *, forgiven: int = 0) -> float:
        """The work at `key` failed; it comes again after a pause, which is given in seconds."""
        pause = self._schedule.failed(key, self._clock(), retry_after, forgiven)
        self._end(key)
        return pause

    def longest(self) -> float:
        """For how many seconds the key that is worked at longest has been so."""
        now = self._clock()
        return max((now - since for since in self._working.values()), default=0.0)

    def _end(self, key: Key) -> None:
        del self._working[key]
        again = self._again.pop(key, None)
        if again is not None:
            self._schedule.add(key, again)
        self._news.set()

    async def _wait(self) -> None:
        self._news.clear()
        due = self._schedule.next_due()
        try:
            await asyncio.wait_for(self._news.wait(), None if due is None else max(0.0, due - self._clock()))
        except TimeoutError:
            return
