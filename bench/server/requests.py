"""Bodies of inference requests: the same bytes for every server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
from tritonclient.grpc import service_pb2

PREDICT: Final = "predict"
BOTH: Final = (PREDICT, "predict_proba")


@dataclass(frozen=True)
class Body:
    """What is posted, with the headers that it needs."""

    content: bytes
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


def as_json(rows: Any, outputs: Sequence[str] = (PREDICT,)) -> Body:
    """Ask about rows: a matrix as one input, a frame as an input for each column."""
    document = {"inputs": list(_inputs(rows)), "outputs": [{"name": name} for name in outputs]}
    return Body(json.dumps(document, separators=(",", ":")).encode())


def _inputs(rows: Any) -> Sequence[dict[str, Any]]:
    if isinstance(rows, pd.DataFrame):
        return [
            {"name": str(name), "shape": [len(rows)], "datatype": _datatype(column), "data": column.tolist()}
            for name, column in rows.items()
        ]
    return [{"name": "input", "shape": list(rows.shape), "datatype": "FP64", "data": rows.ravel().tolist()}]


def _datatype(column: pd.Series[Any]) -> str:
    return "FP64" if column.dtype.kind == "f" else "BYTES"


def as_binary(rows: Any, outputs: Sequence[str] = (PREDICT,)) -> Body:
    """Ask about a matrix with binary tensors, there and back."""
    content = np.ascontiguousarray(rows, dtype="<f8").tobytes()
    size = {"binary_data_size": len(content)}
    entry = {"name": "input", "shape": list(rows.shape), "datatype": "FP64", "parameters": size}
    asked = [{"name": name, "parameters": {"binary_data": True}} for name in outputs]
    head = json.dumps({"inputs": [entry], "outputs": asked}, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    return Body(head + content, headers)


def as_message(model: str, rows: Any, outputs: Sequence[str] = (PREDICT,)) -> bytes:
    """Ask about a matrix over gRPC, with typed contents."""
    message = service_pb2.ModelInferRequest(model_name=model)
    message.inputs.add(name="input", datatype="FP64", shape=rows.shape).contents.fp64_contents.extend(rows.ravel())
    for name in outputs:
        message.outputs.add(name=name)
    return bytes(message.SerializeToString())
