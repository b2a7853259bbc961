"""Everything one server process counts: cumulative since its start, so that a lost look at it loses nothing."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final, Literal

import numpy as np
from prometheus_client.samples import Exemplar

from weirkeeper.statistics.latency import bin_of
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.rows import ProfileCounters
from weirkeeper_server.tensors import Array, Columns

Outcome = Literal["ok", "invalid", "failed"]
OUTCOMES: Final[Sequence[Outcome]] = ("ok", "invalid", "failed")
KEPT_SECONDS: Final = 600
ROWS_AT_ONCE: Final = 1024
"""Rows are counted in batches: one call of numpy for many single rows."""


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

    def told(self, since: float = 0.0) -> list[list[Any]]:
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
        self._exemplars: list[Exemplar | None] = [None] * len(self._counts)
        self.sum = 0.0

    def add(self, seconds: float, trace: str = "") -> None:
        """Count one duration, of a request in `trace` if it was in one."""
        bucket = bisect_left(self.EDGES, seconds)
        self._counts[bucket] += 1
        self.sum += seconds
        if trace:
            self._exemplars[bucket] = Exemplar({"trace_id": trace}, seconds, self._clock())

    def buckets(self) -> list[tuple[str, float] | tuple[str, float, Exemplar]]:
        """List upper edges as text with cumulative counts, and exemplars where there are such; `+Inf` last."""
        found = zip([*map(str, self.EDGES), "+Inf"], accumulate(self._counts), self._exemplars, strict=True)
        return [(edge, count, exemplar) if exemplar else (edge, count) for edge, count, exemplar in found]


def invalid_values(outputs: Columns) -> dict[str, int]:
    """Count by name the numbers of outputs that are NaN or infinite; outputs without any are left out."""
    finite = {name: np.isfinite(output) for name, output in outputs.items() if output.dtype.kind == "f"}
    return {name: int(np.count_nonzero(~found)) for name, found in finite.items() if not found.all()}


class TrafficProfile:
    """Counts the rows that were asked about and answered, by the bins of the reference profile.

    Rows wait until there are enough of them, or until somebody looks. Then a column of them is counted at a time, and
    `later` is given what counts the next one: an event loop's `call_soon` looks after connections in between. Without
    it all are counted at once.
    """

    def __init__(self, profile: ReferenceProfile, later: Callable[[Callable[[], None]], object] | None = None) -> None:
        self._counters = ProfileCounters(profile)
        self._later = later
        self._waiting: deque[tuple[Columns, Columns, int]] = deque()
        self._rows = 0
        self._steps: Iterator[None] = iter(())
        self._is_counting = False

    def add(self, inputs: Columns, outputs: Columns, rows: int) -> None:
        """Take answered rows, of one request or of several; the arrays must not be written to any more."""
        if rows > ROWS_AT_ONCE:
            for start in range(0, rows, ROWS_AT_ONCE):
                part = slice(start, min(rows, start + ROWS_AT_ONCE))
                self._waiting.append((_part(inputs, part), _part(outputs, part), part.stop - start))
        else:
            self._waiting.append((inputs, outputs, rows))
        self._rows += rows
        if self._rows >= ROWS_AT_ONCE and not self._is_counting:
            self._is_counting = True
            self._steps = self._counted()
            self._step()

    def totals(self) -> Mapping[str, Any]:
        """Give the counts of all rows so far."""
        for steps in (self._steps, self._counted()):
            for _ in steps:
                pass
        return self._counters.totals()

    def _step(self) -> None:
        """Count one column, or all; nothing is left where somebody looked meanwhile."""
        for _ in self._steps:
            if self._later is not None:
                self._later(self._step)
                return
        self._is_counting = False

    def _counted(self) -> Iterator[None]:
        while self._waiting:
            inputs, outputs, rows = [], [], 0
            while self._waiting and rows < ROWS_AT_ONCE:
                part = self._waiting.popleft()
                inputs.append(part[0])
                outputs.append(part[1])
                rows += part[2]
            self._rows -= rows
            yield from self._counters.ingest_by_column(_Joined(inputs), _Joined(outputs), rows)


def _part(columns: Columns, rows: slice) -> Columns:
    return {name: column[rows] for name, column in columns.items()}


class _Joined(Mapping[str, Array]):
    """The columns of several requests, named as a profile names them, and joined when they are asked for."""

    def __init__(self, parts: Sequence[Columns]) -> None:
        self._parts = parts
        self._names = {
            column: (name, index)
            for name, tensor in parts[0].items()
            for column, index in _columns_of(name, tensor).items()
        }
        self._matrices: dict[str, Array] = {}

    def __getitem__(self, column: str) -> Array:
        name, index = self._names[column]
        if index is None:
            return np.concatenate([part[name] for part in self._parts])
        if name not in self._matrices:
            self._matrices[name] = np.concatenate([part[name] for part in self._parts])
        return self._matrices[name][:, index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _columns_of(name: str, tensor: Array) -> dict[str, int | None]:
    """Name each column that a profile counts of a tensor, with its place in a matrix."""
    return {name: None} if tensor.ndim == 1 else {f"{name}[{index}]": index for index in range(tensor.shape[1])}


def profile_columns(tensors: Columns) -> dict[str, Array]:
    """Name each column that a profile counts: a column as it is, those of a matrix by their number: `input[0]`."""
    return {
        column: tensor if index is None else tensor[:, index]
        for name, tensor in tensors.items()
        for column, index in _columns_of(name, tensor).items()
    }
