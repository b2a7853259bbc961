"""Counters of live values by the bins of a reference profile: integers only, so replicas add up exactly."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from weirkeeper.statistics.cleaning import Column, Floats, Texts, numbers_of, texts_of
from weirkeeper.statistics.errors import ProfileMismatch
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.joint import Projection
from weirkeeper.statistics.tallies import tallies, tally_of

CHUNK: Final = 16_384
"""Rows looked at together: they stay in a processor's cache while they are compared with every edge."""


class FeatureCounter:
    """Counts the values of one feature since it was made.

    Integers throughout: bins, kinds of rows and the sum are exact, whatever the order and the sizes of the batches.
    """

    def __init__(self, feature: FeatureProfile) -> None:
        self._feature = feature
        self.counts_numbers = not feature.textual and feature.view is None
        """Whether it counts the numbers of a column as they come."""
        self._bin_of_text: dict[str, int] = {str(value): i for i, value in enumerate(feature.values)}
        self._bin_of_text |= dict.fromkeys(feature.others, len(feature.values))
        self._texts = [0] * feature.bins
        self.tallies = tallies(feature)
        """What counts its numbers; whoever adds to it by another way says so to `added`."""
        self._numbers = self._missing = self._invalid = self._unseen = 0

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

    def added(self, rows: int, invalid: int) -> None:
        """Take note of numbers that were given to `tallies`: NaN where rows have none, or something `invalid`."""
        self._invalid += invalid
        self._missing -= invalid
        self._numbers += rows

    def _count(self, column: Column) -> None:
        if self._feature.textual:
            self._count_texts(texts_of(column))
            return
        values, invalid = numbers_of(column)
        self.added(values.size, invalid)
        for start in range(0, values.size, CHUNK):
            self.tallies.add(doubles(values[start : start + CHUNK]))

    def _count_texts(self, texts: Texts) -> None:
        self._missing += texts.missing
        self._invalid += texts.invalid
        unknown = len(self._feature.values) if self._feature.open else None
        for text, count in texts.counts.items():
            found = self._bin_of_text.get(text, unknown)
            if found is None:
                self._unseen += count
            else:
                self._texts[found] += count

    def totals(self) -> dict[str, Any]:
        """Tell everything counted so far, as plain integers."""
        kinds, at_most, equal = tally_of(self.tallies, self._feature)
        present = self._numbers - kinds.missing
        unseen = present - sum(equal) if self._feature.enumerated else 0
        ranged = {} if self._feature.bounds is None else {"outOfRange": kinds.out_of_range}
        return {
            "counts": list(self._texts) if self._feature.textual else self._bins(present, at_most, equal),
            "missing": self._missing + kinds.missing,
            "invalid": self._invalid,
            "unseen": self._unseen + unseen,
            "posInf": kinds.pos_inf,
            "negInf": kinds.neg_inf,
            "sum": kinds.sum,
            **ranged,
        }

    def _bins(self, present: int, at_most: Sequence[int], equal: Sequence[int]) -> list[int]:
        if self._feature.enumerated:
            return [*equal, 0]
        edges = self._feature.edges
        intervals = [later - before for before, later in pairwise((0, *at_most, present))]
        for atom, count in zip(self._feature.atoms, equal, strict=True):
            intervals[bisect_left(edges, atom)] -= count
        return [*intervals, *equal]


def doubles(values: Column) -> Floats:
    """Make doubles of numbers, side by side."""
    if values.dtype.itemsize <= np.dtype(np.float64).itemsize:
        return np.ascontiguousarray(values, dtype=np.float64)
    # Longer types may hold what is infinite here.
    with np.errstate(over="ignore"):
        return values.astype(np.float64)


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
