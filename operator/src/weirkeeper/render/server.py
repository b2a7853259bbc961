"""A revision's pods: an init container fetches the bundle, the model server loads, probes and serves it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weirkeeper.api import names
from weirkeeper.api.settings import Settings
from weirkeeper.delivery.revision import is_container
from weirkeeper.render.health import served_health
from weirkeeper.render.owners import RESTRICTED_CONTAINER, RESTRICTED_POD, SCRAPED, Manifest, labels_of, metadata

MODEL_DIRECTORY = "/model"
ARTIFACT_DIRECTORY = "/artifact"
PIN_DIRECTORY = "/pin"
AZURE_IDENTITY = {"azure.workload.identity/use": "true"}
"""By this label the webhook of Azure's workload identity knows which pods it is for; others need none."""
FEEDBACK_DIRECTORY = "/feedback"
DAY_SECONDS = 86_400
DRAIN_SECONDS = 5
GRACE_SECONDS = 60


@dataclass(frozen=True)
class ServedRevision:
    """A revision as its Deployment needs it: its recorded pod, and how many of them."""

    name: str
    pod: Mapping[str, Any]
    replicas: int


def deployment(model: Mapping[str, Any], revision: ServedRevision, pull_secrets: Sequence[str]) -> Manifest:
    """The Deployment of one revision; its name is the revision's.

    `pull_secrets` are the platform's, beside which the Model's stand; they are no part of a revision.
    """
    labels = labels_of(model["metadata"]["name"], revision.name, names.COMPONENT_MODEL)
    identity = AZURE_IDENTITY if "serviceAccountName" in revision.pod else {}
    selector = {key: labels[key] for key in (names.LABEL_MODEL, names.LABEL_REVISION)}
    secrets = [{"name": name} for name in pull_secrets]
    secrets += model["spec"].get("server", {}).get("imagePullSecrets", [])
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(model, revision.name, revision.name, names.COMPONENT_MODEL),
        "spec": {
            "replicas": revision.replicas,
            "revisionHistoryLimit": 1,
            "selector": {"matchLabels": selector},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": labels | identity, "annotations": _scraped(revision.pod)},
                "spec": {**revision.pod, **({"imagePullSecrets": secrets} if secrets else {})},
            },
        },
    }


def _scraped(pod: Mapping[str, Any]) -> dict[str, str]:
    evidence = [str(port["containerPort"]) for port in _ports(pod) if port["name"] == names.EVIDENCE_PORT_NAME]
    return {**SCRAPED, **({"prometheus.io/port": evidence[0]} if evidence else {})}


def _ports(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [port for container in pod.get("containers", ()) for port in container.get("ports", ())]


def pod(model: str, revision: str, content: Mapping[str, Any], image: str, settings: Settings) -> dict[str, Any]:
    """The spec of a new revision's pods.

    It is kept with the revision: another operator or other settings change no pod of a revision that exists.
    """
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": dict(RESTRICTED_POD),
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "initContainers": [fetch_container(content, image, settings)],
        "containers": [_server(model, revision, content, image, settings)],
        "volumes": [
            *fetched_volumes(revision, content),
            # Optional: without keys a model serves as well, and takes no labels.
            {"name": "feedback", "secret": {"secretName": feedback_name(model), "optional": True}},
        ],
        **placement(content),
    }


def placement(content: Mapping[str, Any]) -> dict[str, Any]:
    """Which nodes take a revision's pods, and as whom they run."""
    server = content.get("server", {})
    return {key: server[key] for key in ("nodeSelector", "tolerations", "serviceAccountName") if key in server}


def fetch_container(content: Mapping[str, Any], image: str, settings: Settings) -> dict[str, Any]:
    """The init container that brings the artifact into the pod and verifies it."""
    artifact = content["artifact"]
    mounted = _mounted_artifact(artifact["uri"])
    arguments = ["fetch", "--uri", artifact["uri"], "--destination", MODEL_DIRECTORY]
    arguments += ["--pin-file", f"{PIN_DIRECTORY}/sha256"]
    arguments += ["--sha256", artifact["sha256"]] if "sha256" in artifact else []
    arguments += ["--mounted", ARTIFACT_DIRECTORY] if mounted else []
    # What a server that is not ours reads is its own affair; where it lies and its digest are checked all the same.
    arguments += ["--any-files"] if is_container(content) else []
    container = {
        "name": names.FETCH_CONTAINER,
        "image": image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["weirkeeper-server"],
        "args": arguments,
        "env": [environment_variable("WEIRKEEPER_ALLOWED_HOSTS", json.dumps(list(settings.artifacts.allowed_hosts)))],
        "securityContext": dict(RESTRICTED_CONTAINER),
        "terminationMessagePolicy": "File",
        "volumeMounts": [
            {"name": "model", "mountPath": MODEL_DIRECTORY},
            {"name": "pin", "mountPath": PIN_DIRECTORY, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  a volume of the pod's own
            *([{"name": "artifact", "mountPath": ARTIFACT_DIRECTORY, "readOnly": True}] if mounted else []),
        ],
    }
    if "secretRef" in artifact:
        container["envFrom"] = [{"secretRef": {"name": artifact["secretRef"]["name"]}}]
    resources = content.get("server", {}).get("resources")
    return {**container, "resources": resources} if resources else container


def _server(model: str, revision: str, content: Mapping[str, Any], image: str, settings: Settings) -> dict[str, Any]:
    server = content.get("server", {})
    container = {
        "name": names.SERVER_CONTAINER,
        "image": image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["weirkeeper-server"],
        "args": [
            *("serve", "--bundle", MODEL_DIRECTORY, "--model", model, "--revision", revision),
            *("--http-port", str(names.HTTP_PORT), "--evidence-port", str(names.EVIDENCE_PORT)),
            *("--drain-seconds", str(DRAIN_SECONDS)),
            *(("--workers", str(server["workers"])) if "workers" in server else ()),
        ],
        "env": _server_env(content, settings),
        "ports": [
            {"name": names.HTTP_PORT_NAME, "containerPort": names.HTTP_PORT},
            {"name": names.GRPC_PORT_NAME, "containerPort": names.GRPC_PORT},
            {"name": names.EVIDENCE_PORT_NAME, "containerPort": names.EVIDENCE_PORT},
        ],
        **served_health(model),
        "securityContext": dict(RESTRICTED_CONTAINER),
        "volumeMounts": [
            {"name": "model", "mountPath": MODEL_DIRECTORY, "readOnly": True},
            {"name": "feedback", "mountPath": FEEDBACK_DIRECTORY, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  a volume of the pod's own
            *linked_artifact(content["artifact"]["uri"]),
        ],
    }
    resources = server.get("resources")
    return {**container, "resources": resources} if resources else container


def linked_artifact(uri: str) -> list[dict[str, Any]]:
    """A claim's folder is not copied: the server reads it where the init container found and hashed it."""
    mount = {"name": "artifact", "mountPath": ARTIFACT_DIRECTORY, "readOnly": True}
    return [mount] if uri.startswith("pvc://") else []


def _server_env(content: Mapping[str, Any], settings: Settings) -> list[dict[str, Any]]:
    limits = settings.limits.model_dump(mode="json", by_alias=True)
    trusted = content["artifact"].get("trustedTypes", [])
    batching = content.get("server", {}).get("batching")
    feedback = {
        "keys": FEEDBACK_DIRECTORY,
        "maxAgeSeconds": settings.feedback.max_age_days * DAY_SECONDS,
        "slotSeconds": settings.feedback.slot_seconds,
    }
    return [
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        environment_variable("WEIRKEEPER_SLOT_SECONDS", str(settings.slot_seconds)),
        environment_variable("WEIRKEEPER_LIMITS", json.dumps(limits, sort_keys=True)),
        environment_variable("WEIRKEEPER_FEEDBACK", json.dumps(feedback, sort_keys=True)),
        environment_variable("WEIRKEEPER_PARAMETERS", json.dumps(content.get("parameters", {}), sort_keys=True)),
        environment_variable("WEIRKEEPER_PROBE", json.dumps(content.get("probe", []), sort_keys=True)),
        environment_variable("WEIRKEEPER_TRUSTED_TYPES", json.dumps(trusted)),
        *([environment_variable("WEIRKEEPER_BATCHING", json.dumps(batching, sort_keys=True))] if batching else []),
        # One thread a pod: requests, not matrix products, are what a small model's server runs side by side.
        environment_variable("OMP_NUM_THREADS", "1"),
    ]


def environment_variable(name: str, value: str) -> dict[str, str]:
    """One variable of a container's environment."""
    return {"name": name, "value": value}


def fetched_volumes(revision: str, content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The volumes of a pod that fetches its artifact."""
    mounted = _mounted_artifact(content["artifact"]["uri"])
    return [
        {"name": "model", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "pin", "configMap": {"name": pin_name(revision), "optional": True}},
        *([{"name": "artifact", **mounted}] if mounted else []),
    ]


def _mounted_artifact(uri: str) -> dict[str, Any] | None:
    scheme, _, rest = uri.partition("://")
    if scheme == "configmap":
        return {"configMap": {"name": rest.rstrip("/")}}
    if scheme == "pvc":
        return {"persistentVolumeClaim": {"claimName": rest.partition("/")[0], "readOnly": True}}
    return None


def feedback_name(model: str) -> str:
    """Name of the Secret with the keys that seal a Model's feedback tokens."""
    return f"{model}-feedback"


def feedback_secret(model: Mapping[str, Any]) -> Manifest:
    """The Secret of a Model's feedback tokens, without its keys."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": metadata(model, feedback_name(model["metadata"]["name"])),
    }


def pin_name(revision: str) -> str:
    """Name of the ConfigMap that pins a revision's digest, outside of the pod template."""
    return f"{revision}-pin"


def pin(model: Mapping[str, Any], revision: str, sha256: str) -> Manifest:
    """The pin: a later pod that meets other bytes refuses to start."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(model, pin_name(revision), revision),
        "data": {"sha256": sha256},
    }


def profile_name(revision: str) -> str:
    """Name of the ConfigMap that keeps a revision's reference profile."""
    return f"{revision}-profile"


def profile(model: Mapping[str, Any], revision: str, content: Mapping[str, Any]) -> Manifest:
    """The revision's reference profile, as its server reported it."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(model, profile_name(revision), revision),
        "data": {"profile.json": json.dumps(content, sort_keys=True, separators=(",", ":"))},
    }


def endpoints(model: Mapping[str, Any], revision: str, pod: Mapping[str, Any]) -> Manifest:
    """The headless Service whose EndpointSlices tell routers and operator where a revision's pods answer."""
    labels = labels_of(model["metadata"]["name"], revision, names.COMPONENT_MODEL)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(model, revision, revision, names.COMPONENT_MODEL),
        "spec": {
            "clusterIP": "None",
            "selector": {key: labels[key] for key in (names.LABEL_MODEL, names.LABEL_REVISION)},
            "ports": [
                {"name": port["name"], "port": port["containerPort"], "targetPort": port["name"]}
                for port in _ports(pod)
            ],
        },
    }
