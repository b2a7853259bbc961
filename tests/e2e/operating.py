"""The operator's pod and the API server as the tests of crashes and outages treat them."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.harness import containers
from tests.harness.clusters import SYSTEM_NAMESPACE, Cluster
from tests.harness.kubectl import Kubectl, Object
from tests.harness.waiting import eventually

API_SERVER = "kube-apiserver"
DEPLOYMENT = "weirkeeper-operator"
SELECTOR = "app.kubernetes.io/component=operator"
CONTAINER = "operator"
RESTART_SECONDS = 360
"""Kubelet waits for up to five minutes with a container that ended several times, whichever test had a part in it."""

Status = dict[str, Any]


@dataclass(frozen=True)
class Process:
    """One life of the operator: the pod, how often its container was started again, and the processes in it."""

    pod: str
    container: str
    restarts: int
    pids: tuple[int, ...]


@dataclass(frozen=True)
class Operator:
    """The one operator of the cluster."""

    cluster: Cluster

    @property
    def kubectl(self) -> Kubectl:
        return self.cluster.kubectl.inside(SYSTEM_NAMESPACE)

    def pods(self) -> list[Object]:
        return self.kubectl.list("pods", SELECTOR)

    def process(self) -> Process | None:
        """The process that runs now; None while kubelet has not started it."""
        running = [pod for pod in self.pods() if "deletionTimestamp" not in pod["metadata"]]
        ids = [identity for pod in running if (identity := containers.container_id(pod, CONTAINER))]
        if len(running) != 1 or not ids:
            return None
        pod = running[0]
        restarts = containers.restarts(pod, CONTAINER)
        return Process(pod["metadata"]["name"], ids[0], restarts, containers.processes(ids[0]))

    def containers(self) -> list[Any]:
        """What kubelet says of the operator's containers."""
        return [status for pod in self.pods() for status in pod["status"].get("containerStatuses", ())]

    def running(self, after: Process | None = None) -> Process:
        """The process that runs, or the one that runs after another's end."""

        def another() -> Process | None:
            found = self.process()
            return found if found and (after is None or found.container != after.container) else None

        return eventually("the operator's process", another, timeout=RESTART_SECONDS, describe=self.containers)

    def kill(self, process: Process) -> None:
        """kill -9; where the process is not this machine's, the pod goes without a grace period."""
        if process.pids:
            containers.kill(process.pids)
        else:
            self.kubectl("delete", "pod", process.pod, "--force", "--grace-period=0")

    def metrics(self) -> str:
        """What the operator counts, read through the API server's pod proxy."""
        path = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods/{self.pods()[0]['metadata']['name']}:8080/proxy/metrics"
        return self.kubectl("get", "--raw", path)

    def scale(self, replicas: int) -> None:
        """Scale the operator's Deployment and wait until it is so."""
        self.kubectl("scale", "deployment", DEPLOYMENT, f"--replicas={replicas}")
        if replicas:
            self.kubectl("rollout", "status", "deployment", DEPLOYMENT, "--timeout=120s")
        else:
            eventually("the operator to be gone", lambda: not self.pods(), timeout=90)

    @contextmanager
    def away(self) -> Iterator[None]:
        """No operator at all."""
        self.scale(0)
        try:
            yield
        finally:
            self.scale(1)


@contextmanager
def api_server_away(cluster: Cluster, seconds: float = 0) -> Iterator[None]:
    """No API server for as long as the block runs, and for at least so many seconds."""
    cluster.stop(API_SERVER)
    began = time.monotonic()
    try:
        yield
        time.sleep(max(0.0, began + seconds - time.monotonic()))
    finally:
        cluster.start(API_SERVER)


@dataclass
class Watch:
    """Every status that the Model had, in order, as a watch of the API server tells them."""

    kubectl: Kubectl
    seen: list[Status] = field(default_factory=list)
    _new: queue.SimpleQueue[Status] = field(default_factory=queue.SimpleQueue)

    def __enter__(self) -> Self:
        path = f"/apis/weirkeeper.dev/v1alpha1/namespaces/{self.kubectl.namespace}/models?watch=true"
        command = self.kubectl.command("get", "--raw", path)
        self._program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def _read(self) -> None:
        assert self._program.stdout is not None
        for line in self._program.stdout:
            status = json.loads(line)["object"].get("status", {})
            self.seen.append(status)
            self._new.put(status)

    def until(self, what: str, holds: Callable[[Status], bool], timeout: float = 180) -> Status:
        """Give the next status of which `holds` is true, as soon as the API server tells it."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            with suppress(queue.Empty):
                status = self._new.get(timeout=1)
                if holds(status):
                    return status
        raise AssertionError(f"waited {timeout:.0f} s in vain for {what}; seen last: {self.seen[-1:]}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.terminate()
        self._program.wait()
        self._reader.join()
        if self._program.stdout is not None:
            self._program.stdout.close()
