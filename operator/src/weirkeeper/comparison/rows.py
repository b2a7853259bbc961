"""Rows to compare, wherever they lie: columns by name, in Arrow's record batches, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from weirkeeper.comparison.errors import UnusableRule

BATCH_ROWS: Final = 65_536


@dataclass(frozen=True)
class Reading:
    """How CSV files are read.

    `text` are columns of the reference that are text although they look like numbers, `missing` words for a missing
    value beside the usual ones, and `delimiter` stands between two values.

    Raises:
        UnusableRule: the delimiter is not one character.
    """

    text: Sequence[str] = ()
    missing: Sequence[str] = ()
    delimiter: str = ","

    def __post_init__(self) -> None:
        """Refuse a delimiter that no CSV can have."""
        if len(self.delimiter) != 1:
            raise UnusableRule(f"delimiter is {self.delimiter!r}; give one character, such as , or ;")


class Rows(Protocol):
    """Rows that can be read once.

    `written` says that all values are text that may stand for something else, as in a CSV.
    """

    name: str
    columns: Sequence[str]
    written: bool

    def kinds(self) -> dict[str, Any]:
        """Give Arrow's type of each column."""

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Read some columns."""

    def part_read(self) -> float | None:
        """Tell which part of the rows was read so far, from 0 to 1; None where nobody knows."""
