"""Counters of live values by the bins of a reference profile: integers only, so replicas add up exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.cleaning import Column, numbers_of, texts_of
from weirkeeper.statistics.errors import ProfileMismatch
from weirkeeper.statistics.feature import SUM_UNIT, FeatureProfile

FARTHEST = 10_000.0
"""Offsets from the mean are summed up to this many reference deviations: one absurd value must not drown a mean."""


class FeatureCounter:
    """Counts the values of one feature since it was made."""

    def __init__(self, feature: FeatureProfile) -> None:
        self._feature = feature
        self._edges = np.asarray(feature.edges, dtype=np.float64)
        self._atoms = np.asarray(feature.atoms, dtype=np.float64)
        self._values = np.asarray(() if feature.textual else feature.values, dtype=np.float64)
        self._bin_of_text: dict[str, int] = {str(value): i for i, value in enumerate(feature.values)}
        self._bin_of_text |= dict.fromkeys(feature.others, len(feature.values))
        self._counts = np.zeros(feature.bins, dtype=np.int64)
        self._missing = self._invalid = self._unseen = self._pos_inf = self._neg_inf = self._sum = 0

    def ingest(self, column: Column) -> None:
        """Count a column: one value a row."""
        if self._feature.textual:
            texts, missing, invalid = texts_of(column)
            self._count_texts(texts)
        else:
            numbers, missing, invalid = numbers_of(column)
            self._count_numbers(numbers)
        self._missing += missing
        self._invalid += invalid

    def skip(self, rows: int) -> None:
        """Count rows that did not have the feature at all."""
        self._missing += rows

    def _count_texts(self, texts: Iterable[str]) -> None:
        unknown = len(self._feature.values) if self._feature.open else None
        for text, count in Counter(texts).items():
            found = self._bin_of_text.get(text, unknown)
            if found is None:
                self._unseen += count
            else:
                self._counts[found] += count

    def _count_numbers(self, values: npt.NDArray[np.float64]) -> None:
        if values.size == 0:
            return
        found = self._bins_of(values)
        known = found[found >= 0]
        self._counts += np.bincount(known, minlength=self._counts.size)
        self._unseen += int(found.size - known.size)
        finite = values[np.isfinite(values)]
        if finite.size < values.size:
            self._pos_inf += int(np.count_nonzero(values == np.inf))
            self._neg_inf += int(np.count_nonzero(values == -np.inf))
        offsets = (finite - (self._feature.mean or 0.0)) / self._feature.scale
        self._sum += int(np.rint(np.clip(offsets, -FARTHEST, FARTHEST) / SUM_UNIT).astype(np.int64).sum())

    def _bins_of(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
        """Tell the bin of each value, -1 for one that the reference did not have."""
        if self._feature.enumerated:
            return _index_of(self._values, values, np.full(values.size, -1))
        intervals = np.searchsorted(self._edges, values, side="left")
        if self._atoms.size == 0:
            return intervals
        places = _index_of(self._atoms, values, np.full(values.size, -1))
        return np.where(places >= 0, places + self._edges.size + 1, intervals)

    def totals(self) -> dict[str, Any]:
        """Tell everything counted so far, as plain integers."""
        return {
            "counts": self._counts.tolist(),
            "missing": self._missing,
            "invalid": self._invalid,
            "unseen": self._unseen,
            "posInf": self._pos_inf,
            "negInf": self._neg_inf,
            "sum": self._sum,
        }


def _index_of(
    known: npt.NDArray[np.float64], values: npt.NDArray[np.float64], otherwise: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """Find each value among sorted ones."""
    if known.size == 0:
        return otherwise
    places = np.minimum(np.searchsorted(known, values), known.size - 1)
    return np.where(known[places] == values, places, otherwise)


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
