"""Opens rows, wherever they lie: what a file is, its first bytes tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from weirkeeper.comparison.errors import UnreadableRows
from weirkeeper.comparison.rows import Reading, Rows

PARQUET: Final = b"PAR1"
GZIP: Final = b"\x1f\x8b"


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
