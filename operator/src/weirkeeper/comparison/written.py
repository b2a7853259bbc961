"""Values as they are written in a CSV: what numbers, booleans and texts they stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weirkeeper.comparison.arrow import Array, column_of, exact_column_of
from weirkeeper.comparison.errors import UnfitColumns
from weirkeeper.statistics.cleaning import Column

_NUMBER: Final = r"^[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf(inity)?|nan))$"
_BOOLEANS: Final = pa.array(["true", "false"])


@dataclass
class Mixed:
    """Columns of a reference of which nobody can tell whether they are numbers or text."""

    where: str
    found: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def add(self, name: str, texts: Array, numbers: Array) -> None:
        """Note a column, and the first value in it that is no number."""
        odd = texts.filter(pc.invert(numbers))
        self.names.append(name)
        self.found.append(
            f"{name!r} ({len(texts) - len(odd):,} numbers, {len(odd):,} texts such as {odd[0].as_py()!r:.40})"
        )

    def check(self) -> None:
        """See that there was none.

        Raises:
            UnfitColumns: there was; the message says what settles it.
        """
        if self.names:
            options = " ".join(f"--text {name}" for name in self.names)
            raise UnfitColumns(
                f"{self.where} mixes numbers with text in {'; '.join(self.found)}. Say that they are text ({options}),"
                " or which words stand for a missing value (--missing WORD)"
            )


def read_column(name: str, written: Array, mixed: Mixed) -> Column:
    """Give the column that a whole written column stands for: whole numbers, numbers, booleans, else text."""
    texts = pc.utf8_trim_whitespace(written)
    present = texts.drop_null()
    if len(present) == 0:
        return np.full(len(written), np.nan)
    numbers = pc.match_substring_regex(present, _NUMBER)
    if pc.all(numbers).as_py():
        return _numbers(texts)
    if pc.all(pc.is_in(pc.utf8_lower(present), _BOOLEANS)).as_py():
        return column_of(texts.cast(pa.bool_()))
    if pc.any(numbers).as_py():
        mixed.add(name, present, numbers)
    return column_of(written)


def _numbers(texts: Array) -> Column:
    try:
        return exact_column_of(texts.cast(pa.int64()))
    except pa.ArrowInvalid:
        return column_of(texts.cast(pa.float64()))


def numbers_in(written: Array, *, boolean: bool) -> Column:
    """Give the numbers of some written values; where others are among them, an array of objects that has both.

    With `boolean`, true and false are 1 and 0.
    """
    try:
        return column_of(written.cast(pa.float64()))
    except pa.ArrowInvalid:
        return _numbers_and_others(pc.utf8_trim_whitespace(written), boolean=boolean)


def _numbers_and_others(texts: Array, *, boolean: bool) -> Column:
    if boolean:
        lower = pc.utf8_lower(texts)
        texts = pc.if_else(pc.is_in(lower, _BOOLEANS), pc.if_else(pc.equal(lower, "true"), "1", "0"), texts)
    numbers = pc.match_substring_regex(texts, _NUMBER)
    values = column_of(pc.if_else(numbers, texts, None).cast(pa.float64()))
    if pc.all(numbers).as_py() is not False:
        return values
    odd = column_of(pc.if_else(numbers, None, texts))
    return np.where(odd != None, odd, values.astype(object))  # noqa: E711  element by element
