"""Books what the routers of one namespace count to slots, by Model: integer deltas per series, nothing twice.

A series is (router pod, Envoy's start, cluster epoch, revision). Its counters only grow, so a lost scrape loses
nothing: what it missed comes with the next one. A restarted Envoy or a new epoch is another series, counted from 0.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from weirkeeper.delivery.evidence import Outcomes, OutcomeSlot
from weirkeeper.observe.readings import Counters, RouterReading, model_of

RING_SECONDS: Final = 900
START_TOLERANCE: Final = 2
MOST_SERIES: Final = 200
"""Series that the cursors of a Model hold, those of some sixty routers: they lie in its status."""
NOTHING: Final[Mapping[str, Outcomes]] = MappingProxyType({})


class Series(NamedTuple):
    """One run of cumulative counters; `started` is Envoy's start in Unix seconds."""

    router: str
    started: int
    epoch: int
    revision: str


@dataclass
class _Model:
    """What is known of one Model: its slots, its series, and when a router last named it.

    `restored` says that a former collector's cursors are known: a series that is not among them is new, unless its
    Envoy started before `unlisted_before` (Unix seconds), when they could not hold all. `resume_from` is where that
    collector stopped, until the first slot is booked.
    """

    slots: deque[OutcomeSlot] = field(default_factory=deque)
    series: set[Series] = field(default_factory=set)
    restored: bool = False
    unlisted_before: int = 0
    resume_from: int | None = None
    seen: int = 0

    def knows_beginning(self, series: Series) -> bool:
        """Whether a series that is not among the cursors counts from nothing."""
        return self.restored and series.started >= self.unlisted_before


class OutcomeBook:
    """The outcomes of one namespace.

    `origin` is the end of the first slot that was read; `end` that of the last. Series that were there before the
    origin have an unknown history: they count from the cursors of a former collector, or from where they stand.
    """

    def __init__(self, slot_seconds: int) -> None:
        self._slot = slot_seconds
        self._models: dict[str, _Model] = {}
        self._counters: dict[Series, Counters] = {}
        self._seen: dict[Series, int] = {}
        self._first_sight: dict[Series, Counters] = {}
        self._starts: dict[str, int] = {}
        self._read_at: dict[str, int] = {}
        self._silent = False
        self.origin: int | None = None
        self.end: int | None = None

    def book(self, end: int, expected: AbstractSet[str], readings: Mapping[str, RouterReading]) -> AbstractSet[str]:
        """Book what `readings` (by router pod's UID) add, as the slot that ends at `end` (Unix seconds, aligned).

        `expected` are the routers that count. Returns the Models that got a slot: all known ones, or none where
        nobody answered or the clock went back; what is missed then comes with a later slot.
        """
        if not readings or (self.end is not None and end <= self.end):
            return frozenset()
        silent = not expected <= readings.keys()
        added = self._added(end, readings)
        self._close(end, added, observed=not silent and not self._silent)
        self.origin = end if self.origin is None else self.origin
        self.end, self._silent = end, silent
        self._forget(end - RING_SECONDS, {_short(router) for router in expected})
        return self._models.keys()

    def slots(self, model: str) -> tuple[OutcomeSlot, ...]:
        """The Model's slots of the last 15 minutes, oldest first."""
        one = self._models.get(model)
        return tuple(one.slots) if one else ()

    def cursors(self, model: str) -> dict[str, Any]:
        """The counters up to which the Model's slots reach, as JSON for its memory; `others`: it lacks some of them."""
        one = self._models.get(model)
        end = self.end if one is None or one.resume_from is None else one.resume_from
        if end is None:
            return {}
        series = {
            "/".join(map(str, series)): list(self._counters[series])
            for series in sorted(one.series if one else ())
            if self._starts.get(series.router) == series.started
        }
        kept = dict(islice(series.items(), MOST_SERIES))
        return {"end": end, "series": kept, **({"others": True} if len(kept) < len(series) else {})}

    def restore(self, model: str, cursors: Mapping[str, Any]) -> None:
        """Go on where a former collector stopped; the gap becomes one unobserved slot. Doing it again changes nothing.

        Cursors that cannot be read, and those that this book wrote itself, are let be.
        """
        read = _read_cursors(cursors)
        if read is None:
            return
        end, counters = read
        one = self._models.setdefault(model, _Model(seen=self.end or end))
        if one.restored or (self.origin is not None and end >= self.origin):
            return
        one.restored, one.unlisted_before = True, end if cursors.get("others") else 0
        counters = {self._same_start(series): counts for series, counts in counters.items()}
        for series, counts in counters.items():
            self._counters.setdefault(series, counts)
            self._seen.setdefault(series, end)
            one.series.add(series)
        if self.origin is None:
            one.resume_from = end
            return
        span = max(1, (self.origin - end) // self._slot)
        one.slots.appendleft(OutcomeSlot(end, self._gap(one, counters), observed=False, span=span))

    def _added(self, end: int, readings: Mapping[str, RouterReading]) -> dict[str, dict[str, Outcomes]]:
        added: dict[str, dict[str, Outcomes]] = {}
        for series, counters in self._series(readings):
            model = model_of(series.revision)
            one = self._models.setdefault(model, _Model())
            one.seen = self._seen[series] = end
            before = self._before(one, series, counters)
            self._counters[series] = counters
            one.series.add(series)
            if counters != before:
                _add(added.setdefault(model, {}), series.revision, counters, before)
        for router in readings:
            self._read_at[_short(router)] = end
        return added

    def _series(self, readings: Mapping[str, RouterReading]) -> Iterator[tuple[Series, Counters]]:
        for uid, reading in readings.items():
            router = _short(uid)
            for (revision, epoch), counters in reading.counters.items():
                if model_of(revision):
                    series = self._same_start(Series(router, reading.started, epoch, revision))
                    self._starts[router] = series.started
                    yield series, counters

    def _same_start(self, series: Series) -> Series:
        """The series with Envoy's start as first told: a start computed from an uptime wavers by a second."""
        known = self._starts.setdefault(series.router, series.started)
        return series._replace(started=known) if abs(known - series.started) <= START_TOLERANCE else series

    def _before(self, one: _Model, series: Series, counters: Counters) -> Counters:
        """What of a series was booked already."""
        known = self._counters.get(series)
        if known is not None:
            return known if counters.total >= known.total else Counters()
        if one.knows_beginning(series) or self._began_under_watch(series):
            return Counters()
        self._first_sight[series] = counters
        return counters

    def _began_under_watch(self, series: Series) -> bool:
        if self.origin is None:
            return False
        return series.router in self._read_at or series.started >= self.origin - START_TOLERANCE

    def _close(self, end: int, added: Mapping[str, Mapping[str, Outcomes]], *, observed: bool) -> None:
        # Most Models are idle most of the time: one empty slot serves them all.
        empty: dict[tuple[int, bool], OutcomeSlot] = {}
        for model, one in self._models.items():
            start = self.end if one.resume_from is None else one.resume_from
            if start is None or start >= end:
                continue
            span = max(1, (end - start) // self._slot)
            seen = observed and span == 1 and one.resume_from is None
            one.resume_from = None
            slot = OutcomeSlot(start, added.get(model, NOTHING), observed=seen, span=span)
            one.slots.append(slot if model in added else empty.setdefault((start, seen), slot))

    def _gap(self, one: _Model, cursors: Mapping[Series, Counters]) -> Mapping[str, Outcomes]:
        gap: dict[str, Outcomes] = {}
        for series in one.series & self._first_sight.keys():
            if series not in cursors and not one.knows_beginning(series):
                continue
            counters, before = self._first_sight[series], cursors.get(series, Counters())
            _add(gap, series.revision, counters, before if counters.total >= before.total else Counters())
        return gap

    def _forget(self, horizon: int, expected: AbstractSet[str]) -> None:
        """Drop what is older than the ring; never the series of a router that counts and is silent meanwhile."""
        silent = {router for router in expected if self._read_at.get(router, 0) < horizon}
        for series in [one for one, seen in self._seen.items() if seen < horizon and one.router not in silent]:
            del self._seen[series], self._counters[series]
            self._first_sight.pop(series, None)
            self._models[model_of(series.revision)].series.discard(series)
        for router in [one for one, seen in self._read_at.items() if seen < horizon and one not in expected]:
            del self._read_at[router], self._starts[router]
        for model, one in list(self._models.items()):
            while one.slots and one.slots[0].start + one.slots[0].span * self._slot <= horizon:
                one.slots.popleft()
            if one.seen < horizon and not one.series:
                del self._models[model]


def _short(uid: str) -> str:
    """Enough of a UID to tell the routers of one namespace apart, so that cursors stay small."""
    return uid[:8]


def _add(revisions: dict[str, Outcomes], revision: str, counters: Counters, before: Counters) -> None:
    had = revisions.get(revision, Outcomes())
    revisions[revision] = Outcomes(
        requests=had.requests + max(0, counters.total - before.total),
        bad=had.bad + max(0, counters.bad - before.bad),
        failed=had.failed + max(0, counters.failed - before.failed),
    )


def _read_cursors(cursors: Mapping[str, Any]) -> tuple[int, dict[Series, Counters]] | None:
    match cursors:
        case {"end": int(end), "series": dict(series)}:
            pass
        case _:
            return None
    counters: dict[Series, Counters] = {}
    for written, counts in series.items():
        match written.split("/"), counts:
            case [router, started, epoch, revision], [int(total), int(bad), int(failed)]:
                counters[Series(router, int(started), int(epoch), revision)] = Counters(total, bad, failed)
    return end, counters
