"""What a request gets back, and its body as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
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
    return as_json(described(answer, [output.as_json() for output in answer.outputs]), answer.outputs)


def as_json(document: Mapping[str, Any], outputs: Iterable[Output]) -> bytes:
    """Write a document that has values of `outputs` in it.

    Raises:
        PredictionFailed: they have one for which JSON has no word.
    """
    try:
        if all(output.array.dtype.kind != "O" or _has_strings_alone(output.array) for output in outputs):
            return orjson.dumps(document)
    except TypeError:
        pass  # such as half a surrogate pair, which can be written by its number alone
    try:
        return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError):
        raise PredictionFailed(NO_ANSWER) from None


def _has_strings_alone(array: Array) -> bool:
    return set(map(type, array.ravel().tolist())) <= {str}


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
