"""A model that is long in loading: to kubelet its process lives, to routers it is not ready, the operator is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What makes a server wait until there is a file `go-on`."""
    return {UNTIL: str(tmp_path / "go-on"), "WEIRKEEPER_TRUSTED_TYPES": json.dumps([NAME])}


def test_a_server_that_loads_passes_every_probe_that_would_end_it(
    slow_bundle: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    probes = {name: probe["httpGet"]["path"] for name, probe in served_health("churn").items()}
    with Server(slow_bundle, tmp_path / "log", environment=environment) as server:
        server.wait_until(is_loading)
        # As often as kubelet asks in a minute and more before it would start a container again.
        for _ in range(60):
            assert server.get(probes["startupProbe"])[0] == 200
            assert server.get(probes["livenessProbe"])[0] == 200
            assert server.get(probes["readinessProbe"]) == (503, {"name": "churn", "ready": False})
            assert server.evidence["state"] == "Loading"
        (tmp_path / "go-on").touch()
        server.wait_for("Ready")
        assert server.get(probes["readinessProbe"])[0] == 200


def test_a_server_that_loads_ends_when_it_is_told_to(
    slow_bundle: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    with Server(slow_bundle, tmp_path / "log", environment=environment) as server:
        server.wait_until(is_loading)
        server.terminate()
        assert server.process.wait(60) == 0


def is_loading(told: dict[str, Any]) -> bool:
    """Whether the bundle was read, and its model is being loaded."""
    return told["state"] == "Loading" and bool(told["sha256"])
