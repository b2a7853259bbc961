"""Tensors of the Open Inference Protocol as numpy arrays: datatypes, and data checked against a shape."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from weirkeeper.api.bundle import Datatype, Tensor
from weirkeeper_server.errors import InvalidRequest

Array = npt.NDArray[Any]
Columns = Mapping[str, Array]
"""Arrays by tensor name, all with the same number of rows; strings are arrays of Python objects."""

DTYPES: Final[Mapping[str, np.dtype[Any]]] = {
    "BOOL": np.dtype(np.bool_),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    "BYTES": np.dtype(object),
}
_DOUBLE: Final = 8

# Exact types, since in Python a bool is an int.
_KINDS: Final[Mapping[str, frozenset[type]]] = {
    "b": frozenset({bool}),
    "i": frozenset({int}),
    "u": frozenset({int}),
    "f": frozenset({int, float}),
    "O": frozenset({str}),
}
_WORDS: Final[Mapping[type, str]] = {
    bool: "a boolean",
    int: "an integer",
    float: "a number with a fraction",
    str: "a string",
    type(None): "null",
    list: "a list",
    dict: "an object",
}
_EXPECTED: Final[Mapping[str, str]] = {
    "b": "true or false",
    "i": "integers",
    "u": "integers that are not negative",
    "f": "numbers",
    "O": "strings",
}


def datatype_of(dtype: np.dtype[Any]) -> Datatype:
    """Name a numpy dtype by the protocol; strings and objects are BYTES.

    Raises:
        ValueError: the protocol has no such type.
    """
    if dtype.kind in "OUT":
        return "BYTES"
    for name, known in DTYPES.items():
        if known == dtype:
            return name  # type: ignore[return-value]  # the keys are the literals
    raise ValueError(f"numpy's {dtype} has no counterpart in the protocol; convert it to numbers, booleans or strings")


def accepts(expected: Datatype, given: object) -> bool:
    """Say whether data of type `given` may stand for `expected`: the same, or numbers that lose nothing."""
    if expected == given:
        return True
    if not isinstance(given, str) or given not in DTYPES or {expected, given} & {"BOOL", "BYTES"}:
        return False
    return np.can_cast(DTYPES[given], DTYPES[expected], "safe")


def read_tensor(tensor: Tensor, shape: tuple[int, ...], data: object) -> Array:
    """Turn JSON `data`, flat or nested in row-major order, into an array of `shape` and the tensor's datatype.

    Raises:
        InvalidRequest: the data do not fit the shape, hold another type, or lack values where none may lack.
    """
    values = _flat(tensor, shape, data)
    types = frozenset(map(type, values))
    dtype = DTYPES[tensor.datatype]
    if surplus := types - _KINDS[dtype.kind]:
        if surplus != {type(None)} or not tensor.nullable:
            raise InvalidRequest(_wrong_type(tensor, values, surplus))
        values = [np.nan if value is None else value for value in values]
    return fitted(tensor, _array(tensor, values, dtype)).reshape(shape)


def fitted(tensor: Tensor, array: Array) -> Array:
    """Give an array of a datatype that `accepts` admits the datatype of the tensor.

    Raises:
        InvalidRequest: a number is infinite, or NaN where no value may lack.
    """
    dtype = DTYPES[tensor.datatype]
    if array.dtype != dtype:
        # A signalling NaN is refused as any other, or taken where values may lack.
        with np.errstate(invalid="ignore"):
            array = array.astype(dtype)
    if dtype.kind == "f":
        _check_finite(tensor, array)
    return array


def _flat(tensor: Tensor, shape: tuple[int, ...], data: object) -> list[Any]:
    if not isinstance(data, list):
        raise InvalidRequest(f"data of input {tensor.name!r} is {_word(data)}; give a list, flat or nested by shape")
    wanted = math.prod(shape)
    if len(shape) == 1 or (len(data) == wanted and not (data and isinstance(data[0], list))):
        return _exactly(tensor, shape, data, wanted)
    rows = _exactly(tensor, shape, data, shape[0])
    if not all(isinstance(row, list) and len(row) == shape[1] for row in rows):
        raise InvalidRequest(
            f"data of input {tensor.name!r} has rows of another length than shape {list(shape)} says; "
            f"give {shape[0]} lists of {shape[1]} values, or one flat list of {wanted}"
        )
    return [value for row in rows for value in row]


def _exactly(tensor: Tensor, shape: tuple[int, ...], values: list[Any], count: int) -> list[Any]:
    if len(values) == count and len(shape) == 1 and count and isinstance(values[0], list):
        values = [value for row in values for value in (row if isinstance(row, list) and len(row) == 1 else [row])]
    if len(values) != count:
        raise InvalidRequest(
            f"data of input {tensor.name!r} has {len(values)} entries; shape {list(shape)} asks for {count}"
        )
    return values


def _wrong_type(tensor: Tensor, values: list[Any], surplus: frozenset[type]) -> str:
    at = next(i for i, value in enumerate(values) if type(value) in surplus)
    expected = _EXPECTED[DTYPES[tensor.datatype].kind]
    null = " or null" if tensor.nullable else ""
    advice = "; this input must not lack values" if values[at] is None else ""
    return (
        f"input {tensor.name!r} has {_word(values[at])} at position {at}; "
        f"{tensor.datatype} takes {expected}{null}{advice}"
    )


def _array(tensor: Tensor, values: list[Any], dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "O":
        array: Array = np.empty(len(values), dtype=object)
        array[:] = values
        return array
    try:
        if dtype.kind != "f" or dtype.itemsize == _DOUBLE:
            return np.array(values, dtype=dtype)
        # What is too large for a smaller float becomes infinite, and is refused as that.
        with np.errstate(over="ignore"):
            return np.array(values, dtype=dtype)
    except OverflowError:
        raise InvalidRequest(f"input {tensor.name!r} has a value that does not fit into {tensor.datatype}") from None


def _check_finite(tensor: Tensor, array: Array) -> None:
    if np.isfinite(array).all():
        return
    if np.isinf(array).any():
        raise InvalidRequest(f"input {tensor.name!r} has an infinite value; give finite numbers in {tensor.datatype}")
    if not tensor.nullable:
        raise InvalidRequest(f"input {tensor.name!r} has NaN; this input must not lack values, give a number")


def _word(value: object) -> str:
    return _WORDS.get(type(value), "something else")


def tensor_data(array: Array) -> Sequence[Any]:
    """Give an array's values flat and in row-major order, as JSON has them."""
    flat: list[Any] = array.ravel().tolist()
    return flat
