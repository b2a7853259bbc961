"""What a window is compared with: the bundle's profile, or the live rows after the promotion once there are enough."""

from __future__ import annotations

from dataclasses import dataclass, replace

from weirkeeper.api.values import Duration
from weirkeeper.plan.conditions.drift import judge_inputs, judge_outputs
from weirkeeper.plan.conditions.quality import judge_quality
from weirkeeper.plan.conditions.watched import Watched
from weirkeeper.plan.windows import CountedSlots, WarmUp
from weirkeeper.statistics.drift import WindowReport
from weirkeeper.statistics.live_reference import LiveReference
from weirkeeper.statistics.quality import QualityFinding


def warm_up_of(slots: CountedSlots, revision: str, since: int) -> WarmUp:
    """The live rows of a revision, stable since `since` (Unix seconds); none at all where they are of another."""
    found = slots.warm_up
    known = found is not None and (found.revision, found.since) == (revision, since)
    return found if found and known else WarmUp(revision, since, slots.until)


@dataclass(frozen=True)
class Compared:
    """A window beside its reference.

    `drift` has the window as the reference has its counts, `whole` as they are; `problem` says why there is nothing
    yet to tell drift from.
    """

    drift: Watched
    whole: Watched
    problem: str = ""

    @classmethod
    def of(cls, watched: Watched, warm_up: WarmUp | None) -> Compared:
        """Compare with live rows where there is a warm-up; until it is over, data quality alone is judged."""
        if warm_up is None:
            return cls(watched, watched)
        if not warm_up.end:
            return cls(watched, watched, _told(watched, warm_up))
        live = LiveReference.of(watched.profile, warm_up.counts)
        whole, window = replace(watched, profile=live.profile), watched.window
        seen = replace(
            window,
            counts=live.seen(window.counts),
            slots=tuple(map(live.seen, window.slots)),
            past=tuple(map(live.seen, window.past)),
        )
        return cls(replace(whole, window=seen), whole)

    def inputs(self) -> WindowReport:
        """Judge the inputs."""
        return self._nothing() if self.problem else judge_inputs(self.drift)

    def outputs(self) -> WindowReport:
        """Judge the outputs."""
        return self._nothing() if self.problem else judge_outputs(self.drift)

    def quality(self) -> tuple[QualityFinding, ...]:
        """Judge the data quality."""
        return judge_quality(self.whole)

    def _nothing(self) -> WindowReport:
        return WindowReport("Insufficient", self.drift.window.rows, (), self.problem)


def _told(watched: Watched, warm_up: WarmUp) -> str:
    gone = max(0, watched.window.end - warm_up.start)
    rule = watched.rule
    told = f"live rows to compare with are gathered: {warm_up.rows} of {rule.min_rows} at least"
    return f"{told}, for {Duration.of(gone)} of {Duration.of(rule.warm_up)}"
