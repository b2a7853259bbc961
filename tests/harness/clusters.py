"""The clusters that tests run on, as the fixtures hand them out."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.commands import run
from tests.cluster import local
from tests.cluster.places import CHECKOUT, STATES, Place, locked, place_of_checkout
from tests.cluster.programs import HELM, built
from tests.cluster.provider import Provider
from tests.harness.kubectl import Kubectl
from tests.harness.waiting import eventually

RELEASE = "weirkeeper"
SYSTEM_NAMESPACE = "weirkeeper-system"
CHART = CHECKOUT / "charts" / "weirkeeper"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
STORES_NAMESPACE = "artifacts"
"""Where tests keep object stores: a private host must be allowed by its exact name, so the name is always the same."""
MEASURES_NAMESPACE = "measures"
PROMETHEUS_URL = f"http://prometheus.{MEASURES_NAMESPACE}.svc:9090"
"""Where tests keep the Prometheus of gates; it is there only while one of them runs."""
LOOP_NAMESPACES = ("learnt", "refused")
"""Where a training writes into an object store of its own."""
LABEL_SLOT_SECONDS = 60
"""As short as it may be: gates wait for whole slots of labels."""
STORE_HOSTS = (
    *(f"{name}.{STORES_NAMESPACE}.svc:8000" for name in ("store", "away")),
    *(f"store.{name}.svc:8000" for name in LOOP_NAMESPACES),
)


@dataclass(frozen=True)
class Cluster:
    """A whole cluster with the project's images loaded."""

    provider: Provider
    kubectl: Kubectl
    images: Mapping[str, str]

    def run_inside(self, *command: str, timeout: float = 120) -> str:
        """Run a program of this machine in the cluster's network, where Services answer by name."""
        return run(self.provider.command_inside(command), timeout=timeout)

    def stop(self, component: str) -> None:
        self.provider.stop(component)

    def start(self, component: str) -> None:
        self.provider.start(component)

    def helm(self, *arguments: str, timeout: float = 300) -> str:
        kubeconfig = f"--kubeconfig={self.kubectl.kubeconfig}"
        return run([str(built(HELM)), kubeconfig, *arguments], timeout=timeout)

    def install(self, release: str = RELEASE, namespace: str = SYSTEM_NAMESPACE, values: Sequence[str] = ()) -> None:
        """Install or upgrade the chart and wait until the operator is ready; `values` are helm's `--set-json`.

        The same values again change nothing, so that tests side by side may each ask for it.
        """
        images = {name: self.images[name] for name in ("operator", "server", "envoy")}
        ours = (
            f"images={json.dumps(images)}",
            f"artifacts.allowedHosts={json.dumps(STORE_HOSTS)}",
            f"prometheus.url={json.dumps(PROMETHEUS_URL)}",
            f"feedback.slotSeconds={LABEL_SLOT_SECONDS}",
        )
        settings = [option for value in (*ours, *values) for option in ("--set-json", value)]
        target = [release, str(CHART), "--namespace", namespace, "--wait", "--timeout", "4m"]
        create_namespace(self.kubectl, namespace)
        with locked(f"install-{place_of_checkout().name}"):
            self.helm("upgrade", "--install", *target, *settings)


def create_namespace(kubectl: Kubectl, name: str) -> None:
    """Make a namespace that enforces the restricted Pod Security profile; a former one of the name goes first."""

    def ending() -> bool:
        found = kubectl.get("namespace", name) or {}
        return bool(found.get("status", {}).get("phase") == "Terminating")

    eventually(f"the former namespace {name} to be gone", lambda: not ending(), timeout=180)
    metadata = {"name": name, "labels": RESTRICTED}
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


def keep() -> bool:
    """Whether what tests made stays for a look at it (KEEP=1)."""
    return bool(os.environ.get("KEEP"))


@contextmanager
def control_plane() -> Iterator[Kubectl]:
    """An API server of this process's own, without nodes; those that ended processes left behind are removed."""
    prefix = f"{place_of_checkout().name}-api-"
    for state in STATES.glob(f"{prefix}*"):
        if not Path(f"/proc/{state.name.removeprefix(prefix)}").exists():
            local.down(Place(state.name))
    place = Place(f"{prefix}{os.getpid()}")
    local.up(place, control_plane_only=True)
    try:
        yield Kubectl(kubeconfig=place.kubeconfig)
    finally:
        if not keep():
            local.down(place)
