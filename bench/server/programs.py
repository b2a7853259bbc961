"""The load generators and the constant-answer servers: wrk as Debian has it, and a small Go program."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.server.errors import Missing
from bench.server.places import HERE, cache, content_key

TOOLS: Final = HERE / "tools"
PACKAGES: Final = ("wrk", "libluajit-5.1-2")
MOST_SECONDS: Final = 600


@dataclass(frozen=True)
class Program:
    """A program with what it needs in its environment, and its version for people."""

    path: Path
    version: str
    environment: dict[str, str] = field(default_factory=dict)


def wrk() -> Program:
    """Find wrk on PATH, or else unpack Debian's package into the cache, which needs no root.

    Raises:
        Missing: neither works.
    """
    if found := shutil.which("wrk"):
        return Program(Path(found), _version_of_wrk(found, {}))
    folder = cache() / "wrk"
    program, environment = folder / "usr" / "bin" / "wrk", {"LD_LIBRARY_PATH": _libraries(folder)}
    if not program.exists():
        _unpack(folder)
    return Program(program, _version_of_wrk(str(program), {"LD_LIBRARY_PATH": _libraries(folder)}), environment)


def _libraries(folder: Path) -> str:
    return ":".join(str(path) for path in (folder / "usr" / "lib").glob("*"))


def _unpack(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        try:
            subprocess.run(["apt-get", "download", *PACKAGES], cwd=scratch, check=True, capture_output=True, text=True)
            for package in Path(scratch).glob("*.deb"):
                subprocess.run(["dpkg", "-x", package, folder], check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Missing(f"wrk is not on PATH, and Debian's package cannot be had ({error}); install wrk") from None


def _version_of_wrk(program: str, environment: dict[str, str]) -> str:
    told = subprocess.run([program, "--version"], env=environment or None, capture_output=True, text=True, check=False)
    return " ".join(told.stdout.split()[1:2]) or "unknown"


def tools() -> Program:
    """Build the Go program once for its sources: constant HTTP and gRPC servers, and load over gRPC.

    Raises:
        Missing: it was not built before, and cannot be now.
    """
    sources = [TOOLS / name for name in ("main.go", "constant.go", "load.go", "go.mod", "go.sum")]
    program = cache() / f"tools-{content_key(sources)}"
    if not program.exists():
        command = ["go", "build", "-trimpath", "-o", str(program), "."]
        try:
            subprocess.run(command, cwd=TOOLS, check=True, capture_output=True, text=True, timeout=MOST_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            words = str(getattr(error, "stderr", "") or error).strip().splitlines()[-3:]
            raise Missing(f"{TOOLS} cannot be built: {words}; install Go 1.26 or later") from None
    return Program(program, _versions_of_modules(), {"GOMAXPROCS": "1"})


def _versions_of_modules() -> str:
    required = [line.split() for line in (TOOLS / "go.mod").read_text().splitlines() if line.startswith("\t")]
    named = {words[0].rpartition("/")[2]: words[1] for words in required}
    return ", ".join(f"{name} {named[name]}" for name in ("fasthttp", "grpc"))
