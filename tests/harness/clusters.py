"""The clusters that tests run on, as the fixtures hand them out."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import local
from tests.cluster.places import CHECKOUT, STATES, Place, place_of_checkout
from tests.cluster.programs import HELM, built
from tests.cluster.provider import Provider
from tests.harness.kubectl import Kubectl, run

RELEASE = "weirkeeper"
SYSTEM_NAMESPACE = "weirkeeper-system"
CHART = CHECKOUT / "charts" / "weirkeeper"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


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
        """Install or upgrade the chart and wait until the operator is ready; `values` are helm's `--set-json`."""
        images = {name: self.images[name] for name in ("operator", "server", "envoy")}
        settings = [option for value in (f"images={json.dumps(images)}", *values) for option in ("--set-json", value)]
        target = [release, str(CHART), "--namespace", namespace, "--wait", "--timeout", "4m"]
        create_namespace(self.kubectl, namespace)
        self.helm("upgrade", "--install", *target, *settings)


def create_namespace(kubectl: Kubectl, name: str) -> None:
    """Make a namespace that enforces the restricted Pod Security profile."""
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
        yield Kubectl(place.kubeconfig)
    finally:
        if not keep():
            local.down(place)
