"""Ensembles of decision trees: what is done to rows before they are walked, and what their sums mean.

Thresholds and leaves stay in double precision, and what scikit-learn rounds to single precision before it compares is
rounded here too: each row reaches the very leaves that it reaches there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from weirkeeper_server.shortcuts.finals import TWO_CLASSES, Answer, Answers, logistic, pairs, refused, softmax
from weirkeeper_server.shortcuts.plan import Floats, Trees
from weirkeeper_server.shortcuts.shallow_trees import sums as shallow_sums
from weirkeeper_server.tensors import Array

Walk = Callable[[Array], Floats]
"""From rows, in the precision in which they are compared, to the sums of the leaves that they reach."""


def trees(plan: Trees) -> Answer:
    """Make what computes an ensemble in onnxruntime, which walks a hundred trees in the time of a call of scikit-learn.

    Raises:
        ValueError: classes or first guesses are not as many as there are sums.
    """
    from weirkeeper_server.shortcuts.tree_graph import sums  # noqa: PLC0415  it takes memory and half of a start

    walk = sums(plan)
    return _answer(plan, lambda rows: walk(rows.astype(np.float64, copy=False)))


def shallow_trees(plan: Trees) -> Answer | None:
    """Make what computes an ensemble of shallow trees by compiled code, None for others; raises as `trees`."""
    walk = shallow_sums(plan)
    return None if walk is None else _answer(plan, walk)


def _answer(plan: Trees, walk: Walk) -> Answer:
    given, finish, first = _given(plan), _finish(plan), plan.first
    if first is None:
        return lambda features: finish(walk(given(features)))
    return lambda features: finish(walk(given(features)) + first)


def _given(plan: Trees) -> Callable[[Floats], Array]:
    if not plan.single:
        return lambda features: features.astype(np.float64, copy=False)
    fits = _finite_or_missing if plan.lacking else _finite

    def rounded(features: Floats) -> Array:
        """Round to single precision, as scikit-learn's trees compare; what is too large for it is refused."""
        with np.errstate(over="ignore"):
            values = features.astype(np.float32)
        if not fits(values):
            raise refused()
        return values

    return rounded


def _finite(values: Array) -> bool:
    return bool(np.isfinite(values).all())


def _finite_or_missing(values: Array) -> bool:
    return not np.isinf(values).any()


def _finish(plan: Trees) -> Callable[[Floats], Answers]:
    count = len(plan.sizes)
    if plan.classes is None:
        if plan.sums != 1:
            raise ValueError("a regression has one sum")
        if plan.finish == "mean":
            return lambda raw: Answers(raw[:, 0] / count, None)
        link = np.exp if plan.finish == "exponential" else np.asarray
        return lambda raw: Answers(link(raw[:, 0]), None)
    if plan.sums != (1 if len(plan.classes) == TWO_CLASSES else len(plan.classes)):
        raise ValueError("the classes are not as many as the sums")
    return _votes(plan.classes, count) if plan.finish == "votes" else _classes(plan, plan.classes)


def _votes(classes: Array, count: int) -> Callable[[Floats], Answers]:
    two = len(classes) == TWO_CLASSES

    def answer(raw: Floats) -> Answers:
        shares = raw / count
        probabilities = pairs(shares[:, 0]) if two else shares
        return Answers(classes.take(probabilities.argmax(axis=1)), probabilities)

    return answer


def _classes(plan: Trees, classes: Array) -> Callable[[Floats], Answers]:
    if len(classes) > TWO_CLASSES:
        return lambda raw: Answers(classes.take(raw.argmax(axis=1)), softmax(raw))
    boundary, steepness = plan.boundary, plan.steepness

    def answer(raw: Floats) -> Answers:
        scores = raw[:, 0]
        second = scores >= 0 if boundary else scores > 0
        return Answers(classes.take(second.view(np.int8)), pairs(logistic(steepness * scores)))

    return answer


def threshold_rows(plan: Trees, features: Floats, most: int = 200) -> Array:
    """Change one value of a row to a threshold of a tree and to its neighbours in single and double precision."""
    inner = np.flatnonzero(plan.left >= 0)
    if not inner.size:
        return features
    chosen = inner[np.linspace(0, len(inner) - 1, min(most, len(inner))).astype(int)]
    splits = zip(plan.feature[chosen].tolist(), plan.threshold[chosen].tolist(), strict=True)
    rows = [(feature, value) for feature, threshold in splits for value in _around(threshold)]
    changed = features[np.arange(len(rows)) % len(features)].copy()
    for row, (feature, value) in zip(changed, rows, strict=True):
        row[feature] = value
    return changed


def _around(threshold: float) -> list[float]:
    single = np.float32(threshold)
    steps = (-np.inf, np.inf)
    return [
        float(single),
        *(float(np.nextafter(single, np.float32(step))) for step in steps),
        threshold,
        *(float(np.nextafter(threshold, step)) for step in steps),
    ]
