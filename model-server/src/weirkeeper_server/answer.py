"""From arrays of outputs to the body of an inference response."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weirkeeper.api.bundle import Signature
from weirkeeper_server.decode import InferRequest
from weirkeeper_server.errors import PredictionFailed
from weirkeeper_server.tensors import Columns, tensor_data


@dataclass(frozen=True)
class Identity:
    """Who answers: the model's name and its revision, which stands for the version."""

    model: str
    revision: str


def response(identity: Identity, request: InferRequest, signature: Signature, outputs: Columns) -> dict[str, Any]:
    """Write outputs as the protocol has them, in the order in which they were asked for."""
    datatypes = {tensor.name: tensor.datatype for tensor in signature.outputs}
    answer: dict[str, Any] = {"model_name": identity.model, "model_version": identity.revision}
    if request.identifier is not None:
        answer["id"] = request.identifier
    answer["outputs"] = [
        {
            "name": name,
            "datatype": datatypes[name],
            "shape": list(outputs[name].shape),
            "data": tensor_data(outputs[name]),
        }
        for name in request.wanted
    ]
    return answer


def encode(answer: Mapping[str, Any]) -> bytes:
    """Write a response as JSON.

    Raises:
        PredictionFailed: the model gave NaN, infinity or another value for which JSON has no word.
    """
    try:
        return json.dumps(answer, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError):
        raise PredictionFailed(
            "the answer of the model holds NaN, infinity or another value that JSON cannot carry"
        ) from None
