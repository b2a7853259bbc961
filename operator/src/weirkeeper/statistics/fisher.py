"""Fisher's F distribution, for variances that are themselves estimated, and binomial tails, without SciPy.

Upper tail: the regularised incomplete beta function by Lentz's continued fraction (Numerical Recipes, 6.4). Degrees of
freedom may be fractions.
"""

from __future__ import annotations

import math
from functools import lru_cache

from weirkeeper.statistics.errors import StatisticsError

_TINY = 1e-300
_PRECISION = 1e-14
_TERMS = 10_000
_STEPS = 200


def f_sf(x: float, first: float, second: float) -> float:
    """Tell the probability that an F variate with `first` and `second` degrees of freedom is above `x`."""
    return 1.0 if x <= 0.0 else _beta_ratio(second / 2.0, first / 2.0, second / (second + first * x))


@lru_cache(maxsize=4096)
def f_isf(probability: float, first: float, second: float) -> float:
    """Tell the `x` that an F variate is above with `probability` (0 < probability < 1)."""
    if not 0.0 < probability < 1.0:
        raise StatisticsError(f"probability {probability} beyond the quantile; it must be between 0 and 1")
    low, high = 0.0, 1.0
    while f_sf(high, first, second) > probability:
        low, high = high, 2.0 * high
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if f_sf(middle, first, second) > probability:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def binomial_sf(hits: float, rows: float, share: float) -> float:
    """Tell the probability of `hits` or more among `rows` that hit with probability `share` each; parts may count."""
    if hits <= 0.0 or share >= 1.0:
        return 1.0
    return 0.0 if share <= 0.0 else _beta_ratio(hits, rows - hits + 1.0, share)


def _beta_ratio(a: float, b: float, x: float) -> float:
    """Tell the regularised incomplete beta function I_x(a, b)."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    front = math.exp(log_front)
    # The fraction converges fast on this side of the mean only.
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(a, b, x) / a
    return 1.0 - front * _fraction(b, a, 1.0 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for numerator in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + numerator * d)
            c = _away_from_zero(1.0 + numerator / c)
            fraction *= d * c
        if abs(d * c - 1.0) < _PRECISION:
            break
    return fraction


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
