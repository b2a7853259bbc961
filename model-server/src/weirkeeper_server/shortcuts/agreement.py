"""Proof before use: a shortcut must answer like the estimator itself, on golden rows and on rows around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from weirkeeper_server.predictor import Predictor
from weirkeeper_server.tensors import Array, Columns

UNHEARD_OF: Final = "\x00 no category"
SAME_DIGITS: Final = 1e-10
LAST_DIGITS: Final = 1e-6
"""How far numbers of a model in single precision may lie apart where other rows are computed beside them."""

FAR: Final = (-1e30, -1.0, 0.0, 1e6)


def agrees(plain: Predictor, quick: Predictor, rows: Sequence[Columns]) -> bool:
    """Say whether `quick` gives what `plain` gives, to the last digits, or raises where it raises."""
    return all(_agree(plain, quick, [row]) for row in rows) and _agree(plain, quick, list(_around(plain, rows)))


def _agree(plain: Predictor, quick: Predictor, rows: Sequence[Columns]) -> bool:
    """Compare many rows in one call, but each by itself where the estimator raises."""
    if not rows:
        return True
    joined = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    answer = _answer(plain, joined)
    if answer is None and len(rows) > 1:
        middle = len(rows) // 2
        return _agree(plain, quick, rows[:middle]) and _agree(plain, quick, rows[middle:])
    return _same(answer, _answer(quick, joined))


def same_apart_and_together(predictor: Predictor, rows: Sequence[Columns]) -> bool:
    """Say whether rows are answered in one call as they are by themselves, but for the last digits of sums."""
    try:
        together = predictor.predict({name: np.concatenate([row[name] for row in rows]) for name in rows[0]})
        apart = [predictor.predict(row) for row in rows]
    except Exception:  # noqa: BLE001  see _answer
        return False
    joined = {name: np.concatenate([answer[name] for answer in apart]) for name in together}
    return all(equal(joined[name], together[name], LAST_DIGITS) for name in together)


def _around(predictor: Predictor, rows: Sequence[Columns]) -> Iterator[Columns]:
    """Change one input at a time: to what nobody has heard of, to nothing where it may lack, to far away."""
    for number, tensor in enumerate(predictor.signature.inputs):
        if not rows:
            return
        row = rows[number % len(rows)]
        given = row[tensor.name]
        if given.dtype.kind == "O":
            values: list[Any] = [UNHEARD_OF]
        else:
            values = [value for value in FAR if given.dtype.kind == "f" or value > FAR[0]]
        values += [np.nan] if tensor.nullable else []
        for value in values if given.dtype.kind in "Ofi" else []:
            yield {**row, tensor.name: _filled(given, value)}


def _filled(like: Array, value: Any) -> Array:
    changed = np.empty_like(like)
    changed[...] = value
    return changed


def _answer(predictor: Predictor, row: Columns) -> Columns | None:
    """Give the answer, None where the estimator raises."""
    try:
        return predictor.predict(row)
    except Exception:  # noqa: BLE001  an estimator may raise anything; that it does is what is compared
        return None


def _same(one: Columns | None, other: Columns | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.keys() == other.keys() and all(equal(one[name], other[name]) for name in one)


def equal(one: Array, other: Array, tolerance: float = SAME_DIGITS) -> bool:
    """Compare; sums of products may differ in their last bits by how a matrix lies in memory."""
    if one.dtype.kind != other.dtype.kind or one.shape != other.shape:
        return False
    if one.dtype.kind == "f":
        return np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True)
    return np.array_equal(one, other)
