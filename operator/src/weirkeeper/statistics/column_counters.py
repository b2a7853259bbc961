"""Counts the features that are made of one set of columns: of one column each, or of several row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

import numpy as np

from weirkeeper.compiled.counting import CompiledTallies
from weirkeeper.compiled.library import LIBRARY
from weirkeeper.compiled.table import CompiledTable, Direction, Term
from weirkeeper.statistics.cleaning import Column, Floats, Numbers, numbers_of
from weirkeeper.statistics.counters import CHUNK, FeatureCounter, doubles
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.joint import LIMIT, STEPS, Projection

VALUES: Final = 2**15
"""Values of numeric columns that are counted together in one step: a fraction of a millisecond."""
LEAST_ROWS: Final = 64
"""In a step, where there are many columns."""
LOOKED_AT: Final = 16
"""Columns that are looked at in a step, before they are counted together: some microseconds each."""


class ColumnCounters:
    """The counters of features that are counted from one set of columns, with the rows that are not counted yet.

    Where there is compiled code, numbers and what is projected of them are counted together, some rows of all columns
    at a time, and the other features `apart`, by column.
    """

    def __init__(self, features: Sequence[FeatureProfile]) -> None:
        self._counters = {feature.name: FeatureCounter(feature) for feature in features}
        self._projected: list[tuple[Projection, FeatureCounter]] = []
        self._by_column: dict[str, list[FeatureCounter]] = {}
        for feature in features:
            for column in feature.columns:
                self._by_column.setdefault(column, [])
            if isinstance(feature.view, Projection):
                self._projected.append((feature.view, self._counters[feature.name]))
            else:
                self._by_column[feature.columns[0]].append(self._counters[feature.name])
        self._numeric = _numeric(self._by_column, {name for view, _ in self._projected for name in view.columns})
        self._table = _table(self._numeric, self._projected)
        together = self._numeric if self._table else {}
        apart = {
            name: [one for one in counters if one not in together.get(name, ())]
            for name, counters in self._by_column.items()
        }
        self._apart = {name: counters for name, counters in apart.items() if counters}
        self._waiting: list[tuple[Mapping[str, Column], int]] = []

    @property
    def apart(self) -> int:
        """How many features are counted by a call of their own for each batch of rows."""
        projected = 0 if self._table else len(self._projected)
        return sum(map(len, self._apart.values())) + projected

    def take(self, columns: Mapping[str, Column], rows: int) -> None:
        """Let rows wait to be counted."""
        self._waiting.append((columns, rows))

    def count(self) -> None:
        """Count what waits."""
        for _ in self.steps():
            pass

    def steps(self) -> Iterator[None]:
        """Look at what waits and count it, some columns, a projection or some rows a step; all have to be made."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        rows = sum(rows for _, rows in waiting)
        waited: dict[str, _Waited] = {}
        for place, name in enumerate(self._by_column, start=1):
            waited[name] = _Waited([(columns.get(name), rows) for columns, rows in waiting])
            if place % LOOKED_AT == 0:
                yield
        # What is no value for each row goes by column, as where nothing is compiled.
        table = self._table if all(waited[name].is_even for name in self._numeric) else None
        for name, counters in (self._apart if table else self._by_column).items():
            for counter in counters:
                counter.skip(waited[name].absent)
                for part in waited[name].parts:
                    counter.ingest(part)
            yield
        yield from self._together(table, waited, rows) if table else self._project(waited, rows)

    def totals(self) -> dict[str, Any]:
        """Tell what was counted, by feature."""
        return {name: counter.totals() for name, counter in self._counters.items()}

    def _together(self, table: CompiledTable, waited: Mapping[str, _Waited], rows: int) -> Iterator[None]:
        columns: list[Floats] = []
        for place, (name, counters) in enumerate(self._numeric.items(), start=1):
            found = waited[name].numbers()
            columns.append(found.values)
            for counter in counters:
                counter.added(rows, found.invalid)
            if place % LOOKED_AT == 0:
                yield
        for _, counter in self._projected:
            counter.added(rows, 0)
        yield from table.steps(columns, max(LEAST_ROWS, VALUES // len(columns)))

    def _project(self, waited: Mapping[str, _Waited], rows: int) -> Iterator[None]:
        needed = {name for projection, _ in self._projected for name in projection.columns}
        aligned = {name: waited[name].numbers().values for name in needed}
        for start in range(0, rows, CHUNK):
            chunk = {name: column[start : start + CHUNK] for name, column in aligned.items()}
            standardised: dict[tuple[str, float, float], Floats] = {}
            for projection, counter in self._projected:
                counter.ingest(projection.of(chunk, standardised))
                yield


def _numeric(by_column: Mapping[str, Sequence[FeatureCounter]], projected: set[str]) -> dict[str, list[FeatureCounter]]:
    """Choose what counts numbers as they come, by the columns of which there is such or a projection."""
    found = {name: [one for one in counters if one.counts_numbers] for name, counters in by_column.items()}
    return {name: counters for name, counters in found.items() if counters or name in projected}


def _table(
    numeric: Mapping[str, Sequence[FeatureCounter]], projected: Sequence[tuple[Projection, FeatureCounter]]
) -> CompiledTable | None:
    """Make what counts numeric columns in their order; None without any, or where nothing is compiled."""
    if LIBRARY is None or not numeric:
        return None
    place_of = {name: place for place, name in enumerate(numeric)}
    singles = [(place_of[name], _compiled(counter)) for name, counters in numeric.items() for counter in counters]
    directions = [
        Direction(
            [Term(place_of[name], *by) for name, *by in zip(view.columns, view.centers, view.scales, strict=True)],
            view.weights,
            _compiled(counter),
        )
        for view, counter in projected
    ]
    return CompiledTable(LIBRARY, len(numeric), singles, directions, LIMIT, STEPS)


def _compiled(counter: FeatureCounter) -> CompiledTallies:
    if not isinstance(counter.tallies, CompiledTallies):
        raise TypeError("a feature is counted by numpy although there is a library")
    return counter.tallies


class _Waited:
    """What waits of one column: the rows of every batch, None where a batch had no such column."""

    def __init__(self, batches: Sequence[tuple[Column | None, int]]) -> None:
        self._batches = batches
        present = [part for part, _ in batches if part is not None]
        self.absent = 0 if len(present) == len(batches) else sum(rows for part, rows in batches if part is None)
        self.is_even = not any(part is not None and part.size != rows for part, rows in batches)
        """Whether each batch has a value for each row, or no such column."""
        self.parts = _joined(present)

    def numbers(self) -> Numbers:
        """Give the number of each row, NaN where there is none, and how many rows have something else."""
        complete = self.is_even and not self.absent
        found = [numbers_of(part) for part in self.parts] if complete else [_padded(*batch) for batch in self._batches]
        if len(found) == 1:
            return found[0]._replace(values=doubles(found[0].values))
        values = np.concatenate([doubles(numbers.values) for numbers in found])
        return Numbers(values, sum(numbers.invalid for numbers in found))


def _padded(column: Column | None, rows: int) -> Numbers:
    found = Numbers(np.empty(0), 0) if column is None else numbers_of(column)
    return Numbers(np.append(found.values, np.full(rows - found.values.size, np.nan)), found.invalid)


def _joined(parts: Sequence[Column]) -> list[Column]:
    """Join columns of like types; joining unlike ones would turn numbers into text."""
    if len(parts) == 1:
        return [np.ascontiguousarray(parts[0])]  # a column of a matrix is read many times
    if len({part.dtype for part in parts}) == 1:
        return [np.concatenate(parts)]
    runs = [list(alike) for _, alike in groupby(parts, key=lambda column: column.dtype.kind)]
    return [run[0] if len(run) == 1 else np.concatenate(run) for run in runs]
