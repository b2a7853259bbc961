"""Transformers of one block of columns: a matrix of numbers, or columns of objects, to a matrix of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

Floats = npt.NDArray[np.float64]
Numeric = Callable[[Floats], Floats]
"""From a matrix of numbers to one; it may write to what it is given."""
Encoding = Callable[[Sequence[Sequence[Any]]], Floats]
"""From columns, each a list of its values, to a matrix of numbers."""


def numeric(transformer: Any) -> Numeric | None:
    """Find the shortcut for a transformer of numbers, None where there is none."""
    if _formatted(transformer):
        return None
    if transformer == "passthrough" or _is_identity(transformer):
        return _same
    if type(transformer) is Pipeline:
        return _chain([numeric(step) for _, step in transformer.steps])
    make = _NUMERIC.get(type(transformer))
    return make(transformer) if make else None


def encoding(transformer: Any) -> Encoding | None:
    """Find the shortcut for an encoder of categories, None where there is none."""
    if _formatted(transformer):
        return None
    if type(transformer) is Pipeline:
        first, *others = [step for _, step in transformer.steps]
        encode, further = encoding(first), _chain([numeric(step) for step in others])
        return (lambda columns: further(encode(columns))) if encode and further else None
    if type(transformer) in (OneHotEncoder, OrdinalEncoder) and _has_plain_categories(transformer):
        return _one_hot(transformer) if type(transformer) is OneHotEncoder else _ordinal(transformer)
    return None


def _formatted(transformer: Any) -> bool:
    """Say whether it was told to give frames, which later steps may then ask for their names."""
    return bool(getattr(transformer, "_sklearn_output_config", None))


def _is_identity(transformer: Any) -> bool:
    return type(transformer) is FunctionTransformer and transformer.func is None and not transformer.validate


def _same(block: Floats) -> Floats:
    return block


def _chain(steps: Sequence[Numeric | None]) -> Numeric | None:
    known = [step for step in steps if step]
    if len(known) < len(steps):
        return None

    def apply(block: Floats) -> Floats:
        for step in known:
            block = step(block)
        return block

    return apply


def _imputer(imputer: SimpleImputer) -> Numeric | None:
    fills = np.asarray(imputer.statistics_)
    plain = isinstance(imputer.missing_values, float) and math.isnan(imputer.missing_values)
    if not plain or imputer.add_indicator or fills.dtype.kind not in "fiu" or np.isnan(fills).any():
        return None
    return lambda block: np.where(np.isnan(block), fills, block)


def _standard(scaler: StandardScaler) -> Numeric:
    return _scaled(scaler.mean_ if scaler.with_mean else None, scaler.scale_ if scaler.with_std else None)


def _robust(scaler: RobustScaler) -> Numeric:
    return _scaled(scaler.center_ if scaler.with_centering else None, scaler.scale_ if scaler.with_scaling else None)


def _scaled(centre: Floats | None, scale: Floats | None) -> Numeric:
    centres, scales = _in_either_precision(centre), _in_either_precision(scale)

    def apply(block: Floats) -> Floats:
        if centres is not None:
            block = block - centres[block.dtype.char]
        return block / scales[block.dtype.char] if scales is not None else block

    return apply


def _in_either_precision(numbers: Floats | None) -> Mapping[str, Any] | None:
    """Give fitted numbers by the type of the block that they meet: scikit-learn rounds them to a block's precision."""
    return None if numbers is None else {char: np.asarray(numbers).astype(char) for char in "df"}


def _min_max(scaler: MinMaxScaler) -> Numeric | None:
    if scaler.clip:
        return None
    scales, least = _in_either_precision(scaler.scale_), _in_either_precision(scaler.min_)
    if scales is None or least is None:
        return None
    return lambda block: block * scales[block.dtype.char] + least[block.dtype.char]


_NUMERIC: Final[Mapping[type, Callable[[Any], Numeric | None]]] = {
    SimpleImputer: _imputer,
    StandardScaler: _standard,
    RobustScaler: _robust,
    MinMaxScaler: _min_max,
}


def _has_plain_categories(encoder: Any) -> bool:
    """Say whether it knows neither rare categories nor a missing value, which have rules of their own."""
    missing = any(value is None or value != value for known in encoder.categories_ for value in known.tolist())  # noqa: PLR0124  NaN alone is unequal to itself
    return not missing and not encoder._infrequent_enabled and np.dtype(encoder.dtype) == np.float64  # noqa: SLF001  nothing public tells


def _places(encoder: Any) -> list[dict[Any, int]]:
    return [{value: place for place, value in enumerate(known.tolist())} for known in encoder.categories_]


def _unknown(value: object) -> ValueError:
    return ValueError(f"Found unknown categories [{value!r}] during transform")


def _one_hot(encoder: OneHotEncoder) -> Encoding | None:
    if encoder.drop is not None or encoder.handle_unknown not in ("error", "ignore"):
        return None
    places, strict = _places(encoder), encoder.handle_unknown == "error"
    starts = np.cumsum([0, *map(len, places)]).tolist()

    def encode(columns: Sequence[Sequence[Any]]) -> Floats:
        block = np.zeros((len(columns[0]), starts[-1]))
        for column, known, start in zip(columns, places, starts, strict=False):
            for row, value in enumerate(column):
                place = known.get(value)
                if place is not None:
                    block[row, start + place] = 1.0
                elif strict:
                    raise _unknown(value)
        return block

    return encode


def _ordinal(encoder: OrdinalEncoder) -> Encoding | None:
    if encoder.handle_unknown not in ("error", "use_encoded_value"):
        return None
    places, strict, other = _places(encoder), encoder.handle_unknown == "error", encoder.unknown_value

    def encode(columns: Sequence[Sequence[Any]]) -> Floats:
        block = np.empty((len(columns[0]), len(places)))
        for number, (column, known) in enumerate(zip(columns, places, strict=True)):
            for row, value in enumerate(column):
                place = known.get(value)
                if place is None and strict:
                    raise _unknown(value)
                block[row, number] = other if place is None else place
        return block

    return encode
