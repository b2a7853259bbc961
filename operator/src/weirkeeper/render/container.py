"""The pods of a server that is not ours: its container, and one of ours beside it that probes it and answers for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from weirkeeper.api import names
from weirkeeper.api.settings import Settings
from weirkeeper.render.health import health, served_health
from weirkeeper.render.owners import RESTRICTED_CONTAINER, RESTRICTED_POD
from weirkeeper.render.server import (
    DRAIN_SECONDS,
    GRACE_SECONDS,
    MODEL_DIRECTORY,
    environment_variable,
    fetch_container,
    fetched_volumes,
    linked_artifact,
    placement,
)

PROBE_RESOURCES: Mapping[str, Mapping[str, str]] = {
    "requests": {"cpu": "10m", "memory": "64Mi"},
    "limits": {"cpu": "500m", "memory": "128Mi"},
}

_TMP: Mapping[str, Any] = {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108  a volume of the pod's own


def pod(model: str, revision: str, content: Mapping[str, Any], image: str, settings: Settings) -> dict[str, Any]:
    """The spec of a new revision's pods; `image` is that of what is ours in them."""
    fetched = "artifact" in content
    found = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": dict(RESTRICTED_POD),
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "containers": [_server(model, content), _probe(model, revision, content, image, settings)],
        "volumes": fetched_volumes(revision, content) if fetched else [{"name": "tmp", "emptyDir": {}}],
        **placement(content),
    }
    return {**found, "initContainers": [fetch_container(content, image, settings)]} if fetched else found


def _server(model: str, content: Mapping[str, Any]) -> dict[str, Any]:
    server = content["server"]
    given = {key: server[key] for key in ("command", "args", "resources") if key in server}
    model_mount = {"name": "model", "mountPath": MODEL_DIRECTORY, "readOnly": True}
    mounts = [model_mount, *linked_artifact(content["artifact"]["uri"])] if "artifact" in content else []
    return {
        "name": names.SERVER_CONTAINER,
        "image": server["image"],
        "env": _environment(server),
        "ports": _ports(server),
        **served_health(model),
        # Routers take a pod out before its server hears that it is to end, whatever that server does then.
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "securityContext": dict(RESTRICTED_CONTAINER),
        "volumeMounts": [*mounts, dict(_TMP)],
        **given,
    }


def _environment(server: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The Model's variables; the home is the one place where files can be written, unless they say otherwise."""
    given = [environment_variable(item["name"], item.get("value", "")) for item in server.get("env", ())]
    has_home = any(item["name"] == "HOME" for item in given)
    return given if has_home else [environment_variable("HOME", "/tmp"), *given]  # noqa: S108  a volume of the pod's own


def _ports(server: Mapping[str, Any]) -> list[dict[str, Any]]:
    ports = {names.HTTP_PORT_NAME: _http_port(server), names.GRPC_PORT_NAME: server.get("grpcPort")}
    return [{"name": name, "containerPort": port} for name, port in ports.items() if port]


def _http_port(server: Mapping[str, Any]) -> int:
    return int(server.get("port", names.HTTP_PORT))


def _probe(model: str, revision: str, content: Mapping[str, Any], image: str, settings: Settings) -> dict[str, Any]:
    """Ready once the server gave every golden answer: no other pod gets requests."""
    url = f"http://127.0.0.1:{_http_port(content['server'])}"
    return {
        "name": names.PROBE_CONTAINER,
        "image": image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": ["weirkeeper-server"],
        "args": [
            *("probe", "--model", model, "--revision", revision, "--url", url),
            *("--evidence-port", str(names.PROBE_PORT)),
        ],
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            environment_variable("WEIRKEEPER_PROBE", json.dumps(content.get("probe", []), sort_keys=True)),
            environment_variable("WEIRKEEPER_REQUEST_TIMEOUT", str(settings.limits.request_timeout_seconds)),
        ],
        "ports": [{"name": names.EVIDENCE_PORT_NAME, "containerPort": names.PROBE_PORT}],
        **health("/live", "/ready", names.EVIDENCE_PORT_NAME),
        "resources": {key: dict(value) for key, value in PROBE_RESOURCES.items()},
        "securityContext": dict(RESTRICTED_CONTAINER),
        "volumeMounts": [dict(_TMP)],
    }
