"""Server processes, pinned to one core; those that are not measured are stopped meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from bench.server.errors import RunFailed
from bench.server.places import cores, free_port

READY_SECONDS: Final = 400.0
END_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.02
TICKS: Final = os.sysconf("SC_CLK_TCK")
ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


@dataclass
class Server:
    """A server process: `ready` is the path that answers 200 when requests may come; none, it listens for gRPC then."""

    name: str
    command: Sequence[str]
    ready: str
    log: Path
    http: int = field(default_factory=free_port)
    grpc: int = field(default_factory=free_port)
    environment: Mapping[str, str] = field(default_factory=dict)
    core: int = field(default_factory=lambda: cores()[0])
    folder: Path | None = None

    def __enter__(self) -> Self:
        self.started = time.monotonic()
        named = {"HTTP": str(self.http), "GRPC": str(self.grpc)}
        command = [part.format_map(named) for part in self.command]
        environment = {**os.environ, **ONE_THREAD, **self.environment}
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(self.core), *command],
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self.folder,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.resume()
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()

    @property
    def url(self) -> str:
        """Where it answers over HTTP."""
        return f"http://127.0.0.1:{self.http}"

    def wait(self) -> float:
        """Wait until it is ready; give the seconds since its start.

        Raises:
            RunFailed: it ended, or takes too long; the message has the end of its log.
        """
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > self.started + READY_SECONDS:
                raise RunFailed(f"{self.name} does not get ready: {self.log.read_text()[-2000:]}")
            time.sleep(POLL_SECONDS)
        return time.monotonic() - self.started

    def _answers(self) -> bool:
        if not self.ready:
            return self._listens()
        try:
            with urllib.request.urlopen(self.url + self.ready, timeout=2) as answer:
                return bool(answer.status == 200)  # noqa: PLR2004  OK
        except (OSError, urllib.error.HTTPError):
            return False

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.grpc), timeout=2):
            return True
        return False

    def pause(self) -> None:
        """Stop it, so that it takes no time from one that is measured."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    @property
    def pid(self) -> int:
        """The process; `taskset` has become it."""
        return self._process.pid

    def cpu_seconds(self) -> float:
        """Give the processor time that its process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_megabytes(self) -> float:
        """Give the memory that is resident, in MB (10^6 bytes)."""
        lines = Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines()
        kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("Rss:"))
        return kilobytes * 1024 / 1e6


def end_with_this_process() -> None:
    """Let SIGTERM end this process like an error, so that it ends its servers, paused ones too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


@contextlib.contextmanager
def running(servers: Sequence[Server]) -> Iterator[None]:
    """Start servers one after the other, and leave them paused."""
    with contextlib.ExitStack() as stack:
        for server in servers:
            stack.enter_context(server)
            server.wait()
            server.pause()
        yield
