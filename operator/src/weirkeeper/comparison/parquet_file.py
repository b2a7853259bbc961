"""Rows of a Parquet file, some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import parquet

from weirkeeper.comparison.errors import UnreadableRows
from weirkeeper.comparison.names import check_each_once
from weirkeeper.comparison.rows import BATCH_ROWS

BUFFER_BYTES: Final = 1 << 16
"""Of each column, instead of a whole row group's."""


class ParquetRows:
    """Rows of a Parquet file."""

    written = False

    def __init__(self, file: Path) -> None:
        self.name = str(file)
        try:
            self._file = parquet.ParquetFile(file, pre_buffer=False, buffer_size=BUFFER_BYTES)
        except pa.ArrowException as error:
            raise self._unreadable(error) from None
        self.columns: Sequence[str] = self._file.schema_arrow.names
        check_each_once(self.columns, self.name)
        self._read, self._rows = 0, self._file.metadata.num_rows

    def kinds(self) -> dict[str, Any]:
        """Give Arrow's type of each column."""
        return {field.name: field.type for field in self._file.schema_arrow}

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Read some columns.

        Raises:
            UnreadableRows: the file is damaged.
        """
        try:
            with self._file:
                for batch in self._file.iter_batches(BATCH_ROWS, columns=list(columns)):
                    self._read += batch.num_rows
                    yield batch
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from None

    def part_read(self) -> float | None:
        """Tell which part of the rows was read so far."""
        return self._read / self._rows if self._rows else None

    def _unreadable(self, error: Exception) -> UnreadableRows:
        return UnreadableRows(f"{self.name} is a damaged Parquet file: {error}; write it anew")
