"""The OpenAPI document of the routes over HTTP, with this server's own model, revision, inputs and limits in it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from weirkeeper.api.bundle import Datatype, Signature, Tensor
from weirkeeper_server.answer import Identity
from weirkeeper_server.errors import RequestError
from weirkeeper_server.feedback.schemas import FeedbackPost, FeedbackReceipt
from weirkeeper_server.routes import REFUSED, ROUTES, Route
from weirkeeper_server.settings import Limits

_REFERENCE: Final = "#/components/schemas/{model}"


class Error(BaseModel):
    """What went wrong: what was given, what was expected, what to do."""

    error: str


class Live(BaseModel):
    """The process answers."""

    live: bool


class ServerReadiness(BaseModel):
    """Whether the server's model answers."""

    ready: bool
    live: bool


class ModelReadiness(BaseModel):
    """Whether the model answers."""

    name: str
    ready: bool


class ServerMetadata(BaseModel):
    """What the server is."""

    name: str
    version: str
    extensions: list[str]
    feedback: str = Field(description="Whether answers carry tokens for labels; if not, why.")


class TensorMetadata(BaseModel):
    """An input or output; -1 stands for any number of rows."""

    name: str
    datatype: Datatype
    shape: list[int]


class ModelMetadata(BaseModel):
    """What the model takes and gives."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class IndexRequest(BaseModel):
    """Which models are asked for."""

    ready: bool = False


class IndexedModel(BaseModel):
    """A model and its state."""

    name: str
    version: str
    state: Literal["LOADING", "READY", "UNAVAILABLE", "UNLOADING"]
    reason: str


class InputParameters(BaseModel):
    """Parameters of an input."""

    binary_data_size: int | None = Field(default=None, ge=0, description="Its bytes after the JSON, instead of data.")


class Input(BaseModel):
    """One input."""

    name: str
    datatype: Datatype
    shape: list[int]
    parameters: InputParameters | None = None
    data: list[Any] | None = Field(default=None, description="Values by rows, flat or nested.")


class OutputParameters(BaseModel):
    """Parameters of an output that is asked for."""

    binary_data: bool = Field(default=False, description="Whether it is to come as bytes after the JSON.")


class WantedOutput(BaseModel):
    """An output that is asked for."""

    name: str
    parameters: OutputParameters | None = None


class RequestParameters(BaseModel):
    """Parameters of a request."""

    binary_data_output: bool = Field(default=False, description="Whether all outputs are to come as bytes.")
    timeout: int | None = Field(default=None, gt=0, lt=2**63, description="Microseconds that the caller waits.")


class InferRequest(BaseModel):
    """Inputs to predict from; without `outputs` all come back."""

    id: str | None = None
    parameters: RequestParameters | None = None
    inputs: list[Input]
    outputs: list[WantedOutput] | None = None


class AnsweredParameters(BaseModel):
    """Parameters of an output that came as bytes."""

    binary_data_size: int


class Output(BaseModel):
    """One output; `data` is flat, by rows."""

    name: str
    datatype: Datatype
    shape: list[int]
    parameters: AnsweredParameters | None = Field(default=None, json_schema_extra={"nullable": False})
    data: list[Any] = []


class ResponseParameters(BaseModel):
    """Parameters of an answer."""

    feedback_token: str = Field(
        description="What labels of these rows are posted with; `omitted` where there are too many rows."
    )


class InferResponse(BaseModel):
    """Outputs for the rows of the request."""

    model_config = ConfigDict(protected_namespaces=())

    model_name: str
    model_version: str
    id: str = Field(default="", description="The id of the request, where it had one.")
    parameters: ResponseParameters | None = Field(default=None, json_schema_extra={"nullable": False})
    outputs: list[Output]


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
    definitions["WantedOutput"]["properties"]["name"]["enum"] = [tensor.name for tensor in signature.outputs]


def _input(tensor: Tensor, limits: Limits) -> dict[str, Any]:
    rows = {"type": "integer", "minimum": 1, "maximum": limits.max_rows}
    shape = [rows, *({"const": size} for size in tensor.shape[1:])]
    return {
        "allOf": [{"$ref": _REFERENCE.format(model="Input")}],
        "properties": {
            "name": {"const": tensor.name},
            "datatype": {"const": tensor.datatype},
            "shape": {"prefixItems": shape, "minItems": len(shape), "maxItems": len(shape)},
        },
        "required": ["name", "datatype", "shape"],
    }


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


NOT_READY: Final = 503
OVERLOADED: Final = 429
ERRORS: Final[Mapping[int, str]] = {
    error.status: (error.__doc__ or "").partition("\n")[0] for error in reversed(RequestError.__subclasses__())
}
