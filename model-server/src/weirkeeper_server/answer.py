"""What a request gets back, and its body as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from weirkeeper.api.bundle import Datatype, Signature
from weirkeeper_server.decode import InferRequest
from weirkeeper_server.errors import PredictionFailed
from weirkeeper_server.tensors import Array, Columns, tensor_data

NO_ANSWER = "the answer of the model holds NaN, infinity or another value that an answer cannot carry"


@dataclass(frozen=True)
class Identity:
    """Who answers: the model's name and its revision, which stands for the version."""

    model: str
    revision: str


@dataclass(frozen=True)
class Output:
    """One tensor of an answer; `array` has one entry or row for each row that was asked about."""

    name: str
    datatype: Datatype
    array: Array


@dataclass(frozen=True)
class InferAnswer:
    """An answer as no transport has it yet: the outputs asked for, in the order in which they were asked for."""

    identity: Identity
    identifier: str | None
    outputs: tuple[Output, ...]


def answer_of(identity: Identity, request: InferRequest, signature: Signature, outputs: Columns) -> InferAnswer:
    """Pick from everything the model gave what was asked for.

    Raises:
        PredictionFailed: a number among it is NaN or infinite.
    """
    datatypes = {tensor.name: tensor.datatype for tensor in signature.outputs}
    picked = tuple(Output(name, datatypes[name], outputs[name]) for name in request.wanted)
    if not all(np.isfinite(output.array).all() for output in picked if output.array.dtype.kind == "f"):
        raise PredictionFailed(NO_ANSWER)
    return InferAnswer(identity, request.identifier, picked)


def encode(answer: InferAnswer) -> bytes:
    """Write an answer as JSON.

    Raises:
        PredictionFailed: the model gave a value for which JSON has no word.
    """
    try:
        return json.dumps(_document(answer), allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError):
        raise PredictionFailed(NO_ANSWER) from None


def _document(answer: InferAnswer) -> dict[str, Any]:
    document: dict[str, Any] = {"model_name": answer.identity.model, "model_version": answer.identity.revision}
    if answer.identifier is not None:
        document["id"] = answer.identifier
    document["outputs"] = [
        {
            "name": output.name,
            "datatype": output.datatype,
            "shape": list(output.array.shape),
            "data": tensor_data(output.array),
        }
        for output in answer.outputs
    ]
    return document
