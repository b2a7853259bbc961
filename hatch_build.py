"""Compiles the C of `weirkeeper.compiled` whenever the wheel is built or the checkout is installed.

A processor's generation has a library of its own, and the compiler of the package `ziglang` links all of them for a
glibc that is older than any Python this project runs on. The same sources give the same bytes, on any machine.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.wheel import WheelBuilderConfig
from packaging.tags import platform_tags

FOLDER: Final = Path("operator/src/weirkeeper/compiled")
PROCESSORS: Final[Mapping[str, Mapping[str, str]]] = {
    "x86_64": {"x86-64-v2": "x86_64_v2", "x86-64-v3": "x86_64_v3"},
    "aarch64": {"aarch64": "generic"},
}
"""By architecture: what its libraries are named after, and what the compiler calls such a processor."""
GLIBC: Final = (2, 17)
# All libraries compute the same to the last bit: a product and a sum are rounded apart, also where one instruction
# does both.
FLAGS: Final = ("-std=c17", "-O3", "-ffp-contract=off", "-fPIC", "-shared", "-s", "-Wall", "-Wextra", "-Werror")
CACHE: Final = "ZIG_GLOBAL_CACHE_DIR"
MOST_SECONDS: Final = 600
"""The first time the compiler also compiles its own library, which takes seconds."""


class CompilationFailed(Exception):
    """The compiler refused; the message has its words."""


class Compile(BuildHookInterface[WheelBuilderConfig]):
    """Puts the libraries for this machine's architecture into the wheel, which then is for that architecture."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  hatchling names it
        """Compile, and tell what the wheel is for; where nothing can be compiled for, it has Python alone."""
        tag = platform_tag()
        if tag is None:
            return
        try:
            paths = compile_all(Path(self.root), platform.machine())
        except CompilationFailed as error:
            self.app.abort(str(error))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{tag}"
        build_data["artifacts"] += [f"/{path.relative_to(self.root).as_posix()}" for path in paths]


def platform_tag() -> str | None:
    """Name what runs the libraries, in a wheel's words; None if this machine does not."""
    tag = "manylinux_{}_{}_{}".format(*GLIBC, platform.machine())
    return tag if platform.machine() in PROCESSORS and tag in set(platform_tags()) else None


def compile_all(root: Path, architecture: str) -> list[Path]:
    """Compile what is not there yet of an architecture's libraries, and give the paths of all.

    Raises:
        CompilationFailed: the compiler refuses the sources, or is not there.
    """
    with cache() as environment, ThreadPoolExecutor() as threads:
        made = [
            threads.submit(compile_one, root / FOLDER, name, architecture, environment)
            for name in PROCESSORS[architecture]
        ]
        return [library.result() for library in made]


def compile_one(folder: Path, name: str, architecture: str, environment: Mapping[str, str]) -> Path:
    """Compile one library, unless the one that is there was made of the same; its path."""
    library = folder / f"kernels-{name}.so"
    flags = flags_of(name, architecture)
    origin = origin_of(folder, flags)
    if library.exists() and origin.encode() in library.read_bytes():
        return library
    with tempfile.TemporaryDirectory() as elsewhere:
        made = Path(elsewhere) / library.name
        # Names without folders: nothing of this machine gets into the library.
        sources = [path.name for path in sorted(folder.glob("*.c"))]
        built_from = f'-DWEIRKEEPER_BUILT_FROM="{origin}"'
        _run(
            [sys.executable, "-m", "ziglang", "cc", *flags, built_from, "-o", str(made), *sources], folder, environment
        )
        # Whoever has the old one loaded keeps it, and nobody sees half of the new one.
        whole = folder / f".{library.name}.{os.getpid()}"
        shutil.copyfile(made, whole)
        whole.replace(library)
    return library


def flags_of(name: str, architecture: str) -> tuple[str, ...]:
    """Give what the compiler is told for one library."""
    target = f"{architecture}-linux-gnu.{'.'.join(map(str, GLIBC))}"
    return (*FLAGS, "-target", target, f"-mcpu={PROCESSORS[architecture][name]}")


def origin_of(folder: Path, flags: tuple[str, ...]) -> str:
    """Say in one word what a library is made of: compiler, flags and sources."""
    digest = hashlib.sha256(" ".join([version("ziglang"), *flags]).encode())
    for path in sorted([*folder.glob("*.c"), *folder.glob("*.h")]):
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


@contextmanager
def cache() -> Iterator[Mapping[str, str]]:
    """Give an environment with a cache that the compiler can write: where it cannot, it never comes to an end."""
    if CACHE in os.environ:
        yield os.environ
        return
    try:
        kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "weirkeeper" / "zig"
        kept.mkdir(parents=True, exist_ok=True)
        writable = os.access(kept, os.W_OK)
    except (OSError, RuntimeError):  # nowhere to make it, or no home
        writable = False
    if writable:
        yield {**os.environ, CACHE: str(kept)}
        return
    with tempfile.TemporaryDirectory() as once:
        yield {**os.environ, CACHE: once}


def _run(command: list[str], folder: Path, environment: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=MOST_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise CompilationFailed(f"{' '.join(command)}\nin {folder} took more than {MOST_SECONDS} s") from None
    if done.returncode:
        raise CompilationFailed(f"{' '.join(command)}\nin {folder} failed:\n{done.stderr.strip()}")
