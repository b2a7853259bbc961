"""Counters of live values by the bins of a reference profile: integers only, so replicas add up exactly."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from weirkeeper.statistics.cleaning import Column, Floats, Texts, numbers_of, texts_of
from weirkeeper.statistics.errors import ProfileMismatch
from weirkeeper.statistics.feature import SUM_UNIT, FeatureProfile
from weirkeeper.statistics.joint import Projection

FARTHEST: Final = 10_000.0
"""Offsets from the mean are summed up to this many reference deviations: one absurd value must not drown a mean."""

CHUNK: Final = 16_384
"""Rows looked at together: they stay in a processor's cache while they are compared with every edge."""


class FeatureCounter:
    """Counts the values of one feature since it was made.

    Integers throughout: bins, kinds of rows and the sum are exact, whatever the order and the sizes of the batches.
    """

    def __init__(self, feature: FeatureProfile) -> None:
        self._feature = feature
        self._bounds = feature.bounds
        self._bin_of_text: dict[str, int] = {str(value): i for i, value in enumerate(feature.values)}
        self._bin_of_text |= dict.fromkeys(feature.others, len(feature.values))
        self._counts = [0] * feature.bins
        self._missing = self._invalid = self._unseen = self._pos_inf = self._neg_inf = 0
        self._sum = self._out_of_range = 0

    def ingest(self, column: Column) -> None:
        """Count a column: one value a row; of a projection, what was projected."""
        if self._feature.view is None or isinstance(self._feature.view, Projection):
            self._count(column)
            return
        viewed = self._feature.view.of(column)
        self._count(viewed.values)
        self._missing += viewed.missing
        self._invalid += viewed.invalid

    def skip(self, rows: int) -> None:
        """Count rows that did not have the feature at all."""
        self._missing += rows

    def _count(self, column: Column) -> None:
        if self._feature.textual:
            self._count_texts(texts_of(column))
            return
        values, invalid = numbers_of(column)
        self._invalid += invalid
        self._missing -= invalid
        for start in range(0, values.size, CHUNK):
            self._count_numbers(_doubles(values[start : start + CHUNK]))

    def _count_texts(self, texts: Texts) -> None:
        self._missing += texts.missing
        self._invalid += texts.invalid
        unknown = len(self._feature.values) if self._feature.open else None
        for text, count in texts.counts.items():
            found = self._bin_of_text.get(text, unknown)
            if found is None:
                self._unseen += count
            else:
                self._counts[found] += count

    def _count_numbers(self, values: Floats) -> None:
        finite, missing = values, 0
        least, most = _ends(values)
        if not (math.isfinite(least) and math.isfinite(most)):
            absent = np.isnan(values)
            missing = int(np.count_nonzero(absent))
            finite = self._count_infinite(values[~absent])
            least, most = _ends(finite)
        self._missing += missing
        self._count_bins(values, values.size - missing)
        if self._bounds is not None and (least < self._bounds[0] or most > self._bounds[1]):
            low, high = self._bounds
            self._out_of_range += int(np.count_nonzero(finite < low) + np.count_nonzero(finite > high))
        if not self._feature.sensitive:
            self._sum += _offsets(finite, least, most, self._feature)

    def _count_infinite(self, present: Floats) -> Floats:
        """Count infinite values and give the others."""
        finite = np.isfinite(present)
        if finite.all():
            return present
        self._pos_inf += int(np.count_nonzero(present == np.inf))
        self._neg_inf += int(np.count_nonzero(present == -np.inf))
        return present[finite]

    def _count_bins(self, values: Floats, present: int) -> None:
        """Count by comparing with one edge or value after the other, which is several times faster than to search."""
        counts = self._counts
        if self._feature.enumerated:
            found = [int(np.count_nonzero(values == value)) for value in self._feature.values]
            for place, count in enumerate(found):
                counts[place] += count
            self._unseen += present - sum(found)
            return
        edges, before = self._feature.edges, 0
        for place, edge in enumerate(edges):
            at_most = int(np.count_nonzero(values <= edge))
            counts[place] += at_most - before
            before = at_most
        counts[len(edges)] += present - before
        for place, atom in enumerate(self._feature.atoms, len(edges) + 1):
            count = int(np.count_nonzero(values == atom))
            counts[place] += count
            counts[bisect_left(edges, atom)] -= count

    def totals(self) -> dict[str, Any]:
        """Tell everything counted so far, as plain integers."""
        ranged = {} if self._bounds is None else {"outOfRange": self._out_of_range}
        return {
            "counts": list(self._counts),
            "missing": self._missing,
            "invalid": self._invalid,
            "unseen": self._unseen,
            "posInf": self._pos_inf,
            "negInf": self._neg_inf,
            "sum": self._sum,
            **ranged,
        }


def _doubles(values: Column) -> Floats:
    if values.dtype.itemsize <= np.dtype(np.float64).itemsize:
        return np.ascontiguousarray(values, dtype=np.float64)
    # Longer types may hold what is infinite here.
    with np.errstate(over="ignore"):
        return values.astype(np.float64)


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


def add(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Add totals, of the same profile: exact, in any order. What one of them lacks counts as zero.

    Raises:
        ProfileMismatch: they have other bins, or come from other profiles.
    """
    return _combined(one, other, 1)


def subtract(new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """Tell what was counted between two looks at the same counter.

    Raises:
        ProfileMismatch: as in `add`; or a counter fell, which is a restart: begin a new series.
    """
    return _combined(new, old, -1)


def _combined(one: Mapping[str, Any], other: Mapping[str, Any], sign: int) -> dict[str, Any]:
    return {key: _join(key, one.get(key), other.get(key), sign) for key in sorted({*one, *other})}


def _join(key: str, one: Any, other: Any, sign: int) -> Any:
    if isinstance(one, Mapping) or isinstance(other, Mapping):
        return _combined(one or {}, other or {}, sign)
    if isinstance(one, str) or isinstance(other, str):
        return _same(key, one, other)
    if isinstance(one, list) or isinstance(other, list):
        return _joined_lists(key, one, other, sign)
    joined = (one or 0) + sign * (other or 0)
    return joined if key == "sum" else _grown(key, joined)


def _joined_lists(key: str, one: list[int] | None, other: list[int] | None, sign: int) -> list[int]:
    length = len(one if one is not None else other or [])
    first, second = one if one is not None else [0] * length, other if other is not None else [0] * length
    if len(first) != len(second):
        raise ProfileMismatch(
            f"{key!r} has {len(first)} bins here and {len(second)} there: counts of two profiles cannot be joined"
        )
    return [_grown(key, a + sign * b) for a, b in zip(first, second, strict=True)]


def _same(key: str, one: str | None, other: str | None) -> str | None:
    if one is not None and other is not None and one != other:
        raise ProfileMismatch(f"{key!r} is {one} here and {other} there: counts of two profiles cannot be joined")
    return one if one is not None else other


def _grown(key: str, count: int) -> int:
    if count < 0:
        raise ProfileMismatch(f"{key!r} fell by {-count} between two looks: a restarted counter is a new series")
    return count
