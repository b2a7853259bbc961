"""Decision trees as one node of an ONNX graph: `TreeEnsemble` of ai.onnx.ml 5, which adds up in double precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from weirkeeper_server.onnx_file import session_of
from weirkeeper_server.shortcuts.blocks import Floats

_ADD: Final = 1
_OPSETS: Final = (helper.make_opsetid("ai.onnx.ml", 5), helper.make_opsetid("", 17))
_IR_VERSION: Final = 9

Integers = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Tree:
    """A binary tree of nodes by number, the root first; a leaf has the child -1 on its left.

    A row goes left where its value of `feature` is at most `threshold`, or is missing and `lacking_left` says so.
    """

    left: Integers
    right: Integers
    feature: Integers
    threshold: Floats
    values: Floats
    lacking_left: npt.NDArray[np.bool_] | None = None


def sums(columns: Sequence[Sequence[Tree]], width: int) -> Callable[[Floats], Floats]:
    """Make what adds up the values of the leaves that each row reaches: `[rows, width]` to `[rows, columns]`."""
    session = session_of(_model(columns, width))
    return lambda features: session.run(None, {"x": features})[0]


def _model(columns: Sequence[Sequence[Tree]], width: int) -> bytes:
    ensemble = _Numbering()
    for number, column in enumerate(columns):
        for tree in column:
            ensemble.add(tree, number)
    double = onnx.TensorProto.DOUBLE
    node = helper.make_node(
        "TreeEnsemble",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=len(columns),
        aggregate_function=_ADD,
        **ensemble.attributes(),
    )
    given = helper.make_tensor_value_info("x", double, [None, width])
    made = helper.make_tensor_value_info("y", double, [None, len(columns)])
    graph = helper.make_graph([node], "trees", [given], [made])
    return helper.make_model(graph, opset_imports=_OPSETS, ir_version=_IR_VERSION).SerializeToString()


class _Numbering:
    """Numbers inner nodes and leaves of all trees apart, as the operator asks for."""

    def __init__(self) -> None:
        self._inner = self._leaves = 0
        self._roots: list[int] = []
        self._parts: dict[str, list[Any]] = {}

    def add(self, tree: Tree, target: int) -> None:
        leaf = tree.left < 0
        if leaf[0]:
            # A tree that asks nothing: whatever a row holds, it goes to the one leaf.
            tree = _with_question(tree)
            leaf = tree.left < 0
        inner = ~leaf
        numbers = np.where(leaf, self._leaves + np.cumsum(leaf) - 1, self._inner + np.cumsum(inner) - 1)
        left, right = tree.left[inner], tree.right[inner]
        lacking = np.zeros(leaf.size, dtype=bool) if tree.lacking_left is None else tree.lacking_left
        self._roots.append(self._inner)
        self._keep("nodes_featureids", tree.feature[inner])
        self._keep("nodes_splits", tree.threshold[inner])
        self._keep("nodes_missing_value_tracks_true", lacking[inner])
        self._keep("nodes_truenodeids", numbers[left])
        self._keep("nodes_falsenodeids", numbers[right])
        self._keep("nodes_trueleafs", leaf[left])
        self._keep("nodes_falseleafs", leaf[right])
        self._keep("leaf_weights", tree.values[leaf])
        self._keep("leaf_targetids", np.full(np.count_nonzero(leaf), target))
        self._inner += int(np.count_nonzero(inner))
        self._leaves += int(np.count_nonzero(leaf))

    def _keep(self, name: str, part: npt.NDArray[Any]) -> None:
        self._parts.setdefault(name, []).append(part)

    def attributes(self) -> dict[str, Any]:
        joined = {name: np.concatenate(parts) for name, parts in self._parts.items()}
        tensors = {
            "nodes_splits": numpy_helper.from_array(joined.pop("nodes_splits").astype(np.float64)),
            "leaf_weights": numpy_helper.from_array(joined.pop("leaf_weights").astype(np.float64)),
            # 0 is "at most".
            "nodes_modes": numpy_helper.from_array(np.zeros(self._inner, dtype=np.uint8)),
        }
        lists = {name: part.astype(np.int64).tolist() for name, part in joined.items()}
        return {**lists, **tensors, "tree_roots": self._roots}


def _with_question(tree: Tree) -> Tree:
    value = tree.values[0]
    return Tree(
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        feature=np.zeros(3, dtype=np.int64),
        threshold=np.zeros(3),
        values=np.array([0.0, value, value]),
    )
