"""Columns as they come: what in them is a value, what is missing, and what is of the wrong type."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]
"""One value a row: numbers, booleans, text, bytes, moments or objects; one dimension."""

Floats = npt.NDArray[np.float64]

PLAIN: Final = frozenset({bool, int, float, type(None)})
"""Types of which NumPy makes floats by itself."""

TEXT: Final = frozenset({str, type(None)})


class Numbers(NamedTuple):
    """A row's number each, NaN where there is none, and how many of those have a value of another type."""

    values: Column
    invalid: int


class Texts(NamedTuple):
    """How often each text occurs in a column, and how many rows have none or something else."""

    counts: Mapping[str, int]
    missing: int
    invalid: int


def numbers_of(column: Column) -> Numbers:
    """Take the numbers of a column; booleans are 0 and 1, text that looks like a number is not one."""
    if column.dtype.kind in "biuf":
        return Numbers(column, 0)
    if column.dtype.kind != "O":
        absent = np.isnat(column) if column.dtype.kind in "mM" else np.zeros(column.size, dtype=bool)
        return Numbers(np.full(column.size, np.nan), int(np.count_nonzero(~absent)))
    rows = column.tolist()
    if set(map(type, rows)) <= PLAIN:
        try:
            return Numbers(np.array(rows, dtype=np.float64), 0)
        except OverflowError:
            # A whole number beyond the largest float is infinite, one by one.
            pass
    invalid = sum(not is_number(value) and not is_absent(value) for value in rows)
    return Numbers(np.array([_number(value) for value in rows], dtype=np.float64), invalid)


def texts_of(column: Column) -> Texts:
    """Take the texts of a column; bytes are read as UTF-8, and are invalid where they are none."""
    if column.dtype.kind not in "OSU":
        missing = missing_of(column)
        return Texts({}, missing, column.size - missing)
    found = _distinct(column.tolist())
    if isinstance(found, Counter) and set(map(type, found)) <= TEXT:
        return Texts(found, found.pop(None, 0), 0)
    counts: Counter[str] = Counter()
    missing = invalid = 0
    for value, count in found.items() if isinstance(found, Counter) else found:
        text = _text(value)
        if text is not None:
            counts[text] += count
        elif is_absent(value):
            missing += count
        else:
            invalid += count
    return Texts(counts, missing, invalid)


def missing_of(column: Column) -> int:
    """Count the rows without a value in a column of no objects."""
    if column.dtype.kind == "f":
        return int(np.count_nonzero(np.isnan(column)))
    return int(np.count_nonzero(np.isnat(column))) if column.dtype.kind in "mM" else 0


def is_number(value: object) -> bool:
    """Tell whether an object is a number (or a boolean)."""
    return isinstance(value, (bool, int, float, np.number, np.bool_)) and not isinstance(
        value, (np.complexfloating, np.timedelta64)
    )


def is_absent(value: object) -> bool:
    """None, NaN, and pandas' NA and NaT, which are known by the name of their types only."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return bool(np.isnat(value))
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))


def moment_of(value: object) -> datetime | None:
    """Read a moment: a date, a date and time, or either as text of ISO 8601; in UTC, as it is without a zone."""
    if isinstance(value, np.datetime64):
        value = value.astype("M8[us]").item()
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if isinstance(value, date) else None


def _parsed(text: str) -> datetime | None:
    # Digits alone are a number of something, although ISO 8601 has a basic format of them.
    if text[4:5] != "-" or text[7:8] != "-":
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found
    except (ValueError, OverflowError):
        return None


def _distinct(rows: list[Any]) -> Counter[Any] | Iterable[tuple[Any, int]]:
    """Count equal values together, where they can be told apart quickly."""
    try:
        return Counter(rows)
    except TypeError:
        return ((value, 1) for value in rows)


def _number(value: Any) -> float:
    if not is_number(value):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None
    return None
