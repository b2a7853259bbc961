"""Windows of a Monitor, judged again from the counts that the operator keeps over a restart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any, Final

from weirkeeper.api.errors import InvalidSpec
from weirkeeper.api.monitor import MonitorSpec, parse_monitor
from weirkeeper.model_report.attempts import promotions
from weirkeeper.model_report.found import Found
from weirkeeper.observe.checkpoint import Checkpoint
from weirkeeper.plan.conditions.drift import judge_inputs, judge_outputs
from weirkeeper.plan.conditions.quality import judge_quality
from weirkeeper.plan.conditions.watched import Watched
from weirkeeper.plan.windows import CountedSlot, Window, WindowRule, by_window, rule_of, window_of
from weirkeeper.statistics.drift import WindowReport
from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.feature import Counts
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.quality import QualityFinding

FOREVER: Final = float("inf")


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
    window = window_of(slots, kept.rule, end, found.stable_since, past)
    try:
        return Watch(name, _judge(kept, profile, window, found.stable), tuple(_past(found, kept)))
    except (StatisticsError, OverflowError):
        # The Monitor's conditions say that counts and reference do not fit.
        return None


def _past(found: Found, kept: _Kept) -> Iterator[Judged]:
    """Judge each window by itself, against the reference of the revision that was stable in it."""
    for revision, since, until in _reigns(found):
        profile = found.profile(revision)
        if profile is None:
            continue
        for one in by_window(chain(*kept.slots(revision)), kept.rule.size):
            end = one.start + kept.rule.size
            if since <= one.start and end <= min(until, kept.checkpoint.end):
                yield _judge(kept, profile, Window(one.start, end, one.rows, one.counts), revision)


def _reigns(found: Found) -> Iterator[tuple[str, float, float]]:
    """Give which revision was stable from when to when, as far as the attempts tell."""
    known = sorted({*promotions(found), (found.stable_since, found.stable)})
    for (since, revision), (until, _) in pairwise([*known, (FOREVER, "")]):
        yield revision, since, until


def _judge(kept: _Kept, profile: ReferenceProfile, window: Window, revision: str) -> Judged:
    watched = Watched(kept.spec, kept.rule, profile, window)
    found = judge_inputs(watched), judge_outputs(watched), judge_quality(watched)
    return Judged(window.start, window.end, revision, *found, window.counts.outputs)
