"""A revision's pods: what is mounted where, as whom they run, and what they and their Service offer to routers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.plan.objects import model, settings
from weirkeeper.api import names
from weirkeeper.api.rollout import RolloutPolicy
from weirkeeper.api.settings import Limits
from weirkeeper.render import container as own
from weirkeeper.render.health import START_SECONDS
from weirkeeper.render.server import ServedRevision, deployment, endpoints, pod
from weirkeeper_server.settings import Settings as ServerSettings
from weirkeeper_server.settings import read_settings

PROGRESS_DEADLINE = RolloutPolicy().progress_deadline.seconds


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
    assert mounts(server) == {"/model": True, "/feedback": True, "/tmp": False}


def test_pods_run_as_the_service_account_that_is_named_without_its_token() -> None:
    named = template("s3://models/churn/7/", serviceAccountName="reader")
    assert named["spec"]["serviceAccountName"] == "reader"
    assert named["spec"]["automountServiceAccountToken"] is False
    assert named["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    plain = template("s3://models/churn/7/")
    assert "serviceAccountName" not in plain["spec"]
    assert "azure.workload.identity/use" not in plain["metadata"]["labels"]


def container(uri: str) -> dict[str, Any]:
    found: dict[str, Any] = template(uri)["spec"]["containers"][0]
    return found


def test_every_port_of_the_server_is_in_the_slices_under_its_name() -> None:
    offered = {port["name"]: port["containerPort"] for port in container("configmap://churn-v1")["ports"]}
    listed = {
        port["targetPort"]: port["port"]
        for port in endpoints(model(), "churn-1", template("configmap://churn-v1")["spec"])["spec"]["ports"]
    }
    assert offered == listed == {"http": 8080, "grpc": 8083, "evidence": 8081}


def test_the_server_listens_for_grpc_where_pods_say_without_being_told() -> None:
    """A revision keeps its server image, and an older one does not know the argument."""
    assert "--grpc-port" not in container("configmap://churn-v1")["args"]
    assert ServerSettings.model_fields["grpc_port"].default == names.GRPC_PORT


def test_the_platforms_limits_reach_the_server_whole() -> None:
    limits = {name: default - 1 for name, default in Limits().to_json().items()}
    rendered = pod("churn", "churn-1", {"artifact": {"uri": "configmap://c"}}, "server:1", settings(limits=limits))
    environment = {one["name"]: one["value"] for one in rendered["containers"][0]["env"] if "value" in one}
    read = read_settings({"bundle": Path("/model"), "model": "churn", "revision": "churn-1"}, environment)
    assert read.limits.to_json() == limits


@pytest.mark.parametrize("runtime", [{}, {"runtime": "Container", "image": "team.example/churn:7"}])
def test_kubelet_gives_a_container_half_an_hour_to_begin_and_asks_afterwards_only_whether_it_lives(
    runtime: dict[str, Any],
) -> None:
    """A model that needs a minute to load, or a process that needs one to begin, is not ended for that."""
    render = own.pod if runtime else pod
    content = {"artifact": {"uri": "s3://models/churn/7/"}, "server": runtime}
    spec = render("churn", "churn-1", content, "server:1", settings())
    for one in spec["containers"]:
        start, live, ready = (one[name] for name in ("startupProbe", "livenessProbe", "readinessProbe"))
        assert start["periodSeconds"] * start["failureThreshold"] == START_SECONDS >= PROGRESS_DEADLINE
        assert start["httpGet"] == live["httpGet"] != ready["httpGet"]
        assert live["httpGet"]["path"].endswith("/live")
        assert "initialDelaySeconds" not in live
        assert live["periodSeconds"] * live["failureThreshold"] >= 60


def test_the_server_is_told_how_requests_go_together_only_where_the_model_says_it() -> None:
    def told(**server: Any) -> dict[str, str]:
        made = template("s3://models/churn/7/", **server)["spec"]["containers"][0]
        return {one["name"]: one.get("value", "") for one in made["env"]}

    assert "WEIRKEEPER_BATCHING" not in told()
    assert told(batching={"maxRows": 64})["WEIRKEEPER_BATCHING"] == '{"maxRows": 64}'


def test_a_server_has_several_workers_only_where_the_model_says_it() -> None:
    def arguments(**server: Any) -> list[str]:
        made = template("s3://models/churn/7/", **server)["spec"]["containers"][0]
        return list(made["args"])

    assert "--workers" not in arguments()
    assert arguments(workers=3)[-2:] == ["--workers", "3"]
