"""Does a window of live counts look like the reference? PSI decides, within a budget of false alarms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from weirkeeper.statistics.budget import SLOW, AlarmShare, alarm_share
from weirkeeper.statistics.checking import LARGEST_COUNT, check_feature_counts
from weirkeeper.statistics.dispersion import INDEPENDENT, Dispersion, dispersions
from weirkeeper.statistics.distances import MOST_DELTA
from weirkeeper.statistics.errors import ProfileMismatch, StatisticsError
from weirkeeper.statistics.feature import Counts, FeatureProfile
from weirkeeper.statistics.feature_drift import (
    LEAST_VALUES,
    DriftState,
    FeatureDrift,
    Finding,
    rows_of,
)
from weirkeeper.statistics.hysteresis import lingers
from weirkeeper.statistics.judging import Rules, judge_all
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.ranking import ranked
from weirkeeper.statistics.references import References
from weirkeeper.statistics.slow import SlowRule, slow_drift

__all__ = [
    "DriftState",
    "FeatureDrift",
    "FeaturePolicy",
    "Finding",
    "History",
    "WindowReport",
    "alarm_share",
    "assess",
    "drifting_of",
    "held",
    "policy_of",
    "reported",
]

NAMED = 3
"""Features that a message names."""

WindowCounts = Mapping[str, Counts]
"""The counts of a window or a slot, by feature."""


@dataclass(frozen=True)
class FeaturePolicy:
    """How one feature differs from the Monitor's rule: another `delta`, or not watched at all."""

    delta: float | None = None
    watched: bool = True


@dataclass(frozen=True)
class History:
    """What came with a window: the `slots` that it is the sum of, and the windows `past` before it, the oldest first.

    Slots tell how rows hang together; past windows, which must not overlap, whether a small drift lasts.
    """

    slots: Sequence[WindowCounts] = ()
    past: Sequence[WindowCounts] = ()


@dataclass(frozen=True)
class WindowReport:
    """A window judged: the worst features first."""

    state: DriftState
    rows: int
    features: tuple[FeatureDrift, ...]
    message: str

    @property
    def drifting(self) -> tuple[FeatureDrift, ...]:
        """The features that drift."""
        return tuple(feature for feature in self.features if feature.drifting)


@dataclass(frozen=True)
class _Asked:
    """What is asked of every feature, where its policy does not say otherwise."""

    alpha: float
    delta: float
    policies: Mapping[str, FeaturePolicy]
    history: History
    scatter: Mapping[str, Dispersion] = field(default_factory=dict)

    def watches(self, feature: FeatureProfile) -> bool:
        return not self.policies or policy_of(feature, self.policies, self.delta).watched

    def delta_of(self, feature: FeatureProfile) -> float:
        if not self.policies:
            return self.delta
        own = policy_of(feature, self.policies, self.delta).delta
        return self.delta if own is None else own

    @cached_property
    def share(self) -> AlarmShare:
        return AlarmShare(self.alpha * (1.0 - SLOW) if self.history.past else self.alpha)


def assess(  # noqa: PLR0913  all but the first two by keyword
    profile: ReferenceProfile,
    counts: WindowCounts,
    *,
    alpha: float,
    delta: float = 0.1,
    min_rows: int = 500,
    overrides: Mapping[str, FeaturePolicy] | None = None,
    history: History = History(),
) -> WindowReport:
    """Judge the input counts of one window against the profile.

    `counts` are those of ProfileCounters' `inputs`, by feature; `delta` is the PSI that does not matter, `alpha` the
    probability of an alarm for a feature whose true PSI is not above it (see `alarm_share`). A window of fewer than
    `min_rows` rows is Insufficient; counts that do not fit the profile are an Error. With slots in `history` rows that
    hang together count as fewer; with past windows a part of `alpha` goes to finding drift that is slow.

    Raises:
        StatisticsError: `alpha` or a `delta` is out of range.
    """
    asked = _Asked(alpha, delta, overrides or {}, history)
    watched = [feature for feature in profile.features if asked.watches(feature)]
    _check_question(asked, watched)
    try:
        rows = max((rows_of(counts[feature.name]) for feature in profile.features if feature.name in counts), default=0)
    except (KeyError, TypeError, ValueError, OverflowError):
        return WindowReport("Error", 0, (), _refusal(profile.features, counts))
    if rows < (least := max(1, min_rows)):
        return WindowReport("Insufficient", rows, (), f"{rows} of {least} rows")
    try:
        judged = _judged(profile, [feature for feature in watched if feature.name in counts], counts, asked)
    except ProfileMismatch as error:
        return WindowReport("Error", rows, (), str(error))
    return reported(rows, ranked(profile.features, judged))


def _check_question(asked: _Asked, features: Sequence[FeatureProfile]) -> None:
    AlarmShare(asked.alpha)
    for delta in {asked.delta, *(asked.delta_of(feature) for feature in features)}:
        if not 0.0 <= delta <= MOST_DELTA:
            raise StatisticsError(
                f"delta is {delta}; give the population stability index that does not matter, from 0 to {MOST_DELTA:g}"
            )


def policy_of(feature: FeatureProfile, policies: Mapping[str, FeaturePolicy], delta: float) -> FeaturePolicy:
    """Tell the policy of a feature, with its `delta`, the general one where it has none.

    What is made of columns follows them, unless it has a policy of its own: the most lenient of theirs.
    """
    asked = (feature.name,) if feature.name in policies else feature.columns
    found = [policies.get(one, FeaturePolicy()) for one in asked]
    deltas = [delta if policy.delta is None else policy.delta for policy in found]
    return FeaturePolicy(max(deltas), all(policy.watched for policy in found))


def reported(rows: int, features: Sequence[FeatureDrift], noun: str = "features") -> WindowReport:
    """Sum ranked features of a window up, those that drift first, in a message that names up to three.

    `noun` is what they are called.
    """
    first = tuple(sorted(features, key=lambda feature: feature.drifting, reverse=True))
    drifting = [feature for feature in first if feature.drifting]
    if drifting:
        named = "; ".join(feature.message for feature in drifting[:NAMED])
        more = f"; and {len(drifting) - NAMED} more" if len(drifting) > NAMED else ""
        return WindowReport("Drifting", rows, first, f"{drifting_of(first, noun)}: {named}{more}")
    if not any(feature.state == "OK" for feature in first):
        return WindowReport("Insufficient", rows, first, f"none of the {noun} has {LEAST_VALUES} valid values")
    alone = sum(not feature.joint for feature in first)
    return WindowReport("OK", rows, first, f"no drift in {alone} {noun} over {rows} rows")


def drifting_of(features: Sequence[FeatureDrift], noun: str = "features") -> str:
    """Say how many features drift, of how many; correlations are told by themselves."""
    alone = [feature.drifting for feature in features if not feature.joint]
    joint = [feature.drifting for feature in features if feature.joint]
    told = f"{sum(alone)} of {len(alone)} {noun}"
    return f"{told} and {sum(joint)} of {len(joint)} correlations drift" if any(joint) else f"{told} drift"


def held(feature: FeatureDrift) -> FeatureDrift:
    """Judge a feature that drifted before: it goes on drifting until it is well below what matters."""
    if feature.state != "OK" or not any(
        lingers(finding.debiased, finding.chance, finding.delta) for finding in feature.findings
    ):
        return feature
    return replace(feature, state="Drifting", notes=(*feature.notes, "not yet well below what matters"))


def _judged(
    profile: ReferenceProfile, features: Sequence[FeatureProfile], counts: WindowCounts, asked: _Asked
) -> list[FeatureDrift]:
    _check(features, counts, _fit)
    for window in (*asked.history.slots, *asked.history.past):
        _check(features, window, _are_counts)
    known = replace(asked, scatter=_scatter(features, asked.history.slots)) if asked.history.slots else asked
    rules = Rules(
        known.share,
        [known.delta_of(feature) for feature in features],
        [known.scatter.get(feature.name, INDEPENDENT) for feature in features],
    )
    references = profile.references if len(features) == len(profile.features) else References(tuple(features))
    judged = judge_all(references, [counts[feature.name] for feature in features], rules)
    if not asked.history.past:
        return judged
    return [_with_slow(feature, drift, counts, known) for feature, drift in zip(features, judged, strict=True)]


def _scatter(features: Sequence[FeatureProfile], slots: Sequence[WindowCounts]) -> dict[str, Dispersion]:
    return dispersions(
        {feature.name: [_cells(slot[feature.name]) for slot in slots if feature.name in slot] for feature in features}
    )


def _cells(counts: Counts) -> list[int]:
    return [*counts["counts"], counts["unseen"], counts["missing"]]


def _with_slow(feature: FeatureProfile, drift: FeatureDrift, counts: WindowCounts, asked: _Asked) -> FeatureDrift:
    """Look at the past too, where the window alone is not sure."""
    if drift.state != "OK":
        return drift
    alpha = asked.alpha * SLOW
    factor = asked.scatter.get(feature.name, INDEPENDENT).allowance(alpha)
    windows = [*(one[feature.name] for one in asked.history.past if feature.name in one), counts[feature.name]]
    slow = slow_drift(feature, windows, SlowRule(asked.delta_of(feature), alpha, factor))
    return replace(drift, state="Drifting", notes=(*drift.notes, slow.told)) if slow.drifting else drift


def _check(features: Sequence[FeatureProfile], counts: WindowCounts, fit: Callable[[Counts, int], bool]) -> None:
    for feature in features:
        if feature.name in counts and not fit(counts[feature.name], feature.bins):
            check_feature_counts(feature, counts[feature.name])


def _fit(counts: Counts, bins: int) -> bool:
    """Look at the number of bins alone: the numbers in them are looked at together when they are judged."""
    try:
        return len(counts["counts"]) == bins
    except (KeyError, TypeError):
        return False


def _are_counts(counts: Counts, bins: int) -> bool:
    """Look at what the decision reads alone: every window of the past is looked at each time."""
    try:
        found, others = counts["counts"], (counts["unseen"], counts["missing"])
        return len(found) == bins and min(*found, *others) >= 0 and sum(found) + sum(others) < LARGEST_COUNT
    except (KeyError, TypeError):
        return False


def _refusal(features: Sequence[FeatureProfile], counts: WindowCounts) -> str:
    """Say which counts of a window are none."""
    try:
        for feature in features:
            if feature.name in counts:
                check_feature_counts(feature, counts[feature.name])
    except ProfileMismatch as error:
        return str(error)
    return "the window holds no counts; give what ProfileCounters told"
