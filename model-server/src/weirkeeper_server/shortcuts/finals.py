"""A pipeline's last step: a matrix in, predictions and probabilities back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from weirkeeper_server.shortcuts.plan import Floats
from weirkeeper_server.tensors import Array

TWO_CLASSES: Final = 2


class Answers(NamedTuple):
    """What `predict` and `predict_proba` give, a row each; no probabilities where the estimator has none."""

    predictions: Array
    probabilities: Array | None


Answer = Callable[[Floats], Answers]
"""Raises ValueError for rows that the estimator itself would refuse."""


def refused() -> ValueError:
    """Refuse rows whose numbers the estimator would refuse."""
    return ValueError("the rows hold a missing or infinite value, or one that is too large, where the model takes none")


def pairs(positive: Floats) -> Floats:
    """Give the probabilities of both classes from that of the second."""
    both = np.empty((positive.size, TWO_CLASSES))
    np.subtract(1.0, positive, out=both[:, 0])
    both[:, 1] = positive
    return both


def softmax(scores: Floats) -> Floats:
    """Give probabilities that are proportional to the exponentials of a row's scores."""
    # A class after the other: numpy takes four times as long along rows of a few classes.
    raised: Floats = scores.T.copy()
    raised -= np.maximum.reduce(raised)
    np.exp(raised, out=raised)
    raised /= np.add.reduce(raised)
    return raised.T.copy()


def logistic(scores: Floats) -> Floats:
    """Give 1 / (1 + exp(-score)); what scipy's `expit` gives, without importing it."""
    # Larger exponentials overflow, and the result is 0 but for the least numbers that there are.
    raised = np.exp(np.minimum(-scores, 88.0 if scores.dtype == np.float32 else 709.0))
    raised += 1.0
    return np.reciprocal(raised, out=raised)
