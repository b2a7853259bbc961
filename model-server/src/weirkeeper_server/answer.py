"""What a request gets back, and its body as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from weirkeeper.api.bundle import Datatype, Signature
from weirkeeper_server.decode import InferRequest
from weirkeeper_server.errors import PredictionFailed
from weirkeeper_server.tensors import Array, Columns, tensor_data

NO_ANSWER = "the answer of the model holds NaN, infinity or another value that an answer cannot carry"
FEEDBACK_PARAMETER: Final = "feedback_token"
COMPACT: Final[Mapping[str, Any]] = {"allow_nan": False, "separators": (",", ":")}


@dataclass(frozen=True)
class Identity:
    """Who answers: the model's name and its revision, which stands for the version."""

    model: str
    revision: str


class Output(NamedTuple):
    """One tensor of an answer; `array` has one entry or row for each row that was asked about."""

    name: str
    datatype: Datatype
    array: Array

    def head(self) -> dict[str, Any]:
        """Describe it without its values."""
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.array.shape)}

    def as_json(self) -> dict[str, Any]:
        """Describe it with its values."""
        return {**self.head(), "data": tensor_data(self.array)}


class InferAnswer(NamedTuple):
    """An answer as no transport has it yet: the outputs asked for, in the order in which they were asked for.

    `feedback_token` is what labels of its rows come back with; None where there is no feedback.
    """

    identity: Identity
    identifier: str | None
    outputs: tuple[Output, ...]
    feedback_token: str | None = None


def answer_of(
    identity: Identity, request: InferRequest, signature: Signature, outputs: Columns, *, finite: bool = False
) -> InferAnswer:
    """Pick from everything the model gave what was asked for; `finite` where every number is known to be.

    Raises:
        PredictionFailed: a number among it is NaN or infinite.
    """
    datatypes = {tensor.name: tensor.datatype for tensor in signature.outputs}
    picked = tuple([Output(name, datatypes[name], outputs[name]) for name in request.wanted])
    if not finite and not all(np.isfinite(output.array).all() for output in picked if output.array.dtype.kind == "f"):
        raise PredictionFailed(NO_ANSWER)
    return InferAnswer(identity, request.identifier, picked)


def encode(answer: InferAnswer) -> bytes:
    """Write an answer as JSON.

    Raises:
        PredictionFailed: the model gave a value for which JSON has no word.
    """
    document = described(answer, [output.as_json() for output in answer.outputs])
    try:
        return orjson.dumps(document) if all(map(_is_quick, answer.outputs)) else _exactly(document)
    except (TypeError, ValueError):
        raise PredictionFailed(NO_ANSWER) from None


def _is_quick(output: Output) -> bool:
    """Say whether the quick writer would write just this: it has null for NaN, which only objects may still hide."""
    return output.array.dtype.kind != "O" or set(map(type, output.array.ravel().tolist())) == {str}


def _exactly(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, **COMPACT).encode()


def parameters_of(answer: InferAnswer) -> dict[str, str]:
    """Give the parameters of an answer, which every door writes in its own way."""
    return {} if answer.feedback_token is None else {FEEDBACK_PARAMETER: answer.feedback_token}


def described(answer: InferAnswer, outputs: list[dict[str, Any]]) -> dict[str, Any]:
    """Write an answer as the protocol has it, around its outputs."""
    document: dict[str, Any] = {"model_name": answer.identity.model, "model_version": answer.identity.revision}
    if answer.identifier is not None:
        document["id"] = answer.identifier
    if parameters := parameters_of(answer):
        document["parameters"] = parameters
    document["outputs"] = outputs
    return document
