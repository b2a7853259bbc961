"""A ring of slots of one length, with some whole numbers each: as much memory after a month as at the start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from weirkeeper.observe.kept_numbers import count_of

EMPTY: Final = -1


class SlotRing:
    """The last `count` slots of `seconds` each, UTC-aligned; what is counted has names, the `columns`."""

    def __init__(self, seconds: int, count: int, columns: Iterable[str] = ()) -> None:
        self.seconds = seconds
        self._starts: NDArray[np.int64] = np.full(count, EMPTY, dtype=np.int64)
        self._columns: dict[str, NDArray[np.int64]] = {name: np.zeros(count, dtype=np.int64) for name in columns}

    def set_columns(self, names: Iterable[str]) -> None:
        """Keep these columns only; new ones are 0 so far."""
        count = len(self._starts)
        self._columns = {
            name: self._columns[name] if name in self._columns else np.zeros(count, dtype=np.int64) for name in names
        }

    def add(self, moment: int, counts: Mapping[str, int]) -> None:
        """Add counts of known columns to the slot that `moment` (Unix seconds) lies in; the oldest makes room."""
        start = moment // self.seconds * self.seconds
        place = start // self.seconds % len(self._starts)
        if self._starts[place] != start:
            self._starts[place] = start
            for column in self._columns.values():
                column[place] = 0
        for name, count in counts.items():
            self._columns[name][place] += count

    def between(self, first: int, end: int) -> dict[str, int]:
        """Add up, by column, the slots that start at `first` or later and before `end`."""
        inside = (self._starts >= first) & (self._starts < end)
        return {name: int(column[inside].sum()) for name, column in self._columns.items()}

    def to_json(self) -> dict[str, Any]:
        """Write what is in it, the oldest slot first."""
        order = [int(place) for place in np.argsort(self._starts, kind="stable") if self._starts[place] != EMPTY]
        columns = {name: column[order].tolist() for name, column in self._columns.items()}
        return {"starts": self._starts[order].tolist(), "columns": columns}

    def read(self, found: Mapping[str, Any]) -> None:
        """Take in what `to_json` wrote.

        Raises:
            ValueError: a number is none that was counted, or a column has another length.
        """
        starts = [count_of(start) for start in found["starts"]]
        columns = {str(name): [count_of(one) for one in column] for name, column in found["columns"].items()}
        self.set_columns(columns)
        for place, start in enumerate(starts):
            if any(len(column) != len(starts) for column in columns.values()):
                raise ValueError(f"columns of {sorted(map(len, columns.values()))} slots; expected {len(starts)}")
            self.add(start, {name: column[place] for name, column in columns.items()})
