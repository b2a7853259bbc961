"""Everything one server process counts: cumulative since its start, so that a lost look at it loses nothing."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
ROWS_AT_ONCE: Final = 256
"""Rows are counted in batches: one call of numpy for many single rows."""


class LatencySlots:
    """Durations by the slot in which their request started, with what is still active there."""

    def __init__(self, slot_seconds: int) -> None:
        self.slot_seconds = slot_seconds
        self._bins: dict[int, Counter[int]] = {}
        self._active: Counter[int] = Counter()

    def begin(self, now: float) -> int:
        """Book a request that starts at `now` (Unix seconds); give its slot, for `end`."""
        slot = int(now // self.slot_seconds) * self.slot_seconds
        if slot not in self._bins:
            self._forget(slot - KEPT_SECONDS)
            self._bins[slot] = Counter()
        self._active[slot] += 1
        return slot

    def end(self, slot: int, seconds: float) -> None:
        """Book the duration of a request that started in `slot`."""
        self._active[slot] -= 1
        if slot in self._bins:
            self._bins[slot][bin_of(seconds * 1e6)] += 1

    def _forget(self, until: int) -> None:
        for slot in [slot for slot in self._bins if slot < until]:
            del self._bins[slot]
        for slot in [slot for slot, active in self._active.items() if not active and slot not in self._bins]:
            del self._active[slot]

    def told(self, since: float = 0.0) -> list[list[Any]]:
        """List `[slot, {bin: count}, active]` from `since` on, oldest first."""
        return [
            [slot, {str(i): count for i, count in sorted(bins.items())}, self._active[slot]]
            for slot, bins in sorted(self._bins.items())
            if slot >= since
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

    Rows come from worker threads and wait until there are enough of them, or until somebody looks.
    """

    def __init__(self, profile: ReferenceProfile) -> None:
        self._counters = ProfileCounters(profile)
        self._lock = threading.Lock()
        self._waiting: list[tuple[Columns, Columns]] = []
        self._rows = 0

    def add(self, inputs: Columns, outputs: Columns, rows: int) -> None:
        """Take the rows of one answered request."""
        with self._lock:
            self._waiting.append((inputs, outputs))
            self._rows += rows
            if self._rows >= ROWS_AT_ONCE:
                self._count()

    def totals(self) -> Mapping[str, Any]:
        """Give the counts of all rows so far."""
        with self._lock:
            self._count()
            return self._counters.totals()

    def _count(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting, self._rows = self._waiting, [], 0
        inputs, outputs = _joined([inputs for inputs, _ in waiting]), _joined([outputs for _, outputs in waiting])
        self._counters.ingest(profile_columns(inputs), profile_columns(outputs))


def _joined(parts: Sequence[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def profile_columns(tensors: Columns) -> dict[str, Array]:
    """Name each column that a profile counts: a column as it is, those of a matrix by their number: `input[0]`."""
    columns: dict[str, Array] = {}
    for name, tensor in tensors.items():
        if tensor.ndim == 1:
            columns[name] = tensor
        else:
            columns.update({f"{name}[{i}]": tensor[:, i] for i in range(tensor.shape[1])})
    return columns
