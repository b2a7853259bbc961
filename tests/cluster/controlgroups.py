"""The cluster's own control group: two kubelets under one root would remove each other's pods."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.cluster.places import Place

ROOT = Path("/sys/fs/cgroup")
UNIFIED_CONTROLLERS = "+cpu +cpuset +memory +pids +io"
SHARES = {"cpu.shares": 10 * 1024, "cpu.weight": 10 * 100}
"""Ten times the usual part of the processor (version 1, version 2): all pods together count as one group, and a busy
machine gives each of its other sessions as much."""


def _hierarchies() -> list[Path]:
    """Every mounted hierarchy: the root itself with version 2, one folder per controller with version 1."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    return [path for path in sorted(ROOT.iterdir()) if path.is_dir() and not path.is_symlink()]


def _groups(place: Place) -> Iterator[Path]:
    for hierarchy in _hierarchies():
        yield hierarchy / place.control_group.lstrip("/")


def create(place: Place) -> None:
    """Make the group in every hierarchy; kubelet ends at once when its root is missing from one."""
    for group in _groups(place):
        if group.parent == ROOT and (ROOT / "cgroup.controllers").exists():
            (ROOT / "cgroup.subtree_control").write_text(UNIFIED_CONTROLLERS)
        group.mkdir(exist_ok=True)
        for name, shares in SHARES.items():
            if (group / name).exists():
                (group / name).write_text(str(shares))
        for name in ("cpuset.cpus", "cpuset.mems"):
            source = group.parent / name
            if source.exists() and not (group / name).read_text().strip():
                (group / name).write_text(source.read_text())


def _folders(place: Place) -> list[Path]:
    """The group's folders, the deepest first."""
    found = [folder for group in _groups(place) if group.exists() for folder in [group, *group.rglob("*/")]]
    return sorted((path for path in found if path.is_dir()), key=lambda path: len(path.parts), reverse=True)


def processes(place: Place) -> set[int]:
    """The pids of everything that runs in the cluster's containers."""
    pids: set[int] = set()
    for folder in _folders(place):
        with suppress(OSError):
            pids |= {int(line) for line in (folder / "cgroup.procs").read_text().split()}
    return pids


def delete(place: Place, *, patience: float = 20) -> None:
    """End every process in the group, then remove its folders."""
    deadline = time.monotonic() + patience
    while (pids := processes(place)) and time.monotonic() < deadline:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)
    for folder in _folders(place):
        with suppress(OSError):
            folder.rmdir()
