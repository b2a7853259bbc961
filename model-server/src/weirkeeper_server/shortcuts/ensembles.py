"""Ensembles of decision trees in onnxruntime, which walks a hundred of them in the time of one call of scikit-learn.

Thresholds and leaves stay in double precision, and what scikit-learn rounds to single precision before it compares is
rounded here too: each row reaches the very leaves that it reaches there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from scipy.special import expit
from sklearn import ensemble
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from weirkeeper_server.shortcuts.blocks import Floats
from weirkeeper_server.shortcuts.finals import TWO_CLASSES, Answers, LastStep, pairs, softmax
from weirkeeper_server.shortcuts.tree_graph import Tree, sums
from weirkeeper_server.tensors import Array

MOST_NODES: Final = 2_000_000
"""Larger ensembles would be held in memory a second time."""

_VOTING: Final = (
    ensemble.RandomForestClassifier,
    ensemble.ExtraTreesClassifier,
    DecisionTreeClassifier,
    ExtraTreeClassifier,
)
_AVERAGING: Final = (
    ensemble.RandomForestRegressor,
    ensemble.ExtraTreesRegressor,
    DecisionTreeRegressor,
    ExtraTreeRegressor,
)
_BOOSTED: Final = (ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor)
_BINNED: Final = (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor)
_TWICE: Final = "ExponentialLoss"
_LINKS: Final[dict[str, Callable[[Floats], Floats]]] = {"IdentityLink": lambda raw: raw, "LogLink": np.exp}


def trees(final: Any) -> LastStep | None:
    """Find the shortcut of trees and their ensembles, None for other estimators and for those that it cannot know."""
    kind = type(final)
    if kind in _VOTING:
        answer = _votes(final)
    elif kind in _AVERAGING:
        answer = _means(final)
    elif kind in _BOOSTED:
        answer = _boosted(final)
    elif kind in _BINNED:
        answer = _binned(final)
    else:
        answer = None
    return LastStep("onnxruntime", answer) if answer else None


Answer = Callable[[Floats], Answers | None]


def _members(final: Any) -> list[Any]:
    return [member.tree_ for member in getattr(final, "estimators_", [final])]


def _votes(final: Any) -> Answer | None:
    if final.n_outputs_ != 1 or final.n_classes_ < TWO_CLASSES:
        return None
    members, classes = _members(final), final.classes_
    two = final.n_classes_ == TWO_CLASSES
    columns = [1] if two else range(final.n_classes_)
    walk = _walk([[_tree(tree, tree.value[:, 0, column]) for tree in members] for column in columns], final)

    def answer(features: Floats) -> Answers | None:
        values = _single(features)
        if values is None or walk is None:
            return None
        shares = walk(values) / len(members)
        probabilities = pairs(shares[:, 0]) if two else shares
        return Answers(classes.take(probabilities.argmax(axis=1)), probabilities)

    return answer if walk else None


def _means(final: Any) -> Answer | None:
    if final.n_outputs_ != 1:
        return None
    members = _members(final)
    walk = _walk([[_tree(tree, tree.value[:, 0, 0]) for tree in members]], final)

    def answer(features: Floats) -> Answers | None:
        values = _single(features)
        return None if values is None or walk is None else Answers(walk(values)[:, 0] / len(members), None)

    return answer if walk else None


def _boosted(final: Any) -> Answer | None:
    known = final.init_ == "zero" or type(final.init_) in (DummyClassifier, DummyRegressor)
    if not known:
        return None
    # The first guess is the same for every row.
    first = final._raw_predict_init(np.zeros((1, final.n_features_in_), dtype=np.float32))  # noqa: SLF001  nothing public has it
    rate = final.learning_rate
    stages = [
        [_tree(stage.tree_, rate * stage.tree_.value[:, 0, 0]) for stage in column] for column in final.estimators_.T
    ]
    return _linked(final, _walk(stages, final), first, _single, boundary=True)


def _binned(final: Any) -> Answer | None:
    rounds = final._predictors  # noqa: SLF001  nothing public has them
    nodes = [[predictor.nodes for predictor in round_] for round_ in rounds]
    # Columns of categories are encoded before, and parted by sets.
    if final._preprocessor is not None or any(found["is_categorical"].any() for round_ in nodes for found in round_):  # noqa: SLF001  see above
        return None
    columns = [[_binned_tree(round_[column]) for round_ in nodes] for column in range(final.n_trees_per_iteration_)]
    return _linked(final, _walk(columns, final), np.asarray(final._baseline_prediction), _double, boundary=False)  # noqa: SLF001  see above


def _linked(
    final: Any,
    walk: Callable[[Floats], Floats] | None,
    first: Floats,
    prepare: Callable[[Floats], Floats | None],
    *,
    boundary: bool,
) -> Answer | None:
    """Add up and apply the link; `boundary` says that a score of 0 belongs to the second class."""
    finish = _regression(final) if not hasattr(final, "classes_") else _classification(final, boundary=boundary)
    if walk is None or finish is None:
        return None

    def answer(features: Floats) -> Answers | None:
        values = prepare(features)
        return None if values is None else finish(walk(values) + first)

    return answer


def _regression(final: Any) -> Callable[[Floats], Answers] | None:
    link = _LINKS.get(type(final._loss.link).__name__)  # noqa: SLF001  nothing public has it
    return (lambda raw: Answers(link(raw[:, 0]), None)) if link else None


def _classification(final: Any, *, boundary: bool) -> Callable[[Floats], Answers]:
    classes = final.classes_
    if len(classes) > TWO_CLASSES:
        return lambda raw: Answers(classes.take(raw.argmax(axis=1)), softmax(raw))
    steepness = 2.0 if type(final._loss).__name__ == _TWICE else 1.0  # noqa: SLF001  nothing public has it

    def answer(raw: Floats) -> Answers:
        scores = raw[:, 0]
        second = scores >= 0 if boundary else scores > 0
        return Answers(classes.take(second.view(np.int8)), pairs(expit(steepness * scores)))

    return answer


def _single(features: Floats) -> Floats | None:
    """Round to single precision, as scikit-learn's trees compare; None where values lack or are too large for it."""
    with np.errstate(over="ignore"):
        rounded = features.astype(np.float32)
    return rounded.astype(np.float64) if np.isfinite(rounded).all() else None


def _double(features: Floats) -> Floats | None:
    """Leave infinite values to the estimator, which refuses them; missing ones have a branch of their own."""
    values = features.astype(np.float64, copy=False)
    return None if np.isinf(values).any() else values


def _tree(tree: Any, values: Array) -> Tree:
    return Tree(tree.children_left, tree.children_right, tree.feature, tree.threshold, values)


def _binned_tree(nodes: Any) -> Tree:
    leaf = nodes["is_leaf"].astype(bool)
    left = np.where(leaf, -1, nodes["left"].astype(np.int64))
    right = np.where(leaf, -1, nodes["right"].astype(np.int64))
    lacking = nodes["missing_go_to_left"].astype(bool)
    return Tree(left, right, nodes["feature_idx"], nodes["num_threshold"], nodes["value"], lacking)


def _walk(columns: Sequence[Sequence[Tree]], final: Any) -> Callable[[Floats], Floats] | None:
    count = sum(tree.left.size for column in columns for tree in column)
    return sums(columns, final.n_features_in_) if 0 < count <= MOST_NODES else None


def threshold_rows(final: Any, features: Floats, most: int = 200) -> Array:
    """Change one value of a row to a threshold of a tree and to its neighbours in single and double precision."""
    found = _splits(final)
    if not found:
        return features
    chosen = [found[place] for place in np.linspace(0, len(found) - 1, min(most, len(found))).astype(int)]
    rows = [(feature, value) for feature, threshold in chosen for value in _around(threshold)]
    changed = features[np.arange(len(rows)) % len(features)].copy()
    for row, (feature, value) in zip(changed, rows, strict=True):
        row[feature] = value
    return changed


def _splits(final: Any) -> list[tuple[int, float]]:
    if type(final) in _BINNED:
        nodes = [predictor.nodes for round_ in final._predictors for predictor in round_]  # noqa: SLF001  see _binned
        parts = [(n["feature_idx"][n["is_leaf"] == 0], n["num_threshold"][n["is_leaf"] == 0]) for n in nodes]
    else:
        stages = np.asarray(getattr(final, "estimators_", [final]), dtype=object).ravel()
        found = [stage.tree_ for stage in stages if hasattr(stage, "tree_")]
        parts = [(tree.feature[tree.children_left >= 0], tree.threshold[tree.children_left >= 0]) for tree in found]
    return [pair for features, limits in parts for pair in zip(features.tolist(), limits.tolist(), strict=True)]


def _around(threshold: float) -> list[float]:
    single = np.float32(threshold)
    steps = (-np.inf, np.inf)
    return [
        float(single),
        *(float(np.nextafter(single, np.float32(step))) for step in steps),
        threshold,
        *(float(np.nextafter(threshold, step)) for step in steps),
    ]
