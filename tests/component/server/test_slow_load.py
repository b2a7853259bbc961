"""A model that is long in loading: to kubelet its process lives, to routers it is not ready, the operator is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.component.server.patient import UNTIL, PatientRegression
from tests.component.server.processes import Server
from weirkeeper.bundling import maker
from weirkeeper.render.health import served_health

NAME = f"{PatientRegression.__module__}.{PatientRegression.__qualname__}"
MATRIX = np.arange(4.0).reshape(4, 1)


@pytest.fixture(scope="module")
def slow_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    estimator = PatientRegression().fit(MATRIX, [0, 0, 1, 1])
    with pytest.MonkeyPatch.context() as patch:
        # A bundle's maker has it read where there is nothing but the server's own libraries.
        patch.setattr(maker, "verify", lambda *_: None)
        return maker.bundle(estimator, MATRIX, path=tmp_path_factory.mktemp("slow") / "bundle")


def test_a_server_that_loads_passes_every_probe_that_would_end_it(slow_bundle: Path, tmp_path: Path) -> None:
    probes = {name: probe["httpGet"]["path"] for name, probe in served_health("churn").items()}
    go_on = tmp_path / "go-on"
    environment = {UNTIL: str(go_on), "WEIRKEEPER_TRUSTED_TYPES": json.dumps([NAME])}
    with Server(slow_bundle, tmp_path / "log", environment=environment) as server:
        server.wait_until(lambda told: told["state"] == "Loading" and bool(told["sha256"]))
        # As often as kubelet asks in a minute and more before it would start a container again.
        for _ in range(60):
            assert server.get(probes["startupProbe"])[0] == 200
            assert server.get(probes["livenessProbe"])[0] == 200
            assert server.get(probes["readinessProbe"]) == (503, {"name": "churn", "ready": False})
            assert server.evidence["state"] == "Loading"
        go_on.touch()
        server.wait_for("Ready")
        assert server.get(probes["readinessProbe"])[0] == 200
