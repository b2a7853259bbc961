"""The prober as a process beside a real server of the protocol, which for once is ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.component.server.processes import WAIT_SECONDS, Server, free_port

PROGRAM = "import sys; from weirkeeper_server.cli import main; code = main(); print(*sys.modules); sys.exit(code)"


def wait_for(server: Server, port: int, *states: str) -> dict[str, Any]:
    """Wait until the prober is in one of the states; give its evidence."""
    until = time.monotonic() + WAIT_SECONDS
    while (told := server.get("/evidence", port)[1] or {}).get("state") not in states:
        assert time.monotonic() < until, told
        time.sleep(0.1)
    return dict(told)


@pytest.mark.parametrize("agrees", [True, False])
def test_a_prober_tells_what_came_of_the_golden_requests_and_ends_when_told(
    bundle_folder: Path,
    tmp_path: Path,
    agrees: bool,  # noqa: FBT001
) -> None:
    golden = json.loads((bundle_folder / "golden.json").read_text())[:1]
    if not agrees:
        golden[0]["expect"]["outputs"][0]["data"] = ["elsewhere"]
    port = free_port()
    with Server(bundle_folder, tmp_path / "log") as server:
        url = f"http://127.0.0.1:{server.http}"
        command = [sys.executable, "-c", PROGRAM, "probe", "--model", "churn", "--revision", "churn-1", "--url", url]
        with subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--evidence-port", str(port)],
            env={**os.environ, "WEIRKEEPER_PROBE": json.dumps(golden)},
            stdout=subprocess.PIPE,
            text=True,
        ) as prober:
            try:
                told = wait_for(server, port, "Ready", "Failed")
                assert told["signature"] == server.evidence["signature"]
                assert (told["state"], told["reason"]) == (("Ready", "") if agrees else ("Failed", "ProbeFailed"))
                assert server.get("/ready", port)[0] == (200 if agrees else 503)
                prober.terminate()
                imported = prober.communicate(timeout=30)[0].split()
            finally:
                prober.kill()
    assert prober.returncode == 0
    assert not {"numpy", "sklearn", "skops"} & set(imported), "it stands beside every pod, so it must be small"
