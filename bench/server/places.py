"""Where things are: this checkout, the cache that survives runs, free ports, and the two cores."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).parents[2]
HERE: Final = Path(__file__).parent
OUTPUT: Final = CHECKOUT / "build" / "bench-server"


def cache() -> Path:
    """Give the folder of what is kept between runs."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "weirkeeper" / "bench-server"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def content_key(files: Iterable[Path], *more: str) -> str:
    """Give a short name for contents: it changes when one of them does."""
    digest = hashlib.sha256("\0".join(more).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def free_port() -> int:
    """Give a port on which nobody listens now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def cores() -> tuple[int, int]:
    """Give the core of the server under test and that of the load generator; they are one on a machine of one core."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]
