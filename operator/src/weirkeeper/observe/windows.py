"""Keeps the windows of one Model's Monitors: what pods count since they began becomes slots, by revision."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from weirkeeper.delivery.evidence import LabelSlots
from weirkeeper.observe.checkpoint import Checkpoint, Counted, Lane
from weirkeeper.observe.latencies import Process
from weirkeeper.observe.readings import PodReading
from weirkeeper.observe.warm_ups import WarmUpBook
from weirkeeper.plan.windows import PAST, CountedSlot, CountedSlots, WindowRule, by_window, needed_from
from weirkeeper.statistics.errors import ProfileMismatch
from weirkeeper.statistics.packed import PackedCounts

SETTLED_EVERY: Final = 300
"""Seconds after which what pods told is booked at the latest: the most that a restart of the operator repeats."""

NO_LABELS: Final = LabelSlots()

FORGOTTEN_SECONDS: Final = 3_600
"""After so long a pod that is no more will not come back."""


@dataclass(frozen=True)
class _Told:
    """What a process of a revision said last, as of `end` (Unix seconds, a tick)."""

    revision: str
    reading: PodReading
    end: int


class WindowBook:
    """Pure: told what pods answered.

    A pod's counts are cumulative, by process. Of a process that was there before anybody followed the Model (`since`),
    only what comes is booked; of one that began later, everything. What pods say is kept until a slot is over, and
    booked then: to look often costs nothing but the look. A checkpoint says up to where each process was booked, so
    nothing is lost or counted twice over a restart, and a slot in which the operator restarts is as it would have been
    without; what was counted in slots that ended meanwhile is in the first one after it. Slots that no window needs
    any more are added up by the window that they were in, and the last of those sums are kept: slow drift is found by
    them.
    """

    def __init__(self, since: int, kept: Checkpoint | None = None) -> None:
        kept = kept or Checkpoint(end=since, since=since)
        self._since, self._began = kept.since, kept.end
        self._counted = dict(kept.counted)
        self._profiles = dict(kept.profiles)
        self._lanes: dict[int, Lane] = {length: dict(lane) for length, lane in kept.lanes.items()}
        self._past: dict[int, Lane] = {size: dict(lane) for size, lane in kept.past.items()}
        self._told: dict[Process, _Told] = {}
        self._told_at = 0
        self._marks: tuple[int, ...] = ()
        self._rules: dict[str, WindowRule] = {}
        self._mixed: set[str] = set()
        self._until = 0
        self.warm_ups = WarmUpBook(kept.warm_ups)
        self._views: dict[str, tuple[Hashable, CountedSlots]] = {}
        self._labels: dict[str, tuple[int, int, LabelSlots]] = {}
        self.changes = 0

    def set_rules(self, rules: Mapping[str, WindowRule]) -> None:
        """Keep slots for these Monitors, by name; a length that nobody asks for any more is dropped."""
        if rules == self._rules:
            return
        self._rules = dict(rules)
        self._views.clear()
        lengths = {rule.slot for rule in rules.values()}
        self._lanes = {length: self._lanes.get(length, {}) for length in lengths}
        self._past = {size: self._past.get(size, {}) for size in {rule.size for rule in rules.values()}}

    def set_stable(self, revision: str, since: int) -> None:
        """Gather live rows to compare with of this revision, which is stable since `since` (Unix seconds)."""
        self.warm_ups.follow(self._rules.values(), revision, since, max(self._until, self._began))

    def book(self, end: int, revision: str, process: Process, reading: PodReading) -> None:
        """Take a pod's counts as of `end` (Unix seconds, a tick's end)."""
        profile = reading.evidence.profile_sha256
        if profile is None:
            return
        if self._profiles.setdefault(revision, profile) != profile:
            self._mixed.add(revision)
            return
        if self._told and self._marks_of(end - 1) != self._marks_of(self._told_at - 1):
            self._settle()
        if process not in self._counted and process.started - reading.ahead(end) < self._since:
            # Nobody knows what of it came before anybody looked.
            self._counted[process] = Counted(reading.counts(), end)
            return
        self._told[process] = _Told(revision, reading, end)
        self._told_at = max(self._told_at, end)

    def close(self, end: int, present: AbstractSet[str]) -> bool:
        """Everything up to `end` is told now, of pods that are `present` (UIDs); tells whether it was booked."""
        self._until = max(self._until, end)
        marks = self._marks_of(end)
        if marks == self._marks:
            return False
        self._marks = marks
        self._settle()
        self.warm_ups.close(self._until)
        self._prune(present)
        return True

    def views(self, checkpoint: bytes | None = None, labels: LabelSlots = NO_LABELS) -> dict[str, CountedSlots]:
        """What the planner sees, by Monitor: the same object until a window ends or another checkpoint comes due.

        `labels` are those that have come by now: with a window go those of the first look after its end.
        """
        return {name: self._view(name, rule, checkpoint, labels) for name, rule in self._rules.items()}

    def kept(self, end: int) -> Checkpoint:
        """Everything that a restart must not lose."""
        return Checkpoint(
            end, self._since, self._counted, self._profiles, self._lanes, self._past, warm_ups=self.warm_ups.kept()
        )

    def _view(self, name: str, rule: WindowRule, checkpoint: bytes | None, labels: LabelSlots) -> CountedSlots:
        end = rule.end_before(self._until)
        warm_up = self.warm_ups.of(rule)
        key = (rule, end, len(self._mixed), checkpoint, warm_up and (warm_up.revision, warm_up.since))
        if name not in self._views or self._views[name][0] != key:
            lane = self._lanes[rule.slot]
            revisions = {revision: tuple(one for one in slots if one.start < end) for revision, slots in lane.items()}
            past = {revision: tuple(windows) for revision, windows in self._past[rule.size].items()}
            at, labels = self._labelled(name, end, labels)
            mixed = frozenset(self._mixed)
            view = CountedSlots(revisions, self._until, mixed, checkpoint, past, labels, at, warm_up, self._since)
            self._views[name] = (key, view)
        return self._views[name][1]

    def _labelled(self, name: str, end: int, labels: LabelSlots) -> tuple[int, LabelSlots]:
        known = self._labels.get(name)
        if known is None or known[0] != end:
            known = self._labels[name] = (end, self._until, labels)
        return known[1:]

    def _marks_of(self, moment: int) -> tuple[int, ...]:
        """Which slots a moment lies in."""
        return tuple(moment // length for length in (*self._lanes, SETTLED_EVERY))

    def _settle(self) -> None:
        """Book what pods told to the slot that it was told in: every slot that ends is settled before the next."""
        for process, told in self._told.items():
            self._book(process, told)
        self._told.clear()

    def _book(self, process: Process, told: _Told) -> None:
        counts = told.reading.counts()
        before = self._counted.get(process)
        self._counted[process] = Counted(counts, told.end)
        added = self._added(before, counts)
        if added is None or not (rows := added.rows):
            return
        self.changes += 1
        for length, lane in self._lanes.items():
            start = (told.end - 1) // length * length
            _add(lane.setdefault(told.revision, []), CountedSlot(start, rows, added))
            self.warm_ups.add(length, told.revision, start, added)

    def _added(self, before: Counted | None, counts: PackedCounts) -> PackedCounts | None:
        """What the process counted since it was booked last; None where nobody can tell."""
        if before is None:
            return counts
        try:
            return counts.minus(before.counts)
        except ProfileMismatch:
            return None

    def _prune(self, present: AbstractSet[str]) -> None:
        for length, lane in self._lanes.items():
            rules = [rule for rule in self._rules.values() if rule.slot == length]
            for revision, slots in list(lane.items()):
                needed = min((needed_from(slots, rule, self._until) for rule in rules), default=self._until)
                lane[revision] = [slot for slot in slots if slot.start >= needed]
                gone = [slot for slot in slots if slot.start < needed]
                for size in {rule.size for rule in rules}:
                    self._keep_sums(revision, size, gone)
                if not lane[revision]:
                    del lane[revision]
        self._forget_past()
        live = {revision for lane in (*self._lanes.values(), *self._past.values()) for revision in lane}
        self._profiles = {revision: sha256 for revision, sha256 in self._profiles.items() if revision in live}
        self._mixed &= live
        self._forget_processes(present)

    def _forget_processes(self, present: AbstractSet[str]) -> None:
        """Drop up to where pods were booked that have been away for long: by presence, since a pod may be silent."""
        for process, one in list(self._counted.items()):
            if process.pod in present:
                self._counted[process] = one.at(self._until)
            elif one.seen < self._until - FORGOTTEN_SECONDS:
                del self._counted[process]
                # Should it come back all the same, it must not count from its start again.
                self._since = max(self._since, math.ceil(process.started) + 1)

    def _keep_sums(self, revision: str, size: int, gone: list[CountedSlot]) -> None:
        if gone:
            past = self._past[size]
            past[revision] = by_window([*past.get(revision, ()), *gone], size)[-PAST:]

    def _forget_past(self) -> None:
        """Sums of windows that are older than as many windows as are kept may go; so do revisions without any."""
        for size, past in self._past.items():
            horizon = self._until - (PAST + 2) * size
            for revision in [revision for revision, windows in past.items() if windows[-1].start < horizon]:
                del past[revision]


def _add(slots: list[CountedSlot], added: CountedSlot) -> None:
    if not slots or slots[-1].start < added.start:
        slots.append(added)
        return
    last = slots[-1]
    try:
        slots[-1] = CountedSlot(last.start, last.rows + added.rows, last.counts.plus(added.counts))
    except ProfileMismatch:
        # Pods of one revision count by one profile; whoever does not is not counted.
        return
