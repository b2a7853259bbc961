"""From Arrow's columns to the arrays that profiles and counters take."""

from __future__ import annotations

import re
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import pyarrow as pa
from pyarrow import types

from weirkeeper.comparison.errors import UnfitColumns
from weirkeeper.statistics.cleaning import Column

Array: TypeAlias = Any
"""A `pyarrow.Array`, which is published without type information; the same below for types and batches."""
Kind = Literal["numbers", "text", "times", "nothing"]

_FLOAT: Final = pa.float64()
_VALUES: Final = (
    (re.compile(r"(columns, got \d+): .*", re.DOTALL), r"\1"),
    (re.compile(r"Could not convert .* with type (\w+)", re.DOTALL), r"could not convert a value of type \1"),
)
"""Where Arrow quotes a line of a file, or a value, and what is said instead."""


def told_by_arrow(error: Exception) -> str:
    """Give what Arrow says of an error, without the values that it quotes: they may be sensitive."""
    told = [str(one) for one in error.args]
    for quoting, instead in _VALUES:
        told = [quoting.sub(instead, one) for one in told]
    return " ".join(told)


def kind_of(kind: Any, name: str, where: str) -> Kind:
    """Tell what a column of an Arrow type holds; `nothing` where every value is lacking.

    Raises:
        UnfitColumns: lists, records and other types that have no bins.
    """
    if types.is_dictionary(kind):
        return kind_of(kind.value_type, name, where)
    tests: tuple[tuple[Kind, tuple[Any, ...]], ...] = (
        ("numbers", (types.is_boolean, types.is_integer, types.is_floating, types.is_decimal)),
        (
            "text",
            (types.is_string, types.is_large_string, types.is_string_view, types.is_binary, types.is_large_binary),
        ),
        ("times", (types.is_timestamp, types.is_date)),
        ("nothing", (types.is_null,)),
    )
    for found, holds in tests:
        if any(one(kind) for one in holds):
            return found
    raise UnfitColumns(
        f"column {name!r} of {where} holds {kind}, which is neither numbers nor text: convert it, or leave it out"
        f" (--ignore {name})"
    )


def plain(array: Array) -> Array:
    """Bring a column to a type that has all kernels: dictionaries are written out, views and large texts are texts."""
    kind = array.type
    if types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(array.indices, plain(array.dictionary)).dictionary_decode()
    if types.is_string_view(kind) or types.is_large_string(kind):
        return array.cast(pa.string())
    if types.is_decimal(kind) or types.is_float16(kind):
        return array.cast(_FLOAT)
    return array.cast(pa.timestamp("us")) if types.is_date(kind) else array


def column_of(array: Array) -> Column:
    """Give a column as numpy has it: numbers that lack some values with NaN, text and booleans with None."""
    return np.asarray(array.to_numpy(zero_copy_only=False))


def exact_column_of(array: Array) -> Column:
    """Give a column as `column_of`, but whole numbers that lack some values as such: their bins are values."""
    if types.is_integer(array.type) and array.null_count:
        return np.asarray(array.to_pylist(), dtype=object)
    return column_of(array)


def plain_batch(batch: Any) -> Any:
    """Bring every column of a record batch to such a type (see `plain`)."""
    return pa.RecordBatch.from_arrays([plain(column) for column in batch.columns], names=batch.schema.names)
