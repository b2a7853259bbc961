"""The binary tensor extension through the protocol's door: every datatype, both ways, and every lie about sizes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import numpy as np
import pytest
from aiohttp.test_utils import TestClient

from tests.unit.server.doors import door_client
from tests.unit.server.echo import NUMBERS, Echo, column, every_datatype, serve, values
from weirkeeper.api.bundle import Tensor
from weirkeeper_server.core import ModelServer
from weirkeeper_server.raw_tensors import decode_raw, encode_raw
from weirkeeper_server.settings import Settings

INFER = "/v2/models/churn/infer"
LENGTH = "Inference-Header-Content-Length"
Client = TestClient[Any, Any]
Served = Callable[[Any], AbstractAsyncContextManager[Client]]


@pytest.fixture
def served(settings: Callable[..., Settings]) -> Served:
    @asynccontextmanager
    async def serving(predictor: Any) -> AsyncIterator[Client]:
        server = serve(ModelServer(settings()), predictor)
        async with door_client(server) as client:
            yield client
        server.close()

    return serving


def packed(document: dict[str, Any], *raw: bytes) -> tuple[bytes, dict[str, str]]:
    """A body of JSON and bytes, with the header that tells where one ends."""
    text = json.dumps(document).encode()
    return b"".join([text, *raw]), {LENGTH: str(len(text))}


def entry(datatype: str, **changes: Any) -> dict[str, Any]:
    return {"name": datatype.lower(), "datatype": datatype, "shape": [3], **changes}


def unpacked(body: bytes, length: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The JSON of an answer and the values of its binary outputs, read as a client does."""
    document, at = json.loads(body[: int(length)]), int(length)
    found: dict[str, Any] = {}
    for output in document["outputs"]:
        if size := output.get("parameters", {}).get("binary_data_size"):
            raw = body[at : at + size]
            found[output["name"]] = decode_raw(output["name"], output["datatype"], output["shape"], raw)
            at += size
    assert at == len(body)
    return document, found


async def test_every_datatype_goes_there_and_back_as_bytes(served: Served) -> None:
    raw = {datatype: encode_raw(datatype, values(datatype)) for datatype in NUMBERS}
    inputs = [entry(datatype, parameters={"binary_data_size": len(raw[datatype])}) for datatype in NUMBERS]
    body, headers = packed({"inputs": inputs, "parameters": {"binary_data_output": True}}, *raw.values())
    async with served(every_datatype()) as client:
        response = await client.post(INFER, data=body, headers=headers)
        assert response.status == 200, await response.text()
        assert response.headers["Content-Type"] == "application/octet-stream"
        document, got = unpacked(await response.read(), response.headers[LENGTH])
    assert all("data" not in output for output in document["outputs"])
    for datatype, expected in NUMBERS.items():
        assert got[datatype.lower()].tolist() == expected
        assert got[datatype.lower()].dtype == values(datatype).dtype


async def test_every_datatype_goes_there_and_back_as_json(served: Served) -> None:
    inputs = [entry(datatype, data=NUMBERS[datatype]) for datatype in NUMBERS]
    async with served(every_datatype()) as client:
        response = await client.post(INFER, json={"inputs": inputs})
        assert response.status == 200, await response.text()
        assert LENGTH not in response.headers
        outputs = (await response.json())["outputs"]
    assert {output["datatype"]: output["data"] for output in outputs} == NUMBERS


async def test_bytes_and_json_may_be_mixed_in_both_directions(served: Served) -> None:
    raw = encode_raw("INT32", np.array([1, 2, 3]))
    inputs = [entry("FP32", data=[1, 2, 3]), entry("INT32", parameters={"binary_data_size": 12})]
    outputs = [{"name": "int32"}, {"name": "fp32", "parameters": {"binary_data": True}}]
    body, headers = packed({"inputs": inputs, "outputs": outputs, "id": "q7"}, raw)
    async with served(Echo(column("fp32", "FP32"), column("int32", "INT32"))) as client:
        response = await client.post(INFER, data=body, headers=headers)
        document, got = unpacked(await response.read(), response.headers[LENGTH])
    assert document["id"] == "q7"
    assert document["outputs"][0] == {"name": "int32", "datatype": "INT32", "shape": [3], "data": [1, 2, 3]}
    assert got["fp32"].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("parameters", "own", "binary"),
    [
        ({}, {}, False),
        ({"binary_data_output": True}, {}, True),
        ({"binary_data_output": True}, {"binary_data": False}, False),
        ({"binary_data_output": False}, {"binary_data": True}, True),
    ],
)
async def test_what_an_output_says_beats_what_the_request_says(
    served: Served, parameters: dict[str, Any], own: dict[str, Any], *, binary: bool
) -> None:
    document = {
        "inputs": [entry("INT8", data=[1, 2, 3])],
        "outputs": [{"name": "int8", "parameters": own}],
        "parameters": parameters,
    }
    async with served(Echo(column("int8", "INT8"))) as client:
        response = await client.post(INFER, json=document)
        assert response.status == 200
        assert (LENGTH in response.headers) == binary


async def test_numbers_that_lose_nothing_are_widened(served: Served) -> None:
    raw = encode_raw("FP16", np.array([0.5, 1.5, 2.5]))
    body, headers = packed({"inputs": [entry("FP16", name="x", parameters={"binary_data_size": 6})]}, raw)
    async with served(Echo(column("x", "FP64"))) as client:
        answer = await (await client.post(INFER, data=body, headers=headers)).json()
    assert answer["outputs"] == [{"name": "x", "datatype": "FP64", "shape": [3], "data": [0.5, 1.5, 2.5]}]


@pytest.mark.parametrize(
    ("tensor", "raw", "shape"),
    [
        (column("x", "FP32"), encode_raw("FP32", np.array([1.5, 2.5])), [2]),
        (Tensor(name="x", datatype="INT16", shape=(-1, 3)), encode_raw("INT16", np.arange(6)), [2, 3]),
        (column("x", "BYTES"), "a naïve sentence".encode(), [1]),
    ],
)
async def test_a_body_without_json_is_the_one_input(
    served: Served, tensor: Tensor, raw: bytes, shape: list[int]
) -> None:
    async with served(Echo(tensor)) as client:
        response = await client.post(INFER, data=raw, headers={LENGTH: "0"})
        assert response.status == 200, await response.text()
        document, got = unpacked(await response.read(), response.headers[LENGTH])
    assert document["outputs"][0]["shape"] == shape
    assert encode_raw(tensor.datatype, got["x"])[-len(raw) :] == raw


TWO = Echo(column("a", "INT32"), column("b", "INT32"))
A = {"name": "a", "datatype": "INT32", "shape": [1]}
B = {"name": "b", "datatype": "INT32", "shape": [1]}
FOUR = {"parameters": {"binary_data_size": 4}}
LIES: dict[str, tuple[dict[str, Any], bytes, str]] = {
    "a size beyond the body": (
        {"inputs": [A | {"parameters": {"binary_data_size": 400}}, B | FOUR]},
        bytes(8),
        "input 'a' has binary_data_size 400; 8 bytes are left",
    ),
    "a negative size": (
        {"inputs": [A | {"parameters": {"binary_data_size": -4}}, B | FOUR]},
        bytes(4),
        "size -4; give",
    ),
    "a size that is no number": ({"inputs": [A | {"parameters": {"binary_data_size": "4"}}, B]}, b"", "size '4'; give"),
    "bytes that nobody announced": ({"inputs": [A | FOUR, B | FOUR]}, bytes(9), "1 bytes follow that no input"),
    "a size that is not the shape's": (
        {"inputs": [A | {"parameters": {"binary_data_size": 3}}, B | {"parameters": {"binary_data_size": 5}}]},
        bytes(8),
        "input 'a' has 3 bytes; INT32 of shape [1] takes 4",
    ),
    "data and bytes": ({"inputs": [A | FOUR | {"data": [1]}, B | FOUR]}, bytes(8), "both data and binary_data_size"),
    "neither data nor bytes": ({"inputs": [A, B]}, b"", "data of input 'a' is null"),
    "parameters that are none": ({"inputs": [A | {"parameters": 4}, B]}, b"", "parameters are no object"),
    "a flag that is none": (
        {"inputs": [A | {"data": [1]}, B | {"data": [1]}], "parameters": {"binary_data_output": 1}},
        b"",
        "parameter 'binary_data_output' is 1; give true or false",
    ),
    "an output that there is not": (
        {"inputs": [A | {"data": [1]}, B | {"data": [1]}], "outputs": [{"name": "c"}]},
        b"",
        "unknown output 'c'; this model gives 'a', 'b'",
    ),
    "shared memory": (
        {"inputs": [A | {"parameters": {"shared_memory_region": "r"}}, B]},
        b"",
        "parameter 'shared_memory_region' is not supported",
    ),
    "classification": (
        {"inputs": [A, B], "outputs": [{"name": "a", "parameters": {"classification": 3}}]},
        b"",
        "parameter 'classification' is not supported",
    ),
    "a sequence": ({"inputs": [A, B], "parameters": {"sequence_id": 9}}, b"", "parameter 'sequence_id' is not"),
    "a time that is none": (
        {"inputs": [A | {"data": [1]}, B | {"data": [1]}], "parameters": {"timeout": -1}},
        b"",
        "parameter 'timeout' is -1; give microseconds",
    ),
}


@pytest.mark.parametrize("case", LIES)
async def test_a_lie_is_refused_and_named(served: Served, case: str) -> None:
    document, raw, message = LIES[case]
    body, headers = packed(document, raw)
    async with served(TWO) as client:
        response = await client.post(INFER, data=body, headers=headers)
        assert response.status == 400
        assert message in (await response.json())["error"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("many", "Inference-Header-Content-Length is 'many'; give the number"),
        ("-1", "Inference-Header-Content-Length is '-1'; give the number"),
        ("٣", "give the number of bytes of the JSON"),
        ("9" * 30, "give the number"),
        ("100", "Inference-Header-Content-Length is 100, the body has 14 bytes"),
        ("0", "this model takes 2 inputs, so give JSON"),
    ],
)
async def test_a_length_that_cannot_be_is_refused(served: Served, given: str, message: str) -> None:
    async with served(TWO) as client:
        response = await client.post(INFER, data=b'{"inputs": []}', headers={LENGTH: given})
        assert response.status == 400
        assert message in (await response.json())["error"]


async def test_a_body_without_json_has_whole_rows(served: Served) -> None:
    async with served(Echo(Tensor(name="x", datatype="FP32", shape=(-1, 2)))) as client:
        response = await client.post(INFER, data=bytes(12), headers={LENGTH: "0"})
        assert response.status == 400
        assert "12 bytes; a row of input 'x' has 8 in FP32" in (await response.json())["error"]


async def test_bytes_for_what_must_not_lack_are_finite(served: Served) -> None:
    for number, message in ((np.nan, "has NaN"), (np.inf, "has an infinite value")):
        async with served(Echo(column("x", "FP32"))) as client:
            raw = encode_raw("FP32", np.array([number]))
            response = await client.post(INFER, data=raw, headers={LENGTH: "0"})
            assert response.status == 400
            assert message in (await response.json())["error"]


async def test_nan_in_bytes_stands_for_a_value_that_lacks(served: Served) -> None:
    class Filled(Echo):
        def predict(self, inputs: Any) -> dict[str, Any]:
            return {"x": np.nan_to_num(inputs["x"], nan=-1.0)}

    async with served(Filled(column("x", "FP32", nullable=True))) as client:
        raw = encode_raw("FP32", np.array([np.nan, 2.0]))
        response = await client.post(INFER, data=raw, headers={LENGTH: "0"})
        _, got = unpacked(await response.read(), response.headers[LENGTH])
    assert got["x"].tolist() == [-1.0, 2.0]


async def test_an_answer_of_another_kind_than_announced_is_a_failure(served: Served) -> None:
    class Fractions(Echo):
        def predict(self, inputs: Any) -> dict[str, Any]:
            return {"x": inputs["x"] + 0.5}

    async with served(Fractions(column("x", "INT32"))) as client:
        response = await client.post(INFER, data=bytes(4), headers={LENGTH: "0"})
        assert response.status == 500
