"""The noncentral chi-square distribution, as far as thresholds of PSI need it, without SciPy.

Distribution function: the Poisson mixture of central chi-squares (Johnson, Kotz and Balakrishnan 1995, vol. 2, ch. 29).
Gamma function ratios: series and Lentz's continued fraction (Numerical Recipes, 6.2). Quantiles by bracketing and
bisection on the better conditioned tail.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.errors import StatisticsError

Floats = npt.NDArray[np.float64]

_TINY = 1e-300
_PRECISION = 1e-16
_HALF = 0.5
_EQUAL = 1e-15
"""Numbers that differ by this part of themselves are as near as floats tell apart."""

_CLOSE = 4e-15
"""Logarithms of probabilities so close are equal."""

_TERMS = 100_000
_SPREAD = 40
"""So many standard deviations of the Poisson weights are mixed; beyond lies nothing that a float could hold."""


def chi2_cdf(x: float, df: float) -> float:
    """Tell the probability that a chi-square with `df` degrees of freedom is at most `x`."""
    return _gamma_ratios(df / 2.0, x / 2.0)[0]


def chi2_sf(x: float, df: float) -> float:
    """Tell the probability that a chi-square with `df` degrees of freedom is above `x`, exact in the far tail."""
    return _gamma_ratios(df / 2.0, x / 2.0)[1]


def ncx2_cdf(x: float, df: float, noncentrality: float) -> float:
    """Tell the probability that a noncentral chi-square is at most `x`."""
    return _mixture(x, df, noncentrality)[0]


def ncx2_sf(x: float, df: float, noncentrality: float) -> float:
    """Tell the probability that a noncentral chi-square is above `x`, exact in the far tail."""
    return _mixture(x, df, noncentrality)[1]


def ncx2_ppf(probability: float, df: float, noncentrality: float) -> float:
    """Tell the `x` that a noncentral chi-square is at most with `probability` (0 <= probability < 1)."""
    return _quantile(probability, 1.0 - probability, df, noncentrality)


@lru_cache(maxsize=4096)
def ncx2_isf(probability: float, df: float, noncentrality: float) -> float:
    """Tell the `x` that a noncentral chi-square is above with `probability` (0 < probability <= 1).

    For small probabilities this keeps the digits that `1 - probability` would lose.
    """
    return _quantile(1.0 - probability, probability, df, noncentrality)


def ncx2_noncentrality(x: float, df: float, probability: float) -> float:
    """Tell the noncentrality at which a value of at most `x` has `probability`; 0 where even 0 makes it rarer."""
    if ncx2_cdf(x, df, 0.0) <= probability:
        return 0.0
    wanted = math.log(probability)
    return _root(lambda noncentrality: wanted - _log(ncx2_cdf(x, df, noncentrality)), 0.0, x + 1.0)


def _quantile(lower: float, upper: float, df: float, noncentrality: float) -> float:
    if not (0.0 <= lower < 1.0 and upper > 0.0):
        raise StatisticsError(f"probabilities {lower} and {upper} beside the quantile; the first must be in [0, 1)")
    if lower == 0.0:
        return 0.0
    if lower < upper:
        wanted = math.log(lower)
        return _root(lambda x: _log(ncx2_cdf(x, df, noncentrality)) - wanted, 0.0, df + noncentrality)
    wanted, mean, deviation = math.log(upper), df + noncentrality, math.sqrt(2.0 * df + 4.0 * noncentrality)
    high = mean + deviation * (1.0 + math.sqrt(-2.0 * wanted))
    return _root(lambda x: wanted - _log(ncx2_sf(x, df, noncentrality)), max(0.0, mean - deviation), high)


def _log(probability: float) -> float:
    return math.log(max(probability, _TINY))


def _root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Find where a rising function crosses 0, to the last digits: `high` is doubled until it lies above.

    Chandrupatla 1997: inverse quadratic interpolation where it is safe, else bisection. Logarithms of tails are nearly
    straight, so a few steps are enough.
    """
    at_low, at_high = rising(low), rising(high)
    while at_high < 0.0:
        low, at_low, high = high, at_high, 2.0 * high
        at_high = rising(high)
    a, b, at_a, at_b, part = high, low, at_high, at_low, 0.5
    while True:
        middle = a + part * (b - a)
        at_middle = rising(middle)
        if (at_middle > 0.0) == (at_a > 0.0):
            c, at_c = a, at_a
        else:
            c, b, at_c, at_b = b, a, at_b, at_a
        a, at_a = middle, at_middle
        best = a if abs(at_a) < abs(at_b) else b
        least = _EQUAL * abs(best) / abs(b - a) if a != b else 1.0
        if least > _HALF or min(abs(at_a), abs(at_b)) < _CLOSE:
            return best
        part = min(max(_interpolated((a, b, c), (at_a, at_b, at_c)), least), 1.0 - least)


def _interpolated(places: tuple[float, float, float], values: tuple[float, float, float]) -> float:
    """Tell which part of the way from the first place to the second to try next."""
    (a, b, c), (at_a, at_b, at_c) = places, values
    if at_c in (at_a, at_b) or c == b:
        return _HALF
    xi, phi = (a - b) / (c - b), (at_a - at_b) / (at_c - at_b)
    if phi * phi >= xi or (1.0 - phi) ** 2 >= 1.0 - xi:
        return _HALF
    return at_a / (at_b - at_a) * at_c / (at_b - at_c) + (c - a) / (b - a) * at_a / (at_c - at_a) * at_b / (at_c - at_b)


def _mixture(x: float, df: float, noncentrality: float) -> tuple[float, float]:
    """Mix both tails of the central distributions over Poisson weights."""
    if x <= 0.0:
        return 0.0, 1.0
    half = noncentrality / 2.0
    if half == 0.0:
        return _gamma_ratios(df / 2.0, x / 2.0)
    least = max(0, int(half - _SPREAD * math.sqrt(half)))
    j = np.arange(least, int(half + _SPREAD * math.sqrt(half)) + 5 * _SPREAD, dtype=np.float64)
    weights = np.exp(j * math.log(half) - half - _log_gammas(least + 1.0, j.size))
    lower, upper = _central_tails(df / 2.0 + least, x / 2.0, j.size)
    return float(weights @ lower), float(weights @ upper)


def _central_tails(a: float, x: float, count: int) -> tuple[Floats, Floats]:
    """Tell P and Q of a, a + 1, …: neighbours differ by one term, added in the direction in which nothing cancels."""
    terms = np.exp((a + np.arange(count)) * math.log(x) - x - _log_gammas(a + 1.0, count))
    upper = _gamma_ratios(a, x)[1] + np.concatenate(([0.0], np.cumsum(terms[:-1])))
    lower = _gamma_ratios(a + count, x)[0] + np.cumsum(terms[::-1])[::-1]
    return lower, upper


def _log_gammas(first: float, count: int) -> Floats:
    """Tell log gamma of `count` numbers from `first` on, each one more than the one before."""
    rises = np.log(first + np.arange(count - 1))
    return np.asarray(math.lgamma(first) + np.concatenate(([0.0], np.cumsum(rises))), dtype=np.float64)


def _gamma_ratios(a: float, x: float) -> tuple[float, float]:
    """Tell the regularised incomplete gamma functions P(a, x) and Q(a, x)."""
    if x <= 0.0:
        return 0.0, 1.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        lower = scale * _gamma_series(a, x)
        return lower, 1.0 - lower
    upper = scale * _gamma_fraction(a, x)
    return 1.0 - upper, upper


def _gamma_series(a: float, x: float) -> float:
    term = total = 1.0 / a
    denominator = a
    while term > total * _PRECISION:
        denominator += 1.0
        term *= x / denominator
        total += term
    return total


def _gamma_fraction(a: float, x: float) -> float:
    b = x + 1.0 - a
    c = 1.0 / _TINY
    d = 1.0 / b
    fraction = d
    for i in range(1, _TERMS):
        numerator = -i * (i - a)
        b += 2.0
        d = 1.0 / _away_from_zero(numerator * d + b)
        c = _away_from_zero(b + numerator / c)
        fraction *= d * c
        if abs(d * c - 1.0) < 4.0 * _PRECISION:
            break
    return fraction


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def log_ncx2_densities(x: float, df: float, noncentralities: Floats) -> Floats:
    """Tell the logarithm of the noncentral chi-square's density at `x` > 0, for each of several noncentralities."""
    if x <= 0.0:
        raise StatisticsError(f"density asked for at {x}; a chi-square is above 0")
    # The terms of the mixture peak where j (j + df / 2) = noncentrality * x / 4.
    peak = math.sqrt(float(noncentralities.max()) * x) / 2.0
    j = np.arange(int(peak + _SPREAD * math.sqrt(peak)) + _SPREAD, dtype=np.float64)
    central = (df / 2.0 + j - 1.0) * math.log(x / 2.0) - x / 2.0 - math.log(2.0) - _log_gammas(df / 2.0, j.size)
    halves = noncentralities[:, None] / 2.0
    with np.errstate(divide="ignore", invalid="ignore"):
        powers = np.where(j > 0.0, j * np.log(halves), 0.0)
    terms = powers - halves - _log_gammas(1.0, j.size) + central
    highest = terms.max(axis=1)
    return np.asarray(highest + np.log(np.exp(terms - highest[:, None]).sum(axis=1)), dtype=np.float64)
