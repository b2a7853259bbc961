"""Windows of a Monitor, judged again from the counts that the operator keeps over a restart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

from weirkeeper.api.errors import InvalidSpec
from weirkeeper.api.monitor import MonitorSpec, parse_monitor
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.reigns import Reign, reigns
from weirkeeper.observe.checkpoint import Checkpoint
from weirkeeper.plan.conditions.watched import Watched
from weirkeeper.plan.warming_up import Compared
from weirkeeper.plan.windows import (
    CountedSlot,
    WarmUp,
    WarmUpRule,
    Window,
    WindowRule,
    by_window,
    rule_of,
    window_of,
)
from weirkeeper.statistics.drift import WindowReport
from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.feature import Counts
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.quality import QualityFinding

MOST_WINDOWS: Final = 168
"""Windows along time; with short ones and few rows more are kept."""


@dataclass(frozen=True)
class Judged:
    """One window of one revision, and what it says; `answers` are the counts of its outputs."""

    start: float
    end: float
    revision: str
    inputs: WindowReport
    outputs: WindowReport
    quality: tuple[QualityFinding, ...]
    answers: Mapping[str, Counts]


@dataclass(frozen=True)
class Watch:
    """A Monitor with what is kept of its windows: the last one, and all before it."""

    name: str
    last: Judged
    past: tuple[Judged, ...]

    @property
    def rows(self) -> int:
        """Predictions of the stable revision in the windows that are kept."""
        return sum(one.inputs.rows for one in self.past if one.revision == self.last.revision)


@dataclass(frozen=True)
class _Kept:
    """What one Monitor asks, and where its windows are kept."""

    spec: MonitorSpec
    rule: WindowRule
    checkpoint: Checkpoint

    def slots(self, revision: str) -> tuple[list[CountedSlot], list[CountedSlot]]:
        """The slots of a revision, and the sums of windows whose slots are gone."""
        lane = self.checkpoint.lanes.get(self.rule.slot, {})
        return lane.get(revision, []), self.checkpoint.past.get(self.rule.size, {}).get(revision, [])

    def warm_up(self, revision: str, since: float) -> WarmUp | None:
        """The live rows that windows of a revision are compared with, where the Monitor asks for them.

        Of a revision that reigned before nobody kept them: its windows are compared with nothing.
        """
        if not self.rule.warm_up:
            return None
        found = self.checkpoint.warm_ups.get(WarmUpRule.of(self.rule))
        reigns = found is not None and (found.revision, found.since) == (revision, int(since))
        return found if reigns else WarmUp(revision, int(since), int(since))


def watches(found: Found) -> Iterator[Watch]:
    """Judge the windows of every Monitor of which counts are kept, with the reference of the revision in each."""
    checkpoint = found.checkpoint()
    if checkpoint is None:
        return
    for monitor in found.monitors:
        kept = _kept(monitor, checkpoint)
        if kept is not None and (watch := _watch(found, str(monitor["metadata"]["name"]), kept)) is not None:
            yield watch


def _kept(monitor: Mapping[str, Any], checkpoint: Checkpoint) -> _Kept | None:
    try:
        spec = parse_monitor(monitor)
    except InvalidSpec:
        # The Monitor's own conditions say so.
        return None
    return _Kept(spec, rule_of(spec), checkpoint)


def _watch(found: Found, name: str, kept: _Kept) -> Watch | None:
    profile = found.profile(found.stable)
    if profile is None:
        return None
    slots, past = kept.slots(found.stable)
    end = kept.rule.end_before(kept.checkpoint.end)
    warm_up = kept.warm_up(found.stable, found.stable_since)
    window = window_of(slots, kept.rule, end, max(found.stable_since, warm_up.end if warm_up else 0), past)
    try:
        return Watch(name, _judge(kept, profile, window, warm_up, found.stable), tuple(_past(found, kept)))
    except (StatisticsError, OverflowError):
        # The Monitor's conditions say that counts and reference do not fit.
        return None


def _past(found: Found, kept: _Kept) -> Iterator[Judged]:
    """Judge each of the last windows by itself, against the reference of the revision that was stable in it."""
    windows = _whole_windows(found, kept)[-MOST_WINDOWS:]
    profiles = {revision: found.profile(revision) for revision in {reign.revision for reign, _ in windows}}
    for reign, one in windows:
        profile = profiles[reign.revision]
        if profile is not None:
            warm_up = kept.warm_up(reign.revision, reign.since)
            # Rows are not compared with themselves.
            gathered = replace(warm_up, end=0) if warm_up and one.start < warm_up.end else warm_up
            window = Window(one.start, one.start + kept.rule.size, one.rows, one.counts)
            yield _judge(kept, profile, window, gathered, reign.revision)


def _whole_windows(found: Found, kept: _Kept) -> list[tuple[Reign, CountedSlot]]:
    """The windows in which one revision was stable all the time, the earliest first."""
    return [
        (reign, one)
        for reign in reigns(found)
        for one in by_window(chain(*kept.slots(reign.revision)), kept.rule.size)
        if reign.since <= one.start and one.start + kept.rule.size <= min(reign.until, kept.checkpoint.end)
    ]


def _judge(kept: _Kept, profile: ReferenceProfile, window: Window, warm_up: WarmUp | None, revision: str) -> Judged:
    compared = Compared.of(Watched(kept.spec, kept.rule, profile, window), warm_up)
    found = compared.inputs(), compared.outputs(), compared.quality()
    return Judged(window.start, window.end, revision, *found, window.counts.outputs)
