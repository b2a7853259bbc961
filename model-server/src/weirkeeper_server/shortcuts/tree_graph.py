"""Decision trees as one node of an ONNX graph: `TreeEnsemble` of ai.onnx.ml 5, which adds up in double precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from weirkeeper_server.onnx_format.onnx_ml_pb2 import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    OperatorSetIdProto,
    TensorProto,
    TensorShapeProto,
    TypeProto,
    ValueInfoProto,
)
from weirkeeper_server.onnx_session import session_of
from weirkeeper_server.shortcuts.plan import Floats, Trees

_ADD: Final = 1
_OPSETS: Final = (OperatorSetIdProto(domain="ai.onnx.ml", version=5), OperatorSetIdProto(version=17))
_IR_VERSION: Final = 9

Integers = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Tree:
    """The nodes of one tree, as `Trees` has them, with the values of one sum."""

    left: Integers
    right: Integers
    feature: Integers
    threshold: Floats
    lacking_left: npt.NDArray[Any]
    values: Floats


def sums(plan: Trees) -> Callable[[Floats], Floats]:
    """Make what adds up the values of the leaves that each row reaches: `[rows, width]` to `[rows, sums]`."""
    session = session_of(_model(plan).SerializeToString())
    return lambda features: session.run(None, {"x": features})[0]


def _model(plan: Trees) -> ModelProto:
    ensemble = _Numbering()
    for target, tree in _trees(plan):
        ensemble.add(tree, target)
    attributes = [_integer("n_targets", plan.sums), _integer("aggregate_function", _ADD), *ensemble.attributes()]
    node = NodeProto(input=["x"], output=["y"], op_type="TreeEnsemble", domain="ai.onnx.ml", attribute=attributes)
    graph = GraphProto(node=[node], name="trees", input=[_matrix("x", plan.width)], output=[_matrix("y", plan.sums)])
    return ModelProto(ir_version=_IR_VERSION, graph=graph, opset_import=_OPSETS)


def _trees(plan: Trees) -> Iterator[tuple[int, Tree]]:
    """Take the ensemble apart into trees of one sum each."""
    ends = np.cumsum(plan.sizes)
    shared = plan.values.shape[1] > 1
    for column in range(plan.values.shape[1]):
        for number, (start, end) in enumerate(zip(ends - plan.sizes, ends, strict=True)):
            some = slice(int(start), int(end))
            nodes = (plan.left[some], plan.right[some], plan.feature[some], plan.threshold[some])
            tree = Tree(*nodes, plan.lacking_left[some], plan.values[some, column])
            yield (column if shared else int(plan.targets[number])), tree


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
        self._roots.append(self._inner)
        self._keep("nodes_featureids", tree.feature[inner])
        self._keep("nodes_splits", tree.threshold[inner])
        self._keep("nodes_missing_value_tracks_true", tree.lacking_left[inner])
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

    def attributes(self) -> list[AttributeProto]:
        joined = {name: np.concatenate(parts) for name, parts in self._parts.items()}
        doubles = [_doubles(name, joined.pop(name)) for name in ("nodes_splits", "leaf_weights")]
        # 0 is "at most".
        modes = TensorProto(dims=[self._inner], data_type=TensorProto.UINT8, raw_data=bytes(self._inner))
        lists = [_integers(name, part.astype(np.int64).tolist()) for name, part in joined.items()]
        lists.append(_integers("tree_roots", self._roots))
        return [*lists, *doubles, AttributeProto(name="nodes_modes", type=AttributeProto.TENSOR, t=modes)]


def _integer(name: str, value: int) -> AttributeProto:
    return AttributeProto(name=name, type=AttributeProto.INT, i=value)


def _integers(name: str, values: list[int]) -> AttributeProto:
    return AttributeProto(name=name, type=AttributeProto.INTS, ints=values)


def _doubles(name: str, values: Floats) -> AttributeProto:
    tensor = TensorProto(dims=[len(values)], data_type=TensorProto.DOUBLE, raw_data=values.astype("<f8").tobytes())
    return AttributeProto(name=name, type=AttributeProto.TENSOR, t=tensor)


def _matrix(name: str, width: int) -> ValueInfoProto:
    dimension = TensorShapeProto.Dimension
    shape = TensorShapeProto(dim=[dimension(dim_param="rows"), dimension(dim_value=width)])
    tensor = TypeProto.Tensor(elem_type=TensorProto.DOUBLE, shape=shape)
    return ValueInfoProto(name=name, type=TypeProto(tensor_type=tensor))


def _with_question(tree: Tree) -> Tree:
    value = tree.values[0]
    return Tree(
        left=np.array([1, -1, -1]),
        right=np.array([2, -1, -1]),
        feature=np.zeros(3, dtype=np.int64),
        threshold=np.zeros(3),
        lacking_left=np.zeros(3, dtype=bool),
        values=np.array([0.0, value, value]),
    )
