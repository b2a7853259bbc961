"""Linear models: one product of matrices, and a link. In the order in which scikit-learn computes them."""

from __future__ import annotations

import numpy as np

from weirkeeper_server.shortcuts.finals import Answer, Answers, logistic, pairs, refused, softmax
from weirkeeper_server.shortcuts.plan import Floats, Linear
from weirkeeper_server.tensors import Array


def linear(plan: Linear) -> Answer:
    """Make what computes a linear model."""
    answer = _regression(plan) if plan.classes is None else _classification(plan, plan.classes)

    def finite_alone(features: Floats) -> Answers:
        if not np.isfinite(features).all():
            raise refused()
        return answer(features)

    return finite_alone


def _regression(plan: Linear) -> Answer:
    weights, intercept = plan.weights, plan.intercept
    return lambda features: Answers(features @ weights + intercept, None)


def _classification(plan: Linear, classes: Array) -> Answer:
    weights, intercept, probable = plan.weights, plan.intercept, plan.probable
    if weights.shape[1] > 1:

        def among_many(features: Floats) -> Answers:
            scores = features @ weights + intercept
            return Answers(classes.take(scores.argmax(axis=1)), softmax(scores) if probable else None)

        return among_many

    def among_two(features: Floats) -> Answers:
        scores = (features @ weights + intercept).reshape(-1)
        return Answers(classes.take((scores > 0).view(np.int8)), pairs(logistic(scores)) if probable else None)

    return among_two


def boundary_rows(plan: Linear, features: Floats, share: float) -> Array:
    """Move rows to where the decision changes: just before and just behind it.

    With two classes that is where the second has the probability `share`, with several where a row's likeliest two
    are equally likely. Where a decision never changes, as a regression has none, the rows come back as they are.
    """
    if plan.classes is None or not 0 < share < 1:
        return features
    weights = plan.weights.T
    scores = features @ plan.weights + plan.intercept
    if weights.shape[0] == 1:
        direction, distance = np.repeat(weights, len(features), axis=0), scores[:, 0] - np.log(share / (1 - share))
    else:
        first, second = np.argsort(scores, axis=1)[:, :-3:-1].T
        direction, rows = weights[first] - weights[second], np.arange(len(features))
        distance = scores[rows, first] - scores[rows, second]
    length = (direction**2).sum(axis=1)
    known = length > 0
    direction, distance, length, base = direction[known], distance[known], length[known], features[known]
    # Far enough from the boundary for rounding to leave the side alone.
    margin = 1e-7 * (1.0 + np.abs(base).max(axis=1, initial=0.0) * np.sqrt(length))
    moved = [base - direction * ((distance + sign * margin) / length)[:, None] for sign in (-1.0, 1.0)]
    return np.concatenate(moved)
