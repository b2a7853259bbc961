"""A namespace's routers: Envoy beside its agent, owned by every Model there, so that they go with the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weirkeeper.api import names
from weirkeeper.api.settings import Settings
from weirkeeper.render.owners import RESTRICTED_CONTAINER, RESTRICTED_POD, SCRAPED, Manifest, owned_by

LABELS: Mapping[str, str] = {
    names.LABEL_MANAGED_BY: names.MANAGED_BY,
    names.LABEL_COMPONENT: names.COMPONENT_ROUTER,
}
GRACE_SECONDS = 45
ENVOY_LINGER_SECONDS = 27
"""How long Envoy outlives the request to end: the agent drains it and ends it itself, mostly much earlier."""

DRAIN_TIME_SECONDS = 60
"""Longer than any drain: with the strategy immediate, connections are asked to close from the first answer on."""


def router_objects(namespace: str, models: Sequence[Mapping[str, Any]], settings: Settings) -> tuple[Manifest, ...]:
    """Everything that a namespace's routers need, in the order in which it is applied."""
    owners = [owned_by(model, controller=False) for model in sorted(models, key=lambda item: item["metadata"]["uid"])]
    metadata = {
        "name": names.ROUTER_NAME,
        "namespace": namespace,
        "labels": dict(LABELS),
        "ownerReferences": owners,
    }
    return (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata, "automountServiceAccountToken": False},
        _binding(metadata, settings),
        _endpoints(metadata),
        _budget(metadata),
        _deployment(metadata, settings),
    )


def _binding(metadata: Mapping[str, Any], settings: Settings) -> Manifest:
    """Named after its role: a binding's role can never be changed, and another installation may take over."""
    kind, role = settings.router.role_kind, settings.router.role_name
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {**metadata, "name": f"{names.ROUTER_NAME}-{kind.lower()}-{role}"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": names.ROUTER_NAME, "namespace": metadata["namespace"]}],
    }


def _endpoints(metadata: Mapping[str, Any]) -> Manifest:
    """Headless: its EndpointSlices tell the operator which routers count."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "clusterIP": "None",
            "selector": dict(LABELS),
            "ports": [
                {"name": names.HTTP_PORT_NAME, "port": names.HTTP_PORT, "targetPort": names.HTTP_PORT_NAME},
                {"name": names.EVIDENCE_PORT_NAME, "port": names.EVIDENCE_PORT, "targetPort": names.EVIDENCE_PORT_NAME},
            ],
        },
    }


def _budget(metadata: Mapping[str, Any]) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata,
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": dict(LABELS)}},
    }


def _deployment(metadata: Mapping[str, Any], settings: Settings) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": settings.router.replicas,
            "revisionHistoryLimit": 1,
            "selector": {"matchLabels": dict(LABELS)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": dict(LABELS), "annotations": dict(SCRAPED)}, "spec": _pod(settings)},
        },
    }


def _pod(settings: Settings) -> dict[str, Any]:
    pod: dict[str, Any] = {
        "serviceAccountName": names.ROUTER_NAME,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": dict(RESTRICTED_POD),
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": dict(LABELS)},
            }
        ],
        "initContainers": [_bootstrap(settings)],
        "containers": [_envoy(settings), _agent(settings)],
        "volumes": [
            {"name": "envoy", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "token", "projected": _token()},
        ],
    }
    pull = [{"name": name} for name in settings.image_pull_secrets]
    return {**pod, "imagePullSecrets": pull} if pull else pod


def _token() -> dict[str, Any]:
    """The API token, mounted into the agent alone: Envoy, which meets clients, has none."""
    return {
        "sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {
                "downwardAPI": {
                    "items": [
                        {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
                    ]
                }
            },
        ]
    }


def _ours(name: str, command: str, settings: Settings) -> dict[str, Any]:
    """What is the same of containers that run one of our commands beside Envoy."""
    return {
        "name": name,
        "image": settings.operator_image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["weirkeeper"],
        "args": [command, "--directory", names.ENVOY_DIRECTORY],
        "env": _environment(settings),
    }


def _bootstrap(settings: Settings) -> dict[str, Any]:
    return {
        **_ours(names.BOOTSTRAP_CONTAINER, "router-bootstrap", settings),
        "securityContext": dict(RESTRICTED_CONTAINER),
        "volumeMounts": [{"name": "envoy", "mountPath": names.ENVOY_DIRECTORY}],
    }


def _environment(settings: Settings) -> list[dict[str, Any]]:
    fields = {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace"}
    timeout = str(settings.limits.request_timeout_seconds)
    return [
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()),
        {"name": "WEIRKEEPER_ROUTE_TIMEOUT", "value": timeout},
    ]


def _envoy(settings: Settings) -> dict[str, Any]:
    resources = settings.router.resources.model_dump(mode="json", exclude_defaults=True)
    container = {
        "name": names.ENVOY_CONTAINER,
        "image": settings.envoy_image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["envoy"],
        "args": [
            *("--config-path", f"{names.ENVOY_DIRECTORY}/bootstrap.json"),
            *("--concurrency", str(settings.router.concurrency)),
            *("--drain-time-s", str(DRAIN_TIME_SECONDS), "--drain-strategy", "immediate"),
            *("--log-level", "warning", "--disable-hot-restart"),
        ],
        "ports": [
            {"name": names.HTTP_PORT_NAME, "containerPort": names.HTTP_PORT},
            {"name": names.READY_PORT_NAME, "containerPort": names.READY_PORT},
        ],
        "readinessProbe": {
            "httpGet": {"path": "/ready", "port": names.READY_PORT_NAME},
            "periodSeconds": 2,
            "timeoutSeconds": 3,
            "failureThreshold": 3,
        },
        # Never /ready: an Envoy that waits for its first configuration is alive.
        "livenessProbe": {
            "tcpSocket": {"port": names.READY_PORT_NAME},
            "initialDelaySeconds": 10,
            "periodSeconds": 10,
            "failureThreshold": 6,
        },
        "lifecycle": {"preStop": {"sleep": {"seconds": ENVOY_LINGER_SECONDS}}},
        "securityContext": dict(RESTRICTED_CONTAINER),
        "volumeMounts": [
            {"name": "envoy", "mountPath": names.ENVOY_DIRECTORY, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  a volume of the pod's own
        ],
    }
    return {**container, "resources": resources} if resources else container


def _agent(settings: Settings) -> dict[str, Any]:
    return {
        **_ours(names.AGENT_CONTAINER, "router-agent", settings),
        "ports": [{"name": names.EVIDENCE_PORT_NAME, "containerPort": names.EVIDENCE_PORT}],
        "livenessProbe": {
            "httpGet": {"path": "/live", "port": names.EVIDENCE_PORT_NAME},
            "initialDelaySeconds": 20,
            "periodSeconds": 10,
            "timeoutSeconds": 10,
            "failureThreshold": 6,
        },
        "securityContext": dict(RESTRICTED_CONTAINER),
        "volumeMounts": [
            {"name": "envoy", "mountPath": names.ENVOY_DIRECTORY},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  a volume of the pod's own
            {
                "name": "token",
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
                "readOnly": True,
            },
        ],
    }
