# mypy: ignore-errors
"""A model behind the KServe SDK's server, which knows nothing of Weirkeeper; its environment makes it worse.

THRESHOLD is the radius from which it answers 0, DELAY_MS how long it takes, FAIL_FROM the radius from which it raises.
"""

import math
import os
import time

from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer

INPUTS = ("mean radius", "mean texture", "mean smoothness")


class Churn(Model):
    """Answers 1 for rows whose first input is below the threshold."""

    def __init__(self) -> None:
        super().__init__("churn")
        self.threshold = float(os.environ.get("THRESHOLD", "15"))
        self.delay = float(os.environ.get("DELAY_MS", "0")) / 1000
        self.fail_from = float(os.environ.get("FAIL_FROM", "inf"))
        self.ready = True

    def get_input_types(self) -> list[dict]:
        return [{"name": name, "datatype": "FP64", "shape": [-1]} for name in INPUTS]

    def get_output_types(self) -> list[dict]:
        return [{"name": "predict", "datatype": "INT64", "shape": [-1]}]

    def predict(self, payload: InferRequest, headers: object = None, response_headers: object = None) -> InferResponse:  # noqa: ARG002
        radii = [float(value) for value in payload.get_input_by_name(INPUTS[0]).data]
        if any(math.isnan(radius) or radius >= self.fail_from for radius in radii):
            raise RuntimeError("a row that this model cannot take")
        time.sleep(self.delay)
        output = InferOutput("predict", [len(radii)], "INT64", [int(radius < self.threshold) for radius in radii])
        return InferResponse(payload.id or "none", self.name, [output])


if __name__ == "__main__":
    ModelServer(workers=1).start([Churn()])
