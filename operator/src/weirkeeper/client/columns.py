"""From columns of a frame to tensors of a request, in the types that the model takes, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd

from weirkeeper.api.bundle import ARRAY_RANK, Signature, Tensor
from weirkeeper.client.errors import NoAnswer, UnfitRows
from weirkeeper_server.tensors import DTYPES, Array

Rows: TypeAlias = "pd.DataFrame | pd.Series[Any] | Array | Sequence[Any]"
MOST_NAMED: Final = 10


def as_frame(rows: Rows, signature: Signature) -> pd.DataFrame:
    """Give rows as a frame with a column for each that the model takes, by the names of `columns_of`.

    A matrix, or a frame for a model that takes one matrix, goes by position, and so does a list or a series for a
    model of one column. Other columns are left out.

    Raises:
        UnfitRows: there are no rows, or a column is missing; the message names it.
    """
    names = [name for tensor in signature.inputs for name in columns_of(tensor)]
    if len(rows) == 0:
        raise UnfitRows("there are no rows to ask about")
    if signature.takes_array and not (isinstance(rows, pd.DataFrame) and set(names) <= set(rows.columns)):
        return _by_position(rows, names)
    if isinstance(rows, pd.Series):
        rows = rows.to_frame(names[0]) if len(names) == 1 else rows.to_frame()
    if not isinstance(rows, pd.DataFrame) and len(names) == 1 and np.ndim(rows) == 1:
        rows = pd.DataFrame({names[0]: rows})
    if not isinstance(rows, pd.DataFrame):
        raise UnfitRows(f"the model takes named columns; give a frame with {_list(names)}")
    if missing := [name for name in names if name not in rows.columns]:
        raise UnfitRows(f"column {_list(missing)} is missing; the model takes {_list(names)}")
    if (doubled := rows.columns[rows.columns.duplicated()]).size:
        raise UnfitRows(f"column {doubled[0]!r} is there twice; give each its own name")
    return rows[names]


def _by_position(rows: Rows, names: Sequence[str]) -> pd.DataFrame:
    frame = rows.copy(deep=False) if isinstance(rows, pd.DataFrame) else pd.DataFrame(np.atleast_2d(rows))
    if frame.shape[1] != len(names):
        raise UnfitRows(f"rows have {frame.shape[1]} columns; the model takes a matrix of {len(names)}")
    frame.columns = pd.Index(names)
    return frame


def columns_of(tensor: Tensor) -> list[str]:
    """Name a tensor's columns: a column as it is, those of a matrix by their number: `input[0]`."""
    if len(tensor.shape) < ARRAY_RANK:
        return [tensor.name]
    return [f"{tensor.name}[{number}]" for number in range(tensor.shape[1])]


def _list(names: Sequence[str]) -> str:
    listed = ", ".join(map(repr, names[:MOST_NAMED]))
    return listed if len(names) <= MOST_NAMED else f"{listed} and {len(names) - MOST_NAMED} more"


def inputs_of(frame: pd.DataFrame, signature: Signature) -> list[dict[str, Any]]:
    """Write a frame's columns as the inputs of a request; what is lacking is null.

    Raises:
        UnfitRows: a column holds what the model does not take; the message names the column and the value.
    """
    return [_entry(tensor, frame) for tensor in signature.inputs]


def _entry(tensor: Tensor, frame: pd.DataFrame) -> dict[str, Any]:
    columns = [_values(tensor, frame[name], name) for name in columns_of(tensor)]
    if len(tensor.shape) < ARRAY_RANK:
        shape, data = [len(frame)], columns[0]
    else:
        shape = [len(frame), len(columns)]
        data = [value for row in zip(*columns, strict=True) for value in row]
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": shape, "data": data}


def _values(tensor: Tensor, series: pd.Series[Any], name: str) -> list[Any]:
    dtype = DTYPES[tensor.datatype]
    absent = series.isna().to_numpy()
    given = series.to_numpy(dtype=object)
    if absent.any() and dtype.kind in "biu":
        at = _place(series, absent)
        raise UnfitRows(f"column {name!r} has no value {at}; {tensor.datatype} has no word for that: fill it")
    wrong = np.array([not absent[at] and not _fits(value, dtype) for at, value in enumerate(given)], dtype=bool)
    if wrong.any():
        value = given[int(np.argmax(wrong))]
        raise UnfitRows(
            f"column {name!r} has {value!r:.40} ({type(value).__name__}) {_place(series, wrong)}; "
            f"the model takes {tensor.datatype}: convert the column"
        )
    return [None if absent[at] else _plain(value, dtype) for at, value in enumerate(given)]


def _place(series: pd.Series[Any], where: Array) -> str:
    return f"at index {series.index[int(np.argmax(where))]!r}"


def _fits(value: object, dtype: np.dtype[Any]) -> bool:
    if dtype.kind == "O":
        return isinstance(value, str)
    if isinstance(value, bool | np.bool_):
        return dtype.kind == "b"
    if not isinstance(value, int | float | np.number) or dtype.kind == "b":
        return False
    if dtype.kind == "f":
        return bool(abs(value) <= np.finfo(dtype).max)
    limits = np.iinfo(dtype)
    return bool(np.isfinite(value) and value == int(value) and limits.min <= value <= limits.max)


def _plain(value: Any, dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "O":
        return value
    return dtype.type(int(value) if dtype.kind in "iu" else value).item()


def outputs_of(answer: Mapping[str, Any], index: pd.Index[Any]) -> pd.DataFrame:
    """Turn an answer's outputs into columns, named as `columns_of` has it, with the rows' own index.

    Raises:
        NoAnswer: the answer is not one to a request of so many rows.
    """
    columns: dict[str, Array] = {}
    for output in answer.get("outputs", ()):
        try:
            tensor = Tensor(name=output["name"], datatype=output["datatype"], shape=tuple(output["shape"]))
            array = np.array(output["data"], dtype=DTYPES[tensor.datatype]).reshape(tensor.shape)
        except (LookupError, TypeError, ValueError) as error:
            raise NoAnswer(f"the server gave an output that cannot be read: {error}") from None
        if len(array) != len(index):
            raise NoAnswer(f"output {tensor.name!r} has {len(array)} rows; {len(index)} were asked about")
        names = columns_of(tensor)
        columns.update(zip(names, array.reshape(len(index), len(names)).T, strict=True))
    return pd.DataFrame(columns, index=index)
