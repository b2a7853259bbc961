"""ONNX models, good ones and such as a server must refuse, each made where a test wants it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from onnx import (
    AttributeProto,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    SparseTensorProto,
    TensorProto,
    ValueInfoProto,
    helper,
    numpy_helper,
)

OPSET: Final = 21
ML: Final = "ai.onnx.ml"
WEIGHTS: Final = np.array([[0.5], [-2.0]], dtype=np.float32)


def value(name: str, shape: Sequence[int | str | None], kind: int = TensorProto.FLOAT) -> ValueInfoProto:
    """A graph's input or output."""
    return helper.make_tensor_value_info(name, kind, shape)


def model(
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueInfoProto],
    outputs: Sequence[ValueInfoProto],
    constants: Sequence[TensorProto] = (),
    opset: int = OPSET,
) -> ModelProto:
    """A model of the current format."""
    graph = helper.make_graph(nodes, "graph", inputs, outputs, initializer=constants)
    operators = [helper.make_opsetid("", opset), helper.make_opsetid(ML, 3)]
    return helper.make_model(graph, opset_imports=operators, ir_version=10)


def linear(opset: int = OPSET) -> ModelProto:
    """`y = x @ WEIGHTS` for x of two columns."""
    return model(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [value("x", [None, 2])],
        [value("y", [None, 1])],
        [numpy_helper.from_array(WEIGHTS, "w")],
        opset,
    )


def identity(shape: Sequence[int | str | None], kind: int = TensorProto.FLOAT) -> ModelProto:
    """What it is given, it gives."""
    return model([helper.make_node("Identity", ["x"], ["y"])], [value("x", shape, kind)], [value("y", shape, kind)])


def elsewhere(name: str, location: str) -> TensorProto:
    """A tensor whose values are in another file."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[2, 1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def with_external_data(location: str) -> dict[str, ModelProto]:
    """Models that name another file, by where they do it."""
    return {
        "initializer": _with_initializer(location),
        "no data location": _without_data_location(location),
        "attribute": _with_attribute(helper.make_attribute("value", elsewhere("w", location))),
        "attribute's list": _with_attribute(_list_of(elsewhere("w", location))),
        "sparse attribute": _with_attribute(helper.make_attribute("sparse_value", _sparse(location))),
        "sparse initializer": _with_sparse_initializer(location),
        "subgraph": _with_subgraph(location),
        "function": _with_function(location),
        "training": _with_training(location),
    }


def _with_initializer(location: str) -> ModelProto:
    made = linear()
    made.graph.initializer[0].CopyFrom(elsewhere("w", location))
    return made


def _without_data_location(location: str) -> ModelProto:
    made = _with_initializer(location)
    made.graph.initializer[0].ClearField("data_location")
    return made


def _with_attribute(attribute: AttributeProto) -> ModelProto:
    made = linear()
    del made.graph.initializer[:]
    constant = NodeProto(op_type="Constant", output=["w"], attribute=[attribute])
    made.graph.node.insert(0, constant)
    return made


def _list_of(tensor: TensorProto) -> AttributeProto:
    return AttributeProto(name="values", type=AttributeProto.TENSORS, tensors=[tensor])


def _sparse(location: str) -> SparseTensorProto:
    indices = numpy_helper.from_array(np.array([0, 1], dtype=np.int64), "indices")
    return SparseTensorProto(values=elsewhere("w", location), indices=indices, dims=[2, 1])


def _with_sparse_initializer(location: str) -> ModelProto:
    made = linear()
    del made.graph.initializer[:]
    made.graph.sparse_initializer.append(_sparse(location))
    return made


def _with_subgraph(location: str) -> ModelProto:
    branch = GraphProto(
        name="branch",
        node=[helper.make_node("Identity", ["inner"], ["out"])],
        initializer=[elsewhere("inner", location)],
        output=[value("out", [2, 1])],
    )
    made = linear()
    del made.graph.initializer[:]
    made.graph.initializer.append(numpy_helper.from_array(np.ones((), dtype=np.bool_), "yes"))
    made.graph.node.insert(0, helper.make_node("If", ["yes"], ["w"], then_branch=branch, else_branch=branch))
    return made


def _with_function(location: str) -> ModelProto:
    made = linear()
    del made.graph.initializer[:]
    constant = NodeProto(op_type="Constant", output=["w"])
    constant.attribute.append(helper.make_attribute("value", elsewhere("w", location)))
    operators = [helper.make_opsetid("", OPSET)]
    made.functions.append(
        FunctionProto(name="Weights", domain="own", output=["w"], node=[constant], opset_import=operators)
    )
    made.opset_import.append(helper.make_opsetid("own", 1))
    made.graph.node.insert(0, helper.make_node("Weights", [], ["w"], domain="own"))
    return made


def _with_training(location: str) -> ModelProto:
    made = linear()
    made.training_info.add().algorithm.initializer.append(elsewhere("w", location))
    return made


def stranger() -> ModelProto:
    """A model that needs somebody's own operators."""
    made = identity([None, 2])
    made.graph.node[0].domain = "com.example"
    made.opset_import.append(helper.make_opsetid("com.example", 1))
    return made
