"""Containers as processes of this machine, so that a test can kill one as a crash does: without a word to anybody.

The local cluster's containers, and those of a kind node on the same Linux, are processes here. Their control groups
name the pod's UID and the container's id.
"""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from demo.commands import run
from tests.cluster.processes import start_time
from tests.harness.waiting import eventually


class NotHere(Exception):
    """No process of this machine belongs to the container."""


def container_id(pod: Mapping[str, Any], name: str) -> str:
    """The id of a pod's running container; empty while it does not run."""
    for status in pod.get("status", {}).get("containerStatuses", ()):
        if status["name"] == name and "running" in status.get("state", {}):
            return str(status["containerID"]).rpartition("/")[2]
    return ""


def restarts(pod: Mapping[str, Any], name: str) -> int:
    """How often kubelet started a pod's container again."""
    found = [item for item in pod["status"].get("containerStatuses", ()) if item["name"] == name]
    return int(found[0]["restartCount"])


def processes(identity: str) -> tuple[int, ...]:
    """The processes in the control group of a container's id or of a pod's UID; none where they run elsewhere."""
    forms = {identity, identity.replace("-", "_")}  # systemd's names have no hyphens
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            groups = (folder / "cgroup").read_text()
            if any(form in groups for form in forms):
                found.append(int(folder.name))
    return tuple(sorted(found))


def kill(pids: tuple[int, ...]) -> None:
    """End processes with SIGKILL, and wait until they are: none of them gets to say or save anything."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    eventually(f"the end of processes {pids}", lambda: not any(map(start_time, pids)), timeout=30, poll=0.02)


def kill_container(pod: Mapping[str, Any], name: str) -> None:
    """Kill one container of a pod; kubelet starts it again."""
    _kill_all(container_id(pod, name), f"container {name} of pod {pod['metadata']['name']}")


def kill_pod(pod: Mapping[str, Any]) -> None:
    """Kill everything of a pod, its sandbox included; kubelet makes it again, with another address."""
    _kill_all(pod["metadata"]["uid"], f"pod {pod['metadata']['name']}")


def _kill_all(identity: str, what: str) -> None:
    kill(_processes_of(identity, what))


def _processes_of(identity: str, what: str) -> tuple[int, ...]:
    pids = processes(identity) if identity else ()
    if not pids:
        raise NotHere(f"{what} has no process on this machine; use the cluster `local`, or kind on this very Linux")
    return pids


@contextmanager
def stopped(pod: Mapping[str, Any], name: str) -> Iterator[None]:
    """One container of a pod stands still while the block runs, as a process does that its machine has forgotten."""
    pids = _processes_of(container_id(pod, name), f"container {name} of pod {pod['metadata']['name']}")
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def unreachable(pod: Mapping[str, Any], port: int) -> Iterator[Callable[[], int]]:
    """Nothing that is sent to a pod's port arrives while the block runs, as behind a cut cable; the rest goes on.

    Gives a function that counts the packets that were dropped so far.
    """
    pid = _processes_of(pod["metadata"]["uid"], f"pod {pod['metadata']['name']}")[0]
    where = ["nsenter", f"--net=/proc/{pid}/ns/net", "iptables", "--wait"]
    rule = ["--protocol", "tcp", "--dport", str(port), "--jump", "DROP"]

    def dropped() -> int:
        listed = run([*where, "--list", "INPUT", "--verbose", "--exact", "--numeric"])
        return sum(int(line.split()[0]) for line in listed.splitlines() if "DROP" in line and f"dpt:{port}" in line)

    run([*where, "--insert", "INPUT", *rule])
    try:
        yield dropped
    finally:
        run([*where, "--delete", "INPUT", *rule])
