"""Confidence intervals that follow from counts and sums alone, and that never leave the range of what they bound.

Every interval is two-sided and holds the true value with probability `level` (0 to 1, by default 0.95) for independent
rows; `None` stands for a side that the counts cannot bound. Sources: Wilson, JASA 22, 1927 (a share); Newcombe,
Statistics in Medicine 17, 1998, method 10 (a difference of shares); Donner and Zou, Statistical Methods in Medical
Research 21, 2012 (a ratio of shares, MOVER-R); Franco et al., Journal of Survey Statistics and Methodology 7, 2019
(Wilson's interval on an effective number of rows); the delta method on the logarithm (Casella and Berger 2002, 5.5).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final, NamedTuple

from weirkeeper.statistics.errors import StatisticsError

LEVEL: Final = 0.95
FURTHEST: Final = 50.0
"""A factor of more than e to the so many is no bound."""


class Share(NamedTuple):
    """So many of so many rows."""

    hits: float
    rows: float

    @property
    def value(self) -> float:
        """The share; 0 of nothing."""
        return self.hits / self.rows if self.rows else 0.0


class Bounds(NamedTuple):
    """Between which a true value lies; None where nothing bounds it on that side."""

    low: float | None
    high: float | None


UNBOUNDED: Final = Bounds(None, None)


def normal_quantile(level: float) -> float:
    """Tell how many standard deviations on both sides of its mean hold a normal variable with probability `level`.

    Raises:
        StatisticsError: `level` is not between 0 and 1.
    """
    if not 0.0 < level < 1.0:
        raise StatisticsError(f"a confidence level of {level} was given, expected one between 0 and 1, such as 0.95")
    return NormalDist().inv_cdf(0.5 + level / 2.0)


def wilson(share: Share, level: float = LEVEL) -> tuple[float, float]:
    """Bound a share (Wilson 1927); `hits` and `rows` need not be whole. Without rows it lies anywhere from 0 to 1.

    Raises:
        StatisticsError: `hits` is negative or more than `rows`.
    """
    hits, rows = share
    if not 0.0 <= hits <= rows < math.inf:
        raise StatisticsError(f"a share of {hits} of {rows} rows was given; expected from 0 to all of them")
    if rows == 0.0:
        return 0.0, 1.0
    squared = normal_quantile(level) ** 2
    middle = (hits + squared / 2.0) / (rows + squared)
    half = math.sqrt(squared * (hits * (rows - hits) / rows + squared / 4.0)) / (rows + squared)
    # Rounding must not exclude what was seen.
    low = 0.0 if hits == 0.0 else min(max(0.0, middle - half), share.value)
    high = 1.0 if hits == rows else max(min(1.0, middle + half), share.value)
    return low, high


def difference(one: Share, other: Share, level: float = LEVEL) -> tuple[float, float]:
    """Bound the difference `one - other` of the shares of two independent samples (Newcombe 1998, method 10)."""
    (low, high), (other_low, other_high) = wilson(one, level), wilson(other, level)
    found = one.value - other.value
    down = math.hypot(one.value - low, other_high - other.value)
    up = math.hypot(high - one.value, other.value - other_low)
    return max(-1.0, found - down), min(1.0, found + up)


def ratio(one: Share, other: Share, level: float = LEVEL) -> Bounds:
    """Bound the ratio `one / other` of the shares of two independent samples (Donner and Zou 2012, equation 9).

    Written so that nothing cancels where a limit is 0; the upper one is None where `other` may be 0.
    """
    (low, high), (other_low, other_high) = wilson(one, level), wilson(other, level)
    product = one.value * other.value
    least = low * (2.0 * one.value - low), other_high * (2.0 * other.value - other_high)
    most = high * (2.0 * one.value - high), other_low * (2.0 * other.value - other_low)
    below = product + math.sqrt(max(0.0, product * product - least[0] * least[1]))
    above = product + math.sqrt(max(0.0, product * product - most[0] * most[1]))
    return Bounds(max(0.0, least[0] / below) if below else 0.0, above / most[1] if most[1] > 0.0 else None)


def within_unit(value: float, variance: float, rows: float, level: float = LEVEL) -> tuple[float, float]:
    """Bound an estimate that lies between 0 and 1 and has this `variance`: as a share of as many rows as vary so.

    Where the variance is 0, because everything seen was alike, `rows` are taken. Without rows, from 0 to 1.
    """
    inside = min(1.0, max(0.0, value))
    effective = inside * (1.0 - inside) / variance if variance > 0.0 and 0.0 < inside < 1.0 else rows
    return wilson(Share(inside * effective, effective), level)


def positive_mean(value: float, variance: float, level: float = LEVEL) -> Bounds:
    """Bound an estimate that cannot be negative, by the delta method on its logarithm; `variance` is that of `value`.

    Nothing but 0 bounds it where it is 0 or does not vary.
    """
    if value <= 0.0 or not 0.0 < variance < math.inf:
        return Bounds(0.0, None)
    exponent = normal_quantile(level) * math.sqrt(variance) / value
    return Bounds(value * math.exp(-exponent), value * math.exp(exponent) if exponent < FURTHEST else None)


def mean(value: float, variance: float, level: float = LEVEL) -> Bounds:
    """Bound an estimate of any size, as normal; `variance` is that of `value`. Nothing bounds what does not vary."""
    if not 0.0 < variance < math.inf:
        return UNBOUNDED
    half = normal_quantile(level) * math.sqrt(variance)
    return Bounds(value - half, value + half)


def variance_of_mean(total: float, squares: float, rows: int) -> float:
    """Tell the variance of the mean of `rows` numbers from their sum and that of their squares; 0 where unknown."""
    if rows <= 1:
        return 0.0
    average = total / rows
    return max(0.0, (squares / rows - average * average) / (rows - 1))
