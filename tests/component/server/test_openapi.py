"""The published OpenAPI document is true: schemathesis asks what it allows, and what it does not."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.component.server.processes import Server
from tests.unit.server.churn import rows, tolerant
from weirkeeper.bundling import maker

SCHEMATHESIS = Path(sysconfig.get_path("scripts")) / "schemathesis"
OPERATIONS = 13
"""All but that of the document itself."""
CONFIGURATION = """
# A caller may wait for a microsecond only, and gets 504.
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", "504"]
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A model that has an answer for everything, so that a 5xx is the server's own."""
    (tmp_path / "current").write_bytes(bytes(32))
    feedback = {"WEIRKEEPER_FEEDBACK": json.dumps({"keys": str(tmp_path)})}
    bundle = maker.bundle(tolerant(), rows(), path=tmp_path / "bundle")
    with Server(bundle, tmp_path / "log", environment=feedback) as server:
        server.wait_for("Ready")
        yield server


def test_requests_within_the_schema_and_beyond_it_are_answered_as_it_says(server: Server, tmp_path: Path) -> None:
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    command = [str(SCHEMATHESIS), "--config-file", str(configuration), "run", "--no-color", "--max-examples", "15"]
    # No schema can say that the data are as many as the shape asks for, so what fits it may be refused.
    command += ["--seed", "1", "--checks", "all", "--exclude-checks", "positive_data_acceptance"]
    url = f"http://127.0.0.1:{server.http}/v2/openapi.json"
    environment = {**os.environ, "PYTHONWARNINGS": "default"}
    ended = subprocess.run([*command, url], cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"Tested: {OPERATIONS}" in ended.stdout, ended.stdout
    told = server.evidence["outcomes"]
    assert told["ok"] > 0
    assert told["invalid"] > 100
