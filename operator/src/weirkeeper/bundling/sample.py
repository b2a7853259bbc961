"""The sample that describes a model's inputs: columns of a frame, or one matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from weirkeeper.api.bundle import NULLABLE, Datatype, Tensor
from weirkeeper.bundling.errors import UnsuitableSample
from weirkeeper_server.tensors import Array, datatype_of

MATRIX = "input"
MATRIX_RANK = 2


Sample: TypeAlias = "pd.DataFrame | pd.Series[Any] | Array | Sequence[str]"


def tensors_of(sample: Sample) -> dict[str, Array]:
    """Take a sample apart the way a server puts it together: an array for each column, or one matrix `input`.

    Texts, as vectorisers take them, are one column: that of the series' name, or `input`.

    Raises:
        UnsuitableSample: no rows, names that are no strings, or types that the protocol lacks.
    """
    if len(sample) == 0:
        raise UnsuitableSample("the sample has no rows; give the rows the model was trained or validated on")
    if isinstance(sample, pd.DataFrame):
        names: list[object] = list(sample.columns)
        if unnamed := [name for name in names if not isinstance(name, str)]:
            raise UnsuitableSample(f"column {unnamed[0]!r} has a name that is no string; rename it")
        return {str(name): _column(str(name), sample[str(name)]) for name in names}
    matrix = np.asarray(sample)
    if matrix.ndim == 1 and all(isinstance(value, str) for value in matrix):
        return {str(getattr(sample, "name", None) or MATRIX): matrix.astype(object)}
    if matrix.ndim != MATRIX_RANK or matrix.dtype.kind not in "biufOU":
        raise UnsuitableSample(
            f"the sample is {matrix.dtype} of shape {matrix.shape}; give a frame or a matrix, or texts"
        )
    return {MATRIX: matrix.astype(object) if matrix.dtype.kind == "U" else matrix}


def _column(name: str, series: pd.Series[Any]) -> Array:
    kind = series.dtype
    if isinstance(kind, np.dtype) and kind.kind in "biuf":
        return series.to_numpy()
    values = series.astype(object).to_numpy(dtype=object, na_value=np.nan)
    present = [value for value in values if not _absent(value)]
    if present and not all(isinstance(value, str) for value in present):
        return _unboxed(name, kind, present, values)
    return np.asarray(values, dtype=object)


def _unboxed(name: str, kind: object, present: list[Any], values: Array) -> Array:
    """Turn pandas' nullable numbers, and categories that are numbers, into a plain array."""
    unboxed = np.asarray(present)
    if unboxed.dtype.kind not in "biuf":
        found = sorted({type(value).__name__ for value in present})
        raise UnsuitableSample(
            f"column {name!r} ({kind}) holds {', '.join(found)}; convert it to numbers, booleans or strings"
        )
    return unboxed if len(present) == len(values) else np.asarray(values, dtype=np.float64)


def _absent(value: object) -> bool:
    return isinstance(value, float) and value != value  # noqa: PLR0124  NaN alone is unequal to itself


def describe(name: str, array: Array) -> Tensor:
    """Describe an input by its sample; it may lack values where the sample does.

    Raises:
        UnsuitableSample: the protocol has no such type.
    """
    try:
        datatype: Datatype = datatype_of(array.dtype)
    except ValueError as error:
        raise UnsuitableSample(f"input {name!r}: {error}") from error
    lacking = datatype in NULLABLE and bool(pd.isna(array).any())
    return Tensor(name=name, datatype=datatype, shape=(-1, *array.shape[1:]), nullable=lacking)


def rows_of(tensors: Mapping[str, Array], chosen: Array) -> dict[str, Array]:
    """Take some rows of each tensor."""
    return {name: array[chosen] for name, array in tensors.items()}


def as_request(tensors: Mapping[str, Array]) -> list[dict[str, Any]]:
    """Write tensors as the inputs of a request; what is lacking is null."""
    return [
        {
            "name": name,
            "datatype": datatype_of(array.dtype),
            "shape": list(array.shape),
            "data": [None if _absent(value) else value for value in array.ravel().tolist()],
        }
        for name, array in tensors.items()
    ]


def conform(sample: pd.DataFrame, estimator: Any) -> pd.DataFrame:
    """Put a frame's columns into the order in which the estimator was fitted, without others.

    Raises:
        UnsuitableSample: a column that the estimator needs is not there.
    """
    names = list(getattr(estimator, "feature_names_in_", sample.columns))
    if missing := [name for name in names if name not in sample.columns]:
        raise UnsuitableSample(
            f"the sample lacks {', '.join(missing[:5])}, which the estimator was fitted with; it has "
            f"{', '.join(map(str, sample.columns[:10]))}"
        )
    return sample[names]
