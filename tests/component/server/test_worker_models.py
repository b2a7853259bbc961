"""Workers of models that are not data alone: of one that has threads, which no fork copies, and of one in ONNX."""

from __future__ import annotations

import http.client
import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

from tests.component.server.processes import Server
from tests.component.server.test_workers import counted, until, workers
from tests.unit.server.churn import fitted, rows, tolerant
from weirkeeper.bundling import maker

ROWS = 200
"""So many rows are parted among the threads of OpenMP."""
OF_ITS_OWN = "each worker loads one of its own"


@pytest.fixture(scope="module")
def threaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Boosted trees without their shortcut: scikit-learn computes them with OpenMP, whose threads stay."""
    folder = bundle(tolerant(), tmp_path_factory.mktemp("threaded") / "churn")
    (folder / "shortcut.zip").unlink()
    return folder


@pytest.fixture(scope="module")
def onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    types = [
        ("income", FloatTensorType([None, 1])),
        ("visits", Int64TensorType([None, 1])),
        ("region", StringTensorType([None, 1])),
    ]
    model = to_onnx(fitted(), initial_types=types).SerializeToString()
    return bundle(model, tmp_path_factory.mktemp("onnx") / "churn")


def bundle(model: Any, folder: Path) -> Path:
    """Make a bundle; the servers of these tests are who verifies it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maker, "verify", lambda *_: None)
        return maker.bundle(model, rows(), path=folder)


def question(frame: pd.DataFrame, numbers: str) -> bytes:
    kinds = {"income": numbers, "visits": "INT64", "region": "BYTES"}
    inputs = [
        {"name": name, "datatype": kind, "shape": [len(frame)], "data": frame[name].tolist()}
        for name, kind in kinds.items()
    ]
    return json.dumps({"inputs": inputs}).encode()


def told_by_each(server: Server, body: bytes) -> list[dict[str, Any]]:
    """What two connections are told that are open together: each is handed to the worker that has fewest."""
    connections = [http.client.HTTPConnection("127.0.0.1", server.http, timeout=60) for _ in range(2)]
    told = []
    for connection in connections:
        connection.connect()
    for connection in connections:
        connection.request("POST", "/v2/models/churn/infer", body)
        answer = json.loads(connection.getresponse().read())
        told.append({output["name"]: output["data"] for output in answer["outputs"]})
    for connection in connections:
        connection.close()
    return told


def replace_one(server: Server) -> None:
    """Kill a worker, and wait for the one that follows it."""
    killed = workers(server)[0]
    os.kill(killed, signal.SIGKILL)
    until(lambda: killed not in workers(server) and len(workers(server)) == 2, "no successor")
    server.wait_for("Ready")


def test_a_model_that_has_threads_is_loaded_by_each_worker(threaded: Path, tmp_path: Path) -> None:
    """A worker that was forked beside threads of OpenMP would wait for them for ever."""
    frame = rows(ROWS)
    wanted = tolerant().predict_proba(frame).ravel()
    with Server(threaded, tmp_path / "log", environment={"OMP_NUM_THREADS": "2"}, workers=2) as server:
        server.wait_for("Ready")
        assert OF_ITS_OWN in server.log.read_text()
        for told in told_by_each(server, question(frame, "FP64")):
            np.testing.assert_allclose(told["predict_proba"], wanted, rtol=1e-12)
        assert server.evidence["rows"] == 2 * ROWS
        replace_one(server)
        for told in told_by_each(server, question(frame, "FP64")):
            np.testing.assert_allclose(told["predict_proba"], wanted, rtol=1e-12)
        assert server.evidence["rows"] == 4 * ROWS
        server.terminate()
        assert server.process.wait(60) == 0


def test_workers_of_an_onnx_model_are_forked_with_its_session(onnx: Path, tmp_path: Path) -> None:
    body, found = question(rows(ROWS), "FP32"), []
    for count in (1, 2):
        with Server(onnx, tmp_path / f"log-{count}", workers=count) as server:
            server.wait_for("Ready")
            told = told_by_each(server, body)
            if count == 2:
                assert server.evidence["rows"] == 2 * ROWS, "what is counted is kept when its worker is killed"
                replace_one(server)
            told += told_by_each(server, body)
            found.append((told, counted(server)))
            assert OF_ITS_OWN not in server.log.read_text()
            server.terminate()
            assert server.process.wait(60) == 0
    one, two = found
    assert one == two
    assert next(iter(one[0][0].values())) == fitted().predict(rows(ROWS)).tolist()
    assert one[1]["rows"] == 4 * ROWS
