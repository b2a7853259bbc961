"""Emulators of stores that are no Python packages: run where they are installed."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.waiting import eventually


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def running(program: str, *arguments: str, port: int) -> Iterator[None]:
    """Run a program until it listens, and end it afterwards; the test is skipped where it is not installed."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not on PATH: see tests/component/server/README.md")
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        process = subprocess.Popen([found, *arguments], stdout=log, stderr=log, cwd=folder)
        try:
            eventually(f"{program} listens", lambda: _listens(port), timeout=60)
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
