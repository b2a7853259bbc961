"""Distances between reference counts and live counts over the same bins.

Conventions: PSI with Jeffreys smoothing after pooling every bin whose expected live count is below 5 (Cochran). For n
reference and m live values in k bins and no change, `N * PSI` with `N = nm/(n+m)` follows a chi-square with k - 1
degrees of freedom, and a noncentral one with noncentrality `N * delta` where the true PSI is `delta` (Yurdakul 2018;
Potgieter et al., arXiv 2307.11878). So `psi_threshold` holds a false-alarm rate at any window size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.noncentral import chi2_sf, ncx2_isf, ncx2_noncentrality

Floats = npt.NDArray[np.float64]
CountsLike = Sequence[int] | npt.NDArray[np.int64] | Floats

EXPECTED_LEAST = 5.0
SMOOTHING = 0.5


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


def pooled(reference: CountsLike, live: CountsLike) -> tuple[Floats, Floats]:
    """Merge all bins whose expected live count is below 5 into one, and drop it where it is empty on both sides."""
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(live, dtype=np.float64)
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
    """Tell the population stability index of counts as they are (pool them first); 0 for fewer than two bins."""
    p, q = smoothed(reference), smoothed(live)
    return float((p - q) @ np.log(p / q))


def smoothed(counts: CountsLike) -> Floats:
    """Tell the shares of counts with Jeffreys' half added to each, so that none is 0."""
    shares: Floats = np.asarray(counts, dtype=np.float64) + SMOOTHING
    shares /= shares.sum()
    return shares


def psi_threshold(bins: float, size: float, delta: float, alpha: float) -> float:
    """Tell which PSI is exceeded with probability `alpha` while the true one is `delta`.

    `size` is the effective size N; `bins` are those after pooling, at least 2.
    """
    return ncx2_isf(alpha, bins - 1, size * delta) / size


def psi_lower(value: float, bins: float, size: float, alpha: float) -> float:
    """Tell the true PSI below which a PSI of `value` would come up with less than `alpha`: a lower confidence bound."""
    return ncx2_noncentrality(size * value, bins - 1, 1.0 - alpha) / size


def jensen_shannon(reference: CountsLike, live: CountsLike) -> float:
    """Tell the Jensen-Shannon distance (natural logarithm; divide by sqrt(ln 2) for base 2)."""
    p, q = _shares(reference), _shares(live)
    middle = (p + q) / 2.0
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2.0
    return math.sqrt(max(0.0, divergence))


def hellinger(reference: CountsLike, live: CountsLike) -> float:
    """Tell the Hellinger distance, from 0 to 1."""
    affinity = float(np.sqrt(_shares(reference) * _shares(live)).sum())
    return math.sqrt(max(0.0, 1.0 - affinity))


def total_variation(reference: CountsLike, live: CountsLike) -> float:
    """Tell the total variation distance: the share of rows that would have to move."""
    return float(np.abs(_shares(reference) - _shares(live)).sum()) / 2.0


def l_infinity(reference: CountsLike, live: CountsLike) -> float:
    """Tell the largest change of a single bin's share."""
    return float(np.abs(_shares(reference) - _shares(live)).max())


def homogeneity(reference: CountsLike, live: CountsLike) -> Homogeneity:
    """Test whether both samples come from one distribution: both are samples, so never a goodness of fit."""
    a, b = pooled(reference, live)
    n, m = a.sum(), b.sum()
    together = (a + b) / (n + m)
    chi2 = float(((a - n * together) ** 2 / (n * together) + (b - m * together) ** 2 / (m * together)).sum())
    df = a.size - 1
    if df == 0:
        return Homogeneity(0.0, 0, 1.0, 0.0)
    return Homogeneity(chi2, df, chi2_sf(chi2, df), math.sqrt(chi2 / (n + m)))


def kolmogorov_smirnov(reference: CountsLike, live: CountsLike) -> Bracket:
    """Bound the Kolmogorov-Smirnov distance of values that were counted in ascending intervals."""
    p, q = _shares(reference), _shares(live)
    at_edge = np.cumsum(p - q)
    before = np.concatenate(([0.0], at_edge[:-1]))
    return Bracket(float(np.abs(at_edge).max()), float(max((before + p).max(), (q - before).max())))


def _shares(counts: CountsLike) -> Floats:
    values = np.asarray(counts, dtype=np.float64)
    total = float(values.sum())
    if total == 0.0:
        raise ValueError("a distance to no values at all; an empty window is Insufficient, not without drift")
    return np.asarray(values / total, dtype=np.float64)


def _relative_entropy(p: Floats, q: Floats) -> float:
    present = p > 0.0
    return float((p[present] * np.log(p[present] / q[present])).sum())
