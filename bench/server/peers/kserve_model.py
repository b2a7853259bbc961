# mypy: ignore-errors
"""Fitted estimators behind the KServe SDK's server, the way its users write it: one class, joblib, numpy.

Started as `kserve_model.py FOLDER --http_port=…`; each `NAME/model.joblib` in the folder becomes a model.
"""

import sys
from pathlib import Path

import joblib
import numpy as np
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer, model_server

DATATYPES = {"float64": "FP64", "float32": "FP32", "int64": "INT64"}


class Estimator(Model):
    """Answers with those of `predict` and `predict_proba` that a request names, `predict` where it names none."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder.name)
        self._estimator = joblib.load(folder / "model.joblib")
        self.ready = True

    def predict(self, payload: InferRequest, headers: object = None, response_headers: object = None) -> InferResponse:  # noqa: ARG002
        rows = payload.inputs[0].as_numpy()
        named = [output.name for output in payload.request_outputs or ()] or ["predict"]
        outputs = [_output(name, getattr(self._estimator, name)(rows)) for name in named]
        return InferResponse(
            payload.id or "none",
            self.name,
            outputs,
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )


def _output(name: str, values: np.ndarray) -> InferOutput:
    return InferOutput(name, list(values.shape), DATATYPES[values.dtype.name], data=values)


if __name__ == "__main__":
    folders = sorted(path.parent for path in Path(sys.argv.pop(1)).glob("*/model.joblib"))
    model_server.args, _ = model_server.parser.parse_known_args()
    ModelServer().start([Estimator(folder) for folder in folders])
