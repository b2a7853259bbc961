"""PerformanceDegraded and ConceptDrift: what labels say of the predictions, beside what was measured offline.

A metric is degraded where its confidence interval, at the alarm's own level, lies beyond the bound; it is well again
where the metric itself is. What is expected without labels is shown beside it and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from weirkeeper.api.monitor import State
from weirkeeper.api.monitor_labels import ERRORS, PerformanceMetric, PerformanceWatch
from weirkeeper.plan.conditions.too_few import too_few_labels
from weirkeeper.plan.conditions.watched import ConditionState, Watched
from weirkeeper.plan.labelled import Labelled
from weirkeeper.statistics.concept import concept_drift
from weirkeeper.statistics.dispersion import INDEPENDENT, Dispersion, dispersions
from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.expected import expected_performance
from weirkeeper.statistics.fairness import groups_of
from weirkeeper.statistics.labels import LabelCounts
from weirkeeper.statistics.performance import Estimate, Metric, estimates

ORDER: tuple[State, ...] = ("Drifting", "Error", "OK", "Insufficient")


@dataclass(frozen=True)
class PerformanceFinding:
    """One metric of all rows, or of those of one `group` (`region=north`), against its `bound`.

    `low` and `high` are those of a 95 % interval; `expected` is what the answers alone let expect, `offline` what was
    measured before. `beyond` tells whether the metric itself is beyond the bound, however sure that is.
    """

    metric: PerformanceMetric
    group: str
    state: State
    message: str
    rows: int = 0
    realised: float | None = None
    low: float | None = None
    high: float | None = None
    bound: float | None = None
    expected: float | None = None
    offline: float | None = None
    beyond: bool = False


@dataclass(frozen=True)
class _Group:
    """The labels of one metric's rows."""

    watch: PerformanceWatch
    name: str
    counts: LabelCounts


def judge_performance(
    watched: Watched, labelled: Labelled, card: Mapping[str, float]
) -> tuple[PerformanceFinding, ...]:
    """Judge every metric that the Monitor names, the worst first; `card` has offline metrics of the Model's card."""
    broken: list[PerformanceFinding] = []
    groups: list[_Group] = []
    for watch in watched.spec.performance:
        try:
            groups += _groups(watch, labelled)
        except StatisticsError as error:
            state: State = "Error" if labelled.rows else "Insufficient"
            broken.append(PerformanceFinding(watch.metric, watch.segment or "", state, str(error)))
    alpha = watched.share(max(1, len(groups)))
    expected = _expected(watched)
    dispersion = _dispersion(labelled)
    judged = [_judged(watched, one, (alpha, dispersion), card, expected) for one in groups]
    return tuple(sorted([*broken, *judged], key=lambda one: ORDER.index(one.state)))


def performance_degraded(
    findings: tuple[PerformanceFinding, ...], labelled: Labelled, *, degraded_before: bool
) -> ConditionState:
    """Say how the metrics are; one that was degraded is so until it is within its bound."""
    bad = [one for one in findings if one.state == "Drifting" or (degraded_before and one.beyond)]
    if bad:
        return ConditionState("PerformanceDegraded", "Drifting", f"{_listed(bad)}; {coverage(labelled)}")
    state: State = next((state for state in ORDER if any(one.state == state for one in findings)), "Insufficient")
    told = [one for one in findings if one.state == state]
    return ConditionState("PerformanceDegraded", state, f"{_listed(told)}; {coverage(labelled)}")


def concept_drifted(watched: Watched, labelled: Labelled) -> ConditionState:
    """Say whether labels left what the model's scores explain."""
    if labelled.rows < watched.labels.min_rows:
        told = f"{too_few_labels(labelled.rows, watched)}; {coverage(labelled)}"
        return ConditionState("ConceptDrift", "Insufficient", told)
    alpha = watched.share(1)
    try:
        found = concept_drift(
            watched.profile.held_out,
            labelled.window.counts,
            alpha=alpha,
            design_effect=_dispersion(labelled).allowance(alpha),
        )
    except StatisticsError as error:
        return ConditionState("ConceptDrift", "Error", str(error))
    return ConditionState("ConceptDrift", found.state, found.message)


def coverage(labelled: Labelled) -> str:
    """Say how many of the predictions have a label."""
    if not labelled.known:
        return f"{labelled.rows} labels"
    return f"{labelled.rows} labels of {labelled.window.predictions} predictions"


def _groups(watch: PerformanceWatch, labelled: Labelled) -> Iterator[_Group]:
    if watch.segment is None:
        yield _Group(watch, "", labelled.window.counts)
        return
    for name, counts in sorted(groups_of(labelled.segments, watch.segment).items()):
        yield _Group(watch, f"{watch.segment}={name}", counts)


def _judged(
    watched: Watched,
    group: _Group,
    sure: tuple[float, Dispersion],
    card: Mapping[str, float],
    expected: Mapping[Metric, Estimate],
) -> PerformanceFinding:
    watch, rows = group.watch, group.counts.rows or group.counts.valued
    name = f"{watch.metric} of {group.name}" if group.name else watch.metric
    offline = _offline(watched, watch.metric, card)
    bound = _bound(watch, offline)
    if bound is None:
        told = f"{name}: no offline value is known; put it into the Model's card.metrics, or bundle with labels"
        return PerformanceFinding(watch.metric, group.name, "Error", told, rows)
    if rows < watched.labels.min_rows:
        told = f"{name}: {too_few_labels(rows, watched)}"
        return PerformanceFinding(watch.metric, group.name, "Insufficient", told, rows, bound=bound, offline=offline)
    alpha, dispersion = sure
    factor = dispersion.allowance(alpha)
    shown = estimates(group.counts, design_effect=factor)
    if watch.metric not in shown:
        told = f"{name}: the labels do not give it; they give {', '.join(shown) or 'no metric'}"
        return PerformanceFinding(watch.metric, group.name, "Error", told, rows, bound=bound, offline=offline)
    found, alarm = shown[watch.metric], estimates(group.counts, 1.0 - 2.0 * alpha, factor)[watch.metric]
    lower_is_better = watch.metric in ERRORS
    edge = alarm.low if lower_is_better else alarm.high
    sign = -1.0 if lower_is_better else 1.0
    whole = expected.get(watch.metric) if not group.name else None
    beyond = sign * found.value < sign * bound
    degraded = beyond and edge is not None and sign * edge < sign * bound
    return PerformanceFinding(
        watch.metric,
        group.name,
        "Drifting" if degraded else "OK",
        _told(name, found, (bound, offline), whole, "at most" if lower_is_better else "at least"),
        rows,
        found.value,
        found.low,
        found.high,
        bound,
        whole.value if whole else None,
        offline,
        beyond,
    )


def _told(name: str, found: Estimate, bounds: tuple[float, float | None], expected: Estimate | None, words: str) -> str:
    bound, offline = bounds
    parts = [f"{name} {found.value:.3f}", f"95 % interval {_number(found.low)} to {_number(found.high)}"]
    parts.append(f"{words} {bound:.3f} is asked")
    parts += [f"expected without labels {expected.value:.3f}"] if expected else []
    parts += [f"offline {offline:.3f}"] if offline is not None else []
    return f"{parts[0]} ({', '.join(parts[1:])})"


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.3f}"


def _listed(findings: list[PerformanceFinding]) -> str:
    more = f"; and {len(findings) - 3} more" if len(findings) > 3 else ""  # noqa: PLR2004  named in a message
    return "; ".join(one.message for one in findings[:3]) + more


def _bound(watch: PerformanceWatch, offline: float | None) -> float | None:
    """The stricter of what is asked; None where only an offline value is, and none is known."""
    bounds = [one.number for one in (watch.min, watch.max) if one is not None]
    strictest = min if watch.metric in ERRORS else max
    if watch.max_below_offline is not None:
        if offline is None:
            return None
        worse = watch.max_below_offline.number
        bounds.append(offline + worse if watch.metric in ERRORS else offline - worse)
    return strictest(bounds)


def _offline(watched: Watched, metric: str, card: Mapping[str, float]) -> float | None:
    """What the Model's card says, else what was measured when the bundle was made."""
    if metric in card:
        return card[metric]
    return next((one.value for one in watched.profile.performance if one.metric == metric), None)


def _expected(watched: Watched) -> Mapping[Metric, Estimate]:
    try:
        return expected_performance(watched.profile.held_out, watched.window.counts.outputs).estimates
    except StatisticsError:
        # Counts of another profile are told by the conditions that are about them.
        return {}


def _dispersion(labelled: Labelled) -> Dispersion:
    """How labelled rows hang together, by how right and wrong ones scatter over the slots of their predictions."""
    cells = [[one.correct, one.rows - one.correct] for one in labelled.slots]
    right = sum(one[0] for one in cells)
    if not 0 < right < sum(map(sum, cells)):
        return INDEPENDENT
    return dispersions({"right": cells})["right"]
