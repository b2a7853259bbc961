"""Golden requests: no model serves that does not give the answers it is known to give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weirkeeper.api.bundle import GoldenRequest
from weirkeeper_server.comparing import difference, short
from weirkeeper_server.decode import read_request
from weirkeeper_server.errors import RequestError
from weirkeeper_server.predictor import Predictor
from weirkeeper_server.probed import ProbeResult
from weirkeeper_server.tensors import tensor_data


def probe(predictor: Predictor, golden: Sequence[GoldenRequest], source: str, max_rows: int) -> ProbeResult:
    """Send each golden request through decoding and prediction, and compare the answers."""
    result = ProbeResult()
    for number, request in enumerate(golden):
        failure = _difference(predictor, request, max_rows)
        label = f"{source} {request.name or number}"
        result += ProbeResult(failures=(f"{label}: {failure}",)) if failure else ProbeResult(passed=1)
    return result


def _difference(predictor: Predictor, golden: GoldenRequest, max_rows: int) -> str:
    document = {"inputs": list(golden.request.inputs), "outputs": _names(golden.expect.outputs)}
    try:
        request = read_request(document, predictor.signature, max_rows)
        outputs = predictor.predict(request.inputs)
    except RequestError as error:
        return f"the request is refused: {error}"
    except Exception as error:  # noqa: BLE001  an estimator may raise anything, and its own words are what helps
        return f"the model raised {type(error).__name__}: {short(str(error))}"
    for expected in golden.expect.outputs:
        got = tensor_data(outputs[expected["name"]])
        if differs := difference(expected, got, golden.expect.tolerance.number):
            return f"output {expected['name']}: {differs}"
    return ""


def _names(outputs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": output.get("name")} for output in outputs]
