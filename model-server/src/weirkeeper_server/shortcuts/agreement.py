"""Proof before use: a shortcut must answer like the estimator itself, on golden rows and on rows around them.

What the estimator says is asked first and kept (`Said`), so that it can be compared later and elsewhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np

from weirkeeper.api.bundle import Signature
from weirkeeper_server.predictor import Predictor
from weirkeeper_server.shortcuts.finals import Answer
from weirkeeper_server.shortcuts.plan import Floats, Numbers, Part
from weirkeeper_server.tensors import Array, Columns

UNHEARD_OF: Final = "\x00 no category"
SAME_DIGITS: Final = 1e-10
LAST_DIGITS: Final = 1e-6
"""How far numbers of a model in single precision may lie apart where other rows are computed beside them."""

FAR: Final = (-1e30, -1.0, 0.0, 1e6)
Ask = Callable[[Columns], Columns]


class Said(Part):
    """What was said to rows: `answers` to those `asked` together; those that were `refused` were asked one by one."""

    asked: dict[str, Numbers]
    answers: dict[str, Numbers]
    refused: dict[str, Numbers]

    @property
    def rows(self) -> int:
        """How many rows were asked about."""
        return _count(self.asked) + _count(self.refused)


def said(ask: Ask, rows: Sequence[Columns]) -> Said:
    """Ask about blocks of rows: all in one call, but parted in halves where that raises."""
    answered, refused = _parted(ask, rows)
    asked = _joined([block for block, _ in answered])
    return Said(asked=asked, answers=_joined([answer for _, answer in answered]), refused=_joined(refused))


def _parted(ask: Ask, rows: Sequence[Columns]) -> tuple[list[tuple[Columns, Columns]], list[Columns]]:
    if not rows:
        return [], []
    joined = _joined(rows)
    answer = _answer(ask, joined)
    if answer is not None:
        return [(joined, answer)], []
    if len(rows) == 1:
        return [], [{name: column[row : row + 1] for name, column in joined.items()} for row in range(_count(joined))]
    middle = len(rows) // 2
    answered, refused = _parted(ask, rows[:middle])
    more, others = _parted(ask, rows[middle:])
    return answered + more, refused + others


def says_the_same(ask: Ask, told: Said) -> bool:
    """Say whether rows get the answers that were told, to the last digits, or are refused where they were refused."""
    if told.asked:
        answer = _answer(ask, told.asked)
        if answer is None or answer.keys() != told.answers.keys():
            return False
        if not all(equal(told.answers[name], answer[name]) for name in answer):
            return False
    refused = ({name: column[row : row + 1] for name, column in told.refused.items()} for row in _rows(told.refused))
    return all(_answer(ask, row) is None for row in refused)


def of_matrix(answer: Answer) -> Ask:
    """Let a last step be asked as a model is."""

    def ask(rows: Columns) -> Columns:
        predictions, probabilities = answer(rows["features"])
        found = {"predictions": np.asarray(predictions)}
        return found if probabilities is None else found | {"probabilities": probabilities}

    return ask


def matrices(rows: Sequence[Floats]) -> list[Columns]:
    """Let rows of a last step be asked as those of a model are."""
    return [{"features": block} for block in rows]


def same_apart_and_together(predictor: Predictor, rows: Sequence[Columns]) -> bool:
    """Say whether rows are answered in one call as they are by themselves, but for the last digits of sums."""
    try:
        together = predictor.predict(_joined(rows))
        apart = [predictor.predict(row) for row in rows]
    except Exception:  # noqa: BLE001  see _answer
        return False
    joined = {name: np.concatenate([answer[name] for answer in apart]) for name in together}
    return all(equal(joined[name], together[name], LAST_DIGITS) for name in together)


def rows_around(signature: Signature, rows: Sequence[Columns]) -> list[Columns]:
    """Give rows, and others with one input changed: to what nobody has heard of, to nothing where it may lack, far."""
    return [*rows, *_around(signature, rows)]


def _around(signature: Signature, rows: Sequence[Columns]) -> Iterator[Columns]:
    for number, tensor in enumerate(signature.inputs):
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


def _joined(blocks: Sequence[Columns]) -> dict[str, Array]:
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]} if blocks else {}


def _count(columns: Columns) -> int:
    return len(next(iter(columns.values()))) if columns else 0


def _rows(columns: Columns) -> range:
    return range(_count(columns))


def _answer(ask: Ask, rows: Columns) -> Columns | None:
    """Give the answer, None where the model raises."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        # Such rows overflow, and what was fitted on a frame misses its columns' names, which matter to nothing here.
        warnings.simplefilter("ignore")
        try:
            return ask(rows)
        except Exception:  # noqa: BLE001  an estimator may raise anything; that it does is what is compared
            return None


def equal(one: Array, other: Array, tolerance: float = SAME_DIGITS) -> bool:
    """Compare; sums of products may differ in their last bits by how a matrix lies in memory."""
    if one.dtype.kind != other.dtype.kind or one.shape != other.shape:
        return False
    if one.dtype.kind == "f":
        return np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True)
    return np.array_equal(one, other)
