"""The protocol's door, with the prediction core behind it and no sockets of a pod."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient

from tests.cluster.programs import promtool
from tests.unit.server.churn import request
from tests.unit.server.doors import door_client, evidence_client
from weirkeeper_server.core import ModelServer
from weirkeeper_server.settings import Limits, Settings

INFER = "/v2/models/churn/infer"
Client = TestClient[Any, Any]


@pytest.fixture
async def server(settings: Callable[..., Settings]) -> AsyncIterator[ModelServer]:
    limits = Limits(max_body_bytes=20_000, max_rows=100, request_timeout_seconds=0.5)
    server = ModelServer(settings(limits=limits))
    yield server
    server.close()


@pytest.fixture
async def client(server: ModelServer) -> AsyncIterator[Client]:
    await server.start()
    async with door_client(server) as client:
        yield client


@pytest.fixture
async def evidence(server: ModelServer) -> AsyncIterator[Client]:
    async with evidence_client(server) as client:
        yield client


async def test_health_and_metadata(client: Client) -> None:
    told = {path: await (await client.get(path)).json() for path in ("/v2/health/live", "/v2/health/ready", "/v2")}
    assert told["/v2/health/live"] == {"live": True}
    assert told["/v2/health/ready"] == {"ready": True, "live": True}
    assert told["/v2"]["name"] == "weirkeeper-server"
    assert told["/v2"]["extensions"] == ["binary_tensor_data", "model_repository"]


@pytest.mark.parametrize("prefix", ["/v2/models/churn", "/v2/models/churn/versions/churn-1"])
async def test_a_model_is_found_with_its_version_and_without(client: Client, prefix: str) -> None:
    metadata = await (await client.get(prefix)).json()
    assert metadata["name"] == "churn"
    assert metadata["versions"] == ["churn-1"]
    assert metadata["inputs"][1] == {"name": "visits", "datatype": "INT64", "shape": [-1]}
    assert metadata["outputs"][1] == {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 2]}
    assert await (await client.get(f"{prefix}/ready")).json() == {"name": "churn", "ready": True}
    assert (await client.post(f"{prefix}/infer", json=request())).status == 200


async def test_an_answer_names_its_revision_and_echoes_the_id(client: Client) -> None:
    response = await client.post(INFER, json=request(2, income={"data": [10_000, 90_000.5]}) | {"id": "q1"})
    answer = await response.json()
    assert response.headers["x-weirkeeper-revision"] == "churn-1"
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ("churn", "churn-1", "q1")
    predicted, probabilities = answer["outputs"]
    assert predicted == {"name": "predict", "datatype": "BYTES", "shape": [2], "data": ["leave", "stay"]}
    assert probabilities["shape"] == [2, 2]
    assert len(probabilities["data"]) == 4


async def test_only_the_outputs_asked_for_come_back(client: Client, server: ModelServer) -> None:
    answer = await (await client.post(INFER, json=request() | {"outputs": [{"name": "predict"}]})).json()
    assert [output["name"] for output in answer["outputs"]] == ["predict"]
    assert "id" not in answer
    assert sum(server.evidence()["outputs"]["predict_proba[1]"]["counts"]) == 1


WRONG: dict[str, tuple[str, str | bytes, int, str]] = {
    "not JSON": (INFER, b"{", 400, "the body is no JSON"),
    "another shape": (INFER, json.dumps(request(visits={"shape": [1, 2]})), 400, "has shape [1, 2]"),
    "another type": (INFER, json.dumps(request(income={"data": ["1"]})), 400, "has a string at position 0"),
    "NaN": (INFER, json.dumps(request(income={"data": [float("nan")]})), 400, "has NaN, which JSON does not know"),
    "too many rows": (INFER, json.dumps(request(101)), 413, "101 rows; at most 100"),
    "too large": (INFER, b" " * 30_000, 413, "larger than 20000 bytes"),
    "another model": ("/v2/models/other/infer", b"{}", 404, "unknown model 'other'; this server has 'churn'"),
    "another version": ("/v2/models/churn/versions/9/infer", b"{}", 404, "unknown version '9' of 'churn'"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_wrong_request_is_answered_with_an_error_and_counted(
    client: Client, server: ModelServer, case: str
) -> None:
    path, body, status, message = WRONG[case]
    response = await client.post(path, data=body)
    assert response.status == status
    error = (await response.json())["error"]
    assert message in error
    assert "Traceback" not in error
    assert server.outcomes == {"invalid": 1}
    assert response.headers["x-weirkeeper-revision"] == "churn-1"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("GET", INFER, 405)])
async def test_a_path_that_is_not_the_protocols_is_an_error_in_json(
    client: Client, method: str, path: str, status: int
) -> None:
    response = await client.request(method, path)
    assert response.status == status
    assert path in (await response.json())["error"]


@pytest.mark.parametrize(
    ("body", "status"), [(json.dumps(request()).encode(), 200), (b" " * 3_000_000, 413), (b"{", 400)]
)
async def test_a_compressed_body_is_measured_unpacked(client: Client, body: bytes, status: int) -> None:
    response = await client.post(INFER, data=gzip.compress(body), headers={"Content-Encoding": "gzip"})
    assert response.status == status


async def test_a_form_is_no_request(client: Client) -> None:
    response = await client.post(INFER, data=FormData({"inputs": "1"}))
    assert response.status == 400


async def test_a_model_that_raises_says_nothing_of_its_insides(
    client: Client, server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    body = request(region={"data": ["secret-region"]})
    response = await client.post(INFER, json=body, headers={"x-request-id": "r-17"})
    assert response.status == 500
    error = (await response.json())["error"]
    assert error == "the model failed on this request; its owner finds the details in the log, under request r-17"
    assert "the model raised on request r-17 of 1 rows" in caplog.text
    assert "secret-region" in caplog.text
    assert server.outcomes == {"failed": 1}
    assert server.evidence()["inputs"]["region"]["unseen"] == 0


async def test_an_answer_that_is_no_number_is_a_failure(
    client: Client, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {"predict": np.array(["stay"]), "predict_proba": np.array([[np.nan, 1.0]])}
    monkeypatch.setattr(server._predictor, "predict", lambda _: answers)
    response = await client.post(INFER, json=request())
    assert response.status == 500
    assert "NaN" in (await response.json())["error"]


async def test_a_prediction_beyond_its_time_fails_and_health_goes_on(
    client: Client, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(server._predictor, "predict", lambda _: release.wait(10))
    server._batches.loop_rows = 0  # as of a model that takes long
    slow = asyncio.create_task(client.post(INFER, json=request()))
    assert (await client.get("/v2/health/live")).status == 200
    response = await slow
    release.set()
    assert response.status == 504
    assert "no answer within 0.5 s" in (await response.json())["error"]
    assert server.outcomes == {"failed": 1}


async def test_before_it_is_loaded_a_server_is_live_and_not_ready(server: ModelServer, evidence: Client) -> None:
    async with door_client(server) as client:
        statuses = {
            path: (await client.get(path)).status
            for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/churn/ready", "/v2/models/churn")
        }
        assert (await client.post(INFER, json=request())).status == 503
    assert statuses == {
        "/v2/health/live": 200,
        "/v2/health/ready": 503,
        "/v2/models/churn/ready": 503,
        "/v2/models/churn": 503,
    }
    told = await (await evidence.get("/evidence")).json()
    assert (told["state"], told["signature"], told["profile"], told["sha256"]) == ("Loading", None, None, None)


async def test_a_draining_server_answers_and_asks_for_the_connection_to_be_closed(
    client: Client, server: ModelServer
) -> None:
    assert "Connection" not in (await client.post(INFER, json=request())).headers
    server.drain()
    response = await client.post(INFER, json=request())
    assert response.status == 200
    assert response.headers["Connection"] == "close"
    assert (await client.get("/v2/models/churn/ready")).status == 503


async def test_evidence_tells_what_the_operator_judges_by(
    client: Client, evidence: Client, bundle_folder: Path
) -> None:
    await client.post(INFER, json=request(3, region={"data": ["north", "north", "south"]}))
    await client.post(INFER, data=b"{")
    told = await (await evidence.get("/evidence")).json()
    assert (told["schema"], told["model"], told["revision"], told["pod"]) == (1, "churn", "churn-1", "churn-1-x")
    assert (told["state"], told["reason"]) == ("Ready", "")
    assert told["profile"] == json.loads((bundle_folder / "profile.json").read_text())
    assert told["probe"]["failed"] == 0
    assert told["outcomes"] == {"ok": 1, "invalid": 1, "failed": 0}
    assert told["rows"] == 3
    counted = sum(sum(bins.values()) for _, bins, _ in told["latency"]["slots"])
    assert counted == 2
    assert [active for _, _, active in told["latency"]["slots"]] == [0] * len(told["latency"]["slots"])
    assert sum(told["inputs"]["income"]["counts"]) == 3
    assert sum(told["outputs"]["predict"]["counts"]) == 3
    assert told["signature"]["inputs"][0] == {"name": "income", "datatype": "FP64", "shape": [-1]}


async def test_what_the_collector_knows_is_left_out(client: Client, server: ModelServer, evidence: Client) -> None:
    await client.post(INFER, json=request())
    digest = server.evidence()["profileSha256"]
    told = await (await evidence.get("/evidence", params={"profile": digest, "latencyFrom": "99999999999"})).json()
    assert (told["profile"], told["profileSha256"], told["latency"]["slots"]) == (None, digest, [])
    assert (await evidence.get("/evidence", params={"latencyFrom": "soon"})).status == 400


async def test_a_failed_load_is_told_and_the_process_stays(
    settings: Callable[..., Settings], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = ModelServer(settings(bundle=tmp_path))
    await server.start()
    told = server.evidence()
    assert (told["state"], told["reason"]) == ("Failed", "NotABundle")
    assert "model.skops or model.onnx, model.yaml, profile.json, golden.json lacks" in told["message"]
    assert not server.ready
    assert "NotABundle" in caplog.text
    server.close()


async def test_a_failed_probe_tells_signature_and_profile_nevertheless(settings: Callable[..., Settings]) -> None:
    probe = {"name": "never", "request": {"inputs": []}, "expect": {"outputs": []}}
    server = ModelServer(settings(probe=[probe]))
    await server.start()
    told = server.evidence()
    assert (told["state"], told["reason"], told["probe"]["failed"]) == ("Failed", "ProbeFailed", 1)
    assert "probe never: the request is refused" in told["message"]
    assert told["signature"] is not None
    assert told["profileSha256"] is not None
    server.close()


async def test_metrics_are_as_prometheus_wants_them(client: Client, evidence: Client) -> None:
    await client.post(INFER, json=request())
    text = await (await evidence.get("/metrics")).text()
    checked = await asyncio.to_thread(
        subprocess.run, [str(promtool()), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert 'weirkeeper_server_requests_total{model="churn",outcome="ok",revision="churn-1"} 1.0' in text
    assert 'weirkeeper_server_request_duration_seconds_count{model="churn",revision="churn-1"} 1.0' in text
    assert 'weirkeeper_server_input_values_total{feature="income",kind="valid"' in text
    assert 'weirkeeper_server_info{model="churn",revision="churn-1",version="' in text
