"""FairnessDegraded: whether groups of labelled rows fare further apart than the Monitor puts up with."""

from __future__ import annotations

from dataclasses import dataclass

from weirkeeper.api.monitor import State
from weirkeeper.api.monitor_labels import FairnessMetric, FairnessWatch
from weirkeeper.plan.conditions.performance import ORDER, coverage
from weirkeeper.plan.conditions.too_few import too_few_labels
from weirkeeper.plan.conditions.watched import ConditionState, Watched
from weirkeeper.plan.labelled import Labelled
from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.fairness import FairnessRule, disparity, groups_of


@dataclass(frozen=True)
class FairnessFinding:
    """The ratio of the lowest group's share to the highest one's; `beyond`: below what is asked, however sure."""

    segment: str
    metric: FairnessMetric
    state: State
    message: str
    ratio: float | None = None
    least: float = 0.0
    beyond: bool = False


def judge_fairness(watched: Watched, labelled: Labelled) -> tuple[FairnessFinding, ...]:
    """Judge every pair of segment and metric that the Monitor names, the worst first."""
    alpha = watched.share(len(watched.spec.fairness))
    found = [_judged(watched, watch, labelled, alpha) for watch in watched.spec.fairness]
    return tuple(sorted(found, key=lambda one: ORDER.index(one.state)))


def fairness_degraded(
    findings: tuple[FairnessFinding, ...], labelled: Labelled, *, degraded_before: bool
) -> ConditionState:
    """Say how the groups fare; what was degraded is so until the ratio itself is within its bound."""
    bad = [one for one in findings if one.state == "Drifting" or (degraded_before and one.beyond)]
    state: State = (
        "Drifting"
        if bad
        else next((state for state in ORDER if any(one.state == state for one in findings)), "Insufficient")
    )
    told = bad or [one for one in findings if one.state == state]
    return ConditionState(
        "FairnessDegraded", state, f"{'; '.join(one.message for one in told[:3])}; {coverage(labelled)}"
    )


def _judged(watched: Watched, watch: FairnessWatch, labelled: Labelled, alpha: float) -> FairnessFinding:
    if labelled.rows < watched.labels.min_rows:
        told = too_few_labels(labelled.rows, watched)
        return FairnessFinding(watch.segment, watch.metric, "Insufficient", told)
    rule = FairnessRule(least_ratio=watch.min.number, level=1.0 - 2.0 * alpha)
    try:
        groups = groups_of(labelled.segments, watch.segment)
        found = disparity(groups, watch.metric, rule, watch.favourable)
    except StatisticsError as error:
        return FairnessFinding(watch.segment, watch.metric, "Error", str(error))
    ratio = "" if found.ratio is None else f", ratio {found.ratio:.2f}, at least {watch.min.number:.2f} is asked"
    return FairnessFinding(
        watch.segment,
        watch.metric,
        found.state,
        f"{watch.segment}: {found.message}{ratio}",
        found.ratio,
        watch.min.number,
        found.ratio is not None and found.ratio < watch.min.number,
    )
