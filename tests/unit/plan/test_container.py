"""Models that bring a server of their own: the same rollouts, other pods and the routers' latencies."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.plan.objects import NOW, SHA256, Cluster, model
from weirkeeper.delivery.evidence import Evidence, LatencySlot

OWN = {"runtime": "Container", "image": "team.example/churn:1"}
NEXT = {**OWN, "image": "team.example/churn:2"}


def container(**spec: Any) -> dict[str, Any]:
    found = model(**{"server": dict(OWN), **spec})
    del found["spec"]["artifact"]
    return found


def served(given: dict[str, Any] | None = None, **changes: Any) -> Cluster:
    cluster = Cluster(model=given or container(), sha256=None, **changes)
    cluster.reconcile(4)
    assert cluster.condition("Ready")["status"] == "True", cluster.status
    return cluster


def test_without_an_artifact_no_digest_is_waited_for() -> None:
    cluster = Cluster(model=container(server={**OWN, "replicas": 3}), sha256=None)
    plan = cluster.reconcile()
    assert list(cluster.deployments().values()) == [3]
    assert plan.list_pods_of == tuple(cluster.deployments()), "while its pods are not ready"
    plan = cluster.reconcile(4)
    assert plan.list_pods_of == ()
    assert not [name for kind, name in cluster.children if kind == "ConfigMap"]
    pinned = cluster.condition("ArtifactPinned")
    assert (pinned["status"], pinned["reason"]) == ("True", "NoArtifact")
    assert "team.example/churn:1" in pinned["message"]


def test_with_an_artifact_one_pod_starts_until_its_digest_is_pinned() -> None:
    given = model(server={**OWN, "replicas": 2})
    cluster = Cluster(model=given, sha256=None)
    cluster.reconcile(3)
    assert list(cluster.deployments().values()) == [1]
    cluster.sha256 = SHA256
    cluster.reconcile(3)
    assert list(cluster.deployments().values()) == [2]
    assert cluster.condition("ArtifactPinned")["reason"] == "Pinned"


def test_another_image_goes_through_the_steps() -> None:
    cluster = served()
    first = cluster.status["stable"]["revision"]
    cluster.model["spec"]["server"] = dict(NEXT)
    cluster.reconcile(3)
    candidate = cluster.status["candidate"]["revision"]
    assert candidate != first
    images = {
        name: item["spec"]["template"]["spec"]["containers"][0]["image"]
        for (kind, name), item in cluster.children.items()
        if kind == "Deployment"
    }
    assert images == {first: "team.example/churn:1", candidate: "team.example/churn:2"}


def test_a_signature_that_is_not_told_is_not_gone() -> None:
    cluster = served()
    cluster.model["spec"]["server"] = dict(NEXT)
    cluster.reconcile()
    candidate = cluster.status["candidate"]["revision"]
    cluster.signatures[candidate] = {"inputs": [], "outputs": []}
    cluster.reconcile(3)
    assert cluster.condition("Stalled")["status"] == "False"


def test_a_signature_that_is_told_is_held_when_it_changes() -> None:
    cluster = served()
    cluster.model["spec"]["server"] = dict(NEXT)
    cluster.reconcile()
    renamed = {"inputs": [{"name": "salary", "datatype": "FP64", "shape": [-1]}], "outputs": []}
    cluster.signatures[cluster.status["candidate"]["revision"]] = renamed
    cluster.reconcile(3)
    assert cluster.condition("Stalled")["reason"] == "SignatureChanged"


def slots(count: int, *, by_router: bool) -> tuple[LatencySlot, ...]:
    newest = int(NOW // 5 * 5)
    return tuple(LatencySlot(newest - 5 * i, {200: 100}, by_router=by_router) for i in range(count, -60, -1))


@pytest.mark.parametrize("by_router", [True, False])
@pytest.mark.parametrize(
    ("before", "after", "routers"),
    [
        ({"server": OWN}, {"server": NEXT}, True),
        ({"artifact": {"uri": "s3://models/1/"}}, {"artifact": {"uri": "s3://models/2/"}}, False),
        ({"artifact": {"uri": "s3://models/1/"}}, {"server": OWN}, True),
        ({"server": OWN}, {"artifact": {"uri": "s3://models/1/"}}, True),
    ],
    ids=["containers", "bundles", "bundle to container", "container to bundle"],
)
def test_both_arms_are_timed_by_one_clock(
    before: dict[str, Any],
    after: dict[str, Any],
    routers: bool,  # noqa: FBT001
    by_router: bool,  # noqa: FBT001
) -> None:
    given = model()
    given["spec"] = before
    cluster = Cluster(model=given)
    cluster.reconcile(4)
    stable = cluster.status["stable"]["revision"]
    measured = {stable: slots(60, by_router=by_router)}
    cluster.evidence = Evidence(router_latency=measured) if by_router else Evidence(latency=measured)
    cluster.model["spec"] = after
    cluster.reconcile(4)
    kept = cluster.status["memory"]["gates"]["gates"][1][1]
    assert bool(kept["x"]) == (routers == by_router)
