"""Rows to compare, wherever they lie: columns by name, in Arrow's record batches, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from weirkeeper.comparison.errors import UnreadableRows, UnusableRule

BATCH_ROWS: Final = 65_536
PARQUET: Final = b"PAR1"
GZIP: Final = b"\x1f\x8b"


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


def open_rows(given: Any, name: str, reading: Reading) -> Rows:
    """Open a CSV or Parquet file by its path, or a table in memory; `name` is for messages about the latter.

    Raises:
        UnreadableRows: it is neither.
        UnfitColumns: columns have no names, or not each its own.
        OSError: the file cannot be read.
    """
    if not isinstance(given, str | Path):
        from weirkeeper.comparison.tables import table_rows  # noqa: PLC0415  a file needs no numpy to be opened

        return table_rows(given, name)
    file = Path(given)
    if file.is_dir():
        raise UnreadableRows(f"{file} is a folder; give a CSV or Parquet file (a bundle's folder is a reference only)")
    start = first_bytes(file)
    if start.startswith(PARQUET):
        from weirkeeper.comparison.parquet_file import ParquetRows  # noqa: PLC0415  only for such files

        return ParquetRows(file)
    from weirkeeper.comparison.csv_file import CsvRows  # noqa: PLC0415  only for such files

    return CsvRows(file, reading, compressed=start.startswith(GZIP))


def first_bytes(file: Path) -> bytes:
    """Read the bytes by which a kind of file is known."""
    with file.open("rb") as opened:
        return opened.read(64)
