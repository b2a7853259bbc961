"""Golden requests: no model serves that does not give the answers it is known to give."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from weirkeeper.api.bundle import GoldenRequest
from weirkeeper_server.decode import read_request
from weirkeeper_server.errors import RequestError
from weirkeeper_server.predictor import Predictor
from weirkeeper_server.probed import ProbeResult
from weirkeeper_server.tensors import tensor_data

LONGEST_VALUE = 60


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
        return f"the model raised {type(error).__name__}: {_short(str(error))}"
    for expected in golden.expect.outputs:
        got = tensor_data(outputs[expected["name"]])
        if difference := _compare(expected, got, golden.expect.tolerance.number):
            return f"output {expected['name']}: {difference}"
    return ""


def _names(outputs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": output.get("name")} for output in outputs]


def _compare(expected: Mapping[str, Any], got: Sequence[Any], tolerance: float) -> str:
    wanted = list(_flattened(expected.get("data", [])))
    if len(wanted) != len(got):
        return f"expected {len(wanted)} values, got {len(got)}"
    for position, (want, value) in enumerate(zip(wanted, got, strict=True)):
        if not _agrees(want, value, tolerance):
            return f"expected {_short(repr(want))}, got {_short(repr(value))} at position {position}"
    return ""


def _flattened(data: Any) -> Sequence[Any]:
    if isinstance(data, list):
        return [value for entry in data for value in _flattened(entry)]
    return [data]


def _agrees(want: object, got: object, tolerance: float) -> bool:
    if isinstance(want, bool) or isinstance(got, bool) or isinstance(want, str) or isinstance(got, str):
        return want == got
    if isinstance(want, int | float) and isinstance(got, int | float):
        return math.isclose(want, got, rel_tol=tolerance, abs_tol=tolerance)
    return False


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"
