"""The OpenAPI document of the routes over HTTP, with this server's own model, revision, inputs and limits in it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

import numpy as np
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from weirkeeper.api.bundle import Signature, Tensor
from weirkeeper_server.answer import Identity
from weirkeeper_server.errors import RequestError
from weirkeeper_server.feedback.schemas import FeedbackPost, FeedbackReceipt
from weirkeeper_server.openapi_schemas import (
    Error,
    IndexedModel,
    IndexRequest,
    InferRequest,
    InferResponse,
    Live,
    ModelMetadata,
    ModelReadiness,
    ServerMetadata,
    ServerReadiness,
)
from weirkeeper_server.routes import REFUSED, ROUTES, Route
from weirkeeper_server.settings import Limits
from weirkeeper_server.tensors import DTYPES, accepts, tensor_data

_REFERENCE: Final = "#/components/schemas/{model}"
NOT_READY: Final = 503
OVERLOADED: Final = 429
ERRORS: Final[Mapping[int, str]] = {
    error.status: (error.__doc__ or "").partition("\n")[0] for error in RequestError.__subclasses__()
}
_VALUES: Final[Mapping[str, tuple[str, Mapping[str, int]]]] = {
    "b": ("boolean", {}),
    "i": ("integer", {}),
    "u": ("integer", {"minimum": 0}),
    "f": ("number", {}),
    "O": ("string", {}),
}
"""JSON's type for values, and their least, by numpy's kind of datatype."""
_ANSWERS: Final[Mapping[str, type[BaseModel]]] = {
    "infer": InferResponse,
    "feedback": FeedbackReceipt,
    "model_ready": ModelReadiness,
    "model_metadata": ModelMetadata,
    "live": Live,
    "server_ready": ServerReadiness,
    "server_metadata": ServerMetadata,
}
_UNREADY: Final[Mapping[str, type[BaseModel]]] = {"model_ready": ModelReadiness, "server_ready": ServerReadiness}
_BODIES: Final[Mapping[str, type[BaseModel]]] = {
    "infer": InferRequest,
    "feedback": FeedbackPost,
    "repository_index": IndexRequest,
}
_REQUIRED_BODIES: Final = ("infer", "feedback")


def openapi(identity: Identity, signature: Signature | None, limits: Limits) -> dict[str, Any]:
    """Describe the routes as OpenAPI 3.1; the inputs are this model's as soon as they are known."""
    models: set[type[BaseModel]] = {Error, IndexedModel, *_ANSWERS.values(), *_BODIES.values()}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, schemas = models_json_schema([(model, "validation") for model in ordered], ref_template=_REFERENCE)
    definitions = schemas["$defs"]
    if signature:
        _specialise(definitions, signature, limits)
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        for name, path in route.paths():
            paths.setdefault(path, {})[route.method.lower()] = _operation(route, name, path, identity)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Open Inference Protocol for {identity.model}",
            "version": version("weirkeeper"),
            "summary": f"Revision {identity.revision}.",
        },
        "paths": paths,
        "components": {"schemas": definitions},
    }


def _specialise(definitions: dict[str, Any], signature: Signature, limits: Limits) -> None:
    """Write the model's own inputs and outputs into the schemas, so that a client can see them, and a test use them."""
    request = definitions["InferRequest"]["properties"]
    inputs = [_input(tensor, limits) for tensor in signature.inputs]
    request["inputs"] |= {"items": {"anyOf": inputs}, "minItems": len(inputs), "maxItems": len(inputs)}
    definitions["InferRequest"]["examples"] = [_example(signature)]
    definitions["WantedOutput"]["properties"]["name"]["enum"] = [tensor.name for tensor in signature.outputs]


def _input(tensor: Tensor, limits: Limits) -> dict[str, Any]:
    rows = {"type": "integer", "minimum": 1, "maximum": limits.max_rows}
    rank = len(tensor.shape)
    shape = [rows, *({"const": size} for size in (*tensor.shape[1:], 1))]
    return {
        "allOf": [{"$ref": _REFERENCE.format(model="Input")}],
        "properties": {
            "name": {"const": tensor.name},
            "datatype": {"enum": [given for given in DTYPES if accepts(tensor.datatype, given)]},
            "shape": {"prefixItems": shape, "minItems": rank, "maxItems": rank + 1},
            "data": {"items": _values(tensor)},
        },
        "required": ["name", "datatype", "shape"],
    }


def _values(tensor: Tensor) -> dict[str, Any]:
    kind, least = _VALUES[DTYPES[tensor.datatype].kind]
    value: dict[str, Any] = {"type": [kind, "null"] if tensor.nullable else kind, **least}
    return {"anyOf": [value, {"type": "array", "items": value}]}


def _example(signature: Signature) -> dict[str, Any]:
    inputs = []
    for tensor in signature.inputs:
        shape = [1, *tensor.shape[1:]]
        blank = np.zeros(shape, DTYPES[tensor.datatype]) if tensor.datatype != "BYTES" else np.full(shape, "", object)
        head = {"name": tensor.name, "datatype": tensor.datatype, "shape": shape}
        inputs.append({**head, "data": tensor_data(blank)})
    return {"id": "example", "inputs": inputs}


def _operation(route: Route, name: str, path: str, identity: Identity) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": name,
        "summary": route.summary,
        "parameters": _parameters(path, identity),
        "responses": {str(status): response for status, response in _responses(route)},
    }
    if body := _BODIES.get(route.name):
        content = {"application/json": {"schema": _reference(body)}}
        if route.name == "infer":
            content["application/octet-stream"] = {"schema": {"type": "string", "format": "binary"}}
        described["requestBody"] = {"content": content, "required": route.name in _REQUIRED_BODIES}
    return described


def _parameters(path: str, identity: Identity) -> list[dict[str, Any]]:
    known = {"model": identity.model, "version": identity.revision}
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "enum": [value]}}
        for name, value in known.items()
        if f"{{{name}}}" in path
    ]


def _responses(route: Route) -> list[tuple[int, dict[str, Any]]]:
    answers = [(status, _refusal(route, status)) for status in route.statuses]
    return answers if route.name in REFUSED else [(200, _success(route)), *answers]


def _success(route: Route) -> dict[str, Any]:
    if route.name == "openapi":
        schema: dict[str, Any] = {"type": "object"}
    elif route.name == "repository_index":
        schema = {"type": "array", "items": _reference(IndexedModel)}
    else:
        schema = _reference(_ANSWERS[route.name])
    content = {"application/json": {"schema": schema}}
    if route.name == "infer":
        content["application/octet-stream"] = {"schema": {"type": "string", "format": "binary"}}
    return {"description": route.summary, "content": content}


def _refusal(route: Route, status: int) -> dict[str, Any]:
    model = _UNREADY.get(route.name, Error) if status == NOT_READY else Error
    schema = _reference(model)
    response = {"description": ERRORS.get(status, ""), "content": {"application/json": {"schema": schema}}}
    if status == OVERLOADED:
        response["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return response


def _reference(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}
