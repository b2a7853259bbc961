"""Short runs of load from the other core: wrk over HTTP, the Go program over gRPC."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.server.errors import RunFailed
from bench.server.places import cores
from bench.server.programs import Program
from bench.server.requests import Body
from bench.server.servers import Server

GRPC_CONNECTIONS: Final = 4
SLACK_SECONDS: Final = 60.0
DONE: Final = """
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('\\n{"requests": %d, "seconds": %f, "errors": %d, "p50_us": %f, "p99_us": %f}\\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True)
class Run:
    """What one run gave: `rate` in requests a second, latencies and the server's CPU of a request in microseconds."""

    rate: float
    p50: float
    p99: float
    cpu: float


def write_script(body: Body, folder: Path) -> Path:
    """Write wrk's script that posts a body; it stands beside a file of the bytes."""
    content = folder / "body"
    content.write_bytes(body.content)
    lines = [f'local file = io.open("{content}", "rb")', 'wrk.method = "POST"', 'wrk.body = file:read("*a")']
    lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in body.headers.items()]
    script = folder / "post.lua"
    script.write_text("\n".join(lines) + DONE)
    return script


@dataclass(frozen=True)
class HttpLoad:
    """Posts one body again and again."""

    wrk: Program
    script: Path
    path: str
    connections: int

    def run(self, server: Server, seconds: float) -> Run:
        """Load a server that is not paused."""
        arguments = ["-t", "1", "-c", str(self.connections), "-d", f"{max(1, round(seconds))}s", "--timeout", "20s"]
        command = [str(self.wrk.path), *arguments, "-s", str(self.script), server.url + self.path]
        return _run(command, self.wrk, server, seconds)


@dataclass(frozen=True)
class GrpcLoad:
    """Calls ModelInfer with one message again and again."""

    tools: Program
    message: Path
    callers: int

    def run(self, server: Server, seconds: float) -> Run:
        """Load a server that is not paused."""
        arguments = ["--body", str(self.message), "--callers", str(self.callers), "--seconds", str(seconds)]
        arguments += ["--connections", str(min(GRPC_CONNECTIONS, self.callers))]
        command = [str(self.tools.path), "load", "--address", f"127.0.0.1:{server.grpc}", *arguments]
        return _run(command, self.tools, server, seconds)


Load = HttpLoad | GrpcLoad


def _run(command: list[str], program: Program, server: Server, seconds: float) -> Run:
    before = server.cpu_seconds()
    pinned = ["taskset", "-c", str(cores()[1]), *command]
    limit = seconds + SLACK_SECONDS
    done = subprocess.run(
        pinned, env=program.environment or None, capture_output=True, text=True, timeout=limit, check=False
    )
    used = server.cpu_seconds() - before
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        raise RunFailed(f"{' '.join(command)} failed against {server.name}: {done.stderr[-500:]}")
    told = json.loads(lines[-1])
    if told["errors"] or not told["requests"]:
        raise RunFailed(f"{server.name} gave {told['errors']} errors: {told}; its log is {server.log}")
    per_request = used / told["requests"] * 1e6
    return Run(told["requests"] / told["seconds"], told["p50_us"], told["p99_us"], per_request)
