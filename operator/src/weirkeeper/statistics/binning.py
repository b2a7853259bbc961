"""Where the bins of numbers are cut, and which texts are categories of their own."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from weirkeeper.statistics.cleaning import Floats, Texts
from weirkeeper.statistics.feature import FeatureProfile, FeatureType

BINS: Final = 10
"""Numeric bins: at equal reference shares, so that PSI has the same power everywhere."""

DISCRETE_LIMIT: Final = 20
CATEGORIES: Final = 50
COVERED: Final = 0.999
OTHERS_LIMIT: Final = 100
LONGEST: Final = 128
"""Longer text is no category: it is counted, not kept."""

FEW: Final = 20
"""A bin of a sensitive column holds at least so many reference rows."""

LARGE: Final = 1e150
"""Larger numbers have squares that no float holds."""


class Moments(NamedTuple):
    """Mean and standard deviation (of the population)."""

    mean: float
    std: float


def binned(name: str, ascending: Floats) -> FeatureProfile:
    """Cut at reference quantiles; a value with the share of a bin or more becomes an atom of its own.

    `ascending` are the finite values of the reference, sorted; the counts are left at 0.
    """
    values, counts = distinct(ascending)
    # A value each in a short column is not a point mass.
    atoms = values[(counts * BINS >= ascending.size) & (counts > 1)]
    rest = ascending
    for atom in atoms:
        rest = rest[rest != atom]
    bins = max(2, round(BINS * rest.size / ascending.size)) if rest.size else 1
    edges = np.unique(_quantiles(rest, bins)) if bins > 1 else np.empty(0)
    return FeatureProfile(
        name,
        "numeric",
        (0,) * (edges.size + 1 + atoms.size),
        edges=tuple(edges.tolist()),
        atoms=tuple(atoms.tolist()),
    )


def round_limits(name: str, ascending: Floats) -> FeatureProfile:
    """Cut half a step beside multiples of 1, 2 or 5 times a power of ten: limits that tell no value of the reference.

    No bin keeps fewer than FEW reference rows, so that none stands for a single person.
    """
    low, high = np.quantile(ascending, [0.1, 0.9]) if ascending.size else (0.0, 0.0)
    if not (math.isfinite(high - low) and high - low > abs(high) * 1e-9):
        return FeatureProfile(name, "numeric", (0,), sensitive=True)
    step = _nice((high - low) / (BINS - 2))
    limits = (np.arange(math.floor(low / step), math.ceil(high / step)) + 0.5) * step
    kept: list[float] = []
    below = 0
    for limit in limits.tolist():
        at_most = int(np.searchsorted(ascending, limit, side="right"))
        if at_most - below >= FEW and ascending.size - at_most >= FEW:
            kept.append(limit)
            below = at_most
    return FeatureProfile(name, "numeric", (0,) * (len(kept) + 1), edges=tuple(kept), sensitive=True)


def enumerated(name: str, kind: FeatureType, values: Iterable[float]) -> FeatureProfile:
    """Give each number a bin of its own."""
    kept = tuple(values)
    return FeatureProfile(name, kind, (0,) * (len(kept) + 1), values=kept)


def categorical(name: str, kind: FeatureType, texts: Texts) -> FeatureProfile:
    """Give the most frequent texts a bin each, and all others one together."""
    kept = categories_of(texts)
    rest = len(texts.counts) - len(kept)
    others: tuple[str, ...] = ()
    if rest <= OTHERS_LIMIT:
        others = tuple(sorted(texts.counts.keys() - set(kept)))
    listed = rest <= OTHERS_LIMIT and all(len(value) <= LONGEST for value in others)
    return FeatureProfile(
        name, kind, (0,) * (len(kept) + 1), values=kept, others=others if listed else (), open=not listed
    )


def categories_of(texts: Texts) -> tuple[str, ...]:
    """Choose the most frequent texts that are short enough, until they cover 99.9 % of the rows."""
    short = (item for item in texts.counts.items() if len(item[0]) <= LONGEST)
    ranked = heapq.nsmallest(CATEGORIES, short, key=lambda item: (-item[1], item[0]))
    total = sum(texts.counts.values())
    kept: list[str] = []
    covered = 0
    for value, count in ranked:
        if covered >= COVERED * total:
            break
        kept.append(value)
        covered += count
    return tuple(kept)


def described(feature: FeatureProfile, ascending: Floats) -> FeatureProfile:
    """Say where the finite values of a feature lie."""
    if ascending.size == 0:
        return feature
    mean, std = moments_of(ascending)
    return replace(feature, least=float(ascending[0]), most=float(ascending[-1]), mean=mean, std=std)


def moments_of(values: Floats) -> Moments:
    """Tell mean and deviation of finite numbers, however large."""
    largest = float(np.abs(values).max(initial=0.0))
    unit = largest if largest > LARGE else 1.0
    scaled = values / unit if unit > 1.0 else values
    return Moments(float(scaled.mean()) * unit, float(scaled.std()) * unit)


def distinct(ascending: Floats) -> tuple[Floats, Floats]:
    """Tell the distinct values of a sorted array, and how often each occurs."""
    starts = np.flatnonzero(np.concatenate(([True], ascending[1:] != ascending[:-1]))[: ascending.size])
    return ascending[starts] + 0.0, np.diff(np.append(starts, ascending.size)).astype(np.float64)


def _quantiles(values: Floats, bins: int) -> Floats:
    shares = np.arange(1, bins) / bins
    if np.abs(values[[0, -1]]).max() < LARGE:
        return np.asarray(np.quantile(values, shares))
    # The difference of two numbers may be larger than any float.
    return np.asarray(np.quantile(values / 4.0, shares)) * 4.0


def _nice(step: float) -> float:
    """Round up to 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= step * (1 - 1e-12))
