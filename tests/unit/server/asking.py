"""One request of the protocol, asked by each door in each of its forms."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final, NamedTuple

import grpc
import numpy as np

from tests.unit.server.doors import door_client, grpc_address
from weirkeeper.api.names import HEADER_ARM
from weirkeeper_server.core import ModelServer
from weirkeeper_server.grpc_service import SERVICE
from weirkeeper_server.protocol import open_inference_pb2 as messages
from weirkeeper_server.raw_tensors import decode_raw, encode_raw
from weirkeeper_server.tensors import DTYPES

CONTENTS: Final = {"FP64": "fp64_contents", "INT64": "int64_contents", "BYTES": "bytes_contents"}
CODES: Final = {
    200: "OK",
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    413: "RESOURCE_EXHAUSTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""What is said over gRPC where HTTP has such a status."""


class Told(NamedTuple):
    """An answer: its status over HTTP or what stands for it, outputs by name, its id and parameters, or an error."""

    status: int | str
    outputs: dict[str, list[Any]]
    identifier: str
    parameters: dict[str, Any]
    error: str = ""

    def is_of(self, status: int) -> bool:
        """Whether it has this status, or the code for it."""
        return self.status in (status, CODES[status])


Ask = Callable[..., Coroutine[Any, Any, Told]]


@contextlib.asynccontextmanager
async def over_http(server: ModelServer, *, binary: bool) -> AsyncIterator[Ask]:
    async with door_client(server) as client:

        async def ask(document: Mapping[str, Any], version: str = "", arm: str = "") -> Told:
            body, headers = with_bytes(document) if binary else (json.dumps(document).encode(), {})
            headers |= {HEADER_ARM: arm} if arm else {}
            path = f"/v2/models/churn/versions/{version}/infer" if version else "/v2/models/churn/infer"
            async with client.post(path, data=body, headers=headers) as response:
                content = await response.read()
                length = int(response.headers.get("Inference-Header-Content-Length", len(content)))
            answer, rest = json.loads(content[:length]), memoryview(content)[length:]
            outputs = {one["name"]: values_of(one) for one in in_order(answer, rest)}
            parameters = answer.get("parameters", {})
            return Told(response.status, outputs, answer.get("id", ""), parameters, answer.get("error", ""))

        yield ask


def with_bytes(document: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Put the values of inputs behind the document, and ask for outputs in the same form."""
    inputs, raws = [], []
    for one in document["inputs"]:
        raws.append(raw_of(one))
        shown = {name: value for name, value in one.items() if name != "data"}
        inputs.append({**shown, "parameters": {"binary_data_size": len(raws[-1])}})
    parameters = {**document.get("parameters", {}), "binary_data_output": True}
    head = json.dumps({**document, "inputs": inputs, "parameters": parameters}).encode()
    return head + b"".join(raws), {"Inference-Header-Content-Length": str(len(head))}


def raw_of(entry: Mapping[str, Any]) -> bytes:
    return encode_raw(entry["datatype"], np.array(entry["data"], dtype=DTYPES[entry["datatype"]]))


def in_order(answer: Mapping[str, Any], rest: memoryview) -> Sequence[dict[str, Any]]:
    """Outputs of an answer, each with the part of the bytes that is its own."""
    first, found = 0, []
    for one in answer.get("outputs", []):
        size = one.get("parameters", {}).get("binary_data_size", 0)
        found.append({**one, "raw": rest[first : first + size]})
        first += size
    return found


def values_of(entry: Mapping[str, Any]) -> list[Any]:
    if "data" in entry:
        return list(entry["data"])
    return list(decode_raw(entry["name"], entry["datatype"], entry["shape"], entry["raw"]).ravel().tolist())


@contextlib.asynccontextmanager
async def over_grpc(server: ModelServer, *, raw: bool) -> AsyncIterator[Ask]:
    async with grpc_address(server) as address, grpc.aio.insecure_channel(address) as channel:
        call = channel.unary_unary(
            f"/{SERVICE}/ModelInfer",
            request_serializer=messages.ModelInferRequest.SerializeToString,
            response_deserializer=messages.ModelInferResponse.FromString,
        )

        async def ask(document: Mapping[str, Any], version: str = "", arm: str = "") -> Told:
            metadata = ((HEADER_ARM, arm),) if arm else None
            try:
                return told_by(await call(message_of(document, version, raw=raw), metadata=metadata))
            except grpc.aio.AioRpcError as error:
                return Told(error.code().name, {}, "", {}, error.details() or "")

        yield ask


def message_of(document: Mapping[str, Any], version: str, *, raw: bool) -> messages.ModelInferRequest:
    request = messages.ModelInferRequest(model_name="churn", model_version=version, id=document.get("id", ""))
    for entry in document["inputs"]:
        tensor = request.inputs.add(name=entry["name"], datatype=entry["datatype"], shape=entry["shape"])
        if raw:
            request.raw_input_contents.append(raw_of(entry))
        else:
            values = [one.encode() if isinstance(one, str) else one for one in entry["data"]]
            getattr(tensor.contents, CONTENTS[entry["datatype"]]).extend(values)
    for name, value in document.get("parameters", {}).items():
        request.parameters[name].int64_param = value
    for output in document.get("outputs", []):
        request.outputs.add(name=output["name"])
    return request


def told_by(answer: messages.ModelInferResponse) -> Told:
    outputs = {}
    for place, one in enumerate(answer.outputs):
        if answer.raw_output_contents:
            raw = answer.raw_output_contents[place]
            outputs[one.name] = decode_raw(one.name, one.datatype, one.shape, raw).ravel().tolist()
        else:
            values = getattr(one.contents, CONTENTS[one.datatype])
            outputs[one.name] = [value.decode() if isinstance(value, bytes) else value for value in values]
    parameters = {name: value.string_param for name, value in answer.parameters.items()}
    return Told("OK", outputs, answer.id, parameters)


WAYS: Final[Mapping[str, Callable[[ModelServer], contextlib.AbstractAsyncContextManager[Ask]]]] = {
    "HTTP, JSON": lambda server: over_http(server, binary=False),
    "HTTP, binary tensors": lambda server: over_http(server, binary=True),
    "gRPC, typed contents": lambda server: over_grpc(server, raw=False),
    "gRPC, raw contents": lambda server: over_grpc(server, raw=True),
}
