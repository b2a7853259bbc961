"""From a column of reference rows to its profile: what type it is and where its bins are cut."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.cleaning import Column, Numbers, is_number, numbers_of, texts_of
from weirkeeper.statistics.counters import FeatureCounter
from weirkeeper.statistics.errors import ProfileError
from weirkeeper.statistics.feature import FeatureProfile, FeatureType

Floats = npt.NDArray[np.float64]

BINS = 10
"""Numeric bins: at equal reference shares, so that PSI has the same power everywhere."""

DISCRETE_LIMIT = 20
CATEGORIES = 50
COVERED = 0.999
OTHERS_LIMIT = 100
LONGEST = 128
"""Longer text is no category: it is counted, not kept."""


def profile_input(name: str, column: Column) -> FeatureProfile:
    """Profile a column that a model is given.

    Raises:
        ProfileError: the column is not one value a row, or mixes numbers and text.
    """
    return _profiled(name, column, text_type="categorical", few_type="discrete")


def profile_output(name: str, column: Column) -> FeatureProfile:
    """Profile a column that a model answers with: a class, a probability or a number.

    Raises:
        ProfileError: as in `profile_input`.
    """
    feature = _profiled(name, column, text_type="class", few_type="class")
    if feature.type == "boolean":
        return replace(feature, type="class")
    in_unit = feature.least is not None and feature.most is not None and 0.0 <= feature.least <= feature.most <= 1.0
    return replace(feature, type="probability") if feature.type == "numeric" and in_unit else feature


def _profiled(name: str, column: Column, *, text_type: FeatureType, few_type: FeatureType) -> FeatureProfile:
    _check(name, column)
    if _is_text(name, column):
        feature = _categorical(name, text_type, texts_of(column).values)
    else:
        feature = _numerical(name, few_type, column)
    # Counted by the same rules as live values, so that the reference against itself has no distance.
    counter = FeatureCounter(feature)
    counter.ingest(column)
    totals = counter.totals()
    return replace(
        feature,
        counts=tuple(totals["counts"]),
        missing=totals["missing"],
        pos_inf=totals["posInf"],
        neg_inf=totals["negInf"],
    )


def _check(name: str, column: Column) -> None:
    if column.ndim != 1:
        raise ProfileError(
            f"column {name!r} has shape {column.shape}, expected one value a row: give each of its columns a name"
        )
    if column.size == 0:
        raise ProfileError(f"column {name!r} has no rows; give the rows that the model was trained or validated on")


def _is_text(name: str, column: Column) -> bool:
    if column.dtype.kind in "biufUS":
        return column.dtype.kind in "US"
    numbers, texts = numbers_of(column), texts_of(column)
    if numbers.values.size and texts.values:
        raise ProfileError(
            f"column {name!r} mixes {numbers.values.size} numbers with {len(texts.values)} texts; make it one of them"
        )
    if not numbers.values.size and not texts.values and numbers.missing < column.size:
        raise ProfileError(f"column {name!r} holds neither numbers nor text; convert it to one of them")
    return bool(texts.values)


def _categorical(name: str, kind: FeatureType, texts: list[str]) -> FeatureProfile:
    ranked = sorted(Counter(texts).items(), key=lambda item: (-item[1], item[0]))
    kept: list[str] = []
    covered = 0
    for value, count in ranked:
        if len(kept) == CATEGORIES or covered >= COVERED * len(texts):
            break
        if len(value) <= LONGEST:
            kept.append(value)
            covered += count
    rest = sorted(set(texts).difference(kept))
    listed = len(rest) <= OTHERS_LIMIT and all(len(value) <= LONGEST for value in rest)
    return FeatureProfile(
        name, kind, (0,) * (len(kept) + 1), values=tuple(kept), others=tuple(rest) if listed else (), open=not listed
    )


def _numerical(name: str, few_type: FeatureType, column: Column) -> FeatureProfile:
    numbers = numbers_of(column)
    finite = numbers.values[np.isfinite(numbers.values)]
    if _is_boolean(column):
        feature = FeatureProfile(name, "boolean", (0,) * 3, values=(0.0, 1.0))
    elif _is_whole(column, numbers) and np.unique(finite).size <= DISCRETE_LIMIT:
        values = tuple(float(value) for value in np.unique(finite))
        feature = FeatureProfile(name, few_type, (0,) * (len(values) + 1), values=values)
    else:
        feature = _binned(name, finite)
    if finite.size == 0:
        return feature
    return replace(
        feature, least=float(finite.min()), most=float(finite.max()), mean=float(finite.mean()), std=float(finite.std())
    )


def _is_boolean(column: Column) -> bool:
    if column.dtype.kind != "O":
        return column.dtype.kind == "b"
    present = [value for value in column.tolist() if is_number(value)]
    return bool(present) and all(isinstance(value, (bool, np.bool_)) for value in present)


def _is_whole(column: Column, numbers: Numbers) -> bool:
    """Tell whether the column holds whole numbers by type, not by chance."""
    if column.dtype.kind != "O":
        return column.dtype.kind in "iu" and numbers.values.size > 0
    present = [value for value in column.tolist() if is_number(value) and value == value]  # noqa: PLR0124  NaN is absent
    return bool(present) and all(isinstance(value, (int, np.integer)) for value in present)


def _binned(name: str, finite: Floats) -> FeatureProfile:
    """Cut at reference quantiles; a value with the share of a bin or more becomes an atom of its own."""
    values, counts = np.unique(finite, return_counts=True)
    heavy = counts * BINS >= finite.size
    # A value each in a short column is not a point mass.
    heavy &= counts > 1
    rest = finite[~np.isin(finite, values[heavy])]
    bins = max(2, round(BINS * rest.size / finite.size)) if rest.size else 1
    edges = np.unique(np.quantile(rest, np.arange(1, bins) / bins)) if bins > 1 else np.empty(0)
    atoms = tuple(float(value) for value in values[heavy])
    cuts = tuple(float(edge) for edge in edges)
    return FeatureProfile(name, "numeric", (0,) * (len(cuts) + 1 + len(atoms)), edges=cuts, atoms=atoms)
