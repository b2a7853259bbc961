"""Transformers of one block of columns: a matrix of numbers, or columns of objects, to a matrix of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
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

from weirkeeper_server.shortcuts.plan import Bounded, EncodedBlock, Filled, NumbersBlock, OneHot, Ordinal, Scaled, Value

Steps = tuple[Filled | Scaled | Bounded, ...]


def numeric(transformer: Any) -> Steps | None:
    """Read a transformer of numbers, None where there is no shortcut for it."""
    if formatted(transformer):
        return None
    if transformer == "passthrough" or _is_identity(transformer):
        return ()
    if type(transformer) is Pipeline:
        return in_turn([step for _, step in transformer.steps])
    read = _NUMERIC.get(type(transformer))
    step = read(transformer) if read else None
    return None if step is None else (step,)


def in_turn(transformers: Sequence[Any]) -> Steps | None:
    """Read transformers of numbers that follow on each other, None where one has no shortcut."""
    known = [steps for one in transformers if (steps := numeric(one)) is not None]
    return sum(known, ()) if len(known) == len(transformers) else None


def encoded(transformer: Any, names: Sequence[str]) -> EncodedBlock | None:
    """Read an encoder of categories, None where there is no shortcut for it."""
    if formatted(transformer):
        return None
    first, *others = [step for _, step in transformer.steps] if type(transformer) is Pipeline else [transformer]
    further = in_turn(others)
    encoding = _encoding(first) if further is not None and not formatted(first) else None
    return None if encoding is None else EncodedBlock(names=tuple(names), encoding=encoding, steps=further or ())


def numbers(transformer: Any, names: Sequence[str]) -> NumbersBlock | None:
    """Read a transformer of columns of numbers, None where there is no shortcut for it."""
    steps = numeric(transformer)
    return None if steps is None else NumbersBlock(names=tuple(names), steps=steps)


def formatted(transformer: Any) -> bool:
    """Say whether it was told to give frames, which later steps may then ask for their names."""
    return bool(getattr(transformer, "_sklearn_output_config", {}).get("transform", "default") != "default")


def _is_identity(transformer: Any) -> bool:
    return type(transformer) is FunctionTransformer and transformer.func is None and not transformer.validate


def _imputer(imputer: SimpleImputer) -> Filled | None:
    fills = np.asarray(imputer.statistics_)
    plain = isinstance(imputer.missing_values, float) and math.isnan(imputer.missing_values)
    if not plain or imputer.add_indicator or fills.dtype.kind not in "fiu" or np.isnan(fills).any():
        return None
    return Filled(fills=fills)


def _standard(scaler: StandardScaler) -> Scaled:
    return Scaled(
        centre=_array(scaler.mean_ if scaler.with_mean else None),
        scale=_array(scaler.scale_ if scaler.with_std else None),
    )


def _robust(scaler: RobustScaler) -> Scaled:
    return Scaled(
        centre=_array(scaler.center_ if scaler.with_centering else None),
        scale=_array(scaler.scale_ if scaler.with_scaling else None),
    )


def _array(numbers: Any) -> Any:
    return None if numbers is None else np.asarray(numbers)


def _min_max(scaler: MinMaxScaler) -> Bounded | None:
    return None if scaler.clip else Bounded(scale=np.asarray(scaler.scale_), least=np.asarray(scaler.min_))


_NUMERIC: Final[Mapping[type, Callable[[Any], Filled | Scaled | Bounded | None]]] = {
    SimpleImputer: _imputer,
    StandardScaler: _standard,
    RobustScaler: _robust,
    MinMaxScaler: _min_max,
}


def _encoding(encoder: Any) -> OneHot | Ordinal | None:
    if type(encoder) not in (OneHotEncoder, OrdinalEncoder) or not _has_plain_categories(encoder):
        return None
    return _one_hot(encoder) if type(encoder) is OneHotEncoder else _ordinal(encoder)


def _has_plain_categories(encoder: Any) -> bool:
    """Say whether it knows neither rare categories nor a missing value, which have rules of their own."""
    values: list[Any] = [value for known in encoder.categories_ for value in known.tolist()]
    plain = all(isinstance(value, Value) and value == value for value in values)  # noqa: PLR0124  NaN alone is unequal to itself
    return plain and not encoder._infrequent_enabled and np.dtype(encoder.dtype) == np.float64  # noqa: SLF001  nothing public tells


def _categories(encoder: Any) -> tuple[tuple[Value, ...], ...]:
    return tuple(tuple(known.tolist()) for known in encoder.categories_)


def _one_hot(encoder: OneHotEncoder) -> OneHot | None:
    if encoder.drop is not None or encoder.handle_unknown not in ("error", "ignore"):
        return None
    return OneHot(categories=_categories(encoder), strict=encoder.handle_unknown == "error")


def _ordinal(encoder: OrdinalEncoder) -> Ordinal | None:
    if encoder.handle_unknown not in ("error", "use_encoded_value"):
        return None
    return Ordinal(
        categories=_categories(encoder), strict=encoder.handle_unknown == "error", other=encoder.unknown_value
    )
