"""Tensors as raw bytes: little-endian values in row-major order; each BYTES element after its length in 4 bytes.

The binary tensor extension over HTTP and the raw contents over gRPC have the same bytes.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final, NoReturn

import numpy as np

from weirkeeper_server.errors import InvalidRequest
from weirkeeper_server.tensors import DTYPES, Array

LARGEST_DIMENSION: Final = 2**31 - 1
MOST_DIMENSIONS: Final = 32
_LENGTH: Final = struct.Struct("<I")


def decode_raw(name: str, datatype: str, shape: Sequence[int], raw: bytes | memoryview) -> Array:
    """Turn the bytes of input `name` into an array of `shape`; BYTES become strings in an array of objects.

    The array owns its values and may be written to. NaN and infinity pass: whether they may stand is the tensor's
    matter.

    Raises:
        InvalidRequest: datatype or shape are none, the bytes are more or fewer than the shape asks for, lengths within
            BYTES lead outside, a string is no UTF-8, or a BOOL is neither 0 nor 1.
    """
    dtype = DTYPES.get(datatype)
    if dtype is None:
        raise InvalidRequest(f"input {name!r} has datatype {str(datatype)[:80]!r}; known are {', '.join(DTYPES)}")
    count = element_count(name, shape)
    if datatype == "BYTES":
        return _strings(name, count, raw).reshape(tuple(shape))
    if len(raw) != count * dtype.itemsize:
        raise InvalidRequest(
            f"input {name!r} has {len(raw)} bytes; {datatype} of shape {list(shape)} takes {count * dtype.itemsize}"
        )
    if datatype == "BOOL":
        _check_booleans(name, raw)
    values = np.frombuffer(raw, dtype=dtype.newbyteorder("<"), count=count)
    return np.array(values, dtype=dtype).reshape(tuple(shape))


def element_count(name: str, shape: Sequence[int]) -> int:
    """Multiply a shape given by a caller; the integers are exact, so that no product can overflow.

    Raises:
        InvalidRequest: too many dimensions, or one that is no integer, negative or too large.
    """
    if len(shape) > MOST_DIMENSIONS:
        raise InvalidRequest(f"input {name!r} has {len(shape)} dimensions; give at most {MOST_DIMENSIONS}")
    for size in shape:
        if type(size) is not int or not 0 <= size <= LARGEST_DIMENSION:
            raise InvalidRequest(
                f"input {name!r} has dimension {str(size)[:40]}; give integers from 0 to {LARGEST_DIMENSION}"
            )
    return math.prod(shape)


def _strings(name: str, count: int, raw: bytes | memoryview) -> Array:
    # Checked before there is an array: a lie about the shape must cost no memory.
    if count * _LENGTH.size > len(raw):
        raise InvalidRequest(
            f"input {name!r} has {len(raw)} bytes; {count} elements of BYTES take at least {count * _LENGTH.size}, "
            "a length in 4 bytes before each"
        )
    array: Array = np.empty(count, dtype=object)
    array[:] = list(_elements(name, count, raw))
    return array


def _elements(name: str, count: int, raw: bytes | memoryview) -> Iterator[str]:
    at, end = 0, len(raw)
    for number in range(count):
        if at + _LENGTH.size > end:
            _too_short(name, number, end - at, _LENGTH.size)
        (size,) = _LENGTH.unpack_from(raw, at)
        at += _LENGTH.size
        if size > end - at:
            _too_short(name, number, end - at, size)
        try:
            yield str(raw[at : at + size], "utf-8")
        except UnicodeDecodeError:
            raise InvalidRequest(f"input {name!r} has no UTF-8 text at position {number}; give UTF-8") from None
        at += size
    if at != end:
        raise InvalidRequest(f"input {name!r} has {end - at} bytes after the {count} elements of its shape")


def _too_short(name: str, number: int, left: int, wanted: int) -> NoReturn:
    raise InvalidRequest(
        f"input {name!r} has {left} bytes left at position {number}, where {wanted} are announced; "
        "give each element after its length in 4 bytes, little-endian"
    )


def _check_booleans(name: str, raw: bytes | memoryview) -> None:
    values = np.frombuffer(raw, dtype=np.uint8)
    if (values > 1).any():
        at = int(np.argmax(values > 1))
        raise InvalidRequest(f"input {name!r} has byte {values[at]} at position {at}; BOOL takes 0 or 1")


def encode_raw(datatype: str, values: Any) -> bytes:
    """Write an array, or a flat list of strings, as raw bytes in the datatype that the signature announces.

    Raises:
        KeyError: the protocol has no such datatype.
        TypeError: the values are of another kind than the datatype, such as fractions where integers are announced.
    """
    if datatype == "BYTES":
        texts = values if isinstance(values, list) else np.asarray(values).ravel().tolist()
        return b"".join(map(_with_length, texts))
    dtype = DTYPES[datatype]
    return np.asarray(values).astype(dtype.newbyteorder("<"), order="C", casting="same_kind").tobytes()


def _with_length(value: object) -> bytes:
    text = value if isinstance(value, bytes) else str(value).encode()
    return _LENGTH.pack(len(text)) + text
