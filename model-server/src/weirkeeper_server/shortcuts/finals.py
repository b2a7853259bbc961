"""A pipeline's last step computed from its fitted numbers: a matrix in, predictions and probabilities back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np

from weirkeeper_server.shortcuts.blocks import Floats
from weirkeeper_server.tensors import Array

By = Literal["numpy", "onnxruntime"]
TWO_CLASSES: Final = 2


class Answers(NamedTuple):
    """What `predict` and `predict_proba` give, a row each; no probabilities where the estimator has none."""

    predictions: Array
    probabilities: Array | None


@dataclass(frozen=True)
class LastStep:
    """A last step's shortcut, and by what it computes.

    `answer` gives None for rows that the estimator itself has to answer, or to refuse: rows with missing or infinite
    values where the shortcut has no rule for them.
    """

    by: By
    answer: Callable[[Floats], Answers | None]


def pairs(positive: Floats) -> Floats:
    """Give the probabilities of both classes from that of the second."""
    both = np.empty((positive.size, TWO_CLASSES))
    np.subtract(1.0, positive, out=both[:, 0])
    both[:, 1] = positive
    return both


def softmax(scores: Floats) -> Floats:
    """Give probabilities that are proportional to the exponentials of a row's scores."""
    raised: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
    raised /= raised.sum(axis=1, keepdims=True)
    return raised
