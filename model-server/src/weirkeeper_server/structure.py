"""Trees checked after loading: their node numbers are followed by compiled code that does not look where it reads.

A forged file could otherwise make a server read outside its memory, or walk a tree in a circle for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.tree._tree import Tree

from weirkeeper_server.errors import BundleError

Integers = npt.NDArray[np.integer[Any]]


def check_trees(estimator: object) -> None:
    """Check every decision tree within an estimator.

    Raises:
        BundleError: ModelLoadFailed, a node's children or feature lie outside the tree or its inputs.
    """
    for part in _parts(estimator):
        width = getattr(part, "n_features_in_", 0)
        if isinstance(tree := getattr(part, "tree_", None), Tree):
            _check(tree.children_left, tree.children_right, tree.feature, tree.children_left < 0, width)
        for predictor in _predictors(part):
            _check_predictor(predictor, width)
        # An ensemble looks at its own width alone before it calls its trees.
        if any(getattr(member, "n_features_in_", 0) > width for member in _trees(part)):
            raise _damaged()


def _predictors(part: object) -> list[TreePredictor]:
    rounds = getattr(part, "_predictors", ())
    return [predictor for round_ in rounds for predictor in round_ if isinstance(predictor, TreePredictor)]


def _trees(part: object) -> list[object]:
    members = _children(getattr(part, "estimators_", []))
    return [member for member in members if isinstance(getattr(member, "tree_", None), Tree)]


def _parts(root: object) -> Iterator[object]:
    """Walk the attributes, containers and object arrays below `root`, each object once."""
    seen: set[int] = set()
    waiting: list[object] = [root]
    while waiting:
        part = waiting.pop()
        if id(part) in seen or isinstance(part, str | bytes | int | float | type):
            continue
        seen.add(id(part))
        yield part
        waiting.extend(_children(part))


def _children(part: object) -> list[object]:
    if isinstance(part, dict):
        return [*part.keys(), *part.values()]
    if isinstance(part, list | tuple | set | frozenset):
        return list(part)
    if isinstance(part, np.ndarray):
        return list(part.ravel()) if part.dtype == object else []
    return list(getattr(part, "__dict__", {}).values())


def _check_predictor(predictor: TreePredictor, width: int) -> None:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    split_by_set = nodes["is_categorical"].astype(bool) & ~leaf
    sets = min(len(predictor.raw_left_cat_bitsets), len(predictor.binned_left_cat_bitsets))
    if np.any(nodes["bitset_idx"][split_by_set] >= sets):
        raise _damaged()
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    _check(left, right, nodes["feature_idx"].astype(np.int64), leaf, width)


def _check(left: Integers, right: Integers, feature: Integers, leaf: npt.NDArray[np.bool_], width: int) -> None:
    """Check that inner nodes lead to later nodes of the same tree, as every builder numbers them."""
    number = np.arange(left.size)[~leaf]
    for child in (left[~leaf], right[~leaf]):
        if np.any(child <= number) or np.any(child >= left.size):
            raise _damaged()
    used = feature[~leaf]
    if left.size == 0 or np.any(used < 0) or np.any(used >= width):
        raise _damaged()


def _damaged() -> BundleError:
    return BundleError(
        "ModelLoadFailed", "the model holds a decision tree whose nodes point outside it; make the bundle again"
    )
