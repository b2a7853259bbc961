"""Clusters and back: what an agent reads after a restart is what it wrote."""

from __future__ import annotations

from typing import Any

import pytest

from weirkeeper.router.clusters import clusters, read_clusters
from weirkeeper.router.options import RouterOptions

OPTIONS = RouterOptions("team-a", "router-1")
HTTP, GRPC = ("10.0.0.1", 8080), ("10.0.0.1", 8081)


def addresses_of(cluster: dict[str, Any]) -> list[tuple[str, int]]:
    [locality] = cluster["load_assignment"]["endpoints"]
    sockets = [one["endpoint"]["address"]["socket_address"] for one in locality["lb_endpoints"]]
    return [(one["address"], one["port_value"]) for one in sockets]


@pytest.mark.parametrize(
    ("endpoints", "grpc"),
    [({"churn-a": {HTTP}}, HTTP), ({"churn-a": {HTTP}, "churn-a.grpc": {GRPC}}, GRPC)],
)
def test_grpc_goes_to_its_own_port_where_there_is_one(
    endpoints: dict[str, set[tuple[str, int]]], grpc: tuple[str, int]
) -> None:
    made = clusters(endpoints, OPTIONS, is_ready=False)
    assert {one["name"]: addresses_of(one) for one in made} == {"churn-a": [HTTP], "churn-a.grpc": [grpc]}
    assert read_clusters(made) == (endpoints, False)
