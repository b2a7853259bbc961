"""Missing values: whether more of them are missing than in the reference, or fewer, by more than `delta` stands for.

One look in two directions, of which an increase gets most of what may be spent: that is how data breaks. Compared is by
the signed root of the likelihood ratio of two shares, which is nearly normal also where few values are missing, where
the PSI's own root is not (McCullagh and Nelder, Generalized Linear Models, 1989, section 6.2.6 and appendix C). The
null hypothesis is bounded by the shares whose PSI is `delta` and which explain the values that are missing altogether
best (restricted maximum likelihood for the odds ratio: Miettinen and Nurminen, Statistics in Medicine 4, 1985).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.budget import INCREASE
from weirkeeper.statistics.fisher import binomial_sf
from weirkeeper.statistics.noncentral import ncx2_isf

Floats = npt.NDArray[np.float64]

STEPS: Final = 60
"""Halvings after which a share is known to the last digit."""


class Sample(NamedTuple):
    """So many missing of so many rows, of several features each; parts of rows count."""

    missing: Floats
    rows: Floats

    @property
    def shares(self) -> Floats:
        """The share of each feature."""
        return self.missing / self.rows


class Limits(NamedTuple):
    """The shares up to which, and down to which, a window's own may lie; None where none is too low."""

    most: float
    least: float | None


def roots(reference: Sample, live: Sample, deltas: Floats) -> Floats:
    """Tell by how many standard deviations each change is beyond its delta; not above 0 where it is within.

    A change is a change in either direction. Rows of both samples are above 0.
    """
    found = np.zeros(live.rows.size)
    p, q = reference.shares, live.shares
    beyond = np.flatnonzero((p != q) & (psi_of_shares(p, q) > deltas))
    if beyond.size:
        one, other = (Sample(*(part[beyond] for part in side)) for side in (reference, live))
        p0, q0 = _boundary(one, other, deltas[beyond])
        ratio = sum(
            _log_likelihood(side, side.shares) - _log_likelihood(side, at) for side, at in ((one, p0), (other, q0))
        )
        found[beyond] = np.sqrt(np.maximum(0.0, 2.0 * ratio))
    return found


def p_value(root: float, size: float, delta: float, *, more: bool | None) -> float:
    """Tell the least probability at which a change alarms that is `root` standard deviations beyond `delta`.

    Where `more` is None both directions are alike: it is the probability of a normal number with mean m that it is
    further than m + `root` from 0.
    `size` is the effective size N; `more` whether more values are missing. With a and b for the parts of INCREASE and
    the rest and m for sqrt(N delta), an increase alarms above z(a) and a decrease above max(z(a), z(b) - 2 m): whatever
    the true change within `delta`, both together do with the whole probability at most, by the convexity of the tail.
    """
    if root <= 0.0:
        return 1.0
    if more is None:
        return min(1.0, _tail(root) + _tail(root + 2.0 * math.sqrt(size * delta)))
    increase = _tail(root) / INCREASE
    decrease = _tail(root + 2.0 * math.sqrt(size * delta)) / (1.0 - INCREASE)
    return min(1.0, increase if more else max(increase, decrease))


@lru_cache(maxsize=4096)
def least_root(alpha: float, size: float, delta: float, *, more: bool | None) -> float:
    """Tell how many standard deviations beyond `delta` alarm with probability `alpha`: the inverse of `p_value`."""
    if more is None:
        return max(0.0, math.sqrt(ncx2_isf(alpha, 1.0, size * delta)) - math.sqrt(size * delta))
    increase = -NormalDist().inv_cdf(INCREASE * alpha)
    if more:
        return increase
    return max(increase, -NormalDist().inv_cdf((1.0 - INCREASE) * alpha) - 2.0 * math.sqrt(size * delta))


@lru_cache(maxsize=4096)
def limits(missing: int, rows: int, delta: float, luck: float) -> Limits:
    """Bound what share is missing while the PSI is `delta` at most, by `missing` of `rows` of the reference.

    The reference is off by so much with probability `luck` at most (Clopper and Pearson, Biometrika 26, 1934).
    """
    share, unlike = missing / rows, (luck * INCREASE, luck * (1.0 - INCREASE))
    high = _furthest(lambda one: binomial_sf(rows - missing, rows, 1.0 - one) >= unlike[0], share, 1.0)
    low = _furthest(lambda one: binomial_sf(missing, rows, one) >= unlike[1], share, 0.0)
    most = _furthest(lambda one: _psi(high, one) <= delta, high, 1.0)
    least = _furthest(lambda one: _psi(low, one) <= delta, low, 0.0)
    return Limits(most, least if least > 0.0 else None)


def psi_of_shares(p: Floats, q: Floats) -> Floats:
    """Tell the PSI of two shares and what is left of them; infinite where one is all or nothing and the other not."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (q - p) * (np.log(q / p) - np.log((1.0 - q) / (1.0 - p)))
    return np.where(p == q, 0.0, found)


def _boundary(reference: Sample, live: Sample, deltas: Floats) -> tuple[Floats, Floats]:
    """Tell the shares with a PSI of delta on the line from what both samples share to what each has.

    All on it explain the missing values of both together alike; the PSI rises along it.
    """
    shared = (reference.missing + live.missing) / (reference.rows + live.rows)
    p, q = reference.shares - shared, live.shares - shared
    low, high = np.zeros(shared.size), np.ones(shared.size)
    for _ in range(STEPS if deltas.any() else 0):
        middle = (low + high) / 2.0
        within = psi_of_shares(shared + middle * p, shared + middle * q) <= deltas
        low, high = np.where(within, middle, low), np.where(within, high, middle)
    return shared + low * p, shared + low * q


def _log_likelihood(sample: Sample, shares: Floats) -> Floats:
    hits, others = sample.missing, sample.rows - sample.missing
    with np.errstate(divide="ignore", invalid="ignore"):
        told = np.where(hits > 0.0, hits * np.log(shares), 0.0)
        return np.asarray(told + np.where(others > 0.0, others * np.log1p(-shares), 0.0), dtype=np.float64)


def _furthest(holds: Callable[[float], bool], start: float, end: float) -> float:
    """Tell the last number on the way from `start`, where it holds, to `end` at which it still does."""
    while (middle := (start + end) / 2.0) not in (start, end):
        start, end = (middle, end) if holds(middle) else (start, middle)
    return start


def _psi(p: float, q: float) -> float:
    return (q - p) * (math.log(q / p) - math.log((1.0 - q) / (1.0 - p)))


def _tail(deviations: float) -> float:
    return math.erfc(deviations / math.sqrt(2.0)) / 2.0
