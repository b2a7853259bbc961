"""Emulators of stores that are no Python packages."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.harness.programs import or_skip
from tests.harness.waiting import eventually


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def running(find: Callable[[], Path], *arguments: str, port: int) -> Iterator[None]:
    """Run a program until it listens, and end it afterwards; `find` gives its path, or says why there is none."""
    program = or_skip(find)
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        process = subprocess.Popen([program, *arguments], stdout=log, stderr=log, cwd=folder)
        try:
            eventually(f"{program.name} listens", lambda: _listens(port), timeout=60)
            yield
        finally:
            process.terminate()
            process.wait(30)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
