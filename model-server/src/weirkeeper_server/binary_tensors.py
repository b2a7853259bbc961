"""The binary tensor extension: a body is JSON, then the raw bytes of the tensors that JSON announces, in its order.

How long the JSON is, the header `Inference-Header-Content-Length` says. 0 stands for no JSON at all: the body is the
one tensor that the model takes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from weirkeeper.api.bundle import Signature, Tensor
from weirkeeper_server.answer import NO_ANSWER, InferAnswer, Output, as_json, described
from weirkeeper_server.errors import InvalidRequest, PredictionFailed
from weirkeeper_server.raw_tensors import encode_raw
from weirkeeper_server.tensors import DTYPES

HEADER_LENGTH: Final = "Inference-Header-Content-Length"
DATA_SIZE: Final = "binary_data_size"
_UNSUPPORTED: Final[Mapping[str, str]] = {
    "shared_memory_region": "this server shares no memory with its clients; send the data in the body",
    "classification": "this server ranks no classes; ask for predict_proba",
    "sequence_id": "this model keeps nothing between requests; leave it out",
}
"""Parameters of clients that would be answered otherwise than they ask."""


@dataclass(frozen=True)
class Encoded:
    """A body; `header_length` is the length of its JSON where raw bytes follow."""

    body: bytes
    header_length: int | None = None


def header_length(text: str | None, body: bytes) -> int:
    """Tell how much of a body is JSON.

    Raises:
        InvalidRequest: the header is no number, or larger than the body.
    """
    if text is None:
        return len(body)
    if not (text.isascii() and text.isdecimal() and len(text) < 20):  # noqa: PLR2004  digits of 64 bits
        raise InvalidRequest(f"{HEADER_LENGTH} is {text[:40]!r}; give the number of bytes of the JSON")
    if int(text) > len(body):
        raise InvalidRequest(f"{HEADER_LENGTH} is {text}, the body has {len(body)} bytes; give the length of its JSON")
    return int(text)


def raw_inputs(document: Mapping[str, Any], rest: memoryview) -> dict[str, memoryview]:
    """Part what follows the JSON into the bytes of each input that announces some.

    Raises:
        InvalidRequest: a size is none, or the sizes together are not what there is.
    """
    found: dict[str, memoryview] = {}
    at = 0
    for entry in _objects(document.get("inputs")):
        size = parameters_of(entry).get(DATA_SIZE) if "parameters" in entry else None
        if size is None:
            continue
        name = str(entry.get("name"))
        if type(size) is not int or size < 0:
            raise InvalidRequest(f"input {name!r:.80} has {DATA_SIZE} {size!r:.40}; give its number of bytes")
        if size > len(rest) - at:
            raise InvalidRequest(
                f"input {name!r:.80} has {DATA_SIZE} {size!r:.40}; {len(rest) - at} bytes are left after the JSON: "
                f"give {HEADER_LENGTH} and all bytes"
            )
        found[name] = rest[at : at + size]
        at += size
    if at != len(rest):
        raise InvalidRequest(f"{len(rest) - at} bytes follow that no input announces; give each its {DATA_SIZE}")
    return found


def raw_request(signature: Signature, body: bytes) -> tuple[dict[str, Any], dict[str, memoryview]]:
    """Write the JSON that a body without any stands for: all of it is the one input, every output is to be binary.

    A body of BYTES is one string, without its length.

    Raises:
        InvalidRequest: the model takes more than one input, or the bytes are not a number of whole rows.
    """
    if len(signature.inputs) != 1:
        raise InvalidRequest(f"{HEADER_LENGTH} is 0; this model takes {len(signature.inputs)} inputs, so give JSON")
    tensor = signature.inputs[0]
    raw = encode_raw("BYTES", [body]) if tensor.datatype == "BYTES" else body
    entry = {"name": tensor.name, "datatype": tensor.datatype, "shape": _raw_shape(tensor, len(body))}
    return {"parameters": {"binary_data_output": True}, "inputs": [entry]}, {tensor.name: memoryview(raw)}


def _raw_shape(tensor: Tensor, size: int) -> list[int]:
    if tensor.datatype == "BYTES":
        return [1, *tensor.shape[1:]]
    row = math.prod(tensor.shape[1:]) * DTYPES[tensor.datatype].itemsize
    rows, left = divmod(size, row)
    if left:
        raise InvalidRequest(
            f"the body has {size} bytes; a row of input {tensor.name!r} has {row} in {tensor.datatype}: give whole rows"
        )
    return [rows, *tensor.shape[1:]]


def check_parameters(document: Mapping[str, Any]) -> None:
    """Refuse parameters that ask for what this server does not do.

    Raises:
        InvalidRequest: there is such a parameter, or parameters are no object.
    """
    for entry in (document, *_objects(document.get("inputs")), *_objects(document.get("outputs"))):
        if "parameters" not in entry:
            continue
        for name in parameters_of(entry).keys() & _UNSUPPORTED.keys():
            raise InvalidRequest(f"parameter {name!r} is not supported: {_UNSUPPORTED[name]}")


def parameters_of(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the parameters of a request, an input or an output.

    Raises:
        InvalidRequest: they are no object.
    """
    parameters = entry.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise InvalidRequest("parameters are no object; give an object, or leave them out")
    return parameters


def _objects(entries: object) -> list[dict[str, Any]]:
    # What is not a list of objects is refused where the tensors are read.
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def seconds(document: Mapping[str, Any]) -> float | None:
    """Tell how long the caller waits, by the request's parameter `timeout` in microseconds; None where it has none.

    Raises:
        InvalidRequest: it is no positive integer.
    """
    timeout = parameters_of(document).get("timeout")
    if timeout is None:
        return None
    if type(timeout) is not int or not 0 < timeout < 2**63:
        raise InvalidRequest(f"parameter 'timeout' is {timeout!r:.40}; give microseconds, a positive integer")
    return timeout / 1e6


def binary_outputs(document: Mapping[str, Any], wanted: tuple[str, ...]) -> frozenset[str]:
    """Name the outputs that are to come as bytes: those that say so, else all if the request says so.

    Raises:
        InvalidRequest: a parameter is neither true nor false.
    """
    if "parameters" not in document and not document.get("outputs"):
        return frozenset()
    common = _flag(parameters_of(document), "binary_data_output", default=False)
    own = {
        str(entry.get("name")): _flag(parameters_of(entry), "binary_data", default=common)
        for entry in _objects(document.get("outputs"))
    }
    return frozenset(name for name in wanted if own.get(name, common))


def _flag(parameters: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise InvalidRequest(f"parameter {name!r} is {value!r:.40}; give true or false")
    return value


def encode_with_bytes(answer: InferAnswer, binary: frozenset[str]) -> Encoded:
    """Write an answer as JSON, followed by the bytes of the outputs named in `binary`.

    Raises:
        PredictionFailed: the model gave a value that its output's datatype or JSON has no place for.
    """
    try:
        raw = {
            output.name: encode_raw(output.datatype, output.array) for output in answer.outputs if output.name in binary
        }
    except (TypeError, ValueError):
        raise PredictionFailed(NO_ANSWER) from None
    entries = [_entry(output, raw.get(output.name)) for output in answer.outputs]
    text = as_json(described(answer, entries), [output for output in answer.outputs if output.name not in raw])
    return Encoded(b"".join([text, *raw.values()]), len(text))


def _entry(output: Output, raw: bytes | None) -> dict[str, Any]:
    if raw is None:
        return output.as_json()
    return {**output.head(), "parameters": {DATA_SIZE: len(raw)}}
