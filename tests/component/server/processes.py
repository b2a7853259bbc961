"""Real server processes on loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

WAIT_SECONDS = 120.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Server:
    """A process that serves `bundle`; `log` holds what it wrote, and `accesses` its access log."""

    bundle: Path
    log: Path
    drain_seconds: float = 0.5
    environment: dict[str, str] = field(default_factory=dict)
    http: int = field(default_factory=free_port)
    grpc: int = field(default_factory=free_port)
    evidence_port: int = field(default_factory=free_port)
    workers: int = 1

    def __enter__(self) -> Self:
        command = [sys.executable, "-c", "import sys; from weirkeeper_server.cli import main; sys.exit(main())"]
        command += ["serve", "--bundle", str(self.bundle), "--model", "churn", "--revision", f"churn-{self.http}"]
        command += ["--host", "127.0.0.1", "--http-port", str(self.http), "--evidence-port", str(self.evidence_port)]
        command += ["--grpc-port", str(self.grpc), "--drain-seconds", str(self.drain_seconds)]
        command += ["--workers", str(self.workers)] if self.workers > 1 else []
        environment = {**os.environ, **self.environment}
        with self.log.open("w") as log, self.accesses.open("w") as accesses:
            self.process = subprocess.Popen(command, stdout=accesses, stderr=log, env=environment)
        return self

    @property
    def accesses(self) -> Path:
        """The file of its standard output."""
        return self.log.with_suffix(".accesses")

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def get(self, path: str, port: int | None = None) -> tuple[int, Any]:
        """Ask the protocol's port (or `port`); give status and JSON, 0 where nobody listens."""
        url = f"http://127.0.0.1:{port or self.http}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        except OSError:
            return 0, None

    @property
    def evidence(self) -> dict[str, Any]:
        """What the evidence port says; empty where nobody listens."""
        return self.get("/evidence", self.evidence_port)[1] or {}

    def wait_for(self, state: str) -> dict[str, Any]:
        """Wait until the process is in a state; give its evidence."""
        return self.wait_until(lambda told: told["state"] == state)

    def wait_until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the process tells evidence of which something holds; give it."""
        until = time.monotonic() + WAIT_SECONDS
        while not (told := self.evidence) or not holds(told):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, f"{told} after {WAIT_SECONDS} s: {self.log.read_text()}"
            time.sleep(0.1)
        return told

    def terminate(self) -> None:
        """Tell the process to end, as kubelet does."""
        self.process.send_signal(signal.SIGTERM)
