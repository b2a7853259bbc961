"""The clusters that tests run on, as the fixtures hand them out."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.cluster.places import CHECKOUT
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


def control_plane_name(checkout_cluster: str) -> str:
    """The name of the API server that tests of CRDs have for themselves."""
    return f"{checkout_cluster}-api"


def keep() -> bool:
    """Whether what tests made stays for a look at it (KEEP=1)."""
    return bool(os.environ.get("KEEP"))
