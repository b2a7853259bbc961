"""Does a window of live counts look like the reference? PSI decides, within a budget of false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from weirkeeper.statistics.distances import (
    effective_size,
    jensen_shannon,
    kolmogorov_smirnov,
    pooled,
    psi,
    psi_lower,
    psi_threshold,
)
from weirkeeper.statistics.errors import ProfileMismatch
from weirkeeper.statistics.feature import SUM_UNIT, Counts, FeatureProfile
from weirkeeper.statistics.profile import ReferenceProfile

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

    @property
    def drifting(self) -> bool:
        """Whether the PSI is above its threshold."""
        return self.state == "Drifting"

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
    watched = [(feature, policies.get(feature.name, FeaturePolicy())) for feature in profile.features]
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
    return _reported(rows, sorted(judged, key=lambda item: item.severity, reverse=True))


def _reported(rows: int, features: Sequence[FeatureDrift]) -> WindowReport:
    drifting = [feature for feature in features if feature.drifting]
    if drifting:
        told = f"{len(drifting)} of {len(features)} features drift: " + "; ".join(item.message for item in drifting[:3])
        return WindowReport("Drifting", rows, tuple(features), told)
    if not any(feature.state == "OK" for feature in features):
        return WindowReport("Insufficient", rows, tuple(features), f"no feature has {LEAST_VALUES} valid values")
    return WindowReport("OK", rows, tuple(features), f"no drift in {len(features)} features over {rows} rows")


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
        return FeatureDrift(feature.name, "Insufficient", values, missing, told)
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
        message=f"{feature.name}: {_change(feature, counts)} (PSI {value:.2f}, threshold {limit:.2f})",
        psi=value,
        psi_debiased=value - (a.size - 1) / size,
        psi_lower=psi_lower(value, max(2, a.size), size, alpha),
        threshold=limit,
        js=jensen_shannon(reference, live),
        ks_lower=None if feature.enumerated else kolmogorov_smirnov(*_intervals(feature, counts)).lower,
    )


def _intervals(feature: FeatureProfile, counts: Counts) -> tuple[list[int], list[int]]:
    """Put atoms back into the intervals that they lie in: at the edges the distributions are exact."""
    places = np.searchsorted(np.asarray(feature.edges), np.asarray(feature.atoms), side="left")
    merged = []
    for bins in (feature.counts, counts["counts"]):
        intervals = np.asarray(bins[: len(feature.edges) + 1])
        atoms = np.bincount(places, weights=bins[intervals.size :], minlength=intervals.size)
        merged.append((intervals + atoms.astype(np.int64)).tolist())
    return merged[0], merged[1]


def _change(feature: FeatureProfile, counts: Counts) -> str:
    """Say what changed in the feature's own unit: the mean of numbers, the share of the value that moved most."""
    if not feature.enumerated and feature.mean is not None:
        return f"mean {feature.mean:.4g} -> {_live_mean(feature, counts):.4g}"
    reference = np.asarray((*feature.counts, 0)) / feature.count
    live = np.asarray((*counts["counts"], counts["unseen"]))
    shares = live / live.sum()
    moved = int(np.abs(shares - reference).argmax())
    return f"{_called(feature, moved)} {reference[moved]:.1%} -> {shares[moved]:.1%}".replace("%", " %")


def _called(feature: FeatureProfile, place: int) -> str:
    if place < len(feature.values):
        value: Any = feature.values[place]
        return f"share of {value if isinstance(value, str) else f'{value:g}'}"
    return "other known values" if place == len(feature.values) else "values that the reference never had"


def _live_mean(feature: FeatureProfile, counts: Counts) -> float:
    finite = sum(counts["counts"]) - counts["posInf"] - counts["negInf"]
    offset = counts["sum"] * SUM_UNIT * feature.scale / finite if finite else 0.0
    return float((feature.mean or 0.0) + offset)
