"""Columns as they come: what in them is a value, what is missing, and what is of the wrong type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]
"""One value a row: numbers, booleans, text, bytes or objects; one dimension."""


class Numbers(NamedTuple):
    """The numbers of a column (infinite ones included), and how many rows had none or something else."""

    values: npt.NDArray[np.float64]
    missing: int
    invalid: int


class Texts(NamedTuple):
    """The texts of a column, and how many rows had none or something else."""

    values: list[str]
    missing: int
    invalid: int


def numbers_of(column: Column) -> Numbers:
    """Take the numbers of a column; booleans are 0 and 1, text that looks like a number is not one."""
    if column.dtype.kind in "biuf":
        values = column.astype(np.float64, copy=False)
        absent = np.isnan(values)
        missing = int(np.count_nonzero(absent))
        return Numbers(values[~absent] if missing else values, missing, 0)
    if column.dtype.kind != "O":
        return Numbers(np.empty(0), 0, column.size)
    present, missing = _present(column)
    numbers = [float(value) for value in present if is_number(value)]
    return Numbers(np.asarray(numbers, dtype=np.float64), missing, len(present) - len(numbers))


def texts_of(column: Column) -> Texts:
    """Take the texts of a column; bytes are read as UTF-8, and are invalid where they are none."""
    if column.dtype.kind == "U":
        return Texts(column.tolist(), 0, 0)
    if column.dtype.kind not in "OS":
        missing = int(np.count_nonzero(np.isnan(column))) if column.dtype.kind == "f" else 0
        return Texts([], missing, column.size - missing)
    present, missing = _present(column)
    texts = [text for text in (_text(value) for value in present) if text is not None]
    return Texts(texts, missing, len(present) - len(texts))


def is_number(value: object) -> bool:
    """Tell whether an object is a number (or a boolean)."""
    return isinstance(value, (bool, int, float, np.number, np.bool_)) and not isinstance(value, np.complexfloating)


def _present(column: Iterable[Any]) -> tuple[list[Any], int]:
    rows = column.tolist() if isinstance(column, np.ndarray) else list(column)
    present = [value for value in rows if not _absent(value)]
    return present, len(rows) - len(present)


def _absent(value: object) -> bool:
    """None, NaN, and pandas' NA and NaT, which are known by the name of their types only."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None
    return None
