"""Counts the features that are made of one set of columns: of one column each, or of several row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from weirkeeper.statistics.cleaning import Column, Floats, numbers_of
from weirkeeper.statistics.counters import CHUNK, FeatureCounter
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.joint import Projection


class ColumnCounters:
    """The counters of features that are counted from one set of columns, with the rows that are not counted yet."""

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
        self._waiting: list[tuple[Mapping[str, Column], int]] = []

    def take(self, columns: Mapping[str, Column], rows: int) -> None:
        """Let rows wait to be counted."""
        self._waiting.append((columns, rows))

    def count(self) -> None:
        """Count what waits."""
        for _ in self.steps():
            pass

    def steps(self) -> Iterator[None]:
        """Count what waits, a column or a projection of some rows between two steps; all of them have to be made."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        waited: dict[str, _Waited] = {}
        for name, counters in self._by_column.items():
            waited[name] = _Waited([(columns.get(name), rows) for columns, rows in waiting])
            for counter in counters:
                counter.skip(waited[name].absent)
                for part in waited[name].parts:
                    counter.ingest(part)
            yield
        yield from self._project(waited, sum(rows for _, rows in waiting))

    def totals(self) -> dict[str, Any]:
        """Tell what was counted, by feature."""
        return {name: counter.totals() for name, counter in self._counters.items()}

    def _project(self, waited: Mapping[str, _Waited], rows: int) -> Iterator[None]:
        needed = {name for projection, _ in self._projected for name in projection.columns}
        aligned = {name: waited[name].aligned() for name in needed}
        for start in range(0, rows, CHUNK):
            chunk = {name: column[start : start + CHUNK] for name, column in aligned.items()}
            standardised: dict[tuple[str, float, float], Floats] = {}
            for projection, counter in self._projected:
                counter.ingest(projection.of(chunk, standardised))
                yield


class _Waited:
    """What waits of one column: the rows of every batch, None where a batch had no such column."""

    def __init__(self, batches: Sequence[tuple[Column | None, int]]) -> None:
        self._batches = batches
        self.absent = sum(rows for part, rows in batches if part is None)
        self.parts = _joined([part for part, _ in batches if part is not None])

    def aligned(self) -> Floats:
        """Give the number of each row, NaN where there is none."""
        complete = all(part is not None and part.size == rows for part, rows in self._batches)
        parts = self.parts if complete else [_padded(part, rows) for part, rows in self._batches]
        floats = [numbers_of(part).values.astype(np.float64, copy=False) for part in parts]
        return floats[0] if len(floats) == 1 else np.concatenate(floats)


def _padded(column: Column | None, rows: int) -> Floats:
    numbers = np.empty(0) if column is None else numbers_of(column).values
    return np.append(numbers, np.full(rows - numbers.size, np.nan))


def _joined(parts: Sequence[Column]) -> list[Column]:
    """Join columns of like types; joining unlike ones would turn numbers into text."""
    if len({part.dtype for part in parts}) == 1:
        # A column of a matrix is read many times.
        return [np.ascontiguousarray(parts[0]) if len(parts) == 1 else np.concatenate(parts)]
    runs = [list(alike) for _, alike in groupby(parts, key=lambda column: column.dtype.kind)]
    return [run[0] if len(run) == 1 else np.concatenate(run) for run in runs]
