"""`scripts/krew_archive.py --uri BASE`: pack `kubectl weirkeeper` for krew, and write the manifest of all archives.

An archive is of this machine's system, architecture and Python, with everything locked that the command needs. Run it
on each machine that is to be served, collect the archives in one folder, and run it there again: the manifest names
them all. `BASE` is where they will be found; nothing is uploaded. Try it before: `kubectl krew install --manifest
dist/weirkeeper.yaml --archive dist/kubectl-weirkeeper-….tar.gz`.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import platform
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[1]
COMMAND: Final = "kubectl-weirkeeper"
ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "AMD64": "amd64"}
PYTHON: Final = sys.version_info[:2]
LAUNCHER: Final = f"""#!/usr/bin/env python3
import sys
from pathlib import Path

if sys.version_info[:2] != {PYTHON}:
    told = "kubectl weirkeeper: this archive is for Python {PYTHON[0]}.{PYTHON[1]}, and python3 is "
    what = ": put the former first on the PATH, or install the command by pip: pip install 'weirkeeper[plugin]'"
    sys.exit(told + sys.version.split()[0] + what)
sys.path.insert(0, str(Path(__file__).resolve().parent / "lib"))

from weirkeeper.plugin.cli import main

sys.exit(main())
"""
SHORT: Final = "Rollouts of models: verbs, live status, history, reports"
DESCRIPTION: Final = """\
Weirkeeper brings machine-learned models to production by degrees, and takes them back by itself where they answer
worse. This command gives its verbs (promote, pause, resume, skip, abort, retry, undo, freeze), shows where a Model is
and why, what changed between revisions, and checks files before they are applied.
"""
CAVEATS: Final = f"It takes Python {PYTHON[0]}.{PYTHON[1]} as python3 on the PATH, and nothing else.\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write archive and manifest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--uri", required=True, help="where the archives will be found, without their names")
    parser.add_argument("--folder", type=Path, default=ROOT / "dist", help="where they are written")
    parser.add_argument("--level", type=int, default=9, help="how hard to compress, 1 to 9")
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    archive = given.folder / archive_name()
    archive.write_bytes(packed(given.level))
    manifest = given.folder / "weirkeeper.yaml"
    manifest.write_text(yaml.safe_dump(manifest_of(given.folder, given.uri), sort_keys=False))
    print(f"{archive}\n{manifest}")
    return 0


def archive_name() -> str:
    """Name the archive of this machine."""
    system, machine = platform.system().lower(), platform.machine()
    return f"{COMMAND}-{_version()}-{system}-{ARCHITECTURES.get(machine, machine)}.tar.gz"


def _version() -> str:
    return f"v{version('weirkeeper')}"


def packed(level: int) -> bytes:
    """Make the archive: the launcher, the licence, the package, and what it needs at the locked versions.

    The same tree gives the same bytes: no times, owners or caches are in it.
    """
    with tempfile.TemporaryDirectory() as work:
        lib = Path(work) / "lib"
        _install(lib)
        files = {COMMAND: LAUNCHER.encode(), "LICENSE": (ROOT / "LICENSE").read_bytes()}
        files |= {f"lib/{name}": path.read_bytes() for name, path in _tree(lib)}
        for package in (ROOT / "operator" / "src", ROOT / "model-server" / "src"):
            files |= {f"lib/{name}": path.read_bytes() for name, path in _tree(package)}
        # By it the package knows its own version.
        about = f"lib/weirkeeper-{version('weirkeeper')}.dist-info/METADATA"
        files[about] = (distribution("weirkeeper").read_text("METADATA") or "").encode()
    unpacked = io.BytesIO()
    with tarfile.open(fileobj=unpacked, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(files[name]), 0o755 if name == COMMAND else 0o644
            tar.addfile(entry, io.BytesIO(files[name]))
    return gzip.compress(unpacked.getvalue(), compresslevel=level, mtime=0)


def _install(lib: Path) -> None:
    locked = ("--require-hashes", "--requirement", str(ROOT / "requirements" / "plugin.txt"))
    uv = Path(sys.executable).parent / "uv"
    command = [str(uv), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(lib), *locked]
    subprocess.run(command, check=True)


def _tree(folder: Path) -> Iterator[tuple[str, Path]]:
    """List what a program reads: no caches, no sources of C, no commands that were installed beside it."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.suffix in {".c", ".h"} or "__pycache__" in parts:
            continue
        if path.is_file() and parts[0] != "bin" and not parts[0].startswith("."):
            yield "/".join(parts), path


def manifest_of(folder: Path, uri: str) -> dict[str, Any]:
    """Write the plugin's manifest as krew reads it, of every archive of this version in the folder."""
    archives = sorted(folder.glob(f"{COMMAND}-{_version()}-*.tar.gz"))
    return {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "weirkeeper"},
        "spec": {
            "version": _version(),
            "shortDescription": SHORT,
            "description": DESCRIPTION,
            "caveats": CAVEATS,
            "platforms": [_platform(archive, uri) for archive in archives],
        },
    }


def _platform(archive: Path, uri: str) -> dict[str, Any]:
    system, architecture = archive.name.removesuffix(".tar.gz").rsplit("-", 2)[1:]
    return {
        "selector": {"matchLabels": {"os": system, "arch": architecture}},
        "uri": f"{uri.rstrip('/')}/{archive.name}",
        "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "bin": COMMAND,
    }


if __name__ == "__main__":
    sys.exit(main())
