"""Tensors as raw bytes: what comes back is what went in, and no lie about sizes gets through."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from weirkeeper_server.errors import InvalidRequest
from weirkeeper_server.raw_tensors import decode_raw, encode_raw
from weirkeeper_server.tensors import DTYPES

NUMBERS = sorted(set(DTYPES) - {"BYTES"})


@given(data=st.data(), datatype=st.sampled_from(NUMBERS))
def test_numbers_come_back_bit_by_bit(data: st.DataObject, datatype: str) -> None:
    shape = data.draw(arrays.array_shapes(max_dims=2, max_side=5))
    values = data.draw(arrays.arrays(DTYPES[datatype], shape))
    got = decode_raw("x", datatype, list(shape), memoryview(encode_raw(datatype, values)))
    assert got.dtype == DTYPES[datatype]
    assert got.shape == shape
    assert got.tobytes() == values.tobytes()
    assert got.flags.writeable


@given(st.lists(st.text(max_size=20), max_size=6))
def test_strings_come_back(texts: list[str]) -> None:
    got = decode_raw("x", "BYTES", [len(texts)], encode_raw("BYTES", np.array(texts, dtype=object)))
    assert got.dtype == object
    assert got.tolist() == texts


def test_bytes_are_little_endian_whatever_the_array_is() -> None:
    assert encode_raw("INT16", np.array([1, -2], dtype=">i2")) == b"\x01\x00\xfe\xff"
    assert encode_raw("FP16", np.array([1.0])) == b"\x00\x3c"
    assert encode_raw("BOOL", np.array([[True], [False]])) == b"\x01\x00"
    assert encode_raw("BYTES", np.array(["é", "b"])) == b"\x02\x00\x00\x00\xc3\xa9\x01\x00\x00\x00b"
    assert encode_raw("INT64", np.array([[1, 2], [3, 4]]).T) == struct.pack("<4q", 1, 3, 2, 4)


def test_values_of_another_kind_are_not_bent() -> None:
    with pytest.raises(TypeError):
        encode_raw("INT64", np.array([1.5]))


REFUSED: dict[str, tuple[str, list[Any], bytes, str]] = {
    "no datatype": ("COMPLEX", [1], b"", "has datatype 'COMPLEX'; known are BOOL"),
    "too few bytes": ("FP64", [2], bytes(8), r"has 8 bytes; FP64 of shape \[2\] takes 16"),
    "too many bytes": ("INT8", [2, 2], bytes(5), "has 5 bytes; .* takes 4"),
    "a negative dimension": ("INT8", [-1], b"", "has dimension -1; give integers from 0"),
    "a dimension that is no integer": ("INT8", [True], b"x", "has dimension True"),
    "an enormous dimension": ("BYTES", [10**30], b"", "has dimension 10000"),
    "a product that overflows 64 bits": ("FP64", [2**31 - 1] * 3, bytes(8), "has 8 bytes; .* takes 7922816"),
    "a product that overflows to nothing": ("INT8", [2**22, 2**21, 2**21], b"", "has 0 bytes; .* takes 18446744"),
    "too many dimensions": ("INT8", [1] * 33, b"x", "has 33 dimensions; give at most 32"),
    "a bool that is none": ("BOOL", [3], b"\x00\x01\x02", "has byte 2 at position 2; BOOL takes 0 or 1"),
    "strings without room": ("BYTES", [2**31 - 1, 9], bytes(8), "19327352823 elements of BYTES take at least"),
    "a string longer than the bytes": ("BYTES", [1], b"\x05\x00\x00\x00abc", "3 bytes left at position 0, where 5"),
    "a string of 4 GiB": ("BYTES", [1], b"\xff\xff\xff\xff", "0 bytes left at position 0, where 4294967295"),
    "a length cut short": ("BYTES", [2], b"\x03\x00\x00\x00abc\x00", "1 bytes left at position 1, where 4"),
    "strings with a rest": ("BYTES", [1], b"\x01\x00\x00\x00ab", "has 1 bytes after the 1 elements of its shape"),
    "no UTF-8": ("BYTES", [1], b"\x01\x00\x00\x00\xff", "no UTF-8 text at position 0"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused_by_name(case: str) -> None:
    datatype, shape, raw, message = REFUSED[case]
    with pytest.raises(InvalidRequest, match=f"^input 'x' .*{message}"):
        decode_raw("x", datatype, shape, raw)
