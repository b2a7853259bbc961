"""Whether all servers answer the same: classes equal, probabilities within a tolerance."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any, Final

import numpy as np
import tritonclient.grpc as triton

from bench.server.errors import Disagreement, RunFailed
from bench.server.models import Fitted
from bench.server.requests import BOTH, Body, as_binary, as_json
from bench.server.servers import Server

TOLERANCE: Final = 1e-6
ROWS: Final = 150
TYPES: Final = {"FP64": "<f8", "FP32": "<f4", "INT64": "<i8", "INT32": "<i4", "UINT8": "u1"}
Answers = dict[str, np.ndarray[Any, Any]]


def expected(fitted: Fitted, rows: int) -> Answers:
    """What the estimator itself says of its first rows."""
    given = fitted.first(rows)
    return {"predict": fitted.estimator.predict(given), "predict_proba": fitted.estimator.predict_proba(given)}


def check(server: Server, fitted: Fitted, *, binary: bool = False) -> None:
    """Ask a server about many rows, and about one.

    Raises:
        Disagreement: it does not answer as the estimator does.
    """
    for rows in (1, ROWS):
        given = fitted.first(rows)
        body = as_binary(given, BOTH) if binary else as_json(given, BOTH)
        compare(server.name, fitted, expected(fitted, rows), ask(server, fitted.name, body))


def check_grpc(server: Server, fitted: Fitted) -> None:
    """Do the same over gRPC."""
    for rows in (1, ROWS):
        given = np.ascontiguousarray(fitted.first(rows))
        asked = triton.InferInput("input", list(given.shape), "FP64")
        asked.set_data_from_numpy(given)
        client = triton.InferenceServerClient(f"127.0.0.1:{server.grpc}")
        answer = client.infer(fitted.name, [asked], outputs=[triton.InferRequestedOutput(name) for name in BOTH])
        client.close()
        compare(server.name, fitted, expected(fitted, rows), {name: answer.as_numpy(name) for name in BOTH})


def compare(name: str, fitted: Fitted, wanted: Answers, given: Answers) -> None:
    """Compare the answers of one server with the estimator's.

    Raises:
        Disagreement: they differ by more than the tolerance.
    """
    for output, values in wanted.items():
        got = np.asarray(given[output], dtype=float).reshape(values.shape)
        exact = output == "predict"
        apart = float(np.max(np.abs(got - values)))
        if apart > (0 if exact else TOLERANCE):
            raise Disagreement(f"{name} answers {output} of {fitted.name} otherwise than scikit-learn, by {apart:g}")


def ask(server: Server, model: str, body: Body) -> Answers:
    """Post a body; give the outputs by name.

    Raises:
        RunFailed: the answer is no 200.
    """
    content, head = post(server, model, body)
    return _outputs(json.loads(content[:head]), content[head:])


def post(server: Server, model: str, body: Body) -> tuple[bytes, int]:
    """Post a body; give the answer's bytes, and how many of them are JSON.

    Raises:
        RunFailed: the answer is no 200.
    """
    request = urllib.request.Request(f"{server.url}/v2/models/{model}/infer", body.content, body.headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            content, length = answer.read(), answer.headers.get("Inference-Header-Content-Length")
    except urllib.error.HTTPError as error:
        raise RunFailed(f"{server.name} refuses the request for {model}: {error.read()[:500]!r}") from None
    return content, int(length or len(content))


def _outputs(document: Any, tail: bytes) -> Answers:
    outputs: Answers = {}
    for output in document["outputs"]:
        size = (output.get("parameters") or {}).get("binary_data_size")
        if size is None:
            outputs[output["name"]] = np.asarray(output["data"])
        else:
            outputs[output["name"]] = np.frombuffer(tail[:size], TYPES[output["datatype"]])
            tail = tail[size:]
    return outputs
