"""Every distance of one feature between its reference and live counts, each by its stated convention."""

from __future__ import annotations

from dataclasses import dataclass

from weirkeeper.statistics.checking import check_feature_counts
from weirkeeper.statistics.distances import (
    Bracket,
    Homogeneity,
    Wasserstein,
    effective_size,
    hellinger,
    homogeneity,
    jensen_shannon,
    kolmogorov_smirnov,
    l_infinity,
    pooled,
    psi,
    psi_debiased,
    psi_lower,
    total_variation,
    wasserstein,
)
from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.feature import Counts, FeatureProfile
from weirkeeper.statistics.ordered import intervals_of, limits_of


@dataclass(frozen=True)
class Comparison:
    """Distances of live counts from the reference.

    PSI is of pooled bins with Jeffreys smoothing, in nats; `psi_debiased` is less what chance adds, `psi_lower` the
    lower bound of the true PSI. `js` is a distance in nats. `ks` and `w1` bound what bins cannot tell, and are None for
    a feature without order; `w1` is in the feature's unit, between the least and the most of the reference, and
    `w1_scaled` its interpolated value in reference deviations, None where there is no deviation.
    """

    psi: float
    psi_debiased: float
    psi_lower: float
    js: float
    hellinger: float
    total_variation: float
    l_infinity: float
    homogeneity: Homogeneity
    ks: Bracket | None = None
    w1: Wasserstein | None = None
    w1_scaled: float | None = None


def compare(feature: FeatureProfile, counts: Counts, *, alpha: float = 0.05) -> Comparison:
    """Measure how far the live counts of a feature are from its reference; `psi_lower` holds with 1 - `alpha`.

    Values that the reference never had are one bin more, which is empty there.

    Raises:
        ProfileMismatch: the counts are not of this feature's bins.
        StatisticsError: there are no values, live or in the reference.
    """
    check_feature_counts(feature, counts)
    reference, live = (*feature.counts, 0), (*counts["counts"], counts["unseen"])
    if not feature.count or not sum(live):
        raise StatisticsError(
            f"feature {feature.name!r} has {sum(live)} live and {feature.count} reference values, expected some of"
            " both; wait for more rows"
        )
    a, b = pooled(reference, live)
    size = effective_size(feature.count, sum(live))
    value = psi(a, b) if a.size > 1 else 0.0
    ks, w1 = (None, None) if feature.enumerated else _ordered(feature, counts)
    return Comparison(
        psi=value,
        psi_debiased=psi_debiased(value, a.size, size),
        psi_lower=psi_lower(value, max(2, a.size), size, alpha),
        js=jensen_shannon(reference, live),
        hellinger=hellinger(reference, live),
        total_variation=total_variation(reference, live),
        l_infinity=l_infinity(reference, live),
        homogeneity=homogeneity(reference, live),
        ks=ks,
        w1=w1,
        w1_scaled=w1.interpolated / feature.std if w1 is not None and feature.std else None,
    )


def _ordered(feature: FeatureProfile, counts: Counts) -> tuple[Bracket, Wasserstein | None]:
    reference, live = intervals_of(feature, feature.counts), intervals_of(feature, counts["counts"])
    ks = kolmogorov_smirnov(reference, live)
    return ks, None if feature.least is None else wasserstein(limits_of(feature), reference, live)
