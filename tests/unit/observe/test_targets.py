"""Whom the collector asks, by what EndpointSlices say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from weirkeeper.observe.targets import PodTarget, RouterTarget, TargetsIndex, targets_from_slices


def endpoint(name: str, address: str = "10.0.0.1", conditions: Mapping[str, bool] | None = None) -> dict[str, Any]:
    return {
        "addresses": [address],
        "conditions": dict(conditions or {}),
        "targetRef": {"kind": "Pod", "name": name, "uid": f"uid-{name}", "namespace": "team-a"},
    }


def endpoint_slice(component: str, *endpoints: dict[str, Any], revision: str | None = None) -> dict[str, Any]:
    labels = {"weirkeeper.dev/component": component}
    if revision:
        labels |= {"weirkeeper.dev/model": revision.rpartition("-")[0], "weirkeeper.dev/revision": revision}
    return {"metadata": {"name": "s", "namespace": "team-a", "labels": labels}, "endpoints": list(endpoints)}


@pytest.mark.parametrize(
    ("conditions", "counts"),
    [
        ({"ready": True}, True),
        ({"ready": False, "serving": True, "terminating": True}, True),
        ({"ready": False, "serving": False}, False),
        ({"ready": False}, False),
        ({}, True),
    ],
)
def test_a_router_counts_while_it_is_ready_or_serving(conditions: dict[str, bool], *, counts: bool) -> None:
    targets = targets_from_slices([endpoint_slice("router", endpoint("r", conditions=conditions))])
    assert (targets.routers == (RouterTarget("team-a", "r", "uid-r", "10.0.0.1"),)) is counts


def test_a_model_pod_is_asked_before_it_is_ready() -> None:
    targets = targets_from_slices(
        [endpoint_slice("model", endpoint("p", conditions={"ready": False}), revision="churn-11111111")]
    )
    assert targets.pods == (PodTarget("team-a", "p", "uid-p", "10.0.0.1", "churn", "churn-11111111"),)


def test_a_pod_of_two_address_families_is_asked_once() -> None:
    slices = [endpoint_slice("router", endpoint("r")), endpoint_slice("router", endpoint("r", "fd00::1"))]
    assert [router.address for router in targets_from_slices(slices).routers] == ["10.0.0.1"]


@pytest.mark.parametrize(
    "change",
    [
        {"targetRef": None},
        {"targetRef": {"kind": "Node", "uid": "u", "name": "n"}},
        {"addresses": []},
        {"addresses": ["evil.example.com"]},
        {"addresses": ["10.0.0.1/../"]},
    ],
)
def test_only_pods_with_an_ip_address_are_asked(change: dict[str, Any]) -> None:
    targets = targets_from_slices([endpoint_slice("router", {**endpoint("r"), **change})])
    assert targets.routers == ()


def test_slices_of_anything_else_are_let_be() -> None:
    foreign = {"metadata": {"name": "s", "namespace": "x"}, "endpoints": [endpoint("p")]}
    unlabelled = endpoint_slice("model", endpoint("p"))
    empty = {"metadata": {"labels": {"weirkeeper.dev/component": "router"}}, "endpoints": None}
    targets = targets_from_slices([foreign, unlabelled, empty])
    assert (targets.routers, targets.pods) == ((), ())


def test_the_index_knows_namespaces_models_and_pods() -> None:
    slices = [
        endpoint_slice("router", endpoint("r")),
        endpoint_slice("model", endpoint("p"), endpoint("q"), revision="churn-11111111"),
    ]
    index = TargetsIndex(targets_from_slices(slices))
    assert index.namespaces == {"team-a"}
    assert index.uids(("team-a", "churn")) == {"uid-p", "uid-q"}
    assert index.all_uids == {"uid-r", "uid-p", "uid-q"}


def test_beside_a_server_that_is_not_ours_another_port_is_asked_and_never_a_third() -> None:
    for port, probed in ((18081, True), (8081, False), (22, False)):
        one = endpoint_slice("model", endpoint("a"), revision="churn-1")
        one["ports"] = [{"name": "http", "port": 80}, {"name": "evidence", "port": port}]
        assert [target.probed for target in targets_from_slices([one]).pods] == [probed]
