"""A revision's pods: what is mounted where, and as whom they run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.plan.objects import model, settings
from weirkeeper.render.server import ServedRevision, deployment, pod


def template(uri: str, **server: Any) -> dict[str, Any]:
    content = {"artifact": {"uri": uri}, **({"server": server} if server else {})}
    rendered = pod("churn", "churn-1", content, "server:1", settings())
    made = deployment(model(uri), ServedRevision("churn-1", rendered, 1), ())
    found: dict[str, Any] = made["spec"]["template"]
    return found


def mounts(container: dict[str, Any]) -> dict[str, bool]:
    return {mount["mountPath"]: mount.get("readOnly", False) for mount in container["volumeMounts"]}


@pytest.mark.parametrize("uri", ["pvc://models", "pvc://models/churn/7", "pvc://models/churn.zip"])
def test_a_claim_is_mounted_whole_and_read_only_into_both_containers(uri: str) -> None:
    spec = template(uri)["spec"]
    fetch, server = spec["initContainers"][0], spec["containers"][0]
    assert fetch["args"][fetch["args"].index("--mounted") + 1] == "/artifact"
    assert mounts(fetch)["/artifact"] is True
    assert mounts(server)["/artifact"] is True
    volume = next(volume for volume in spec["volumes"] if volume["name"] == "artifact")
    assert volume["persistentVolumeClaim"] == {"claimName": "models", "readOnly": True}


@pytest.mark.parametrize("uri", ["configmap://churn-v1", "s3://models/churn/7/", "gs://models/a.zip", "az://models/7/"])
def test_what_is_copied_reaches_the_server_by_a_volume_that_only_the_init_container_may_write(uri: str) -> None:
    spec = template(uri)["spec"]
    fetch, server = spec["initContainers"][0], spec["containers"][0]
    assert mounts(fetch)["/model"] is False
    assert mounts(server) == {"/model": True, "/tmp": False}


def test_pods_run_as_the_service_account_that_is_named_without_its_token() -> None:
    named = template("s3://models/churn/7/", serviceAccountName="reader")
    assert named["spec"]["serviceAccountName"] == "reader"
    assert named["spec"]["automountServiceAccountToken"] is False
    assert named["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    plain = template("s3://models/churn/7/")
    assert "serviceAccountName" not in plain["spec"]
    assert "azure.workload.identity/use" not in plain["metadata"]["labels"]
