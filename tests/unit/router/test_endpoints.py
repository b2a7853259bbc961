from __future__ import annotations

from typing import Any

from weirkeeper.router.endpoints import addresses


def slice_of(revision: str, *endpoints: dict[str, Any], port: int = 8080, port_name: str = "http") -> dict[str, Any]:
    return {
        "metadata": {"name": f"{revision}-x", "labels": {"weirkeeper.dev/revision": revision}},
        "ports": [{"name": "evidence", "port": 8081}, {"name": port_name, "port": port}],
        "endpoints": list(endpoints),
    }


def pod(address: str, **conditions: bool) -> dict[str, Any]:
    return {"addresses": [address], "conditions": conditions}


def test_ready_pods_answer() -> None:
    found = addresses(
        [
            slice_of("churn-a", pod("10.0.0.1", ready=True), pod("10.0.0.2", ready=False)),
            slice_of("churn-a", pod("10.0.0.3", ready=True), pod("10.0.0.1", ready=True)),
            slice_of("churn-b", pod("10.0.0.9", ready=True), port=9000),
        ]
    )
    assert found == {"churn-a": {("10.0.0.1", 8080), ("10.0.0.3", 8080)}, "churn-b": {("10.0.0.9", 9000)}}


def test_an_ending_pod_answers_only_where_no_other_does() -> None:
    ending = pod("10.0.0.1", ready=False, serving=True, terminating=True)
    assert addresses([slice_of("churn-a", ending)]) == {"churn-a": {("10.0.0.1", 8080)}}
    both = addresses([slice_of("churn-a", ending), slice_of("churn-a", pod("10.0.0.2", ready=True))])
    assert both == {"churn-a": {("10.0.0.2", 8080)}}


def test_a_condition_that_is_absent_means_ready() -> None:
    assert addresses([slice_of("churn-a", {"addresses": ["10.0.0.1"]})]) == {"churn-a": {("10.0.0.1", 8080)}}


def test_slices_that_say_nothing_useful_are_passed_over() -> None:
    unlabelled = {"metadata": {"name": "x"}, "endpoints": [pod("10.0.0.1", ready=True)]}
    portless = slice_of("churn-a", pod("10.0.0.1", ready=True), port_name="other")
    empty = slice_of("churn-b") | {"endpoints": None}
    assert addresses([unlabelled, portless, empty]) == {}


def test_a_port_for_grpc_has_a_cluster_of_its_own() -> None:
    one = slice_of("churn-a", pod("10.0.0.1", ready=True))
    one["ports"].append({"name": "grpc", "port": 9000})
    assert addresses([one]) == {"churn-a": {("10.0.0.1", 8080)}, "churn-a.grpc": {("10.0.0.1", 9000)}}
