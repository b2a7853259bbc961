"""Memory for rows that wait, used again and again: to get fresh megabytes costs more than to copy the rows there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from weirkeeper_server.tensors import Array, Columns


class RowBuffer:
    """Columns of at most `size` rows; what is put behind each other keeps its order."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._arrays: dict[str, Array] | None = None
        self.rows = 0

    def put(self, parts: Sequence[Columns], rows: int) -> bool:
        """Copy parts of so many rows together behind what is there; False where they do not fit to it."""
        if self.rows + rows > self._size:
            return False
        if self._arrays is not None and self._copy(self._arrays, parts, rows):
            return True
        if self.rows:
            return False
        # Nothing is there with which they would have to agree.
        arrays = {name: self._array(column) for name, column in parts[0].items()}
        self._arrays = arrays if self._copy(arrays, parts, rows) else None
        return self._arrays is not None

    def _copy(self, arrays: Mapping[str, Array], parts: Sequence[Columns], rows: int) -> bool:
        if any(part.keys() != arrays.keys() for part in parts):
            return False
        end = self.rows + rows
        try:
            for name, array in arrays.items():
                np.concatenate([part[name] for part in parts], out=array[self.rows : end], casting="safe")
        except (TypeError, ValueError):
            return False  # they are of another type or shape
        self.rows = end
        return True

    def _array(self, column: Array) -> Array:
        # Texts of one type differ in their lengths.
        dtype = np.dtype(object) if column.dtype.kind in "SU" else column.dtype
        return np.empty((self._size, *column.shape[1:]), dtype, order="F")

    def columns(self) -> Columns:
        """Give what is there, valid until `clear`."""
        arrays: Mapping[str, Array] = self._arrays or {}
        return {name: array[: self.rows] for name, array in arrays.items()}

    def clear(self) -> None:
        """Begin anew."""
        for array in (self._arrays or {}).values():
            if array.dtype.hasobject:
                array[: self.rows] = None  # nobody's texts are kept longer than they are needed
        self.rows = 0
