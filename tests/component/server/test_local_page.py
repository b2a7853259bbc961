"""`weirkeeper serve` as its user has it: the command, the protocol beside it, and the page in a real browser."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.packaged import chromium
from tests.component.server.processes import Server, free_port
from tests.harness.programs import or_skip
from weirkeeper_server.bundle import read_bundle

INFER = "/v2/models/churn/infer"
PROGRAM = "import sys; from weirkeeper.runtime.cli import main; sys.exit(main())"
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update")  # fmt: skip


def read(port: int, path: str, body: bytes | None = None) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data=body, timeout=10) as response:
        return str(response.read().decode())


@pytest.fixture
def port(bundle_folder: Path) -> Iterator[int]:
    chosen = free_port()
    command = [sys.executable, "-c", PROGRAM, "serve", str(bundle_folder), "--model", "churn"]
    command += ["--http-port", str(chosen), "--evidence-port", str(free_port())]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        told = next(line for line in process.stderr if "page" in line)
        assert f"http://127.0.0.1:{chosen}/" in told
        wait_until_ready(chosen, process)
        yield chosen
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def wait_until_ready(port: int, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while True:
        try:
            read(port, "/v2/models/churn/ready")
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        else:
            return


def test_served_on_a_laptop_it_answers_as_a_pod_does(port: int, bundle_folder: Path, tmp_path: Path) -> None:
    golden = read_bundle(bundle_folder).golden[0].to_json()
    body = json.dumps(golden["request"]).encode()
    here = json.loads(read(port, INFER, body))
    with Server(bundle_folder, tmp_path / "log") as pod:
        pod.wait_for("Ready")
        there = json.loads(read(pod.http, INFER, body))
        with pytest.raises(urllib.error.HTTPError, match="404"):
            read(pod.http, "/")
    assert here["outputs"] == there["outputs"]
    assert here["outputs"][0]["data"] == golden["expect"]["outputs"][0]["data"]
    assert "<!doctype html>" in read(port, "/")


def test_a_browser_shows_signature_card_form_and_counts(port: int, bundle_folder: Path, tmp_path: Path) -> None:
    command = [
        str(or_skip(chromium)),
        *QUIET,
        f"--user-data-dir={tmp_path}",
        "--virtual-time-budget=5000",
        "--dump-dom",
        f"http://127.0.0.1:{port}/",
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout
    bundle = read_bundle(bundle_folder)
    assert re.search(r'id="state"[^>]*class="Ready"[^>]*>Ready<', shown)
    assert bundle.sha256 in shown
    assert all(
        f">{tensor.name}<" in shown
        for tensor in (*bundle.manifest.signature.inputs, *bundle.manifest.signature.outputs)
    )
    golden = bundle.golden[0].request.inputs[0]["data"][0]
    assert f'"name":"income","datatype":"FP64","shape":[1],"data":[{golden}]' in shown
    assert "<option>false" not in shown
    assert shown.count("<svg") == len(bundle.manifest.signature.inputs)
