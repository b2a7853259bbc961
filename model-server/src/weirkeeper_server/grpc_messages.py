"""From the messages of the gRPC protocol to what the core predicts on, and back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from weirkeeper.api.bundle import Signature
from weirkeeper_server.answer import NO_ANSWER, InferAnswer, Output, parameters_of
from weirkeeper_server.bounds import check_size, check_tensors
from weirkeeper_server.decode import InferRequest, read_request
from weirkeeper_server.errors import InvalidRequest, PredictionFailed
from weirkeeper_server.protocol import open_inference_pb2 as messages
from weirkeeper_server.raw_tensors import encode_raw
from weirkeeper_server.settings import Limits
from weirkeeper_server.tensors import DTYPES

FIELDS: Final[Mapping[str, str]] = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Which field of InferTensorContents holds a datatype; FP16 has none."""

UNSERVED: Final[Mapping[str, str]] = {
    "shared_memory_region": "this server shares no memory with its clients; send the values",
    "classification": "this server does not rank classes; ask for predict_proba",
    "sequence_id": "this server keeps no state between requests; send each for itself",
}
"""Parameters of known clients that ask for another answer than would be given, and what to do instead."""

_Input = messages.ModelInferRequest.InferInputTensor


def read_infer(request: messages.ModelInferRequest, signature: Signature, limits: Limits) -> InferRequest:
    """Check a request against the signature and turn its contents, typed or raw, into arrays.

    Raises:
        InvalidRequest: as `read_request` says; typed and raw contents are mixed, or lack, or are in a field of another
            datatype; or a parameter asks for what this server does not do.
        RequestTooLarge: more tensors, rows, values or longer strings than the limits allow.
    """
    _check_parameters("the request", request.parameters)
    for entry in request.inputs:
        _check_parameters(f"input {entry.name[:80]!r}", entry.parameters)
    for output in request.outputs:
        _check_parameters(f"output {output.name[:80]!r}", output.parameters)
    raw = _raw(request)
    outputs = [{"name": output.name} for output in request.outputs]
    check_tensors({"inputs": list(request.inputs), "outputs": outputs}, limits)
    inputs = [_described(entry, typed=not raw) for entry in request.inputs]
    document = {"id": request.id or None, "inputs": inputs, "outputs": outputs}
    question = read_request(document, signature, limits.max_rows, raw)
    check_size(question, limits)
    return question


def seconds(request: messages.ModelInferRequest) -> float | None:
    """Tell how long the caller waits, by the request's parameter `timeout` in microseconds; None where it has none.

    Raises:
        InvalidRequest: it is no positive integer.
    """
    if "timeout" not in request.parameters:
        return None
    timeout = _value(request.parameters["timeout"])
    if type(timeout) is not int or timeout <= 0:
        raise InvalidRequest(f"parameter 'timeout' is {timeout!r:.40}; give microseconds, a positive integer")
    return timeout / 1e6


def _check_parameters(where: str, parameters: Mapping[str, messages.InferParameter]) -> None:
    for name, advice in UNSERVED.items():
        if name in parameters and _value(parameters[name]):
            raise InvalidRequest(f"{where} has parameter {name!r}: {advice}")


def _value(parameter: messages.InferParameter) -> Any:
    given = parameter.WhichOneof("parameter_choice")
    return getattr(parameter, given) if given else None


def _raw(request: messages.ModelInferRequest) -> dict[str, memoryview]:
    raw = request.raw_input_contents
    if not raw:
        return {}
    if both := [entry.name for entry in request.inputs if entry.HasField("contents")]:
        raise InvalidRequest(f"input {both[0][:80]!r} has contents beside raw_input_contents; give either, never both")
    if len(raw) != len(request.inputs):
        raise InvalidRequest(
            f"raw_input_contents has {len(raw)} entries for {len(request.inputs)} inputs; "
            "give one for each input, in the same order"
        )
    return {entry.name: memoryview(content) for entry, content in zip(request.inputs, raw, strict=True)}


def _described(entry: _Input, *, typed: bool) -> dict[str, Any]:
    described: dict[str, Any] = {"name": entry.name, "datatype": entry.datatype, "shape": list(entry.shape)}
    return {**described, "data": _typed(entry)} if typed else described


def _typed(entry: _Input) -> list[Any] | None:
    name, datatype = entry.name[:80], entry.datatype
    if datatype not in DTYPES:
        return None  # what `read_request` says about the datatype is what the caller needs
    if (field := FIELDS.get(datatype)) is None:
        raise InvalidRequest(f"input {name!r} is {datatype}, which has no typed contents; give raw_input_contents")
    if strange := [filled.name for filled, _ in entry.contents.ListFields() if filled.name != field]:
        raise InvalidRequest(f"input {name!r} has {strange[0]}; {datatype} takes {field}")
    values = getattr(entry.contents, field)
    return _texts(name, values) if datatype == "BYTES" else list(values)


def _texts(name: str, values: Iterable[bytes]) -> list[str]:
    try:
        return [value.decode() for value in values]
    except UnicodeDecodeError:
        raise InvalidRequest(f"input {name!r} has an element that is no UTF-8 text; give UTF-8") from None


def write_infer(answer: InferAnswer, *, raw: bool) -> messages.ModelInferResponse:
    """Write an answer with raw contents or typed ones; with raw ones also where an output is FP16.

    Raises:
        PredictionFailed: the model gave values of another kind than its signature says.
    """
    response = messages.ModelInferResponse(
        model_name=answer.identity.model, model_version=answer.identity.revision, id=answer.identifier or ""
    )
    for name, text in parameters_of(answer).items():
        response.parameters[name].string_param = text
    raw = raw or any(output.datatype not in FIELDS for output in answer.outputs)
    try:
        for output in answer.outputs:
            _write(response, output, raw=raw)
    except (TypeError, ValueError):
        raise PredictionFailed(NO_ANSWER) from None
    return response


def _write(response: messages.ModelInferResponse, output: Output, *, raw: bool) -> None:
    tensor = response.outputs.add(name=output.name, datatype=output.datatype, shape=output.array.shape)
    if raw:
        response.raw_output_contents.append(encode_raw(output.datatype, output.array))
    else:
        getattr(tensor.contents, FIELDS[output.datatype]).extend(_values(output))


def _values(output: Output) -> Iterable[Any]:
    if output.datatype == "BYTES":
        return [str(value).encode() for value in output.array.ravel().tolist()]
    flat: list[Any] = np.asarray(output.array).astype(DTYPES[output.datatype], casting="same_kind").ravel().tolist()
    return flat
