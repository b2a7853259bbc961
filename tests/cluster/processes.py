"""Components as processes: started once, found again by pid file, ended by pid and nothing else."""

import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import WaitedTooLong
from tests.cluster.places import Place
from tests.cluster.shell import wait_until

PATIENCE_SECONDS = 20.0
START_FIELD = 19  # of /proc/PID/stat after the command's closing parenthesis: when the process started
STATE_FIELD = 0
LOG_TAIL_LINES = 15


def start_time(pid: int) -> str | None:
    """When the process started, in the kernel's ticks; None when there is no such process or it is a zombie."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if fields[STATE_FIELD] != "Z":
            return fields[START_FIELD]
    return None


@dataclass(frozen=True)
class Record:
    """What a pid file says: a pid alone could meanwhile be another program's."""

    pid: int
    started: str
    command: list[str]

    @property
    def alive(self) -> bool:
        return start_time(self.pid) == self.started


def _record_path(place: Place, name: str) -> Path:
    return place.state / "pids" / f"{name}.json"


def log_path(place: Place, name: str) -> Path:
    return place.state / "logs" / f"{name}.log"


def running(place: Place, name: str) -> Record | None:
    """The component's process when it is alive."""
    path = _record_path(place, name)
    if not path.exists():
        return None
    record = Record(**json.loads(path.read_text()))
    return record if record.alive else None


def start(place: Place, name: str, command: Sequence[str]) -> None:
    """Start a component in the background, its output appended to its log."""
    log = log_path(place, name)
    for folder in (log.parent, _record_path(place, name).parent):
        folder.mkdir(parents=True, exist_ok=True)
    end = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    streams = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), end, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    pid = os.posix_spawnp(command[0], list(command), os.environ, file_actions=streams, setsid=True)
    record = Record(pid, start_time(pid) or "", list(command))
    _record_path(place, name).write_text(json.dumps(vars(record)))


def stop(place: Place, name: str) -> None:
    """End a component: asked first, killed after 20 s; nothing happens when it does not run."""
    record = running(place, name)
    if record is not None:
        end(record.pid, record.started)
    _record_path(place, name).unlink(missing_ok=True)


def end(pid: int, started: str) -> None:
    """End one process and return when it is gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    try:
        wait_until(f"process {pid} to end", lambda: _gone(pid, started), timeout=PATIENCE_SECONDS, poll=0.05)
    except WaitedTooLong:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        wait_until(f"process {pid} to be killed", lambda: _gone(pid, started), timeout=PATIENCE_SECONDS, poll=0.05)


def _gone(pid: int, started: str) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # this program may be the parent, when it also made the process
    return start_time(pid) != started


def shims(place: Place) -> Iterator[tuple[int, str]]:
    """The containerd shims of this cluster, known by the socket in their command line: (pid, start time)."""
    marker = str(place.containerd_socket).encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            started = start_time(int(entry.name))
            if b"containerd-shim" in command and marker in command and started:
                yield int(entry.name), started


def log_tail(place: Place, name: str) -> str:
    """The last lines of a component's log."""
    path = log_path(place, name)
    lines = path.read_text(errors="replace").splitlines() if path.exists() else ["(no log)"]
    return "\n".join(lines[-LOG_TAIL_LINES:])
