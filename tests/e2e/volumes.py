"""A volume of one node, filled with a bundle, and the claim by which a Model finds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.e2e import faults, models
from tests.harness import clusters
from tests.harness.clusters import Cluster
from tests.harness.kubectl import Kubectl

CLAIM = "models"
SPACE = "/var/tmp"
"""A folder of every node in which everybody may make folders: the pod that fills ours is nobody special."""

FILL = """
trap 'rm -r "$FOLDER"; exit' TERM
mkdir -p "$FOLDER/churn"
cp -L /bundle/* "$FOLDER/churn"
touch "$FOLDER/filled"
while :; do sleep 1; done
"""


@contextmanager
def filled(cluster: Cluster, kubectl: Kubectl, files: Mapping[str, str]) -> Iterator[str]:
    """Put a bundle into a volume of some node; give its URI. The volume goes with the context, what is in it too."""
    name = f"{kubectl.namespace}-{CLAIM}"
    folder = f"{SPACE}/{name}"
    kubectl.apply(_volume(name, _any_node(kubectl), kubectl.namespace), _claim(name))
    try:
        kubectl.apply(models.config_map("filling", files), _filling_pod(cluster.images["server"], folder))
        kubectl("wait", "pod", "filling", "--for=condition=Ready", "--timeout=120s")
        yield f"pvc://{CLAIM}/{name}/churn"
    finally:
        if not clusters.keep():
            kubectl.delete("pod", "filling")
            kubectl.delete("persistentvolume", name, wait=False)


def _any_node(kubectl: Kubectl) -> str:
    """The host name of a node on which pods may run."""
    free = [node for node in kubectl.list("nodes") if not node["spec"].get("taints")]
    return str(free[0]["metadata"]["labels"]["kubernetes.io/hostname"])


def _volume(name: str, node: str, namespace: str) -> dict[str, Any]:
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "capacity": {"storage": "1Gi"},
            "claimRef": {"namespace": namespace, "name": CLAIM},
            "hostPath": {"path": SPACE, "type": "Directory"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
            "persistentVolumeReclaimPolicy": "Retain",
        },
    }


def _claim(volume: str) -> dict[str, Any]:
    spec = {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "",
        "volumeName": volume,
    }
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": spec}


def _filling_pod(image: str, folder: str) -> dict[str, Any]:
    """A pod that copies the bundle into the volume, and takes it away again when it ends."""
    container = {
        "name": "filling",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-ec", FILL],
        "env": [{"name": "FOLDER", "value": folder}],
        "readinessProbe": {"exec": {"command": ["test", "-f", f"{folder}/filled"]}, "periodSeconds": 1},
        "securityContext": faults.RESTRICTED_CONTAINER,
        "volumeMounts": [
            {"name": "volume", "mountPath": SPACE},
            {"name": "bundle", "mountPath": "/bundle", "readOnly": True},
        ],
    }
    volumes = [
        {"name": "volume", "persistentVolumeClaim": {"claimName": CLAIM}},
        {"name": "bundle", "configMap": {"name": "filling"}},
    ]
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": faults.RESTRICTED_POD,
        "containers": [container],
        "volumes": volumes,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "filling"}, "spec": pod}
