"""From a request's columns to the matrix that the last step predicts from, by a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from weirkeeper_server.shortcuts.plan import (
    Bounded,
    EncodedBlock,
    Filled,
    Floats,
    FromBlocks,
    FromColumns,
    FromMatrix,
    NumbersBlock,
    OneHot,
    Ordinal,
    Preparation,
    Scaled,
    Step,
    Value,
)
from weirkeeper_server.tensors import Columns

Prepare = Callable[[Columns], Any]
Block = Callable[[Columns], Floats]
Numeric = Callable[[Floats], Floats]
Encoding = Callable[[Sequence[Sequence[Any]]], Floats]
"""From columns, each a list of its values, to a matrix of numbers."""


def preparing(plan: Preparation) -> Prepare:
    """Make what computes a preparation."""
    return followed(_begin(plan.begin), [numeric(step) for step in plan.steps])


def followed(begin: Block, further: Sequence[Callable[[Any], Any]]) -> Prepare:
    """Let steps follow on a beginning."""
    if not further:
        return begin

    def prepare(inputs: Columns) -> Any:
        block = begin(inputs)
        for step in further:
            block = step(block)
        return block

    return prepare


def side_by_side(blocks: Sequence[Block]) -> Block:
    """Put what several blocks give side by side."""
    return lambda inputs: np.concatenate([block(inputs) for block in blocks], axis=1)


def _begin(begin: FromMatrix | FromColumns | FromBlocks) -> Block:
    if isinstance(begin, FromColumns):
        return _stacked(begin.names)
    if isinstance(begin, FromBlocks):
        return side_by_side([block(one) for one in begin.blocks])
    name = begin.name
    return (lambda inputs: inputs[name].astype(np.float64)) if begin.widened else (lambda inputs: inputs[name])


def _stacked(names: Sequence[str]) -> Block:
    return lambda inputs: np.array([inputs[name] for name in names], dtype=np.float64).T


def block(plan: NumbersBlock | EncodedBlock) -> Block:
    """Make what computes one block of columns."""
    names, steps = plan.names, [numeric(step) for step in plan.steps]
    if isinstance(plan, NumbersBlock):
        return followed(_stacked(names), steps)
    encode = _one_hot(plan.encoding) if isinstance(plan.encoding, OneHot) else _ordinal(plan.encoding)
    return followed(lambda inputs: encode([inputs[name].tolist() for name in names]), steps)


def numeric(step: Step) -> Numeric:
    """Make what computes one step on a matrix."""
    if isinstance(step, Filled):
        fills = step.fills
        return lambda matrix: np.where(np.isnan(matrix), fills, matrix)
    if isinstance(step, Scaled):
        return _scaled(step)
    return _bounded(step)


def _scaled(step: Scaled) -> Numeric:
    centres, scales = _in_either_precision(step.centre), _in_either_precision(step.scale)

    def apply(matrix: Floats) -> Floats:
        if centres is not None:
            matrix = matrix - centres[matrix.dtype.char]
        return matrix / scales[matrix.dtype.char] if scales is not None else matrix

    return apply


def _bounded(step: Bounded) -> Numeric:
    scales, least = {c: step.scale.astype(c) for c in "df"}, {c: step.least.astype(c) for c in "df"}
    return lambda matrix: matrix * scales[matrix.dtype.char] + least[matrix.dtype.char]


def _in_either_precision(numbers: Floats | None) -> Mapping[str, Any] | None:
    """Give fitted numbers by the type of the block that they meet: scikit-learn rounds them to a block's precision."""
    return None if numbers is None else {char: numbers.astype(char) for char in "df"}


def _places(categories: Sequence[Sequence[Value]]) -> list[dict[Any, int]]:
    return [{value: place for place, value in enumerate(known)} for known in categories]


def _unknown(value: object) -> ValueError:
    return ValueError(f"Found unknown categories [{value!r}] during transform")


def _one_hot(encoder: OneHot) -> Encoding:
    places, strict = _places(encoder.categories), encoder.strict
    starts = np.cumsum([0, *map(len, places)]).tolist()

    def encode(columns: Sequence[Sequence[Any]]) -> Floats:
        matrix = np.zeros((len(columns[0]), starts[-1]))
        for column, known, start in zip(columns, places, starts, strict=False):
            for row, value in enumerate(column):
                place = known.get(value)
                if place is not None:
                    matrix[row, start + place] = 1.0
                elif strict:
                    raise _unknown(value)
        return matrix

    return encode


def _ordinal(encoder: Ordinal) -> Encoding:
    places, strict, other = _places(encoder.categories), encoder.strict, encoder.other

    def encode(columns: Sequence[Sequence[Any]]) -> Floats:
        matrix = np.empty((len(columns[0]), len(places)))
        for number, (column, known) in enumerate(zip(columns, places, strict=True)):
            for row, value in enumerate(column):
                place = known.get(value)
                if place is None and strict:
                    raise _unknown(value)
                matrix[row, number] = other if place is None else place
        return matrix

    return encode
