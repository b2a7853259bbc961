"""What is kept when a line of the story was not true: objects, events and logs of both namespaces."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from demo.commands import Kubectl
from demo.errors import CommandError

OURS: Final = "models.weirkeeper.dev,rollouts.weirkeeper.dev,monitors.weirkeeper.dev"
BUILT_IN: Final = "pods,deployments,replicasets,services,endpointslices,configmaps,controllerrevisions,leases"


def collect(kubectl: Kubectl, namespaces: Iterable[str], folder: Path) -> Path:
    """Write everything that explains a failure below ``folder``; what cannot be read leaves a note of why."""
    for namespace in namespaces:
        inside, target = kubectl.inside(namespace), folder / namespace
        target.mkdir(parents=True, exist_ok=True)
        _keep(inside, target / "ours.yaml", "get", OURS, "-o", "yaml")
        _keep(inside, target / "objects.yaml", "get", BUILT_IN, "-o", "yaml")
        _keep(inside, target / "events.txt", "get", "events.events.k8s.io", "--sort-by=.metadata.creationTimestamp")
        _keep(inside, target / "pods.txt", "describe", "pods")
        for pod, container in _containers(inside):
            _keep(inside, target / f"{pod}.{container}.log", "logs", pod, "-c", container, "--timestamps")
            _keep(inside, target / f"{pod}.{container}.previous.log", "logs", pod, "-c", container, "--previous")
    return folder


def _keep(kubectl: Kubectl, file: Path, *arguments: str) -> None:
    try:
        text = kubectl(*arguments)
    except CommandError as error:
        if "previous" in file.name:
            return  # most containers have run once only
        text = f"{error}\n"
    file.write_text(text)


def _containers(kubectl: Kubectl) -> list[tuple[str, str]]:
    try:
        pods = json.loads(kubectl("get", "pods", "-o", "json"))["items"]
    except CommandError:
        return []
    return [
        (pod["metadata"]["name"], container["name"])
        for pod in pods
        for kind in ("initContainers", "containers")
        for container in pod["spec"].get(kind, ())
    ]
