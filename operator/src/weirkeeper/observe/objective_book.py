"""Keeps what became of the requests of one Model over 30 days, out of the cumulative counts of its routers.

A router's counts grow from Envoy's start on, so a lost answer loses nothing: what it had comes with the next one. Of a
router that was there before anybody looked only what comes is booked. Copies of requests, which nobody waits for, are
no requests here; whichever revision answered a caller counts.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from weirkeeper.api.names import MIRROR, arm, revision_of
from weirkeeper.delivery.evidence import ServedRequests
from weirkeeper.observe.outcomes import START_TOLERANCE
from weirkeeper.observe.readings import RouterReading
from weirkeeper.observe.slot_ring import SlotRing
from weirkeeper.statistics.error_budget import PERIOD, WINDOWS, Tally
from weirkeeper.statistics.latency import exceeding

FINE: Final = 300
HOUR: Final = 3_600
LONGEST_FINE: Final = 6 * HOUR
FINE_SLOTS: Final = LONGEST_FINE // FINE + HOUR // FINE
HOURS: Final = PERIOD // HOUR + 1

SILENT_SECONDS: Final = 600
"""After so long without an answer a router counts as silent."""

FORGOTTEN_SECONDS: Final = 3_600
"""After so long a router that is no more will not come back."""

REQUESTS: Final = "requests"
FAILED: Final = "failed"
TIMED: Final = "timed"
SLOW: Final = "slow"


class Run(NamedTuple):
    """One run of a router's counts of one revision: the router pod's UID, Envoy's start (Unix seconds), the name."""

    router: str
    started: int
    revision: str


class Booked(NamedTuple):
    """Up to where a run was booked.

    The first three are as of its cluster `epoch`; `timed` and `slow` (by the bin above which a request is slow) are
    since Envoy's start, as far as its histogram reaches.
    """

    epoch: int
    requests: int
    failed: int
    timed: int
    slow: Mapping[int, int]


NOTHING: Final = Booked(0, 0, 0, 0, {})


@dataclass(frozen=True)
class KeptObjectives:
    """What a restart of the operator must not lose; all times are Unix seconds.

    `since` is when counting began, `slow_since` likewise for each bin above which requests are slow; routers that
    started at `fresh_from` or later, and of which nothing is known, have not been counted at all. `read` is when each
    router answered last; `fine` and `hours` are rings of slots as JSON.
    """

    since: int
    fresh_from: int
    slow_since: Mapping[int, int] = field(default_factory=dict)
    booked: Mapping[Run, Booked] = field(default_factory=dict)
    read: Mapping[str, int] = field(default_factory=dict)
    fine: Mapping[str, Any] | None = None
    hours: Mapping[str, Any] | None = None


class ObjectiveBook:
    """Pure: told what routers answered. `changes` rises with every answer that had something new."""

    def __init__(self, since: int, kept: KeptObjectives | None = None) -> None:
        kept = kept or KeptObjectives(since, since)
        self._since = kept.since
        self._fresh_from = kept.fresh_from
        self._slow_since = dict(kept.slow_since)
        self._booked = dict(kept.booked)
        self._read = dict(kept.read)
        self._rings = filled_rings(kept)
        self._expected: Mapping[str, str] = {}
        self._awaited: dict[str, int] = {}
        self._asked, self._until = 0, max(self._read.values(), default=0)
        self._view: tuple[Hashable, ServedRequests] | None = None
        self.changes = 0

    @property
    def asked(self) -> int:
        """The end of the slot that routers were asked for last, whether or not they answered."""
        return self._asked

    def set_slow(self, bins: Iterable[int]) -> None:
        """Tell above which bins requests are slow; of a new one, what comes from now on is counted."""
        wanted = frozenset(bins)
        if wanted == self._slow_since.keys():
            return
        now = max(self._until, self._since)
        self._slow_since = {one: self._slow_since.get(one, now) for one in sorted(wanted)}
        for ring in self._rings:
            ring.set_columns(_columns(self._slow_since))
        self._view = None

    def book(self, end: int, model: str, expected: Mapping[str, str], readings: Mapping[str, RouterReading]) -> None:
        """Take what routers (by pod's UID) had counted of `model` by `end` (Unix seconds).

        `expected` are the names of all that count, by UID. The clock may go back: what was counted is booked once, to
        the slots of the moment at which it was told.
        """
        added: dict[str, int] = {}
        for router, reading in readings.items():
            for run, now in self._told(router, reading, model):
                for name, count in self._news(run, now).items():
                    added[name] = added.get(name, 0) + count
            self._read[router] = end
        if any(added.values()):
            self.changes += 1
            for ring in self._rings:
                ring.add(end - 1, added)
        if end // FINE != self._asked // FINE:
            self._forget(end, expected)
        self._asked, self._expected = end, expected
        self._awaited = {router: self._awaited.get(router, end) for router in expected}
        if readings:
            self._until = end

    def view(self) -> ServedRequests:
        """What the planner sees: the same object until five minutes more are over, or a router falls silent."""
        until, silent = self._until // FINE * FINE, self._silent()
        key = (until, silent, len(self._expected))
        if self._view is None or self._view[0] != key:
            sums = {window: self._sum(until, window) for window in (*WINDOWS, PERIOD)}
            found = ServedRequests(
                until=until,
                since=self._since,
                slow_since=dict(self._slow_since),
                answered={window: Tally(one[REQUESTS], one[FAILED]) for window, one in sums.items()},
                in_time={slow: {w: _timed(one, slow) for w, one in sums.items()} for slow in self._slow_since},
                routers=len(self._expected),
                silent=silent,
            )
            self._view = (key, found)
        return self._view[1]

    def kept(self) -> KeptObjectives:
        """Everything that a restart must not lose."""
        fine, hours = (ring.to_json() for ring in self._rings)
        return KeptObjectives(
            self._since, self._fresh_from, self._slow_since, dict(self._booked), dict(self._read), fine, hours
        )

    def _sum(self, until: int, window: int) -> dict[str, int]:
        """Add up a window that ends at `until`: what there are no slots of five minutes for, by whole hours."""
        fine, hours = self._rings
        first, hour = until - window, until // HOUR * HOUR
        if window <= LONGEST_FINE:
            return fine.between(first, until)
        early, late = hours.between(first // HOUR * HOUR, hour), fine.between(hour, until)
        return {name: count + late[name] for name, count in early.items()}

    def _silent(self) -> tuple[str, ...]:
        late = self._asked - SILENT_SECONDS
        heard = {router: max(self._read.get(router, 0), since) for router, since in self._awaited.items()}
        return tuple(sorted(name for router, name in self._expected.items() if heard[router] <= late))

    def _told(self, router: str, reading: RouterReading, model: str) -> Iterator[tuple[Run, Booked]]:
        """What one answer says of the Model's revisions, copies left out."""
        for key in reading.by_model.get(model, ()):
            (name, epoch), counters = key, reading.counters[key]
            if name == arm(revision_of(name), MIRROR):
                continue
            bins = reading.latency.get(key, {})
            slow = {one: exceeding(bins, one) for one in self._slow_since}
            run = self._same_start(Run(router, reading.started, name))
            yield run, Booked(epoch, counters.total, counters.failed, sum(bins.values()), slow)

    def _news(self, run: Run, now: Booked) -> dict[str, int]:
        """Book a run, and tell what of it is new, by column."""
        before = self._booked.get(run)
        self._booked[run] = now
        if before is None:
            if run.router not in self._read and run.started < self._fresh_from - START_TOLERANCE:
                # Nobody knows what of it came before anybody looked.
                return {}
            # A histogram of more requests than were counted is that of former clusters of the name.
            before = NOTHING._replace(slow=dict.fromkeys(now.slow, 0)) if now.timed <= now.requests else NOTHING
        return {**_outcomes(before, now), **_times(before, now)}

    def _same_start(self, run: Run) -> Run:
        """The run with Envoy's start as first told: one that is computed from an uptime wavers by a second."""
        nearby = range(run.started - START_TOLERANCE, run.started + START_TOLERANCE + 1)
        known = (run._replace(started=started) for started in nearby)
        return next((one for one in known if one in self._booked), run)

    def _forget(self, end: int, expected: Mapping[str, str]) -> None:
        """Drop up to where routers were booked that have been away for long, and what former Envoys counted."""
        for router, at in list(self._read.items()):
            if router not in expected and at < end - FORGOTTEN_SECONDS:
                del self._read[router]
                # Should it come back all the same, it must not count from its start again.
                starts = [run.started for run in self._booked if run.router == router]
                self._fresh_from = max([self._fresh_from, *(start + 2 * START_TOLERANCE for start in starts)])
        latest: dict[str, int] = {}
        for run in self._booked:
            latest[run.router] = max(run.started, latest.get(run.router, 0))
        self._booked = {
            run: one
            for run, one in self._booked.items()
            if run.router in self._read and run.started >= latest[run.router] - START_TOLERANCE
        }


def filled_rings(kept: KeptObjectives) -> tuple[SlotRing, SlotRing]:
    """The rings of five minutes and of hours, with what was kept of them.

    Raises:
        ValueError, TypeError, KeyError: it is none of ours.
    """
    columns = _columns(kept.slow_since)
    rings = (SlotRing(FINE, FINE_SLOTS), SlotRing(HOUR, HOURS))
    for ring, written in zip(rings, (kept.fine, kept.hours), strict=True):
        if written is not None:
            ring.read(written)
        ring.set_columns(columns)
    return rings


Hour = tuple[int, Mapping[str, int]]
"""When an hour began, Unix seconds, and what was counted in it by column."""


def hours_of(kept: KeptObjectives) -> list[Hour]:
    """What became of requests, by the hour, the earliest first; see `timed_of` for the columns of latency.

    Raises:
        ValueError, TypeError, KeyError: it is none of ours.
    """
    _, ring = filled_rings(kept)
    written = ring.to_json()
    columns: Mapping[str, Sequence[int]] = written["columns"]
    return [
        (start, {name: column[place] for name, column in columns.items()})
        for place, start in enumerate(written["starts"])
    ]


def timed_of(slow: int) -> tuple[str, str]:
    """The columns of requests whose latency is known, and of those of them that took longer than the bin `slow`."""
    return f"{TIMED}/{slow}", f"{SLOW}/{slow}"


def _columns(bins: Iterable[int]) -> tuple[str, ...]:
    return (REQUESTS, FAILED, *(name for one in sorted(bins) for name in timed_of(one)))


def _timed(sums: Mapping[str, int], slow: int) -> Tally:
    timed, late = timed_of(slow)
    return Tally(sums[timed], sums[late])


def _outcomes(before: Booked, now: Booked) -> dict[str, int]:
    if before.epoch != now.epoch or now.requests < before.requests:
        before = NOTHING
    return {REQUESTS: now.requests - before.requests, FAILED: max(0, now.failed - before.failed)}


def _times(before: Booked, now: Booked) -> dict[str, int]:
    """What the histogram gained, for every bin that was looked at before; one that shrank began anew."""
    known = before.slow.keys() & now.slow.keys()
    if now.timed < before.timed:
        before = NOTHING._replace(slow=dict.fromkeys(known, 0))
    timed = {f"{TIMED}/{one}": now.timed - before.timed for one in known}
    return {**timed, **{f"{SLOW}/{one}": max(0, now.slow[one] - before.slow[one]) for one in known}}
