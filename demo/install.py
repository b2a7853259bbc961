"""Chart, namespaces and what else a run needs before its first Model; and taking all of it away again."""

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from demo.commands import Kubectl, helm
from demo.names import DEMO_LABEL, MANIFESTS, NAMESPACE_PREFIX, RELEASE, SYSTEM_NAMESPACE, artifact
from demo.stage import Images
from demo.story import Reading

PENDING: Final = ("pending-install", "pending-upgrade", "pending-rollback")


def create_namespace(kubectl: Kubectl, name: str) -> None:
    """Make a namespace that enforces the restricted Pod Security profile."""
    manifest = (MANIFESTS / "namespace.yaml").read_text().replace("${NAMESPACE}", name)
    kubectl.inside("").apply(manifest)


def next_namespace(taken: list[str]) -> str:
    """Name the run after the last one that left a namespace, so that one still ending is not met."""
    runs = [name.removeprefix(NAMESPACE_PREFIX) for name in taken if name.startswith(NAMESPACE_PREFIX)]
    return f"{NAMESPACE_PREFIX}{max((int(run) for run in runs if run.isdecimal()), default=0) + 1}"


def runs(kubectl: Kubectl) -> list[str]:
    """Name the namespaces of all runs; the operator's own has the label too, and is none."""
    labelled = kubectl.inside("").names("namespaces", "-l", DEMO_LABEL)
    return [name for name in labelled if name.startswith(NAMESPACE_PREFIX)]


def remove_former_runs(kubectl: Kubectl) -> list[str]:
    """Begin to remove the namespaces of former runs, whose load would slow this one; returns their names."""
    former = runs(kubectl)
    if former:
        kubectl.inside("")("delete", "namespace", *former, "--wait=false")
    return former


def install_chart(chart: Path, images: Images, namespace: str = SYSTEM_NAMESPACE) -> None:
    """Install or upgrade the release; ``deployments_ready`` tells when it runs."""
    values = f"images={json.dumps(chart_values(images))}"
    helm("upgrade", "--install", RELEASE, str(chart), "--namespace", namespace, "--set-json", values)


def deployments_ready(kubectl: Kubectl) -> Reading:
    """Tell whether every Deployment of the namespace runs its newest pods, and only those."""
    deployments = kubectl.read("deployments")["items"]
    waiting = [item["metadata"]["name"] for item in deployments if not _is_ready(item)]
    return Reading(bool(deployments) and not waiting, ", ".join(waiting) or f"{len(deployments)} Deployment")


def _is_ready(deployment: Mapping[str, Any]) -> bool:
    wanted, status = deployment["spec"]["replicas"], deployment.get("status", {})
    seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
    counts = (status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas"))
    return seen and all(count == wanted for count in counts)


def gone(kubectl: Kubectl, namespaces: Collection[str]) -> Reading:
    """Tell which of the namespaces are still there."""
    left = sorted(set(namespaces) & set(kubectl.inside("").names("namespaces")))
    return Reading(not left, ", ".join(left) or f"{len(namespaces)} removed")


def chart_values(images: Images) -> dict[str, str]:
    """Return the chart's value ``images``."""
    return {"operator": images.operator, "server": images.server, "envoy": images.envoy}


def forget_pending_release(kubectl: Kubectl, namespace: str = SYSTEM_NAMESPACE) -> None:
    """Drop the record of an install that was interrupted: helm refuses to begin another one over it."""
    selector = f"owner=helm,name={RELEASE},status in ({','.join(PENDING)})"
    kubectl.inside(namespace)("delete", "secrets", "-l", selector, "--ignore-not-found")


def store_bundle(kubectl: Kubectl, version: str, bundle: Path) -> None:
    """Put a bundle's files into the ConfigMap that the Model's URI names."""
    kubectl("create", "configmap", artifact(version), f"--from-file={bundle}")


def remove_everything(kubectl: Kubectl) -> Iterator[str]:
    """Remove runs, release, CRDs and namespaces; yields what is being removed."""
    cluster = kubectl.inside("")
    for namespace in runs(kubectl):
        yield f"namespace {namespace}"
        cluster("delete", "namespace", namespace, "--ignore-not-found", "--timeout=120s", timeout=150)
    if kubectl.inside(SYSTEM_NAMESPACE).names("secrets", "-l", f"owner=helm,name={RELEASE}"):
        yield f"release {RELEASE}"
        helm("uninstall", RELEASE, "--namespace", SYSTEM_NAMESPACE, "--wait", "--ignore-not-found")
    yield "custom resource definitions of weirkeeper.dev"
    crds = [name for name in cluster.names("customresourcedefinitions") if name.endswith(".weirkeeper.dev")]
    if crds:
        cluster("delete", "customresourcedefinitions", *crds, "--timeout=60s", timeout=90)
    yield f"namespace {SYSTEM_NAMESPACE}"
    cluster("delete", "namespace", SYSTEM_NAMESPACE, "--ignore-not-found", "--timeout=120s", timeout=150)
