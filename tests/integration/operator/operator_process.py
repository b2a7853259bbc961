"""The operator as a process of this machine, which is what outages and kills are about."""

import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness.waiting import eventually

SYSTEM = "operators"
IMAGES = {"serverImage": "server:1", "operatorImage": "operator:1", "envoyImage": "envoy:1"}


def settings_for(namespace: str) -> str:
    """Settings of an operator that serves one namespace."""
    return json.dumps({**IMAGES, "watchNamespaces": [namespace]})


@dataclass(frozen=True)
class OperatorProcess:
    """A running operator: its process, the port of its probes, and where it logs."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def get(self, path: str) -> str:
        """What its port answers; empty where it does not answer, or with an error."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def metric(self, name: str) -> float:
        """The sum over a series' labels."""
        lines = self.get("/metrics").splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.split("{")[0].split(" ")[0] == name)

    @property
    def leads(self) -> bool:
        return self.metric("weirkeeper_leader") == 1

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def end(self) -> int:
        """Ask it to end, as kubelet does, and wait."""
        self.process.terminate()
        return self.process.wait(30)


@contextmanager
def operator(directory: Path, kubeconfig: Path, settings_text: str, lease: str) -> Iterator[OperatorProcess]:
    """Run an operator with these settings until the context ends."""
    directory.mkdir(parents=True, exist_ok=True)
    settings, log = directory / "settings.yaml", directory / "operator.log"
    settings.write_text(settings_text)
    port = _free_port()
    command = [
        *(str(Path(sys.executable).parent / "weirkeeper"), "operator"),
        *("--settings", str(settings), "--namespace", SYSTEM, "--lease", lease, "--port", str(port)),
    ]
    told: Mapping[str, str] = {**os.environ, "KUBECONFIG": str(kubeconfig), "POD_NAME": directory.name}
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=told, stdout=output, stderr=output)
    running = OperatorProcess(process, port, log)
    try:
        eventually("the operator to be ready", lambda: running.get("/readyz"), timeout=90, describe=log.read_text)
        yield running
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
