"""Contents of gRPC's messages as arrays, and what callers can get wrong in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from weirkeeper.api.bundle import Datatype, Signature, Tensor
from weirkeeper_server.answer import Identity, InferAnswer, Output
from weirkeeper_server.decode import InferRequest
from weirkeeper_server.errors import InvalidRequest, PredictionFailed, RequestError, RequestTooLarge
from weirkeeper_server.grpc_messages import FIELDS, read_infer, write_infer
from weirkeeper_server.protocol.open_inference_pb2 import ModelInferRequest
from weirkeeper_server.raw_tensors import decode_raw, encode_raw
from weirkeeper_server.tensors import DTYPES

VALUES: dict[str, list[Any]] = {
    "BOOL": [True, False],
    "INT8": [-128, 127],
    "INT16": [-(2**15), 2**15 - 1],
    "INT32": [-(2**31), 2**31 - 1],
    "INT64": [-(2**63), 2**63 - 1],
    "UINT8": [0, 2**8 - 1],
    "UINT16": [0, 2**16 - 1],
    "UINT32": [0, 2**32 - 1],
    "UINT64": [0, 2**64 - 1],
    "FP16": [-1.5, 65504.0],
    "FP32": [-1.5, 2.0**100],
    "FP64": [-1.5, 1e300],
    "BYTES": ["north", "süd"],
}


def signature(datatype: Any, *shape: int, nullable: bool = False) -> Signature:
    tensor = Tensor(name="x", datatype=datatype, shape=shape or (-1,), nullable=nullable)
    return Signature(inputs=(tensor,), outputs=(Tensor(name="predict", datatype=datatype, shape=(-1,)),))


def request(datatype: str, shape: list[int], **contents: Any) -> ModelInferRequest:
    made = ModelInferRequest()
    entry = made.inputs.add(name="x", datatype=datatype, shape=shape)
    for field, values in contents.items():
        getattr(entry.contents, field).extend(values)
    return made


def raw(datatype: str, shape: list[int], *contents: bytes) -> ModelInferRequest:
    made = request(datatype, shape)
    made.raw_input_contents.extend(contents)
    return made


def read(made: ModelInferRequest, expected: Signature) -> InferRequest:
    return read_infer(made, expected, max_rows=100)


@pytest.mark.parametrize("datatype", VALUES)
def test_every_datatype_comes_raw(datatype: str) -> None:
    values = VALUES[datatype]
    made = raw(datatype, [2], encode_raw(datatype, np.array(values, dtype=DTYPES[datatype])))
    array = read(made, signature(datatype)).inputs["x"]
    assert (array.dtype, array.tolist()) == (DTYPES[datatype], values)


@pytest.mark.parametrize("datatype", FIELDS)
def test_every_datatype_but_fp16_comes_typed(datatype: str) -> None:
    values = VALUES[datatype]
    given = [value.encode() for value in values] if datatype == "BYTES" else values
    array = read(request(datatype, [2], **{FIELDS[datatype]: given}), signature(datatype)).inputs["x"]
    assert (array.dtype, array.tolist()) == (DTYPES[datatype], values)


def test_only_fp16_has_no_typed_contents() -> None:
    assert set(DTYPES) - set(FIELDS) == {"FP16"}


@pytest.mark.parametrize("made", [raw("FP32", [2, 2], bytes(16)), request("FP32", [2, 2], fp32_contents=[0.0] * 4)])
def test_one_tensor_takes_rows_of_many_columns(made: ModelInferRequest) -> None:
    got = read(made, signature("FP64", -1, 2))
    assert (got.rows, got.inputs["x"].tolist()) == (2, [[0, 0], [0, 0]])


def test_a_smaller_type_stands_for_a_larger_one() -> None:
    assert read(raw("FP16", [1], b"\x00\x3c"), signature("FP64")).inputs["x"].tolist() == [1.0]
    assert read(request("INT8", [1], int_contents=[-3]), signature("INT64")).inputs["x"].tolist() == [-3]


def test_nan_is_missing_where_values_may_lack() -> None:
    made = request("FP64", [2], fp64_contents=[1.0, float("nan")])
    assert np.isnan(read(made, signature("FP64", nullable=True)).inputs["x"]).tolist() == [False, True]


def test_a_request_without_an_id_has_none() -> None:
    made = request("FP64", [1], fp64_contents=[1.0])
    assert read(made, signature("FP64")).identifier is None
    made.id = "q1"
    assert read(made, signature("FP64")).identifier == "q1"


def both() -> ModelInferRequest:
    made = request("FP64", [1], fp64_contents=[1.0])
    made.raw_input_contents.append(bytes(8))
    return made


def asking(where: str, name: str) -> ModelInferRequest:
    made = request("FP64", [1], fp64_contents=[1.0])
    made.outputs.add(name="predict")
    owner: Any = {"request": made, "input": made.inputs[0], "output": made.outputs[0]}[where]
    owner.parameters[name].string_param = "7"
    return made


def twice() -> ModelInferRequest:
    made = raw("FP64", [1], bytes(8), bytes(8))
    made.inputs.add(name="x", datatype="FP64", shape=[1])
    return made


WRONG: dict[str, tuple[Callable[[], ModelInferRequest], str, str]] = {
    "typed and raw": (both, "FP64", "input 'x' has contents beside raw_input_contents; give either, never both"),
    "raw without inputs": (
        lambda: raw("FP64", [1], b"", b""),
        "FP64",
        "2 entries for 1 inputs; give one for each input, in the same order",
    ),
    "nothing": (lambda: request("FP64", [1]), "FP64", r"has 0 entries; shape \[1\] asks for 1"),
    "FP16 typed": (lambda: request("FP16", [1], fp32_contents=[1.0]), "FP32", "no typed contents; give raw_input_c"),
    "another field": (
        lambda: request("FP64", [1], fp32_contents=[1.0]),
        "FP64",
        "has fp32_contents; FP64 takes fp64_contents",
    ),
    "two fields": (
        lambda: request("FP64", [1], fp64_contents=[1.0], int_contents=[1]),
        "FP64",
        "has int_contents; FP64 takes fp64_contents",
    ),
    "an unknown datatype": (lambda: request("BF16", [1]), "FP64", "has datatype 'BF16'; this model takes FP64"),
    "no datatype": (lambda: request("", [1]), "FP64", "has datatype ''; this model takes FP64"),
    "a type that would lose": (
        lambda: request("FP64", [1], fp64_contents=[1.0]),
        "INT64",
        "has datatype 'FP64'; this model takes INT64",
    ),
    "too little typed": (lambda: request("FP64", [2], fp64_contents=[1.0]), "FP64", r"has 1 entries; shape \[2\]"),
    "too much typed": (lambda: request("FP64", [1], fp64_contents=[1.0] * 2), "FP64", r"has 2 entries; shape \[1\]"),
    "too little raw": (lambda: raw("FP64", [2], bytes(8)), "FP64", r"has 8 bytes; FP64 of shape \[2\] takes 16"),
    "too much raw": (lambda: raw("FP64", [1], bytes(9)), "FP64", r"has 9 bytes; FP64 of shape \[1\] takes 8"),
    "a length that lies": (lambda: raw("BYTES", [1], b"\xff\xff\xff\xff"), "BYTES", "has 0 bytes left at position 0"),
    "no UTF-8, typed": (lambda: request("BYTES", [1], bytes_contents=[b"\xff"]), "BYTES", "no UTF-8 text; give UTF-8"),
    "no UTF-8, raw": (lambda: raw("BYTES", [1], b"\x01\x00\x00\x00\xff"), "BYTES", "no UTF-8 text at position 0"),
    "too large for its type": (
        lambda: request("INT64", [1], int64_contents=[300]),
        "INT8",
        "has datatype 'INT64'; this model takes INT8",
    ),
    "too large for what it says": (lambda: request("INT8", [1], int_contents=[300]), "INT8", "does not fit into INT8"),
    "a negative dimension": (lambda: request("FP64", [-1]), "FP64", r"has shape \[-1\]; this model takes \[rows\]"),
    "no shape": (lambda: request("FP64", []), "FP64", r"has shape \[\]; this model takes \[rows\]"),
    "no rows": (lambda: raw("FP64", [0], b""), "FP64", "no data|has no rows; give at least one"),
    "infinity": (lambda: raw("FP64", [1], b"\0\0\0\0\0\0\xf0\x7f"), "FP64", "has an infinite value"),
    "NaN": (lambda: request("FP64", [1], fp64_contents=[float("nan")]), "FP64", "must not lack values"),
    "an input twice": (twice, "FP64", "inputs names 'x' twice"),
    "shared memory for an input": (
        lambda: asking("input", "shared_memory_region"),
        "FP64",
        "input 'x' has parameter 'shared_memory_region': this server shares no memory",
    ),
    "shared memory for an output": (
        lambda: asking("output", "shared_memory_region"),
        "FP64",
        "output 'predict' has parameter 'shared_memory_region'",
    ),
    "a sequence": (lambda: asking("request", "sequence_id"), "FP64", "the request has parameter 'sequence_id'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_request_is_refused_with_what_would_do(case: str) -> None:
    made, datatype, message = WRONG[case]
    with pytest.raises(InvalidRequest, match=message):
        read(made(), signature(datatype))


@some.composite
def anything(draw: some.DrawFn) -> ModelInferRequest:
    """A request whose parts fit together only now and then."""
    made = ModelInferRequest(id=draw(some.text(max_size=3)))
    for _ in range(draw(some.integers(0, 2))):
        datatype = draw(some.sampled_from([*DTYPES, "", "BF16"]))
        shape = draw(some.lists(some.sampled_from([-1, 0, 1, 2, 2**62, 2**63 - 1]), max_size=3))
        entry = made.inputs.add(name=draw(some.sampled_from(["x", "y", ""])), datatype=datatype, shape=shape)
        for field in draw(some.sets(some.sampled_from(sorted(set(FIELDS.values()))), max_size=2)):
            count = draw(some.integers(0, 3))
            getattr(entry.contents, field).extend([b"\xff" if field == "bytes_contents" else 1] * count)
    made.raw_input_contents.extend(draw(some.lists(some.binary(max_size=16), max_size=2)))
    return made


@given(made=anything(), datatype=some.sampled_from(sorted(DTYPES)), columns=some.sampled_from([(-1,), (-1, 2)]))
def test_whatever_comes_is_read_or_refused(made: ModelInferRequest, datatype: str, columns: tuple[int, ...]) -> None:
    expected = signature(datatype, *columns)
    try:
        got = read(made, expected)
    except RequestError:
        return
    assert got.inputs["x"].shape == (got.rows, *columns[1:])
    assert got.inputs["x"].dtype == DTYPES[datatype]


@pytest.mark.parametrize("shape", [[101], [2**62]])
def test_too_many_rows_are_refused_before_raw_contents_are_looked_at(shape: list[int]) -> None:
    with pytest.raises(RequestTooLarge, match="at most 100 in one request"):
        read(raw("BYTES", shape, b""), signature("BYTES"))


def test_parameters_that_change_no_answer_do_no_harm() -> None:
    made = asking("request", "priority")
    made.parameters["sequence_id"].int64_param = 0
    made.parameters["empty"].SetInParent()
    assert read(made, signature("FP64")).rows == 1


def answer(datatype: Datatype, array: Any) -> InferAnswer:
    return InferAnswer(Identity("churn", "churn-1"), None, (Output("predict", datatype, array),))


@pytest.mark.parametrize("datatype", VALUES)
def test_every_datatype_goes_out_as_it_came(datatype: Datatype) -> None:
    array = np.array(VALUES[datatype], dtype=DTYPES[datatype])
    written = write_infer(answer(datatype, array), raw=True)
    assert decode_raw("predict", datatype, [2], written.raw_output_contents[0]).tolist() == VALUES[datatype]
    assert not written.outputs[0].HasField("contents")
    if datatype != "FP16":
        typed = write_infer(answer(datatype, array), raw=False)
        values = list(getattr(typed.outputs[0].contents, FIELDS[datatype]))
        assert [value.decode() if datatype == "BYTES" else value for value in values] == VALUES[datatype]
        assert list(typed.raw_output_contents) == []


def test_an_answer_with_fp16_is_raw_since_it_cannot_be_typed() -> None:
    written = write_infer(answer("FP16", np.array([1], dtype=np.float16)), raw=False)
    assert list(written.raw_output_contents) == [b"\x00\x3c"]


@pytest.mark.parametrize("raw", [True, False])
def test_values_of_another_kind_than_announced_are_a_failure(raw: bool) -> None:  # noqa: FBT001
    with pytest.raises(PredictionFailed):
        write_infer(answer("INT64", np.array([1.5])), raw=raw)
