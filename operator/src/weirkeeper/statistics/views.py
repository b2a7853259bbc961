"""What a profile counts of a column instead of its values, each row giving one value again.

Free text is watched by its length and by which kinds of characters it is made of; moments by their hour and weekday in
UTC; a sensitive column by groups that its values are sorted into by a digest, so that no value is kept anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.cleaning import Column, Texts, is_absent, missing_of, moment_of, numbers_of, texts_of

ViewKind = Literal["length", "characters", "hour", "weekday", "textGroup", "numberGroup"]

GROUPS: Final = 16
SALTS: Final = 64
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CLASSES: Final = ("lower", "upper", "digits", "spaces", "punctuation", "beyond ASCII")
BEYOND: Final = 1 << 5
ASCII: Final = 128
DAY: Final = 86_400
HOUR: Final = 3600
THURSDAY: Final = 3
"""The weekday on which Unix time began."""


class Viewed(NamedTuple):
    """Values in the place of a column's, and how many rows had no value, or one of another type."""

    values: Column
    missing: int
    invalid: int


@dataclass(frozen=True)
class View:
    """How the values of `column` are looked at; `salt` goes into the digests of groups."""

    kind: ViewKind
    column: str
    salt: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is made of: one."""
        return (self.column,)

    @property
    def grouped(self) -> bool:
        """Whether values are sorted into groups by a digest, which have no order."""
        return self.kind in ("textGroup", "numberGroup")

    def of(self, column: Column) -> Viewed:
        """Look at a column: shape (rows,)."""
        if self.kind in ("hour", "weekday"):
            return _by_clock(column, self.kind)
        if self.kind == "numberGroup":
            return _number_groups(column, self.salt)
        texts = texts_of(column)
        if self.kind == "length":
            return _each(texts, np.fromiter(map(len, texts.counts), dtype=np.float64, count=len(texts.counts)))
        if self.kind == "characters":
            return _each(texts, _characters(list(texts.counts)))
        return _each(texts, np.array([group_of(text, self.salt) for text in texts.counts], dtype=np.float64))

    def to_json(self) -> dict[str, Any]:
        """Write it as profile.json has it."""
        return {"kind": self.kind, "columns": [self.column], **({"salt": self.salt} if self.salt else {})}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> View:
        """Read what `to_json` wrote.

        Raises:
            ValueError: it is none of the kinds, or of another number of columns.
        """
        if found["kind"] not in get_args(ViewKind):
            raise ValueError(f"view of kind {found['kind']!r:.40}, expected one of {', '.join(get_args(ViewKind))}")
        (column,) = found["columns"]
        salt = int(found.get("salt", 0))
        if not 0 <= salt < SALTS:
            raise ValueError(f"salt {salt} of a view, expected 0 to {SALTS - 1}")
        return cls(found["kind"], str(column), salt)


def group_of(text: str, salt: int) -> float:
    """Tell the group of a value: a digest of which 4 bits are left, so that every group has values without end."""
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8, salt=salt.to_bytes(8, "big"))
    return float(digest.digest()[0] % GROUPS)


def text_of_number(number: float) -> str:
    """Write a number for its digest: equal numbers alike, whatever type they came in."""
    return repr(float(number) + 0.0)


def _each(texts: Texts, values: Column) -> Viewed:
    counts = np.fromiter(texts.counts.values(), dtype=np.int64, count=len(texts.counts))
    return Viewed(np.repeat(values, counts), texts.missing, texts.invalid)


def _number_groups(column: Column, salt: int) -> Viewed:
    numbers = numbers_of(column)
    values = numbers.values.astype(np.float64)
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    groups = np.array([group_of(text_of_number(value), salt) for value in distinct.tolist()], dtype=np.float64)
    return Viewed(np.repeat(groups, counts), values.size - int(counts.sum()) - numbers.invalid, numbers.invalid)


def _by_clock(column: Column, kind: ViewKind) -> Viewed:
    if column.dtype.kind == "M":
        seconds = column[~np.isnat(column)].astype("M8[s]").astype(np.int64)
        return Viewed(_told(seconds, kind), missing_of(column), 0)
    if column.dtype.kind not in "OSU":
        missing = missing_of(column)
        return Viewed(np.empty(0), missing, column.size - missing)
    moments, missing = _moments(column.tolist())
    seconds = np.array([moment.timestamp() // 1 for moment in moments], dtype=np.int64)
    return Viewed(_told(seconds, kind), missing, column.size - missing - len(moments))


def _moments(rows: Iterable[Any]) -> tuple[list[Any], int]:
    present = [value.decode(errors="replace") if isinstance(value, bytes) else value for value in rows]
    missing = sum(map(is_absent, present))
    found = (None if is_absent(value) else moment_of(value) for value in present)
    return [moment for moment in found if moment is not None], missing


def _told(seconds: npt.NDArray[np.int64], kind: ViewKind) -> Column:
    if kind == "hour":
        return (seconds // HOUR % 24).astype(np.float64)
    return np.asarray(WEEKDAYS, dtype=object)[(seconds // DAY + THURSDAY) % len(WEEKDAYS)]


def _characters(texts: list[str]) -> Column:
    """Name the kinds of characters that occur in each text, such as `lower+digits`."""
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    codes = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    kinds = np.where(codes < ASCII, _KIND_OF[np.minimum(codes, ASCII - 1)], BEYOND).astype(np.uint8)
    found = np.zeros(len(texts), dtype=np.uint8)
    filled = lengths > 0
    if kinds.size:
        starts = (np.cumsum(lengths) - lengths)[filled]
        found[filled] = np.bitwise_or.reduceat(kinds, starts)
    return _NAMES[found]


def _kind_of(code: int) -> int:
    character = chr(code)
    tests = (character.islower(), character.isupper(), character.isdigit(), character.isspace())
    return 1 << tests.index(True) if any(tests) else 1 << len(tests)


_KIND_OF: Final = np.array([_kind_of(code) for code in range(ASCII)], dtype=np.uint8)
_NAMES: Final = np.array(
    [
        "+".join(name for place, name in enumerate(CLASSES) if code >> place & 1) or "empty"
        for code in range(1 << len(CLASSES))
    ],
    dtype=object,
)
