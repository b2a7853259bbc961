"""Rows of a CSV file, as text, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import csv

from weirkeeper.comparison.arrow import told_by_arrow
from weirkeeper.comparison.errors import UnreadableRows
from weirkeeper.comparison.names import check_each_once
from weirkeeper.comparison.rows import Reading

BLOCK_BYTES: Final = 1 << 20
"""Also the longest line; Arrow reads some dozens of blocks ahead."""
MISSING: Final = (*csv.ConvertOptions().null_values, "<NA>", "None")
"""The words that pandas takes for a missing value, so that files mean the same here and where bundles are made."""
DELIMITERS: Final = ",;\t|"


class CsvRows:
    """Rows of a CSV file in UTF-8 with a header; plain, or `compressed` by gzip."""

    written = True

    def __init__(self, file: Path, reading: Reading, *, compressed: bool) -> None:
        self.name = str(file)
        self._reading, self._compressed = reading, compressed
        self._bytes = file.stat().st_size
        self._opened: Any = None
        self.columns: Sequence[str] = self._header()
        check_each_once(self.columns, self.name)

    def kinds(self) -> dict[str, Any]:
        """Give Arrow's type of each column: text, whatever it stands for."""
        return dict.fromkeys(self.columns, pa.string())

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Read some columns, a few megabytes at a time.

        Raises:
            UnreadableRows: a line has more or fewer values than the header, or is not in UTF-8; or the file is cut off.
        """
        options = csv.ConvertOptions(
            column_types=self.kinds(),
            include_columns=list(columns),
            null_values=[*MISSING, *self._reading.missing],
            strings_can_be_null=True,
        )
        with self._reader(options) as reader:
            yield from reader

    def part_read(self) -> float | None:
        """Tell which part of the file's bytes was read so far, while batches are read."""
        return float(self._opened.tell()) / self._bytes if self._bytes else None

    def _header(self) -> list[str]:
        with self._reader(csv.ConvertOptions()) as reader:
            names = reader.schema.names
        others = DELIMITERS.replace(self._reading.delimiter, "")
        if len(names) == 1 and (inside := [one for one in others if one in names[0]]):
            raise UnreadableRows(
                f"{self.name} has one column, {names[0]!r:.80}: give what stands between values (--delimiter"
                f" {inside[0]!r})"
            )
        return [str(name) for name in names]

    @contextmanager
    def _reader(self, options: Any) -> Iterator[Any]:
        with pa.OSFile(self.name) as self._opened:
            try:
                with self._stream(options) as reader:
                    yield reader
            except pa.ArrowInvalid as error:
                raise UnreadableRows(
                    f"{self.name} is no CSV file with a header, in UTF-8 and with {self._reading.delimiter!r} between"
                    f" values: {told_by_arrow(error)}"
                ) from None
            except OSError as error:
                raise UnreadableRows(f"{self.name} cannot be read to its end: {error}; write it anew") from None

    def _stream(self, options: Any) -> Any:
        return csv.open_csv(
            pa.CompressedInputStream(self._opened, "gzip") if self._compressed else self._opened,
            read_options=csv.ReadOptions(block_size=BLOCK_BYTES),
            parse_options=csv.ParseOptions(delimiter=self._reading.delimiter, newlines_in_values=True),
            convert_options=options,
        )
