"""Columns of rows as profiles and counters take them, and whether both sides have the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from weirkeeper.comparison.arrow import Array, column_of, exact_column_of, kind_of
from weirkeeper.comparison.errors import UnfitColumns
from weirkeeper.comparison.names import listed, nearest
from weirkeeper.comparison.rows import Rows
from weirkeeper.comparison.written import Mixed, numbers_in, read_column
from weirkeeper.statistics import ColumnMismatch, FeatureProfile, ReferenceProfile, View, check_columns
from weirkeeper.statistics.cleaning import Column
from weirkeeper.statistics.joint import Projection


def check_kinds(rows: Rows, columns: Sequence[str]) -> None:
    """See that columns have types that a profile can be made of.

    Raises:
        UnfitColumns: one holds lists, records or the like.
    """
    kinds = rows.kinds()
    for name in columns:
        kind_of(kinds[name], name, rows.name)


def reference_columns(sample: Any, where: str, as_they_are: Sequence[str]) -> dict[str, Column]:
    """Give the columns of a sample of rows: those in `as_they_are`, and what the others, written in a CSV, stand for.

    Raises:
        UnfitColumns: a written column mixes numbers and text.
    """
    mixed = Mixed(where)
    columns: dict[str, Column] = {}
    for name in sample.column_names:
        array = sample[name].combine_chunks()
        columns[name] = exact_column_of(array) if name in as_they_are else read_column(name, array, mixed)
    mixed.check()
    return columns


def check_present(rows: Rows, columns: Sequence[str], reference: str) -> None:
    """See that rows have these columns of a reference.

    Raises:
        UnfitColumns: some are missing; the message has the nearest name that is there.
    """
    if missing := [name for name in columns if name not in rows.columns]:
        raise UnfitColumns(
            f"{rows.name} lacks {listed(missing)} of {reference}{nearest(missing[0], rows.columns)}; give"
            f" {'it' if len(missing) == 1 else 'them'}, or leave out what is not to be compared"
            f" ({' '.join(f'--ignore {name}' for name in missing)})"
        )


def check_types(rows: Rows, columns: Sequence[str], features: Mapping[str, FeatureProfile]) -> None:
    """See that columns are of the types of the features of their names, as far as their own types tell.

    Raises:
        UnfitColumns: one is text on one side only, or holds lists, records or the like.
    """
    kinds = rows.kinds()
    for name in columns:
        found, feature = kind_of(kinds[name], name, rows.name), features.get(name)
        if rows.written or feature is None or feature.view or found not in ("numbers", "text"):
            continue
        if (found == "text") != feature.textual:
            raise _changed(rows.name, feature, f"is {kinds[name]}")


def live_columns(
    rows: Rows, batches: Iterable[Any], profile: ReferenceProfile, compared: Sequence[str]
) -> Iterator[Mapping[str, Column]]:
    """Give batches of rows as the counters of a profile take them, of which the columns `compared` are looked at.

    Raises:
        UnfitColumns: the values that a column begins with show that it is of another type.
    """
    features = {feature.name: feature for feature in profile.features if feature.name in compared}
    proven: frozenset[str] = frozenset()
    for batch in batches:
        columns = {name: _live(features, name, batch[name], written=rows.written) for name in batch.schema.names}
        proven |= _proven(rows.name, profile, columns, proven)
        yield columns


def _proven(
    where: str, profile: ReferenceProfile, columns: Mapping[str, Column], before: AbstractSet[str]
) -> frozenset[str]:
    """Tell which columns have values of their type, of those that had none before."""
    waiting = tuple(
        feature
        for feature in profile.features
        if not isinstance(feature.view, Projection) and columns.keys() - before >= set(feature.columns)
    )
    try:
        return check_columns(replace(profile, features=waiting), columns) if waiting else frozenset()
    except ColumnMismatch as error:
        options = f"read a CSV reference's column as text (--text {error.column}), or leave it out"
        raise UnfitColumns(f"{where}: {error}, {options} (--ignore {error.column})") from None


def _live(features: Mapping[str, FeatureProfile], name: str, array: Array, *, written: bool) -> Column:
    feature = features.get(name)
    if written and feature is not None and _numeric(feature):
        return numbers_in(array, boolean=feature.type == "boolean")
    if written and any(_groups_numbers(one, name) for one in features.values()):
        return numbers_in(array, boolean=False)
    return column_of(array)


def _numeric(feature: FeatureProfile) -> bool:
    """Tell whether the column itself holds numbers: a view, such as groups of a text, says nothing of that."""
    return feature.view is None and not feature.textual


def _groups_numbers(feature: FeatureProfile, column: str) -> bool:
    """Tell whether a feature is the groups of a sensitive column's numbers."""
    return isinstance(feature.view, View) and feature.view.kind == "numberGroup" and column in feature.columns


def _changed(where: str, feature: FeatureProfile, found: str) -> UnfitColumns:
    expected = "text" if feature.textual else "numbers"
    hint = "" if feature.textual else f", or read a CSV reference's column as text (--text {feature.name})"
    return UnfitColumns(
        f"column {feature.name!r} of {where} {found}, but {expected} in the reference, whose type is {feature.type}:"
        f" convert it{hint}, or leave it out (--ignore {feature.name})"
    )
