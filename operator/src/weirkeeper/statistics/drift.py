"""Does a window of live counts look like the reference? PSI decides, within a budget of false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from weirkeeper.statistics.distances import (
    effective_size,
    jensen_shannon,
    kolmogorov_smirnov,
    pooled,
    psi,
    psi_debiased,
    psi_lower,
    psi_threshold,
)
from weirkeeper.statistics.errors import ProfileMismatch
from weirkeeper.statistics.feature import Counts, FeatureProfile
from weirkeeper.statistics.ordered import intervals_of
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.ranking import ranked
from weirkeeper.statistics.wording import change_of

DriftState = Literal["OK", "Drifting", "Insufficient", "Error"]

SECONDS_PER_MONTH = 30 * 86_400
LEAST_VALUES = 50
"""A feature with fewer valid values in the window is not judged, however many rows there were."""


@dataclass(frozen=True)
class FeaturePolicy:
    """How one feature differs from the Monitor's rule: another `delta`, or not watched at all."""

    delta: float | None = None
    watched: bool = True


@dataclass(frozen=True)
class FeatureDrift:
    """One feature in one window. PSI and its bounds are None where there was too little to judge.

    `psi_debiased` is less what chance alone adds, `psi_lower` what is sure at the alarm's own confidence. `js` is the
    Jensen-Shannon distance in natural units, `ks_lower` the least Kolmogorov-Smirnov distance (intervals only).
    `columns` are those that it is counted from.
    """

    name: str
    state: DriftState
    values: int
    missing: float
    message: str
    psi: float | None = None
    psi_debiased: float | None = None
    psi_lower: float | None = None
    threshold: float | None = None
    js: float | None = None
    ks_lower: float | None = None
    columns: tuple[str, ...] = ()

    @property
    def drifting(self) -> bool:
        """Whether the PSI is above its threshold."""
        return self.state == "Drifting"

    @property
    def joint(self) -> bool:
        """Whether it is about several columns together."""
        return len(self.columns) > 1

    @property
    def severity(self) -> float:
        """How far the PSI is above its threshold, as a factor: what is worst first is sorted by."""
        return self.psi / self.threshold if self.psi is not None and self.threshold else 0.0


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


def alarm_share(false_alarms_per_month: float, window_seconds: float, features: int) -> float:
    """Share a budget of false alarms among the windows of a month and the features of each.

    Returns the probability with which one feature may alarm in one window although nothing changed.
    """
    windows = SECONDS_PER_MONTH / window_seconds
    return min(0.5, false_alarms_per_month / (windows * max(1, features)))


def assess(
    profile: ReferenceProfile,
    counts: Mapping[str, Counts],
    *,
    alpha: float,
    delta: float = 0.1,
    min_rows: int = 500,
    overrides: Mapping[str, FeaturePolicy] | None = None,
) -> WindowReport:
    """Judge the input counts of one window against the profile.

    `counts` are those of ProfileCounters' `inputs`, by feature; `delta` is the PSI that does not matter, `alpha` the
    probability of an alarm for a feature whose true PSI is not above it (see `alarm_share`). A window of fewer than
    `min_rows` rows is Insufficient; counts that do not fit the profile are an Error.
    """
    policies = overrides or {}
    watched = [(one, policy_of(one.name, one.columns, policies, delta)) for one in profile.features]
    rows = max((_rows(counts[feature.name]) for feature, _ in watched if feature.name in counts), default=0)
    if rows < max(1, min_rows):
        return WindowReport("Insufficient", rows, (), f"{rows} of {min_rows} rows in the window")
    try:
        judged = [
            _judge(feature, counts[feature.name], delta if policy.delta is None else policy.delta, alpha)
            for feature, policy in watched
            if policy.watched and feature.name in counts
        ]
    except ProfileMismatch as error:
        return WindowReport("Error", rows, (), str(error))
    return _reported(rows, ranked(profile.features, judged))


def policy_of(name: str, columns: Sequence[str], policies: Mapping[str, FeaturePolicy], delta: float) -> FeaturePolicy:
    """Tell the policy of a feature, with its `delta`, the general one where it has none.

    What is made of columns follows them, unless it has a policy of its own: the most lenient of theirs.
    """
    found = [policies.get(one, FeaturePolicy()) for one in (columns if name not in policies else (name,))]
    deltas = [delta if policy.delta is None else policy.delta for policy in found]
    return FeaturePolicy(max(deltas), all(policy.watched for policy in found))


def _reported(rows: int, features: Sequence[FeatureDrift]) -> WindowReport:
    drifting = [feature for feature in features if feature.drifting]
    if drifting:
        told = f"{drifting_of(features, 'features')}: " + "; ".join(item.message for item in drifting[:3])
        return WindowReport("Drifting", rows, tuple(features), told)
    if not any(feature.state == "OK" for feature in features):
        return WindowReport("Insufficient", rows, tuple(features), f"no feature has {LEAST_VALUES} valid values")
    return WindowReport(
        "OK",
        rows,
        tuple(features),
        f"no drift in {len([one for one in features if not one.joint])} features over {rows} rows",
    )


def drifting_of(features: Sequence[FeatureDrift], called: str) -> str:
    """Say how many features drift, of how many; `called` is what those of one column are called."""
    alone = [feature.drifting for feature in features if not feature.joint]
    joint = [feature.drifting for feature in features if feature.joint]
    told = f"{sum(alone)} of {len(alone)} {called}"
    return f"{told} and {sum(joint)} of {len(joint)} correlations drift" if any(joint) else f"{told} drift"


def _rows(counts: Counts) -> int:
    return int(sum(counts["counts"]) + counts["unseen"] + counts["missing"] + counts["invalid"])


def _judge(feature: FeatureProfile, counts: Counts, delta: float, alpha: float) -> FeatureDrift:
    if len(counts["counts"]) != feature.bins:
        raise ProfileMismatch(
            f"feature {feature.name!r} was counted in {len(counts['counts'])} bins, its profile has {feature.bins}:"
            " the counts are of another profile"
        )
    reference, live = np.asarray((*feature.counts, 0)), np.asarray((*counts["counts"], counts["unseen"]))
    values, missing = int(live.sum()), counts["missing"] / max(1, _rows(counts))
    if values < LEAST_VALUES or feature.count == 0:
        told = f"{feature.name}: {values} valid values, {missing:.1%} missing; not judged".replace("%", " %")
        return FeatureDrift(feature.name, "Insufficient", values, missing, told, columns=feature.columns)
    return _compared(feature, counts, (reference, live), missing, (delta, alpha))


def _compared(
    feature: FeatureProfile,
    counts: Counts,
    bins: tuple[np.typing.NDArray[np.int64], np.typing.NDArray[np.int64]],
    missing: float,
    rule: tuple[float, float],
) -> FeatureDrift:
    delta, alpha = rule
    reference, live = bins
    a, b = pooled(reference, live)
    size = effective_size(feature.count, float(live.sum()))
    # One bin holds everything on both sides, as in a column that stayed constant.
    value = psi(a, b) if a.size > 1 else 0.0
    limit = psi_threshold(max(2, a.size), size, delta, alpha)
    return FeatureDrift(
        name=feature.name,
        state="Drifting" if value > limit else "OK",
        values=int(live.sum()),
        missing=missing,
        message=f"{feature.name}: {change_of(feature, counts)} (PSI {value:.2f}, threshold {limit:.2f})",
        psi=value,
        psi_debiased=psi_debiased(value, a.size, size),
        psi_lower=psi_lower(value, max(2, a.size), size, alpha),
        threshold=limit,
        js=jensen_shannon(reference, live),
        ks_lower=None
        if feature.enumerated
        else kolmogorov_smirnov(*(intervals_of(feature, part) for part in (feature.counts, counts["counts"]))).lower,
        columns=feature.columns,
    )
