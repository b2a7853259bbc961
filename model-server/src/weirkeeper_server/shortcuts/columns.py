"""The transforming steps of a pipeline: from a request's columns to the matrix that the last step predicts from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from weirkeeper.api.bundle import Signature
from weirkeeper_server.shortcuts.blocks import Floats, encoding, numeric
from weirkeeper_server.tensors import Columns

Preparation = Callable[[Columns], Any]
Block = Callable[[Columns], Floats]

NUMBERS: Final = frozenset({"FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32"})
"""Datatypes that scikit-learn turns into double precision without loss."""


def preparation(estimator: Any, signature: Signature) -> Preparation | None:
    """Find a shortcut for all steps of a pipeline but the last, None where there is none."""
    if type(estimator) is not Pipeline or len(estimator.steps) < 2:  # noqa: PLR2004  one that transforms, one that predicts
        return None
    first, *others = [step for _, step in estimator.steps[:-1]]
    begin = _columns(first, signature) if type(first) is ColumnTransformer else None
    if begin is None:
        return None
    return _followed(begin, [numeric(step) or step.transform for step in others if step != "passthrough"])


def matrix(estimator: Any, signature: Signature) -> Preparation | None:
    """Find a shortcut to the matrix that the last step predicts from, where all that is taken is numbers.

    None where a step has no shortcut: it would be asked as scikit-learn asks it anyway.
    """
    begin = _array(signature) if signature.takes_array else _numbers(estimator, signature)
    steps = [step for _, step in estimator.steps[:-1]] if type(estimator) is Pipeline else []
    known = [found for step in steps if (found := numeric(step)) is not None]
    return _followed(begin, known) if begin is not None and len(known) == len(steps) else None


def _followed(begin: Block, further: Sequence[Callable[[Any], Any]]) -> Preparation:
    if not further:
        return begin

    def prepare(inputs: Columns) -> Any:
        block = begin(inputs)
        for step in further:
            block = step(block)
        return block

    return prepare


def _array(signature: Signature) -> Block | None:
    tensor = signature.inputs[0]
    if tensor.datatype in ("FP32", "FP64"):
        return lambda inputs: inputs[tensor.name]
    return (lambda inputs: inputs[tensor.name].astype(np.float64)) if tensor.datatype in NUMBERS else None


def _numbers(estimator: Any, signature: Signature) -> Block | None:
    names = [str(name) for name in getattr(estimator, "feature_names_in_", ())]
    plain = all(tensor.datatype in NUMBERS for tensor in signature.inputs)
    return _stacked(names) if plain and sorted(names) == sorted(tensor.name for tensor in signature.inputs) else None


def _stacked(names: Sequence[str]) -> Block:
    return lambda inputs: np.array([inputs[name] for name in names], dtype=np.float64).T


def _columns(transformer: ColumnTransformer, signature: Signature) -> Block | None:
    if transformer.sparse_output_ or getattr(transformer, "_sklearn_output_config", None):
        return None
    blocks: list[Block] = []
    for _, part, chosen in transformer.transformers_:
        names = [chosen] if isinstance(chosen, str) else list(chosen)
        if not all(isinstance(name, str) for name in names):
            return None
        if names and part != "drop":
            blocks.append(_block(part, names, single=isinstance(chosen, str), signature=signature))
    return lambda inputs: np.concatenate([block(inputs) for block in blocks], axis=1)


def _block(part: Any, names: Sequence[str], *, single: bool, signature: Signature) -> Block:
    datatypes = {tensor.datatype for tensor in signature.inputs if tensor.name in names}
    if datatypes <= NUMBERS and (step := numeric(part)) and not single:
        stack = _stacked(names)
        return lambda inputs: step(stack(inputs))
    if (encode := encoding(part)) and not single:
        return lambda inputs: encode([inputs[name].tolist() for name in names])
    return _as_it_is(part, names, single=single)


def _as_it_is(part: Any, names: Sequence[str], *, single: bool) -> Block:
    """Ask a transformer that has no shortcut with the frame that it would get."""

    def block(inputs: Columns) -> Floats:
        frame = pd.DataFrame({name: inputs[name] for name in names})
        made = part.transform(frame[names[0]] if single else frame)
        return np.asarray(made.toarray() if hasattr(made, "toarray") else made)

    return block
