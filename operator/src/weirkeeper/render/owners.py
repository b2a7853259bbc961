"""What every object that we make carries: labels that say what it is part of, and its owner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weirkeeper.api import names

Manifest = Mapping[str, Any]


def owned_by(model: Mapping[str, Any], *, controller: bool = True) -> dict[str, Any]:
    """The owner reference to a Model, so that what serves it goes with it."""
    reference = {
        "apiVersion": names.API_VERSION,
        "kind": names.MODEL_KIND,
        "name": model["metadata"]["name"],
        "uid": model["metadata"]["uid"],
    }
    return {**reference, "controller": True} if controller else reference


def labels_of(model: str, revision: str | None = None, component: str | None = None) -> dict[str, str]:
    """Labels of an object that belongs to a Model, or to one of its revisions."""
    labels = {names.LABEL_MANAGED_BY: names.MANAGED_BY, names.LABEL_MODEL: model}
    if revision:
        labels[names.LABEL_REVISION] = revision
    if component:
        labels[names.LABEL_COMPONENT] = component
    return labels


def metadata(
    model: Mapping[str, Any],
    name: str,
    revision: str | None = None,
    component: str | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The metadata of an object called `name` that belongs to `model`."""
    found: dict[str, Any] = {
        "name": name,
        "namespace": model["metadata"]["namespace"],
        "labels": labels_of(model["metadata"]["name"], revision, component),
        "ownerReferences": [owned_by(model)],
    }
    return {**found, "annotations": dict(annotations)} if annotations else found


RESTRICTED_POD: Mapping[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "runAsGroup": 65532,
    "fsGroup": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""Security context of every pod that we make, as the restricted profile of Pod Security asks."""

RESTRICTED_CONTAINER: Mapping[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
"""Security context of every container that we make."""

SCRAPED: Mapping[str, str] = {
    "prometheus.io/scrape": "true",
    "prometheus.io/port": str(names.EVIDENCE_PORT),
    "prometheus.io/path": "/metrics",
}
"""Annotations by which a Prometheus with pod discovery finds the series."""
