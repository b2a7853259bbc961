"""Pods as Envoy's clusters, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from weirkeeper.router.clusters import clusters, read_clusters
from weirkeeper.router.endpoints import Endpoint
from weirkeeper.router.options import RouterOptions

OPTIONS = RouterOptions(namespace="team-a", pod="router-1", directory=Path("/etc/envoy"))
PODS = frozenset({Endpoint("10.0.0.2", 8080, 8083), Endpoint("10.0.0.1", 9000, 9000), Endpoint("10.0.0.1", 8080, 8083)})


def addresses(cluster: dict[str, Any]) -> list[tuple[str, int]]:
    listed = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    sockets = [one["endpoint"]["address"]["socket_address"] for one in listed]
    return [(socket["address"], socket["port_value"]) for socket in sockets]


def test_each_protocol_goes_to_its_own_port() -> None:
    http, grpc = clusters({"churn-a": PODS}, OPTIONS, is_ready=False)
    assert (http["name"], addresses(http)) == (
        "churn-a",
        [("10.0.0.1", 8080), ("10.0.0.1", 9000), ("10.0.0.2", 8080)],
    )
    assert (grpc["name"], addresses(grpc)) == (
        "churn-a.grpc",
        [("10.0.0.1", 8083), ("10.0.0.1", 9000), ("10.0.0.2", 8083)],
    )


@pytest.mark.parametrize("is_ready", [True, False])
def test_what_was_written_is_read_back(is_ready: bool) -> None:  # noqa: FBT001
    endpoints = {"churn-a": PODS, "churn-b": frozenset[Endpoint]()}
    assert read_clusters(clusters(endpoints, OPTIONS, is_ready=is_ready)) == (endpoints, is_ready)
