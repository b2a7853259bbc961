"""Counts live rows of a model by the bins of its profile, cheaply even where they come one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from weirkeeper.statistics.cleaning import Column
from weirkeeper.statistics.column_counters import ColumnCounters
from weirkeeper.statistics.profile import ReferenceProfile

BATCH_ROWS = 2048
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
        self._inputs = ColumnCounters(profile.features)
        self._outputs = ColumnCounters(profile.outputs)
        self.apart = self._inputs.apart + self._outputs.apart
        """How many features are counted by a call of their own for each batch of rows."""

    def ingest(self, inputs: Mapping[str, Column], outputs: Mapping[str, Column]) -> None:
        """Count rows: one array of one value a row for each column.

        A column of the profile that is absent counts as missing in every row, where any input (output) was given;
        one that the profile does not have is left out.
        """
        rows = max((column.shape[0] for column in (*inputs.values(), *outputs.values())), default=0)
        for counters, columns in ((self._inputs, inputs), (self._outputs, outputs)):
            if columns:
                counters.take(columns, rows)
        self._rows += rows
        self._waiting += rows
        if self._waiting >= BATCH_ROWS:
            self._count()

    def ingest_by_steps(self, inputs: Mapping[str, Column], outputs: Mapping[str, Column], rows: int) -> Iterator[None]:
        """Count rows as `ingest` does, a part between two steps: whoever steps may do something else meanwhile.

        All steps have to be made before `totals` tells of these rows.
        """
        for counters, columns in ((self._inputs, inputs), (self._outputs, outputs)):
            counters.take(columns, rows)
            yield from counters.steps()
        self._rows += rows

    def totals(self) -> dict[str, Any]:
        """Tell everything counted so far, as plain integers: rows, and by name inputs and outputs."""
        self._count()
        return {
            "rows": self._rows,
            "profileSha256": self.profile.sha256,
            "inputs": self._inputs.totals(),
            "outputs": self._outputs.totals(),
        }

    def _count(self) -> None:
        self._waiting = 0
        self._inputs.count()
        self._outputs.count()
