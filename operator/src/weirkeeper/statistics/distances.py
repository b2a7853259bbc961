"""Distances between reference counts and live counts over the same bins.

Conventions: PSI with Jeffreys smoothing after pooling every bin whose expected live count is below 5 (Cochran). For n
reference and m live values in k bins and no change, `N * PSI` with `N = nm/(n+m)` follows a chi-square with k - 1
degrees of freedom, and a noncentral one with noncentrality `N * delta` where the true PSI is `delta` (Yurdakul 2018;
Potgieter et al., arXiv 2307.11878). So `psi_threshold` holds a false-alarm rate at any window size.

Logarithms are natural. The other distances take shares as they are, without smoothing, and no share of nothing: they
raise StatisticsError where one side has no values. Intervals are closed on the right, the outer ones
are open to infinity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.noncentral import chi2_sf, ncx2_isf, ncx2_noncentrality

Floats = npt.NDArray[np.float64]
CountsLike = Sequence[int] | npt.NDArray[np.int64] | Floats

EXPECTED_LEAST = 5.0
SMOOTHING = 0.5

MOST_DELTA = 10.0
"""A larger population stability index is none that anyone could mean not to matter."""


class Homogeneity(NamedTuple):
    """The two-sample chi-square test: statistic, degrees of freedom, p-value, and Cramér's V as its effect size."""

    chi2: float
    df: int
    p_value: float
    cramers_v: float


class Bracket(NamedTuple):
    """Bounds between which a distance lies that bins cannot tell exactly."""

    lower: float
    upper: float


class Wasserstein(NamedTuple):
    """Bounds of the Wasserstein-1 distance, and its value if all are spread evenly within each interval."""

    lower: float
    interpolated: float
    upper: float


def pooled(reference: CountsLike, live: CountsLike) -> tuple[Floats, Floats]:
    """Merge all bins whose expected live count is below 5 into one, and drop it where it is empty on both sides."""
    a, b = _counts(reference, live)
    rare = b.sum() * a < EXPECTED_LEAST * a.sum()
    if not rare.any():
        return a, b
    if rare.all():
        return _grouped(a, b)
    a, b = (np.append(counts[~rare], counts[rare].sum()) for counts in (a, b))
    return (a, b) if a[-1] + b[-1] > 0 else (a[:-1], b[:-1])


def _grouped(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Where every bin is rare, merge neighbours until each group has enough; 1 group where even all are too few."""
    expected = np.cumsum(a) / max(1.0, a.sum()) * b.sum()
    groups = max(1, int(b.sum() / EXPECTED_LEAST))
    places = np.minimum((expected * groups / max(1.0, b.sum()) - 1e-9).astype(np.int64), groups - 1)
    merged = np.array([np.bincount(places, weights=counts) for counts in (a, b)], dtype=np.float64)
    before, now = merged[:, merged.sum(axis=0) > 0]
    return before, now


def effective_size(reference: float, live: float) -> float:
    """Tell N = nm/(n+m), by which distances of two samples scatter."""
    return reference * live / (reference + live)


def psi(reference: CountsLike, live: CountsLike) -> float:
    """Tell the population stability index, natural logarithm, with Jeffreys' half added to each bin of both sides.

    Counts are taken as they are (pool them first); 0 for fewer than two bins.
    """
    a, b = _counts(reference, live)
    p, q = smoothed(a), smoothed(b)
    return float((p - q) @ np.log(p / q))


def smoothed(counts: CountsLike) -> Floats:
    """Tell the shares of counts with Jeffreys' half added to each, so that none is 0."""
    shares: Floats = np.asarray(counts, dtype=np.float64) + SMOOTHING
    shares /= shares.sum()
    return shares


def psi_debiased(value: float, bins: int, size: float) -> float:
    """Tell a PSI less what chance alone adds, (k - 1)/N for k bins and the effective size N; it may be below 0."""
    return value - (bins - 1) / size


def psi_threshold(bins: float, size: float, delta: float, alpha: float) -> float:
    """Tell which PSI is exceeded with probability `alpha` while the true one is `delta`.

    `size` is the effective size N; `bins` are those after pooling, at least 2.

    Raises:
        StatisticsError: one of them is out of its range, or no number.
    """
    _check_question(bins, size, alpha)
    if not 0.0 <= delta <= MOST_DELTA:
        raise StatisticsError(
            f"a delta of {delta} was given; give a population stability index from 0 to {MOST_DELTA:g}"
        )
    return ncx2_isf(alpha, bins - 1, size * delta) / size


def psi_lower(value: float, bins: float, size: float, alpha: float) -> float:
    """Tell the true PSI below which a PSI of `value` would come up with less than `alpha`: a lower confidence bound.

    Raises:
        StatisticsError: one of them is out of its range, or no number.
    """
    _check_question(bins, size, alpha)
    if not 0.0 <= value < math.inf:
        raise StatisticsError(f"a PSI of {value} was given; expected a number of at least 0")
    return ncx2_noncentrality(size * value, bins - 1, 1.0 - alpha) / size


def jensen_shannon(reference: CountsLike, live: CountsLike) -> float:
    """Tell the Jensen-Shannon distance, the root of the divergence: natural logarithm, shares without smoothing.

    It is at most sqrt(ln 2), by which it is divided for base 2 (Endres and Schindelin, IEEE Transactions on Information
    Theory 49, 2003).
    """
    p, q = _shares(reference, live)
    middle = (p + q) / 2.0
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2.0
    return math.sqrt(max(0.0, divergence))


def hellinger(reference: CountsLike, live: CountsLike) -> float:
    """Tell the Hellinger distance, from 0 to 1 (with the factor 1/2 under the root): shares without smoothing."""
    p, q = _shares(reference, live)
    affinity = float(np.sqrt(p * q).sum())
    return math.sqrt(max(0.0, 1.0 - affinity))


def total_variation(reference: CountsLike, live: CountsLike) -> float:
    """Tell the total variation distance, from 0 to 1: the share of rows that would have to move, without smoothing."""
    p, q = _shares(reference, live)
    return float(np.abs(p - q).sum()) / 2.0


def l_infinity(reference: CountsLike, live: CountsLike) -> float:
    """Tell the largest change of a single bin's share, from 0 to 1, without smoothing."""
    p, q = _shares(reference, live)
    return float(np.abs(p - q).max())


def homogeneity(reference: CountsLike, live: CountsLike) -> Homogeneity:
    """Test whether both samples come from one distribution: both are samples, so never a goodness of fit.

    Pearson's chi-square of the two rows, after pooling, without Yates' correction; Cramer's V = sqrt(chi2 / (n + m)).
    One bin alone has no distance: chi2 0, p-value 1.
    """
    _shares(reference, live)
    a, b = pooled(reference, live)
    n, m = a.sum(), b.sum()
    together = (a + b) / (n + m)
    chi2 = float(((a - n * together) ** 2 / (n * together) + (b - m * together) ** 2 / (m * together)).sum())
    df = a.size - 1
    if df <= 0:
        return Homogeneity(0.0, 0, 1.0, 0.0)
    return Homogeneity(chi2, df, chi2_sf(chi2, df), math.sqrt(chi2 / (n + m)))


def kolmogorov_smirnov(reference: CountsLike, live: CountsLike) -> Bracket:
    """Bound the Kolmogorov-Smirnov distance of values that were counted in ascending intervals, without smoothing.

    Intervals are closed on the right, the outer ones open to infinity. The lower bound is what is seen at the edges;
    between two, it rises by the interval's larger share at most.
    """
    p, q = _shares(reference, live)
    at_edge = np.cumsum(p - q)
    before = np.concatenate(([0.0], at_edge[:-1]))
    return Bracket(float(np.abs(at_edge).max()), float(max((before + p).max(), (q - before).max())))


def wasserstein(limits: Sequence[float], reference: CountsLike, live: CountsLike) -> Wasserstein:
    """Bound the Wasserstein-1 (earth mover's) distance of values that were counted in k ascending intervals.

    `limits` are the k + 1 limits of the intervals, in the unit of the result; values beyond the outer ones are taken to
    lie on them. It is the integral of |F - G| over the values (Ramdas, Trillos and Cuturi, Entropy 2017, sec. 2.3);
    within an interval, F - G stays between its left value less all live and plus all reference values of the interval.
    """
    p, q = _shares(reference, live)
    if len(limits) != p.size + 1:
        raise StatisticsError(
            f"{len(limits)} limits were given for {p.size} intervals, expected one more than intervals"
        )
    right = np.cumsum(p - q)
    left = np.concatenate(([0.0], right[:-1]))
    # The difference of two limits may be larger than any float.
    halves = np.diff(np.asarray(limits, dtype=np.float64) / 2.0)
    lowest, highest = left - q, left + p
    least = np.maximum(0.0, np.maximum(lowest, -highest))
    most = np.maximum(np.abs(lowest), np.abs(highest))
    with np.errstate(over="ignore"):
        lower, between, upper = (float((halves * part).sum() * 2.0) for part in (least, _trapezium(left, right), most))
    return Wasserstein(lower, between, upper)


def _trapezium(left: Floats, right: Floats) -> Floats:
    """Tell the mean of |x| along a line from `left` to `right`."""
    one, other = np.abs(left), np.abs(right)
    both = one + other
    crossing = np.divide(one**2 + other**2, 2.0 * both, out=np.zeros_like(both), where=both > 0.0)
    return np.where(left * right < 0.0, crossing, both / 2.0)


def _counts(reference: CountsLike, live: CountsLike) -> tuple[Floats, Floats]:
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(live, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise StatisticsError(f"counts have shapes {a.shape} and {b.shape}, expected one of the same bins each")
    for counts in (a, b):
        with np.errstate(over="ignore"):
            whole = counts.sum()
        if not (np.isfinite(whole) and counts.min(initial=0.0) >= 0.0):
            raise StatisticsError(f"counts are {counts.tolist()!r:.80}, expected numbers of at least 0")
    return a, b


def _check_question(bins: float, size: float, alpha: float) -> None:
    if not (1.0 < bins < math.inf and 0.0 < size < math.inf and 0.0 < alpha < 1.0):
        raise StatisticsError(
            f"{bins} bins, an effective size of {size} and alpha {alpha} were given; expected at least 2 bins, a size"
            " above 0, and alpha between 0 and 1"
        )


def _shares(reference: CountsLike, live: CountsLike) -> tuple[Floats, Floats]:
    a, b = _counts(reference, live)
    if not (a.sum() and b.sum()):
        raise StatisticsError("a distance to no values at all; an empty window is Insufficient, not without drift")
    return a / a.sum(), b / b.sum()


def _relative_entropy(p: Floats, q: Floats) -> float:
    present = p > 0.0
    return float((p[present] * np.log(p[present] / q[present])).sum())
