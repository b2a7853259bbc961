"""Rows in memory: frames of pandas, polars and others, tables of Arrow, arrays of numpy."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from weirkeeper.comparison.arrow import told_by_arrow
from weirkeeper.comparison.errors import UnfitColumns, UnreadableRows
from weirkeeper.comparison.names import check_each_once
from weirkeeper.comparison.rows import BATCH_ROWS, Rows

MATRIX: Final = "input"
"""A matrix's columns are `input[0]`, `input[1]`, …, as in the profile of a bundle that takes one."""
MATRIX_RANK: Final = 2
EXPECTED: Final = (
    "give a path of a CSV or Parquet file, a frame of pandas or polars, anything with Arrow's C stream"
    " (__arrow_c_stream__), a numpy array, or a mapping from names to arrays"
)


class TableRows:
    """Rows in memory: `slice_of(start, stop, columns)` gives some of `rows` as a record batch."""

    written = False

    def __init__(
        self, name: str, columns: Sequence[str], rows: int, slice_of: Callable[[int, int, Sequence[str]], Any]
    ) -> None:
        check_each_once(columns, name)
        self.name, self.columns = name, columns
        self._rows, self._slice_of, self._read = rows, slice_of, 0

    def kinds(self) -> dict[str, Any]:
        """Give Arrow's type of each column, as its first rows have it."""
        return {field.name: field.type for field in self._slice(0, BATCH_ROWS, self.columns).schema}

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Read some columns.

        Raises:
            UnfitColumns: a column mixes types.
        """
        for start in range(0, self._rows, BATCH_ROWS):
            yield self._slice(start, start + BATCH_ROWS, columns)
            self._read = min(self._rows, start + BATCH_ROWS)

    def part_read(self) -> float | None:
        """Tell which part of the rows was read so far."""
        return self._read / self._rows if self._rows else None

    def _slice(self, start: int, stop: int, columns: Sequence[str]) -> Any:
        try:
            return self._slice_of(start, stop, columns)
        except pa.ArrowException as error:
            told = told_by_arrow(error)
            raise UnfitColumns(
                f"{self.name} has a column that is not of one type: {told}; make it numbers, booleans or text"
            ) from None


class StreamRows:
    """Rows of any library that has Arrow's C stream."""

    written = False

    def __init__(self, name: str, given: Any) -> None:
        self.name = name
        try:
            self._reader = pa.RecordBatchReader.from_stream(given)
        except pa.ArrowException as error:
            raise UnreadableRows(f"{name} is a {type(given).__name__} without columns: {error}; {EXPECTED}") from None
        self.columns: Sequence[str] = self._reader.schema.names
        check_each_once(self.columns, name)
        self._rows = len(given) if hasattr(given, "__len__") else 0
        self._read = 0

    def kinds(self) -> dict[str, Any]:
        """Give Arrow's type of each column."""
        return {field.name: field.type for field in self._reader.schema}

    def batches(self, columns: Sequence[str]) -> Iterator[Any]:
        """Read some columns, a slice at a time where the stream comes in one piece."""
        for batch in self._reader:
            chosen = batch.select(list(columns))
            for start in range(0, batch.num_rows, BATCH_ROWS):
                yield chosen.slice(start, BATCH_ROWS)
                self._read += min(BATCH_ROWS, batch.num_rows - start)

    def part_read(self) -> float | None:
        """Tell which part of the rows was read so far."""
        return self._read / self._rows if self._rows else None


def table_rows(given: Any, name: str) -> Rows:
    """Open a table in memory.

    Raises:
        UnreadableRows: it is none.
        UnfitColumns: columns have no names, or not each its own.
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(given, pandas.DataFrame):
        return TableRows(name, list(given.columns), len(given), lambda *part: _pandas_slice(given, *part))
    if hasattr(given, "__arrow_c_stream__") and not isinstance(given, np.ndarray):
        return StreamRows(name, given)
    if isinstance(given, Mapping):
        return _array_rows({column: np.asarray(values) for column, values in given.items()}, name)
    if isinstance(given, np.ndarray):
        return _array_rows(_columns_of(given, name), name)
    raise UnreadableRows(f"{name} is a {type(given).__name__}; {EXPECTED}")


def _pandas_slice(frame: Any, start: int, stop: int, columns: Sequence[str]) -> Any:
    return pa.RecordBatch.from_pandas(frame.iloc[start:stop][list(columns)], preserve_index=False)


def _columns_of(array: np.typing.NDArray[Any], name: str) -> dict[str, Any]:
    if array.dtype.names:
        return {column: array[column] for column in array.dtype.names}
    if array.ndim != MATRIX_RANK:
        raise UnreadableRows(f"{name} is an array of shape {array.shape}; give a matrix, one row for each row")
    return {f"{MATRIX}[{place}]": array[:, place] for place in range(array.shape[1])}


def _array_rows(columns: Mapping[str, np.typing.NDArray[Any]], name: str) -> TableRows:
    shapes = {column: array.shape for column, array in columns.items()}
    if not columns or any(len(shape) != 1 for shape in shapes.values()) or len(set(shapes.values())) > 1:
        raise UnreadableRows(f"{name} has columns of shapes {shapes}; give one value a row in each, as many in all")

    def slice_of(start: int, stop: int, chosen: Sequence[str]) -> Any:
        arrays = [pa.array(columns[column][start:stop], from_pandas=True) for column in chosen]
        return pa.RecordBatch.from_arrays(arrays, names=list(chosen))

    return TableRows(name, list(columns), len(next(iter(columns.values()))), slice_of)
