"""The Model's own Service, and the record of a revision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weirkeeper.api import names
from weirkeeper.render.owners import Manifest, metadata

CONTENT_SHA256 = f"{names.GROUP}/content-sha256"
SIGNATURE = f"{names.GROUP}/signature"
PROFILE_SHA256 = f"{names.GROUP}/profile-sha256"
OUTCOME = f"{names.GROUP}/outcome"
STAGE = f"{names.GROUP}/stage"


def service(model: Mapping[str, Any]) -> Manifest:
    """The Service that clients call: it selects the namespace's routers, which know the Model by its name."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(model, model["metadata"]["name"]),
        "spec": {
            "type": "ClusterIP",
            "selector": {names.LABEL_COMPONENT: names.COMPONENT_ROUTER, names.LABEL_MANAGED_BY: names.MANAGED_BY},
            "ports": [{"name": names.HTTP_PORT_NAME, "port": names.SERVICE_PORT, "targetPort": names.HTTP_PORT_NAME}],
        },
    }


def url(model: Mapping[str, Any]) -> str:
    """Where the Model answers inside the cluster."""
    name, namespace = model["metadata"]["name"], model["metadata"]["namespace"]
    return f"http://{name}.{namespace}.svc/v2/models/{name}"


@dataclass(frozen=True)
class Record:
    """What is kept of a revision, apart from the Model's status, so that a rebuilt cluster still knows it.

    `pod` is the spec of its pods as it was rendered when the revision was new. `attempts` are those that ended, as a
    status tells them, the newest last.
    """

    name: str
    number: int
    content: Mapping[str, Any]
    content_sha256: str
    image: str
    pod: Mapping[str, Any]
    signature: Mapping[str, Any] | None = None
    profile_sha256: str | None = None
    stage: str = ""
    outcome: str = ""
    attempts: tuple[Mapping[str, Any], ...] = ()


def record(model: Mapping[str, Any], kept: Record) -> Manifest:
    """The ControllerRevision of a revision."""
    annotations = {
        CONTENT_SHA256: kept.content_sha256,
        SIGNATURE: json.dumps(kept.signature, sort_keys=True) if kept.signature else "",
        PROFILE_SHA256: kept.profile_sha256 or "",
        STAGE: kept.stage,
        OUTCOME: kept.outcome,
        names.ATTEMPTS_ANNOTATION: json.dumps(kept.attempts, sort_keys=True) if kept.attempts else "",
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata(
            model, kept.name, kept.name, annotations={key: value for key, value in annotations.items() if value}
        ),
        "revision": kept.number,
        "data": {"content": dict(kept.content), "image": kept.image, "pod": dict(kept.pod)},
    }


def read_record(found: Mapping[str, Any]) -> Record:
    """A revision's record from its ControllerRevision."""
    annotations = found["metadata"].get("annotations", {})
    data = found.get("data") or {}
    signature = annotations.get(SIGNATURE)
    return Record(
        name=found["metadata"]["name"],
        number=found.get("revision", 0),
        content=data.get("content", {}),
        content_sha256=annotations.get(CONTENT_SHA256, ""),
        image=data.get("image", ""),
        pod=data.get("pod", {}),
        signature=json.loads(signature) if signature else None,
        profile_sha256=annotations.get(PROFILE_SHA256),
        stage=annotations.get(STAGE, ""),
        outcome=annotations.get(OUTCOME, ""),
        attempts=tuple(json.loads(annotations.get(names.ATTEMPTS_ANNOTATION) or "[]")),
    )
