"""Bodies as nearly all of them are, read by a parser that is quick but lets more pass than may pass.

It takes the last of two fields of one name, and tells nobody how deep a body is nested. So what it read is counted
and compared with the marks in the body: each field has a colon, each string two quotes, each list and each object a
bracket. What was seen can only be less than what there is; where both are the same, everything was seen.

Most of a large body are digits, so they are left out in one sweep before marks are looked for. That may only make
words of what was none, never the reverse.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final, Self

import numpy as np
import orjson

from weirkeeper.api.bundle import Signature, Tensor
from weirkeeper_server.tensors import DTYPES, Array, accepts

_TOO_LARGE: Final = 2.0**63
_DOUBLE: Final = np.dtype(np.float64)
_TENSORS: Final = ("inputs", "outputs")
_NO_MARKS: Final = b"0123456789.,-+ \n\r\t]}"


class PlainDocument(dict[str, Any]):
    """A body in which no object names a field twice, nor anything stands where a request has no place for it.

    The data of an input are strings alone, numbers and `nulls` alone, or lists of numbers; none of the numbers is
    infinite.
    """

    body: bytes
    nulls: int

    def stands_around(self, around: Sequence[bytes]) -> bool:
        """Say whether what is cut out of its body between `around` can be nothing but the data of inputs.

        It has lists as data and shapes alone. Where nothing is escaped and no output has data, there is no other place
        for what reads like a field of data. One that has an id of its own is not worth to be remembered.
        """
        if self.get("id") is not None or any(b"\\" in part for part in around):
            return False
        return not any("data" in entry for entry in self.get("outputs") or ())

    @classmethod
    def read(cls, body: bytes) -> Self | None:
        """Read a body, None where it is not plain: then it may be wrong, or have what nobody else sends."""
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        if type(found) is not dict:
            return None
        marks = body.translate(None, _NO_MARKS)
        seen = _Seen(found, has_nulls=b"null" in marks)
        if not seen.is_all_of(marks):
            return None
        document = cls(found)
        document.body, document.nulls = body, seen.nulls
        return document


class _Seen:
    """Counts what a request may hold."""

    def __init__(self, document: Mapping[str, Any], *, has_nulls: bool) -> None:
        self._has_nulls = has_nulls
        self.objects = self.fields = self.strings = self.lists = self.words = self.nulls = 0
        self.rounded = False
        self._object(document)
        for name in _TENSORS:
            entries = document.get(name)
            if type(entries) is list:
                self.lists += 1
                for entry in entries:
                    if type(entry) is dict:
                        self._object(entry)
                        self._list(entry.get("data"))
                        self._list(entry.get("shape"))

    def _object(self, found: Mapping[str, Any]) -> None:
        self.objects += 1
        self.fields += len(found)
        for value in found.values():
            kind = type(value)
            if kind is str:
                self.strings += 1
            elif kind is bool or value is None:
                self.words += 1
            elif kind is float and abs(value) >= _TOO_LARGE:
                # It may have been an integer that was too large for the parser.
                self.rounded = True
        parameters = found.get("parameters")
        if type(parameters) is dict:
            self._object(parameters)

    def _list(self, values: Any) -> None:
        if type(values) is not list:
            return
        self.lists += 1
        first = type(values[0]) if values else None
        if first in (str, list) and set(map(type, values)) == {first}:
            if first is str:
                self.strings += len(values)
            else:
                self.lists += len(values)
        elif self._has_nulls:
            self.nulls += values.count(None)

    def is_all_of(self, marks: bytes) -> bool:
        """Say whether a body has no more than was seen, by what it has beside digits."""
        count = marks.count
        return (
            not self.rounded
            and count(b":") == self.fields
            and count(b'"') == 2 * (self.strings + self.fields)
            and count(b"[") == self.lists
            and count(b"{") == self.objects
            and count(b"true") + count(b"false") + count(b"null") == self.words + self.nulls
        )


def plain_inputs(document: PlainDocument, signature: Signature, max_rows: int) -> tuple[dict[str, Array], int] | None:
    """Turn the inputs of a plain body into arrays, and tell their rows; None where anything has to be looked at."""
    given = document.get("inputs")
    if type(given) is not list or len(given) != len(signature.inputs):
        return None
    entries = {entry.get("name"): entry for entry in given if type(entry) is dict}
    arrays: dict[str, Array] = {}
    rows = -1
    for tensor in signature.inputs:
        entry = entries.get(tensor.name)
        shape = _shape(tensor, entry) if entry is not None else None
        if entry is None or shape is None or rows not in (-1, shape[0]) or not 0 < shape[0] <= max_rows:
            return None
        rows = shape[0]
        array = plain_array(tensor, shape, entry.get("data"), has_nulls=document.nulls > 0)
        if array is None:
            return None
        arrays[tensor.name] = array
    return arrays, rows


def _shape(tensor: Tensor, entry: Mapping[str, Any]) -> tuple[int, ...] | None:
    shape, wanted, datatype = entry.get("shape"), tensor.shape, entry.get("datatype")
    if type(shape) is not list or not (datatype == tensor.datatype or accepts(tensor.datatype, datatype)):
        return None
    if len(shape) != len(wanted) or shape[1:] != [*wanted[1:]] or set(map(type, shape)) != {int}:
        return None
    return tuple(shape)


def plain_array(tensor: Tensor, shape: tuple[int, ...], data: Any, *, has_nulls: bool = False) -> Array | None:
    """Turn the data of an input into an array of `shape`; None where they are not as in a plain body.

    Booleans among them pass for numbers: who calls has seen that there are none.
    """
    if type(data) is not list or not data:
        return None
    dtype = DTYPES[tensor.datatype]
    if dtype.kind == "O":
        return _texts(shape, data)
    if has_nulls and dtype.kind == "f":
        return _with_missing(shape, data, dtype) if tensor.nullable else None
    flat = data if type(data[0]) is not list else _flat(shape, data)
    if flat is None or len(flat) != math.prod(shape):
        return None
    array = _numbers(flat, dtype)
    return None if array is None else array.reshape(shape)


def may_hold_booleans(text: bytes) -> bool:
    """Say whether there may be booleans among numbers, which Python takes for such; no number has either letter."""
    return b"t" in text or b"f" in text


def _texts(shape: tuple[int, ...], data: list[Any]) -> Array | None:
    if len(shape) > 1 or len(data) != shape[0] or set(map(type, data)) != {str}:
        return None
    array: Array = np.empty(len(data), dtype=object)
    array[:] = data
    return array


def _flat(shape: tuple[int, ...], data: list[Any]) -> list[Any] | None:
    """Put rows of the right width one after the other."""
    if len(shape) == 1 or len(data) != shape[0] or not all(type(row) is list and len(row) == shape[1] for row in data):
        return None
    return list(chain.from_iterable(data))


def _numbers(data: Sequence[Any], dtype: np.dtype[Any]) -> Array | None:
    """Write numbers into an array, three times as fast as numpy, which asks each for its type first."""
    floats = dtype.kind == "f"
    if not floats and dtype.kind not in "iu":
        return None
    array: Array = np.empty(len(data), dtype=_DOUBLE if floats else dtype)
    try:
        struct.pack_into(f"{len(data)}{array.dtype.char}", array.data, 0, *data)
    except (struct.error, OverflowError):
        return None
    return _smaller(array, dtype) if floats and dtype != _DOUBLE else array


def _smaller(array: Array, dtype: np.dtype[Any]) -> Array | None:
    # What is too large for a smaller float becomes infinite.
    with np.errstate(over="ignore"):
        array = array.astype(dtype)
    return None if np.isinf(array).any() else array


def _with_missing(shape: tuple[int, ...], data: list[Any], dtype: np.dtype[Any]) -> Array | None:
    if type(data[0]) is str:
        return None
    try:
        array: Array = np.array(data, dtype=_DOUBLE)
    except (TypeError, ValueError, OverflowError):
        return None
    # Rows of the right width, or all values in one list.
    if array.shape != shape and array.shape != (math.prod(shape),):
        return None
    found = array if dtype == _DOUBLE else _smaller(array, dtype)
    return None if found is None else found.reshape(shape)
