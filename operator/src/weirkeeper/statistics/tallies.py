"""Numbers counted against the edges and points of a feature: by compiled code, or by numpy where there is none.

Both tell the same integers, to the bit: each value is rounded by itself, and whole numbers add up exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from weirkeeper.compiled.counting import KINDS, CompiledTallies, Scale
from weirkeeper.compiled.library import LIBRARY
from weirkeeper.statistics.cleaning import Floats
from weirkeeper.statistics.feature import SUM_UNIT, FeatureProfile

FARTHEST: Final = 10_000.0
"""Offsets from the mean are summed up to this many reference deviations: one absurd value must not drown a mean."""


class Kinds(NamedTuple):
    """How many numbers are NaN, infinite, and finite but outside of the feature's bounds.

    `sum` is of the finite ones' offsets, in units of SUM_UNIT reference deviations; 0 for a sensitive feature.
    """

    missing: int
    pos_inf: int
    neg_inf: int
    out_of_range: int
    sum: int


class Tally(NamedTuple):
    """What numbers are, how many are at most each edge of the feature, and how many are each of its points."""

    kinds: Kinds
    at_most: Sequence[int]
    equal: Sequence[int]


class Tallies(Protocol):
    """Counts doubles that lie side by side."""

    def add(self, values: Floats) -> None:
        """Count values."""

    def told(self) -> list[int]:
        """Tell the fields of what was counted so far, one after the other: of Kinds, edges and points."""


def tallies(feature: FeatureProfile) -> Tallies:
    """Make what counts the numbers of a feature."""
    if LIBRARY is None:
        return NumpyTallies(feature)
    offsets = None if feature.sensitive else Scale(feature.mean or 0.0, feature.scale, FARTHEST, SUM_UNIT)
    return CompiledTallies(LIBRARY, feature.edges, points_of(feature), feature.bounds, offsets)


def tally_of(counted: Tallies, feature: FeatureProfile) -> Tally:
    """Read what was counted of a feature."""
    told = counted.told()
    points = KINDS + len(feature.edges)
    return Tally(Kinds(*told[:KINDS]), told[KINDS:points], told[points:])


def points_of(feature: FeatureProfile) -> tuple[float, ...]:
    """Give the values that are counted one by one: all that are known of an enumerated feature, else its atoms."""
    if feature.textual:
        return ()
    return tuple(map(float, feature.values)) if feature.enumerated else feature.atoms


class NumpyTallies:
    """Counts with numpy, by one comparison after the other, which is several times faster than to search."""

    def __init__(self, feature: FeatureProfile) -> None:
        self._feature, self._points = feature, points_of(feature)
        self._told = [0] * (KINDS + len(feature.edges) + len(self._points))

    def add(self, values: Floats) -> None:
        """Count values."""
        feature = self._feature
        at_most = [_count(values <= edge) for edge in feature.edges]
        equal = [_count(values == point) for point in self._points]
        found = [*_kinds(values, feature), *at_most, *equal]
        self._told = [told + more for told, more in zip(self._told, found, strict=True)]

    def told(self) -> list[int]:
        """Tell what was counted so far."""
        return self._told


def _kinds(values: Floats, feature: FeatureProfile) -> Kinds:
    finite, missing, pos_inf, neg_inf, out_of_range = values, 0, 0, 0, 0
    least, most = _ends(values)
    if not (math.isfinite(least) and math.isfinite(most)):
        missing = _count(np.isnan(values))
        pos_inf, neg_inf = _count(values == np.inf), _count(values == -np.inf)
        finite = values[np.isfinite(values)]
        least, most = _ends(finite)
    bounds = feature.bounds
    if bounds is not None and (least < bounds[0] or most > bounds[1]):
        out_of_range = _count(finite < bounds[0]) + _count(finite > bounds[1])
    total = 0 if feature.sensitive else _offsets(finite, least, most, feature)
    return Kinds(missing, pos_inf, neg_inf, out_of_range, total)


def _count(found: npt.NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(found))


def _ends(values: Floats) -> tuple[float, float]:
    """Tell the least and the greatest value; NaN where one is NaN, 0 where there is none."""
    return (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)


def _offsets(finite: Floats, least: float, most: float, feature: FeatureProfile) -> int:
    """Sum the offsets from the reference mean: whole numbers below 2**53 add up exactly as floats too."""
    mean, scale = feature.mean or 0.0, feature.scale
    near = FARTHEST * scale
    if -near < least - mean and most - mean < near:
        offsets = finite - mean
        offsets /= scale
    else:
        with np.errstate(over="ignore"):
            offsets = np.clip((finite - mean) / scale, -FARTHEST, FARTHEST)
    offsets /= SUM_UNIT
    return int(np.rint(offsets, out=offsets).sum())
