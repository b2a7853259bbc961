"""Everything one server process counts: cumulative since its start, so that a lost look at it loses nothing."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from weirkeeper.statistics.latency import bin_of
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.rows import ProfileCounters
from weirkeeper_server.counted import KEPT_SECONDS, CountedDurations, Slots
from weirkeeper_server.tensors import Array, Columns

Outcome = Literal["ok", "invalid", "failed"]
OUTCOMES: Final[Sequence[Outcome]] = ("ok", "invalid", "failed")
LEAST_AT_ONCE: Final = 1024
MOST_AT_ONCE: Final = 8192
VALUES_AT_ONCE: Final = 2**18
"""Rows are counted in batches, for a call of numpy costs little more for thousands than for one. How many there are in
a batch is between LEAST_AT_ONCE and MOST_AT_ONCE: the fewer, the more columns they have."""
PARTS_AT_ONCE: Final = 128
"""Rows of so many predictions are joined while they wait: thousands of small arrays would fill memory and caches."""


class _Slot:
    """Durations of the requests that started in one slot, by bin, and how many of them are still active."""

    __slots__ = ("active", "bins", "start")

    def __init__(self, start: int) -> None:
        self.start = start
        self.bins: dict[int, int] = {}
        self.active = 0


class LatencySlots:
    """Durations by the slot in which their request started, with what is still active there."""

    def __init__(self, slot_seconds: int) -> None:
        self.slot_seconds = slot_seconds
        self._slots: dict[int, _Slot] = {}

    def begin(self, now: float) -> int:
        """Book a request that starts at `now` (Unix seconds); give its slot, for `end`."""
        start = int(now // self.slot_seconds) * self.slot_seconds
        slot = self._slots.get(start)
        if slot is None:
            self._forget(start - KEPT_SECONDS)
            slot = self._slots[start] = _Slot(start)
        slot.active += 1
        return start

    def end(self, start: int, seconds: float) -> None:
        """Book the duration of a request that started in a slot; one that was forgotten meanwhile stays so."""
        slot = self._slots.get(start)
        if slot is not None:
            slot.active -= 1
            found = bin_of(seconds * 1e6)
            slot.bins[found] = slot.bins.get(found, 0) + 1

    def _forget(self, until: int) -> None:
        for start in [start for start in self._slots if start < until]:
            del self._slots[start]

    def told(self, since: float = 0.0) -> Slots:
        """List `[slot, {bin: count}, active]` from `since` on, oldest first."""
        return [
            [slot.start, {str(i): count for i, count in sorted(slot.bins.items())}, slot.active]
            for slot in sorted(self._slots.values(), key=lambda slot: slot.start)
            if slot.start >= since
        ]


class Durations:
    """A histogram of all durations since the start, in seconds, with the buckets that Prometheus is shown.

    Each bucket remembers the last duration that belonged to a trace.
    """

    EDGES: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._counts = [0] * (len(self.EDGES) + 1)
        self._exemplars: list[tuple[str, float, float] | None] = [None] * len(self._counts)
        self._sum = 0.0

    def add(self, seconds: float, trace: str = "") -> None:
        """Count one duration, of a request in `trace` if it was in one."""
        bucket = bisect_left(self.EDGES, seconds)
        self._counts[bucket] += 1
        self._sum += seconds
        if trace:
            self._exemplars[bucket] = (trace, seconds, self._clock())

    def counted(self) -> CountedDurations:
        """Give what was counted so far."""
        return CountedDurations(tuple(self._counts), self._sum, tuple(self._exemplars))


def invalid_values(outputs: Columns) -> dict[str, int]:
    """Count by name the numbers of outputs that are NaN or infinite; outputs without any are left out."""
    finite = {name: np.isfinite(output) for name, output in outputs.items() if output.dtype.kind == "f"}
    return {name: int(np.count_nonzero(~found)) for name, found in finite.items() if not found.all()}


class _Rows(NamedTuple):
    """Rows that were asked about and answered."""

    inputs: Columns
    outputs: Columns
    number: int

    def cut(self, most: int) -> Iterator[_Rows]:
        """Part them into at most so many."""
        for start in range(0, self.number, most):
            part = slice(start, min(self.number, start + most))
            yield _Rows(_part(self.inputs, part), _part(self.outputs, part), part.stop - start)


class TrafficProfile:
    """Counts the rows that were asked about and answered, by the bins of the reference profile.

    Rows wait until there are enough of them, or until somebody looks. Then a column of them is counted at a time, and
    `later` is given what counts the next one: an event loop's `call_soon` looks after connections in between. Without
    it all are counted at once.
    """

    def __init__(self, profile: ReferenceProfile, later: Callable[[Callable[[], None]], object] | None = None) -> None:
        self._counters = ProfileCounters(profile)
        self._later = later
        self._enough = _enough(profile)
        self._loose: list[_Rows] = []
        self._loose_rows = 0
        self._parts: deque[_Rows] = deque()
        self.waiting = 0
        """Rows that are not counted yet."""
        self._steps: Iterator[None] = iter(())
        self._is_counting = False

    def add(self, inputs: Columns, outputs: Columns, rows: int) -> None:
        """Take answered rows, of one request or of several; the arrays must not be written to any more."""
        if len(self._loose) == PARTS_AT_ONCE or self._loose_rows + rows > self._enough:
            self._join()
        self._loose.append(_Rows(inputs, outputs, rows))
        self._loose_rows += rows
        self.waiting += rows
        if self.waiting >= self._enough and not self._is_counting:
            self._is_counting = True
            self._steps = self._full_batches()
            self._step()

    def totals(self) -> Mapping[str, Any]:
        """Give the counts of all rows so far."""
        _exhaust(self._steps)
        while self.waiting:
            _exhaust(self._batch())
        return self._counters.totals()

    def _step(self) -> None:
        """Count a column, several where rows come faster, or all; nothing is left where somebody looked meanwhile."""
        columns = max(1, self.waiting // self._enough)
        for _ in self._steps:
            columns -= 1
            if not columns and self._later is not None:
                self._later(self._step)
                return
        self._is_counting = False

    def _full_batches(self) -> Iterator[None]:
        # What is less waits for more: it would cost nearly as much.
        while self.waiting >= self._enough:
            yield from self._batch()

    def _batch(self) -> Iterator[None]:
        self._join()
        parts = [self._parts.popleft()]
        rows = parts[0].number
        while self._parts and rows < self._enough:
            parts.append(self._parts.popleft())
            rows += parts[-1].number
        self.waiting -= rows
        joined = _joined(parts)
        inputs, outputs = profile_columns(joined.inputs), profile_columns(joined.outputs)
        return self._counters.ingest_by_column(inputs, outputs, rows)

    def _join(self) -> None:
        if self._loose:
            self._parts.extend(_joined(self._loose).cut(self._enough))
            self._loose, self._loose_rows = [], 0


def _enough(profile: ReferenceProfile) -> int:
    columns = {column for feature in (*profile.features, *profile.outputs) for column in feature.columns}
    return max(LEAST_AT_ONCE, min(MOST_AT_ONCE, VALUES_AT_ONCE // max(1, len(columns))))


def _exhaust(steps: Iterator[None]) -> None:
    for _ in steps:
        pass


def _part(columns: Columns, rows: slice) -> Columns:
    return {name: column[rows] for name, column in columns.items()}


def _joined(parts: Sequence[_Rows]) -> _Rows:
    if len(parts) == 1:
        return parts[0]
    inputs, outputs = _concatenated([part.inputs for part in parts]), _concatenated([part.outputs for part in parts])
    return _Rows(inputs, outputs, sum(part.number for part in parts))


def _concatenated(parts: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def profile_columns(tensors: Columns) -> dict[str, Array]:
    """Name each column that a profile counts: a column as it is, those of a matrix by their number: `input[0]`."""
    columns: dict[str, Array] = {}
    for name, tensor in tensors.items():
        if tensor.ndim == 1:
            columns[name] = tensor
        else:
            columns |= {f"{name}[{index}]": tensor[:, index] for index in range(tensor.shape[1])}
    return columns
