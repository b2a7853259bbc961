"""The transforming steps of a pipeline: from a request's columns to the matrix that the last step predicts from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from weirkeeper.api.bundle import Signature
from weirkeeper_server.fitted.blocks import encoded, formatted, in_turn, numbers, numeric
from weirkeeper_server.shortcuts import preparing
from weirkeeper_server.shortcuts.plan import (
    EncodedBlock,
    Floats,
    FromBlocks,
    FromColumns,
    FromMatrix,
    NumbersBlock,
    Preparation,
)
from weirkeeper_server.shortcuts.preparing import Block, Prepare, followed, side_by_side
from weirkeeper_server.tensors import Columns

NUMBERS: Final = frozenset({"FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32"})
"""Datatypes that scikit-learn turns into double precision without loss."""


def preparation(estimator: Any, signature: Signature) -> Prepare | None:
    """Find a shortcut for all steps of a pipeline but the last, None where there is none.

    Transformers within it that have none are asked as scikit-learn asks them.
    """
    if not _begins_with_columns(estimator):
        return None
    first, *others = [step for _, step in estimator.steps[:-1]]
    parts = _parts(first, signature)
    if parts is None:
        return None
    begin = side_by_side([preparing.block(part) if isinstance(part, _KNOWN) else part for part in parts])
    return followed(begin, [further for step in others if step != "passthrough" for further in _further(step)])


def _further(step: Any) -> list[Any]:
    known = numeric(step)
    return [step.transform] if known is None else [preparing.numeric(one) for one in known]


def plan_of(estimator: Any, signature: Signature) -> Preparation | None:
    """Read all steps of a pipeline but the last, None where one of them has no shortcut."""
    if _begins_with_columns(estimator):
        first, *others = [step for _, step in estimator.steps[:-1]]
        parts, further = _parts(first, signature), in_turn(others)
        known = [part for part in parts or () if isinstance(part, _KNOWN)]
        if parts is not None and further is not None and len(known) == len(parts):
            return Preparation(begin=FromBlocks(blocks=tuple(known)), steps=further)
    begin = _array(signature) if signature.takes_array else _columns_of_numbers(estimator, signature)
    steps = in_turn([step for _, step in estimator.steps[:-1]] if type(estimator) is Pipeline else [])
    return Preparation(begin=begin, steps=steps) if begin is not None and steps is not None else None


def _begins_with_columns(estimator: Any) -> bool:
    return type(estimator) is Pipeline and len(estimator.steps) > 1 and type(estimator.steps[0][1]) is ColumnTransformer


def _array(signature: Signature) -> FromMatrix | None:
    tensor = signature.inputs[0]
    widened = tensor.datatype not in ("FP32", "FP64")
    return None if widened and tensor.datatype not in NUMBERS else FromMatrix(name=tensor.name, widened=widened)


def _columns_of_numbers(estimator: Any, signature: Signature) -> FromColumns | None:
    names = [str(name) for name in getattr(estimator, "feature_names_in_", ())]
    plain = all(tensor.datatype in NUMBERS for tensor in signature.inputs)
    taken = plain and sorted(names) == sorted(tensor.name for tensor in signature.inputs)
    return FromColumns(names=tuple(names)) if taken else None


_KNOWN: Final = (NumbersBlock, EncodedBlock)


def _parts(transformer: ColumnTransformer, signature: Signature) -> list[NumbersBlock | EncodedBlock | Block] | None:
    """Read its blocks; those that have no shortcut ask their transformer."""
    if transformer.sparse_output_ or formatted(transformer):
        return None
    parts: list[NumbersBlock | EncodedBlock | Block] = []
    for _, part, chosen in transformer.transformers_:
        names = [chosen] if isinstance(chosen, str) else list(chosen)
        if not all(isinstance(name, str) for name in names):
            return None
        if names and part != "drop":
            parts.append(_part(part, names, single=isinstance(chosen, str), signature=signature))
    return parts


def _part(
    part: Any, names: Sequence[str], *, single: bool, signature: Signature
) -> NumbersBlock | EncodedBlock | Block:
    datatypes = {tensor.datatype for tensor in signature.inputs if tensor.name in names}
    known = None
    if not single:
        known = (numbers(part, names) if datatypes <= NUMBERS else None) or encoded(part, names)
    return known or _as_it_is(part, names, single=single)


def _as_it_is(part: Any, names: Sequence[str], *, single: bool) -> Block:
    """Ask a transformer that has no shortcut with the frame that it would get."""

    def block(inputs: Columns) -> Floats:
        frame = pd.DataFrame({name: inputs[name] for name in names})
        made = part.transform(frame[names[0]] if single else frame)
        return np.asarray(made.toarray() if hasattr(made, "toarray") else made)

    return block
