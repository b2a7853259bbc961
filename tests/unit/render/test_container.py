"""The pods of a server that is not ours, as the API server gets them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.plan.objects import model, settings
from weirkeeper.delivery.revision import content_of
from weirkeeper.render import container, server

GOLDEN: list[dict[str, Any]] = [{"request": {"inputs": []}, "expect": {"outputs": []}}]
OWN: dict[str, Any] = {"runtime": "Container", "image": "team.example/churn:7"}


def pod(spec: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    content = content_of({"server": {**OWN, **given}, **(spec or {})}, {})
    return container.pod("churn", "churn-1", content, "server:1", settings())


def containers(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in found["containers"]}


def test_a_server_of_ones_own_is_probed_by_one_of_ours() -> None:
    found = containers(pod({"probe": GOLDEN}))
    assert found["server"]["image"] == "team.example/churn:7"
    assert found["probe"]["image"] == "server:1"
    assert found["probe"]["args"][:7] == [
        *("probe", "--model", "churn", "--revision", "churn-1", "--url", "http://127.0.0.1:8080")
    ]
    environment = {one["name"]: one.get("value") for one in found["probe"]["env"]}
    assert json.loads(environment["WEIRKEEPER_PROBE"] or "") == GOLDEN
    assert found["probe"]["readinessProbe"]["httpGet"] == {"path": "/ready", "port": "evidence"}


def test_health_is_asked_as_the_protocol_has_it_and_the_end_waits_for_the_routers() -> None:
    found = containers(pod())["server"]
    assert found["readinessProbe"]["httpGet"]["path"] == "/v2/models/churn/ready"
    assert found["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"
    assert found["lifecycle"] == {"preStop": {"sleep": {"seconds": server.DRAIN_SECONDS}}}


@pytest.mark.parametrize("spec", [{}, {"artifact": {"uri": "s3://models/churn/7/"}}])
def test_every_container_is_restricted(spec: dict[str, Any]) -> None:
    found = pod(spec)
    assert found["automountServiceAccountToken"] is False
    assert found["securityContext"]["runAsNonRoot"] is True
    for one in (*found["containers"], *found.get("initContainers", ())):
        assert one["securityContext"]["readOnlyRootFilesystem"] is True
        assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_without_an_artifact_nothing_is_fetched() -> None:
    found = pod()
    assert "initContainers" not in found
    assert [volume["name"] for volume in found["volumes"]] == ["tmp"]


def test_an_artifact_is_fetched_and_mounted() -> None:
    found = pod({"artifact": {"uri": "configmap://churn-v1"}})
    arguments = found["initContainers"][0]["args"]
    assert arguments[:3] == ["fetch", "--uri", "configmap://churn-v1"]
    assert "--any-files" in arguments
    mounts = {one["name"]: one for one in containers(found)["server"]["volumeMounts"]}
    assert mounts["model"] == {"name": "model", "mountPath": "/model", "readOnly": True}
    assert set(mounts) <= {volume["name"] for volume in found["volumes"]}


def test_what_the_model_says_of_its_container_is_in_the_pod() -> None:
    given: dict[str, Any] = {
        "command": ["mlserver"],
        "args": ["start", "."],
        "env": [{"name": "HOME", "value": "/tmp/home"}, {"name": "EMPTY"}],
        "resources": {"limits": {"memory": "1Gi"}},
        "nodeSelector": {"disk": "fast"},
    }
    found = pod(**given)
    one = containers(found)["server"]
    assert (one["command"], one["args"], one["resources"]) == (given["command"], given["args"], given["resources"])
    assert one["env"] == [{"name": "HOME", "value": "/tmp/home"}, {"name": "EMPTY", "value": ""}]
    assert found["nodeSelector"] == {"disk": "fast"}
    assert containers(pod())["server"]["env"] == [{"name": "HOME", "value": "/tmp"}]


def test_ports_are_found_by_name() -> None:
    found = pod(port=8000, grpcPort=8081)
    ports = server.endpoints(model(), "churn-1", found)["spec"]["ports"]
    assert ports == [
        {"name": "http", "port": 8000, "targetPort": "http"},
        {"name": "grpc", "port": 8081, "targetPort": "grpc"},
        {"name": "evidence", "port": 18081, "targetPort": "evidence"},
    ]
    template = server.deployment(model(), server.ServedRevision("churn-1", found, 1), ())["spec"]["template"]
    assert template["metadata"]["annotations"]["prometheus.io/port"] == "18081"
    assert containers(found)["probe"]["args"][6] == "http://127.0.0.1:8000"
