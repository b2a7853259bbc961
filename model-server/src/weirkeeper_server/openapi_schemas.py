"""What goes over HTTP as JSON, as schemas for the OpenAPI document; no request is read by these models."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from weirkeeper.api.bundle import Datatype


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
    parameters: dict[str, str] = Field(description="What computes the predictions, and why.")


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
