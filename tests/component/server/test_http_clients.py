"""The clients that people have, over HTTP against a server process: tritonclient in its default mode, and curl."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tritonclient import http as triton
from tritonclient.http import aio
from tritonclient.utils import InferenceServerException

from tests.component.server.processes import Server
from tests.unit.server.churn import rows


@pytest.fixture(scope="module")
def server(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(bundle_folder, tmp_path_factory.mktemp("server") / "log") as server:
        server.wait_for("Ready")
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[triton.InferenceServerClient]:
    client = triton.InferenceServerClient(f"127.0.0.1:{server.http}", concurrency=4)
    yield client
    client.close()


def inputs(count: int, *, binary: bool = True, kind: Any = triton) -> list[Any]:
    """The first rows of the fixture's data, one tensor a column."""
    frame = rows().head(count) if count <= 200 else rows().sample(count, replace=True, random_state=1)
    columns = {
        "income": frame["income"].to_numpy(np.float64),
        "visits": frame["visits"].to_numpy(np.int64),
        "region": frame["region"].to_numpy(object),
    }
    datatypes = {"income": "FP64", "visits": "INT64", "region": "BYTES"}
    made = []
    for name, values in columns.items():
        tensor = kind.InferInput(name, list(values.shape), datatypes[name])
        tensor.set_data_from_numpy(values, binary_data=binary)
        made.append(tensor)
    return made


def expected(server: Server, count: int) -> tuple[list[str], Any]:
    """What a plain request in JSON is answered."""
    frame = rows().head(count)
    given = [
        {"name": "income", "datatype": "FP64", "shape": [count], "data": frame["income"].tolist()},
        {"name": "visits", "datatype": "INT64", "shape": [count], "data": frame["visits"].tolist()},
        {"name": "region", "datatype": "BYTES", "shape": [count], "data": frame["region"].tolist()},
    ]
    answer = curl(server, "/v2/models/churn/infer", json.dumps({"inputs": given}))
    predicted, probabilities = answer["outputs"]
    return predicted["data"], np.array(probabilities["data"]).reshape(probabilities["shape"])


def curl(server: Server, path: str, body: str = "", *options: str) -> Any:
    """Ask as people do on a command line."""
    posted = ["--data", body] if body else []
    command = ["curl", "--silent", "--show-error", "--max-time", "60", *options, *posted]
    ended = subprocess.run([*command, f"http://127.0.0.1:{server.http}{path}"], capture_output=True, check=True)
    return json.loads(ended.stdout)


def texts(values: Any) -> list[str]:
    return [value.decode() for value in values.tolist()]


def test_health_and_metadata_are_as_the_client_expects_them(
    client: triton.InferenceServerClient, server: Server
) -> None:
    revision = f"churn-{server.http}"
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("churn")
    assert client.is_model_ready("churn", revision)
    assert not client.is_model_ready("churn", "another")
    assert not client.is_model_ready("another")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    assert client.get_model_metadata("churn", revision)["versions"] == [revision]
    assert client.get_model_repository_index() == [
        {"name": "churn", "version": revision, "state": "READY", "reason": ""}
    ]


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("packing", [None, "gzip", "deflate"])
@pytest.mark.parametrize("version", ["", "its own"])
def test_its_answers_are_those_of_plain_json(
    client: triton.InferenceServerClient, server: Server, packing: str | None, version: str, *, binary: bool
) -> None:
    result = client.infer(
        "churn",
        inputs(120, binary=binary),
        model_version=f"churn-{server.http}" if version else "",
        request_id="q1",
        timeout=20_000_000,
        request_compression_algorithm=packing,
        response_compression_algorithm=packing,
    )
    predicted, probabilities = expected(server, 120)
    assert result.get_response()["id"] == "q1"
    assert texts(result.as_numpy("predict")) == predicted
    assert np.array_equal(result.as_numpy("predict_proba"), probabilities)


@pytest.mark.parametrize("binary", [True, False])
def test_only_the_outputs_that_it_asks_for_come_back(client: triton.InferenceServerClient, *, binary: bool) -> None:
    wanted = [triton.InferRequestedOutput("predict_proba", binary_data=binary)]
    result = client.infer("churn", inputs(3), outputs=wanted)
    assert result.as_numpy("predict_proba").shape == (3, 2)
    assert result.as_numpy("predict") is None


def test_many_at_a_time_are_each_answered_their_own(client: triton.InferenceServerClient, server: Server) -> None:
    pending = [(count, client.async_infer("churn", inputs(count), request_id=str(count))) for count in range(1, 30)]
    predicted, _ = expected(server, 30)
    for count, request in pending:
        result = request.get_result()
        assert result.get_response()["id"] == str(count)
        assert texts(result.as_numpy("predict")) == predicted[:count]


def test_its_errors_have_a_status_and_say_what_to_do(client: triton.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="missing input 'region'; this model takes") as missing:
        client.infer("churn", inputs(2)[:2])
    assert missing.value.status() == "400"
    with pytest.raises(InferenceServerException, match="unknown output 'score'; this model gives"):
        client.infer("churn", inputs(2), outputs=[triton.InferRequestedOutput("score")])
    with pytest.raises(InferenceServerException, match="unknown model 'other'; this server has 'churn'") as unknown:
        client.infer("other", inputs(2))
    assert unknown.value.status() == "404"
    with pytest.raises(InferenceServerException, match=r"classification.* not supported"):
        client.infer("churn", inputs(2), outputs=[triton.InferRequestedOutput("predict", class_count=2)])
    with pytest.raises(InferenceServerException, match=r"sequence_id.* not supported"):
        client.infer("churn", inputs(2), sequence_id=7)
    with pytest.raises(InferenceServerException, match="changing the spec of its Model"):
        client.load_model("churn")
    with pytest.raises(InferenceServerException, match="change or delete its Model"):
        client.unload_model("churn")
    shared = inputs(2)
    shared[0].set_shared_memory("region", 16)
    with pytest.raises(InferenceServerException, match=r"shared_memory_region.* not supported"):
        client.infer("churn", shared)


def test_what_this_server_does_not_have_is_not_found(client: triton.InferenceServerClient) -> None:
    asked = (
        client.get_system_shared_memory_status,
        client.get_cuda_shared_memory_status,
        client.get_inference_statistics,
        client.get_trace_settings,
        client.get_log_settings,
    )
    for ask in asked:
        with pytest.raises(InferenceServerException) as refused:
            ask()
        assert refused.value.status() == "404"


@pytest.mark.parametrize("packing", [None, "gzip", "deflate"])
async def test_its_asynchronous_kind_gets_the_same(server: Server, packing: str | None) -> None:
    predicted, probabilities = expected(server, 120)
    async with aio.InferenceServerClient(f"127.0.0.1:{server.http}") as client:
        assert await client.is_model_ready("churn")
        assert not await client.is_model_ready("another")
        result = await client.infer(
            "churn",
            inputs(120, kind=aio),
            request_compression_algorithm=packing,
            response_compression_algorithm=packing,
        )
        assert texts(result.as_numpy("predict")) == predicted
        assert np.array_equal(result.as_numpy("predict_proba"), probabilities)
        with pytest.raises(InferenceServerException, match="missing input"):
            await client.infer("churn", inputs(2, kind=aio)[:2])


def test_a_model_that_did_not_load_is_live_and_not_ready(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with Server(tmp_path / "empty", tmp_path / "log") as server:
        server.wait_for("Failed")
        client = triton.InferenceServerClient(f"127.0.0.1:{server.http}")
        assert client.is_server_live()
        assert not client.is_server_ready()
        assert not client.is_model_ready("churn")
        with pytest.raises(InferenceServerException, match="is failed; try again when it is ready"):
            client.infer("churn", inputs(1))
        assert client.get_model_repository_index()[0]["reason"] == "NotABundle"
        client.close()


def test_curl_needs_no_headers(server: Server) -> None:
    assert curl(server, "/v2/health/ready") == {"ready": True, "live": True}
    predicted, probabilities = expected(server, 2)
    assert len(predicted) == len(probabilities) == 2
    assert "error" in curl(server, "/v2/models/churn/infer", "{}")
    packed = curl(server, "/v2/openapi.json", "", "--compressed")
    assert packed["info"]["title"] == "Open Inference Protocol for churn"
