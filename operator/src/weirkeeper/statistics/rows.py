"""Counts live rows of a model by the bins of its profile, cheaply even where they come one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

import numpy as np

from weirkeeper.statistics.cleaning import Column
from weirkeeper.statistics.counters import FeatureCounter
from weirkeeper.statistics.profile import ReferenceProfile

BATCH_ROWS = 512
"""Rows wait until there are so many (or somebody asks): counting costs as much for one row as for hundreds."""


class ProfileCounters:
    """Counts rows by the bins of a profile, cumulatively.

    Not thread-safe: `ingest` and `totals` are called from one thread. Arrays that were ingested must not be written
    to afterwards: they are looked at later.
    """

    def __init__(self, profile: ReferenceProfile) -> None:
        self.profile = profile
        self._rows = 0
        self._waiting = 0
        self._inputs = {feature.name: _Waiting(FeatureCounter(feature)) for feature in profile.features}
        self._outputs = {output.name: _Waiting(FeatureCounter(output)) for output in profile.outputs}

    def ingest(self, inputs: Mapping[str, Column], outputs: Mapping[str, Column]) -> None:
        """Count rows: one array of one value a row for each column.

        A column of the profile that is absent counts as missing in every row, where any input (output) was given;
        one that the profile does not have is left out.
        """
        rows = max((column.shape[0] for column in (*inputs.values(), *outputs.values())), default=0)
        for counters, columns in ((self._inputs, inputs), (self._outputs, outputs)):
            if columns:
                for name, counter in counters.items():
                    counter.take(columns.get(name), rows)
        self._rows += rows
        self._waiting += rows
        if self._waiting >= BATCH_ROWS:
            self._count()

    def ingest_by_column(
        self, inputs: Mapping[str, Column], outputs: Mapping[str, Column], rows: int
    ) -> Iterator[None]:
        """Count rows as `ingest` does, a column between two steps: whoever steps may do something else meanwhile.

        All steps have to be made before `totals` tells of these rows. A column is asked for when it is counted.
        """
        for counters, columns in ((self._inputs, inputs), (self._outputs, outputs)):
            for name, waiting in counters.items():
                waiting.take(columns.get(name), rows)
                waiting.count()
                yield
        self._rows += rows

    def totals(self) -> dict[str, Any]:
        """Tell everything counted so far, as plain integers: rows, and by name inputs and outputs."""
        self._count()
        return {
            "rows": self._rows,
            "profileSha256": self.profile.sha256,
            "inputs": {name: waiting.counter.totals() for name, waiting in self._inputs.items()},
            "outputs": {name: waiting.counter.totals() for name, waiting in self._outputs.items()},
        }

    def _count(self) -> None:
        self._waiting = 0
        for waiting in (*self._inputs.values(), *self._outputs.values()):
            waiting.count()


class _Waiting:
    """A feature's counter with the columns that it has not counted yet."""

    def __init__(self, counter: FeatureCounter) -> None:
        self.counter = counter
        self._columns: list[Column] = []

    def take(self, column: Column | None, rows: int) -> None:
        if column is None:
            self.counter.skip(rows)
        else:
            self._columns.append(column)

    def count(self) -> None:
        # Joining columns of unlike types would turn numbers into text.
        for _, alike in groupby(self._columns, key=lambda column: column.dtype.kind):
            self.counter.ingest(np.concatenate(list(alike)))
        self._columns.clear()
