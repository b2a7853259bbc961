"""Everything one server process counts: cumulative since its start, so that a lost look at it loses nothing."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from weirkeeper.statistics.latency import EDGES_US
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.rows import ProfileCounters
from weirkeeper_server.counted import KEPT_SECONDS, CountedDurations, Slots
from weirkeeper_server.row_buffers import RowBuffer
from weirkeeper_server.tensors import Array, Columns

Outcome = Literal["ok", "invalid", "failed"]
OUTCOMES: Final[Sequence[Outcome]] = ("ok", "invalid", "failed")
LEAST_AT_ONCE: Final = 1024
MOST_AT_ONCE: Final = 16384
TOGETHER_AT_ONCE: Final = 8192
VALUES_AT_ONCE: Final = 2**19
"""Rows are counted in batches, for a call costs little more for thousands than for one. How many there are in a batch
is between LEAST_AT_ONCE and MOST_AT_ONCE: the fewer, the more columns they have. TOGETHER_AT_ONCE are enough where all
columns are counted in one call, and twice as many for each feature that needs a call of its own."""
PARTS_AT_ONCE: Final = 16
"""Rows of so many predictions are joined while they wait: thousands of small arrays would fill memory and caches."""
DURATIONS_AT_ONCE: Final = 1024
"""So many durations are counted at once, or fewer where somebody looks."""
_EDGES_US: Final = np.array(EDGES_US)
SPARE: Final = 1
"""Batches whose memory is kept beside the one that is filled, and the one that is counted."""


class Slot:
    """Durations of the requests that started in one slot, by bin, and how many of them are still active.

    Those in `waiting` are not counted yet: many at once cost a fraction.
    """

    __slots__ = ("_bins", "active", "end", "start", "waiting")

    def __init__(self, start: int, seconds: int) -> None:
        self.start = start
        self.end = start + seconds
        self.active = 0
        self.waiting: list[float] = []
        self._bins: dict[int, int] = {}

    def bins(self) -> Mapping[int, int]:
        """Count what waits, and give all counts."""
        if self.waiting:
            found = np.bincount(np.searchsorted(_EDGES_US, np.array(self.waiting) * 1e6))
            self.waiting.clear()
            for place in np.flatnonzero(found).tolist():
                self._bins[place] = self._bins.get(place, 0) + int(found[place])
        return self._bins


class LatencySlots:
    """Durations by the slot in which their request started, with what is still active there."""

    def __init__(self, slot_seconds: int) -> None:
        self.slot_seconds = slot_seconds
        self._slots: dict[int, Slot] = {}
        self._latest = Slot(0, 0)

    def begin(self, now: float) -> Slot:
        """Book a request that starts at `now` (Unix seconds); give its slot, for `end`."""
        slot = self._latest
        if not slot.start <= now < slot.end:
            slot = self._latest = self._slot(int(now // self.slot_seconds) * self.slot_seconds)
        slot.active += 1
        return slot

    @staticmethod
    def end(slot: Slot, seconds: float) -> None:
        """Book the duration of a request that started in a slot; one that was forgotten meanwhile stays so."""
        slot.active -= 1
        waiting = slot.waiting
        waiting.append(seconds)
        if len(waiting) == DURATIONS_AT_ONCE:
            slot.bins()

    def _slot(self, start: int) -> Slot:
        slot = self._slots.get(start)
        if slot is None:
            self._forget(start - KEPT_SECONDS)
            slot = self._slots[start] = Slot(start, self.slot_seconds)
        return slot

    def _forget(self, until: int) -> None:
        for start in [start for start in self._slots if start < until]:
            del self._slots[start]

    def told(self, since: float = 0.0) -> Slots:
        """List `[slot, {bin: count}, active]` from `since` on, oldest first."""
        return [
            [slot.start, {str(i): count for i, count in sorted(slot.bins().items())}, slot.active]
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
        self._waiting: list[float] = []
        self._counts = np.zeros(len(self.EDGES) + 1, dtype=np.int64)
        self._exemplars: list[tuple[str, float, float] | None] = [None] * len(self._counts)
        self._sum = 0.0

    def add(self, seconds: float, trace: str = "") -> None:
        """Count one duration, of a request in `trace` if it was in one."""
        self._waiting.append(seconds)
        if trace:
            self._exemplars[bisect_left(self.EDGES, seconds)] = (trace, seconds, self._clock())
        if len(self._waiting) == DURATIONS_AT_ONCE:
            self._count()

    def _count(self) -> None:
        self._counts += np.bincount(np.searchsorted(self.EDGES, self._waiting), minlength=len(self._counts))
        self._sum = sum(self._waiting, self._sum)
        self._waiting.clear()

    def counted(self) -> CountedDurations:
        """Give what was counted so far."""
        self._count()
        return CountedDurations(tuple(self._counts.tolist()), self._sum, tuple(self._exemplars))


def invalid_values(outputs: Columns) -> dict[str, int]:
    """Count by name the numbers of outputs that are NaN or infinite; outputs without any are left out."""
    finite = {name: np.isfinite(output) for name, output in outputs.items() if output.dtype.kind == "f"}
    return {name: int(np.count_nonzero(~found)) for name, found in finite.items() if not found.all()}


class _Rows(NamedTuple):
    """Rows that were asked about and answered."""

    inputs: Columns
    outputs: Columns
    number: int


class _Batch:
    """Rows that are counted together, in memory that is used again afterwards."""

    def __init__(self, size: int) -> None:
        self._inputs, self._outputs = RowBuffer(size), RowBuffer(size)

    @property
    def rows(self) -> int:
        """How many there are."""
        return self._inputs.rows

    def put(self, parts: Sequence[_Rows], rows: int) -> bool:
        """Copy parts of so many rows together; False where they do not fit to what is there."""
        if not self._inputs.put([part.inputs for part in parts], rows):
            return False
        if not self._outputs.put([part.outputs for part in parts], rows):
            self._inputs.rows -= rows
            return False
        return True

    def counted(self, counters: ProfileCounters) -> Iterator[None]:
        """Count them, a part between two steps, and begin anew."""
        inputs, outputs = profile_columns(self._inputs.columns()), profile_columns(self._outputs.columns())
        yield from counters.ingest_by_steps(inputs, outputs, self.rows)
        self._inputs.clear()
        self._outputs.clear()


class TrafficProfile:
    """Counts the rows that were asked about and answered, by the bins of the reference profile.

    Rows wait until there are enough of them, or until somebody looks. Then a part of them is counted at a time, and
    `later` is given what counts the next one: an event loop's `call_soon` looks after connections in between. Without
    it all are counted at once.
    """

    def __init__(self, profile: ReferenceProfile, later: Callable[[Callable[[], None]], object] | None = None) -> None:
        self._counters = ProfileCounters(profile)
        self._later = later
        self._enough = _enough(self._counters)
        self._loose: list[_Rows] = []
        self._loose_rows = 0
        self._filling = _Batch(self._enough)
        self._full: deque[_Batch] = deque()
        self._spare: list[_Batch] = []
        self.waiting = 0
        """Rows that are not counted yet."""
        self._steps: Iterator[None] = iter(())
        self._is_counting = False

    def add(self, inputs: Columns, outputs: Columns, rows: int) -> None:
        """Take answered rows, of one request or of several; the arrays must not be written to any more."""
        if len(self._loose) == PARTS_AT_ONCE or self._filling.rows + self._loose_rows + rows > self._enough:
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
        """Count a part, several where rows come faster, or all; nothing is left where somebody looked meanwhile."""
        parts = max(1, self.waiting // self._enough)
        for _ in self._steps:
            parts -= 1
            if not parts and self._later is not None:
                self._later(self._step)
                return
        self._is_counting = False

    def _full_batches(self) -> Iterator[None]:
        # What is less waits for more: it would cost nearly as much.
        while self.waiting >= self._enough:
            yield from self._batch()

    def _batch(self) -> Iterator[None]:
        self._join()
        if not self._full:
            self._begin()
        batch = self._full.popleft()
        self.waiting -= batch.rows
        yield from batch.counted(self._counters)
        if len(self._spare) < SPARE:
            self._spare.append(batch)

    def _join(self) -> None:
        """Copy what is loose to the other rows that wait."""
        loose, rows = self._loose, self._loose_rows
        self._loose, self._loose_rows = [], 0
        if not loose or self._filling.put(loose, rows):
            return
        for part in loose:
            for piece in _pieces(part, self._enough):
                self._put_apart(piece)

    def _put_apart(self, piece: _Rows) -> None:
        """Put rows behind the others, or else at the beginning of a batch."""
        if self._filling.put([piece], piece.number):
            return
        if self._filling.rows:
            self._begin()
            self._put_apart(piece)
            return
        # A model gave another number of outputs than of rows: they stand beside nothing else.
        inputs, outputs = profile_columns(piece.inputs), profile_columns(piece.outputs)
        _exhaust(self._counters.ingest_by_steps(inputs, outputs, piece.number))
        self.waiting -= piece.number

    def _begin(self) -> None:
        """Let rows that come now wait elsewhere."""
        self._full.append(self._filling)
        self._filling = self._spare.pop() if self._spare else _Batch(self._enough)


def _enough(counters: ProfileCounters) -> int:
    profile = counters.profile
    columns = {column for feature in (*profile.features, *profile.outputs) for column in feature.columns}
    most = min(MOST_AT_ONCE, VALUES_AT_ONCE // max(1, len(columns)), TOGETHER_AT_ONCE << counters.apart)
    return max(LEAST_AT_ONCE, most)


def _exhaust(steps: Iterator[None]) -> None:
    for _ in steps:
        pass


def _pieces(rows: _Rows, most: int) -> Iterator[_Rows]:
    """Part rows into at most so many."""
    for start in range(0, rows.number, most):
        part = slice(start, min(rows.number, start + most))
        yield _Rows(_part(rows.inputs, part), _part(rows.outputs, part), part.stop - start)


def _part(columns: Columns, rows: slice) -> Columns:
    return {name: column[rows] for name, column in columns.items()}


def profile_columns(tensors: Columns) -> dict[str, Array]:
    """Name each column that a profile counts: a column as it is, those of a matrix by their number: `input[0]`."""
    columns: dict[str, Array] = {}
    for name, tensor in tensors.items():
        if tensor.ndim == 1:
            columns[name] = tensor
        else:
            columns |= {f"{name}[{index}]": tensor[:, index] for index in range(tensor.shape[1])}
    return columns
