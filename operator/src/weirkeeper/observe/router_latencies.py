"""Books how long the requests of one namespace took, as its routers measured it, to the slots in which they ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from weirkeeper.delivery.evidence import LatencySlot
from weirkeeper.observe.outcomes import START_TOLERANCE
from weirkeeper.observe.readings import RouterReading, model_of
from weirkeeper.statistics.latency import merge

RING_SECONDS: Final = 900

Bins = Mapping[int, int]


class _Series(NamedTuple):
    """One run of cumulative counts."""

    router: str
    epoch: int
    revision: str


@dataclass(frozen=True)
class _Read:
    """What one router answered last: when (a slot's end), Envoy's start, and its counts."""

    end: int
    started: int
    counts: Mapping[_Series, Bins]


class RouterLatencies:
    """Pure: told what routers answered.

    Only what a router counted between two answers one slot apart is booked: what came before anybody looked, or while
    nobody did, may belong to other weights. It is evidence that is missing then, and never evidence that is wrong.
    """

    def __init__(self, slot_seconds: int) -> None:
        self._slot = slot_seconds
        self._read: dict[str, _Read] = {}
        self._slots: dict[str, dict[int, LatencySlot]] = {}

    def book(self, end: int, readings: Mapping[str, RouterReading]) -> None:
        """Book what `readings` (by router pod's UID) add to the slot that ends at `end` (Unix seconds, aligned)."""
        added: dict[str, list[Bins]] = {}
        for router, reading in readings.items():
            before = self._read.get(router)
            if before is not None and before.end >= end:
                continue
            now = _Read(end, reading.started, {_Series(router, key[1], key[0]): one for key, one in _named(reading)})
            self._read[router] = now
            for series, bins in self._since(before, now).items():
                added.setdefault(series.revision, []).append(bins)
        for revision, parts in added.items():
            start = end - self._slot
            self._slots.setdefault(revision, {})[start] = LatencySlot(start, merge(parts), by_router=True)
        self._forget(end - RING_SECONDS)

    def slots(self, model: str) -> dict[str, tuple[LatencySlot, ...]]:
        """The Model's slots of the last 15 minutes by revision, oldest first."""
        return {
            revision: tuple(slots[start] for start in sorted(slots))
            for revision, slots in self._slots.items()
            if model_of(revision) == model
        }

    def _since(self, before: _Read | None, now: _Read) -> dict[_Series, Bins]:
        if before is None or before.end != now.end - self._slot or abs(now.started - before.started) > START_TOLERANCE:
            return {}
        grown = {series: _grown(before.counts.get(series), bins) for series, bins in now.counts.items()}
        return {series: bins for series, bins in grown.items() if bins}

    def _forget(self, horizon: int) -> None:
        self._read = {router: one for router, one in self._read.items() if one.end >= horizon}
        for revision, slots in list(self._slots.items()):
            for start in [one for one in slots if one < horizon]:
                del slots[start]
            if not slots:
                del self._slots[revision]


def _named(reading: RouterReading) -> list[tuple[tuple[str, int], Bins]]:
    return [(key, bins) for key, bins in reading.latency.items() if model_of(key[0])]


def _grown(before: Bins | None, now: Bins) -> Bins:
    """What came; nothing where the series is new, whose counts may be of former clusters of its name."""
    if before is None or any(count > now.get(i, 0) for i, count in before.items()):
        return {}
    return {i: more for i, count in now.items() if (more := count - before.get(i, 0))}
