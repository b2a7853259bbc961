"""Keeps the windows of one Model's Monitors: what pods count since they began becomes slots, by revision."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final

from weirkeeper.observe.checkpoint import Checkpoint, Counted, Lane, pack
from weirkeeper.observe.latencies import Process
from weirkeeper.observe.readings import PodReading
from weirkeeper.plan.windows import PAST, CountedSlot, CountedSlots, WindowRule, by_window, needed_from
from weirkeeper.statistics.counters import add, subtract
from weirkeeper.statistics.errors import ProfileMismatch
from weirkeeper.statistics.feature import Counts

CHECKPOINT_SECONDS: Final = 300
FORGOTTEN_SECONDS: Final = 900


class WindowBook:
    """Pure: told what pods answered.

    A pod's counts are cumulative, by process. Of a process that was there before anybody followed the Model, only what
    comes is booked; of one that began later, everything. After a restart of the operator the checkpoint says up to
    where each process was booked, so that nothing is lost: what was counted in between is in the first slot after it,
    that is at most `CHECKPOINT_SECONDS` and the operator's absence late. Slots that no window needs any more are
    added up by the window that they were in, and the last of those sums are kept: slow drift is found by them.
    """

    def __init__(self, since: int, kept: Checkpoint | None) -> None:
        kept = kept or Checkpoint(end=since)
        self._since = kept.end
        self._counted = dict(kept.counted)
        self._profiles = dict(kept.profiles)
        self._lanes: dict[int, Lane] = {length: dict(lane) for length, lane in kept.lanes.items()}
        self._past: dict[int, Lane] = {size: dict(lane) for size, lane in kept.past.items()}
        self._rules: dict[str, WindowRule] = {}
        self._mixed: set[str] = set()
        self._until = 0
        self._kept_at = kept.end
        self._changed = False
        self._checkpoint: bytes | None = None
        self._views: dict[str, tuple[Hashable, CountedSlots]] = {}

    def set_rules(self, rules: Mapping[str, WindowRule]) -> None:
        """Keep slots for these Monitors, by name; a length that nobody asks for any more is dropped."""
        if rules == self._rules:
            return
        self._rules = dict(rules)
        self._views.clear()
        lengths = {rule.slot for rule in rules.values()}
        self._lanes = {length: self._lanes.get(length, {}) for length in lengths}
        self._past = {size: self._past.get(size, {}) for size in {rule.size for rule in rules.values()}}

    def book(self, end: int, revision: str, process: Process, reading: PodReading) -> None:
        """Take a pod's counts as of `end` (Unix seconds, a slot's end)."""
        profile = reading.evidence.profile_sha256
        if profile is None:
            return
        if self._profiles.setdefault(revision, profile) != profile:
            self._mixed.add(revision)
            return
        before = self._counted.get(process)
        if before is not None and before.inputs == reading.inputs:
            self._counted[process] = before.at(end)
            return
        self._counted[process] = Counted(reading.inputs, end)
        added = self._added(before, process, reading)
        if added is not None and added.rows:
            self._changed = True
            for length, lane in self._lanes.items():
                _add(lane.setdefault(revision, []), (end - 1) // length * length, added)

    def close(self, end: int) -> bool:
        """Everything up to `end` is booked now; tells whether a checkpoint has come due."""
        self._until = max(self._until, end)
        self._prune()
        if not self._changed or end - self._kept_at < CHECKPOINT_SECONDS:
            return False
        self._kept_at, self._changed = end, False
        self._checkpoint = pack(Checkpoint(end, self._counted, self._profiles, self._lanes, self._past))
        return self._checkpoint is not None

    def views(self) -> dict[str, CountedSlots]:
        """What the planner sees, by Monitor: the same object until a window ends or a checkpoint comes due."""
        return {name: self._view(name, rule) for name, rule in self._rules.items()}

    def _view(self, name: str, rule: WindowRule) -> CountedSlots:
        end = rule.end_before(self._until)
        key = (rule, end, len(self._mixed), self._checkpoint)
        if name not in self._views or self._views[name][0] != key:
            lane = self._lanes[rule.slot]
            revisions = {revision: tuple(one for one in slots if one.start < end) for revision, slots in lane.items()}
            past = {revision: tuple(windows) for revision, windows in self._past[rule.size].items()}
            view = CountedSlots(revisions, self._until, frozenset(self._mixed), self._checkpoint, past)
            self._views[name] = (key, view)
        return self._views[name][1]

    def _added(self, before: Counted | None, process: Process, reading: PodReading) -> CountedSlot | None:
        """What the process counted since it was booked last; None where nobody can tell."""
        if before is None:
            return _counted(reading.inputs) if process.started >= self._since else None
        try:
            return _counted(subtract(reading.inputs, before.inputs))
        except ProfileMismatch:
            return None

    def _prune(self) -> None:
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
        horizon = self._until - FORGOTTEN_SECONDS
        self._counted = {process: one for process, one in self._counted.items() if one.seen >= horizon}

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


def _counted(inputs: Mapping[str, Counts]) -> CountedSlot:
    """The rows of `inputs`: every feature counts each of them, whatever its value."""
    rows = (sum(one["counts"]) + one["unseen"] + one["missing"] + one["invalid"] for one in inputs.values())
    return CountedSlot(0, max(rows, default=0), inputs)


def _add(slots: list[CountedSlot], start: int, added: CountedSlot) -> None:
    if slots and slots[-1].start >= start:
        last = slots[-1]
        try:
            slots[-1] = CountedSlot(last.start, last.rows + added.rows, add(last.inputs, added.inputs))
        except ProfileMismatch:
            # Pods of one revision count by one profile; whoever does not is not counted.
            return
    else:
        slots.append(CountedSlot(start, added.rows, added.inputs))
