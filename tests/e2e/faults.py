"""Bundles that must not be served, each made from a good one, and an object store to find archives in."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.corpus import artifacts

STORE_PORT = 8000  # as in STORE_HOSTS
BUCKET = "bundles"
RESTRICTED_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
RESTRICTED_POD = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}


def bundles(good: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """Folders that are wrong in one thing each, by the name of their ConfigMap."""
    pickle = _text(artifacts.evil_pickles(Path("/tmp/opened"))["protocol 5"])
    forged = _text(artifacts.skops_file(artifacts.function_schema("os", "system")))
    without_model = {name: text for name, text in good.items() if name != "model.skops"}
    other_answers = _text(json.dumps(_other_answers(good)).encode())
    return {
        "any-version": _made_with(good, {}),
        "notes": {"README.md": _text(b"The model is elsewhere.")},
        "pickled": {**without_model, "model.pkl": pickle},
        "renamed-pickle": {**without_model, "model.skops": pickle},
        "forged": {**without_model, "model.skops": forged},
        "other-answer": {**_made_with(good, {}), "golden.json": other_answers},
        "aged": {**_made_with(good, {"scikit-learn": "0.24.2"}), "golden.json": other_answers},
    }


def _made_with(good: Mapping[str, str], versions: Mapping[str, str]) -> dict[str, str]:
    """A bundle that names other versions of what made it; none: those of the server will do."""
    manifest = yaml.safe_load(base64.b64decode(good["model.yaml"]))
    return {**good, "model.yaml": _text(yaml.safe_dump({**manifest, "versions": dict(versions)}).encode())}


def first_golden(good: Mapping[str, str]) -> dict[str, Any]:
    """A golden request of the Model's spec that expects the other class."""
    request = _other_answers(good)[0]
    return {"request": request["request"], "expect": {"outputs": request["expect"]["outputs"][:1]}}


def archives(good: Mapping[str, str]) -> dict[str, str]:
    """Archives by name: one of a good bundle, and one with a member outside the folder."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in good.items():
            (Path(folder) / name).write_bytes(base64.b64decode(text))
        whole = artifacts.archive_of(Path(folder))
    return {"good.tar.gz": _text(whole), "outside.tar.gz": _text(artifacts.tar_with(name="../escaped"))}


def _other_answers(good: Mapping[str, str]) -> list[dict[str, Any]]:
    golden: list[dict[str, Any]] = json.loads(base64.b64decode(good["golden.json"]))
    predicted = golden[0]["expect"]["outputs"][0]
    predicted["data"] = [1 - predicted["data"][0]]
    return golden


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def secret(name: str, host: str) -> dict[str, Any]:
    """Settings and credentials for an object store, as a Model's Secret has them."""
    data = {"AWS_ENDPOINT_URL": f"http://{host}", "AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def store(image: str, objects: Mapping[str, str], name: str = "store") -> list[dict[str, Any]]:
    """A pod that gives objects by path, as a bucket that asks for no signature does, and the Service of all such.

    The Service leads to the pod that was applied last, whose objects so take the place of the former's at once.
    """
    labels = {"app.kubernetes.io/name": name}
    server = {
        "name": "store",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "http.server", str(STORE_PORT), "--directory", "/objects"],
        "readinessProbe": {"tcpSocket": {"port": STORE_PORT}, "periodSeconds": 1},
        "securityContext": RESTRICTED_CONTAINER,
        "volumeMounts": [{"name": "objects", "mountPath": f"/objects/{BUCKET}", "readOnly": True}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": RESTRICTED_POD,
        "containers": [server],
        "volumes": [{"name": "objects", "configMap": {"name": name}}],
    }
    ports = [{"port": STORE_PORT, "targetPort": STORE_PORT}]
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "binaryData": dict(objects)},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": pod},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "store"},
            "spec": {"selector": labels, "ports": ports},
        },
    ]
