"""A model that gives back what it gets, in every datatype of the protocol."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from weirkeeper.api.bundle import Datatype, Signature, Tensor
from weirkeeper_server.core import ModelServer
from weirkeeper_server.tensors import DTYPES, Array, Columns

NUMBERS: dict[str, list[Any]] = {
    "BOOL": [True, False, True],
    "INT8": [-128, 0, 127],
    "INT16": [-(2**15), 0, 2**15 - 1],
    "INT32": [-(2**31), 0, 2**31 - 1],
    "INT64": [-(2**63), 0, 2**63 - 1],
    "UINT8": [0, 1, 2**8 - 1],
    "UINT16": [0, 1, 2**16 - 1],
    "UINT32": [0, 1, 2**32 - 1],
    "UINT64": [0, 1, 2**64 - 1],
    "FP16": [-1.5, 0.0, 65504.0],
    "FP32": [-1.5, 0.0, 3.4028234663852886e38],
    "FP64": [-1.5, 0.1, 1.7976931348623157e308],
    "BYTES": ["", "naïve", "第三"],
}
"""Three values of each datatype, its bounds among them."""


class Echo:
    """Stands for a predictor: every input comes back as an output of the same name."""

    def __init__(self, *tensors: Tensor) -> None:
        self.signature = Signature(inputs=tensors, outputs=tensors)

    def predict(self, inputs: Columns) -> dict[str, Array]:
        return dict(inputs)


def column(name: str, datatype: str, *, nullable: bool = False) -> Tensor:
    return Tensor(name=name, datatype=cast("Datatype", datatype), shape=(-1,), nullable=nullable)


def every_datatype() -> Echo:
    return Echo(*(column(datatype.lower(), datatype) for datatype in DTYPES))


def values(datatype: str) -> Array:
    return np.array(NUMBERS[datatype], dtype=DTYPES[datatype])


def serve(server: ModelServer, predictor: Any) -> ModelServer:
    """Let a server answer with `predictor`, as if it had loaded it."""
    server._predictor = predictor
    server.state = "Ready"
    return server
