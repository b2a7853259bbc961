"""Revisions and their pods as Envoy's clusters. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias

from weirkeeper.router.endpoints import Endpoint
from weirkeeper.router.options import RouterOptions
from weirkeeper.router.resources import Resource, extension, seconds, socket_address

Address: TypeAlias = tuple[str, int]
"""(IP address, port)."""

GRPC_SUFFIX: Final = ".grpc"

# No revision has a dot in its name.
ADMIN_CLUSTER: Final = "weirkeeper.admin"

MIRROR_CLUSTER: Final = "weirkeeper.mirror"
"""Leads copies of requests to this Envoy's own listener for them."""

# Servers that close idle connections do it after 5 s or more (uvicorn, Node.js: 5 s). A shorter time on this side
# means that a request is never sent into a connection that its server is just closing.
IDLE_SECONDS: Final = 4.0

UNLIMITED: Final = 1_000_000

_CLUSTER: Final = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


def grpc_cluster(revision: str) -> str:
    """Name the cluster that takes a revision's gRPC requests."""
    return revision + GRPC_SUFFIX


def clusters(
    endpoints: Mapping[str, AbstractSet[Endpoint]], options: RouterOptions, *, is_ready: bool
) -> list[Resource]:
    """Two clusters a revision or arm, HTTP/1.1 and HTTP/2 for gRPC; one without any pod is a statement, too.

    Once the router `is_ready`, also the one to which the readiness probe leads: Envoy's own admin port.
    """
    revisions = [
        cluster
        for revision, pods in sorted((revision, sorted(found)) for revision, found in endpoints.items())
        for cluster in (
            _cluster(revision, {"http_protocol_options": {}}, [(pod.address, pod.http) for pod in pods], options),
            _cluster(
                grpc_cluster(revision),
                {"http2_protocol_options": _HTTP2},
                [(pod.address, pod.grpc) for pod in pods],
                options,
            ),
        )
    ]
    return [*revisions, _admin_cluster(options)] if is_ready else revisions


def read_clusters(found: Iterable[Mapping[str, Any]]) -> tuple[dict[str, AbstractSet[Endpoint]], bool]:
    """Read back what `clusters` wrote: the pods by revision, and whether the router was ready."""
    by_name = {cluster["name"]: _addresses(cluster) for cluster in found}
    is_ready = by_name.pop(ADMIN_CLUSTER, None) is not None
    revisions = [name for name in by_name if not name.endswith(GRPC_SUFFIX)]
    return {name: _pods(by_name[name], by_name.get(grpc_cluster(name), [])) for name in revisions}, is_ready


def _pods(http: Sequence[Address], grpc: Sequence[Address]) -> AbstractSet[Endpoint]:
    # Both clusters list the pods in the same order.
    return {Endpoint(address, port, other) for (address, port), (_, other) in zip(http, grpc, strict=True)}


_HTTP2: Final[dict[str, Any]] = {
    # A pod that vanished without a word is noticed although nothing is sent to it.
    "connection_keepalive": {"interval": "20s", "timeout": "10s"},
}

_OUTLIERS: Final[dict[str, Any]] = {
    # Only what says that a pod is not there or not well placed ejects it for a while. What a model answers, a 500 to
    # each request included, is evidence about its revision and must go on being counted.
    "split_external_local_origin_errors": True,
    "enforcing_consecutive_5xx": 0,
    "enforcing_success_rate": 0,
    "enforcing_local_origin_success_rate": 0,
    "consecutive_gateway_failure": 10,
    "enforcing_consecutive_gateway_failure": 100,
    "consecutive_local_origin_failure": 5,
    "enforcing_consecutive_local_origin_failure": 100,
    "interval": "5s",
    "base_ejection_time": "5s",
    "max_ejection_time": "60s",
    # At most half of the pods; so a single pod is never ejected.
    "max_ejection_percent": 50,
}

_THRESHOLDS: Final[dict[str, Any]] = {
    # Model servers limit themselves and say 429; a limit here would be a second, hidden one.
    "max_connections": UNLIMITED,
    "max_pending_requests": UNLIMITED,
    "max_requests": UNLIMITED,
    "retry_budget": {"budget_percent": {"value": 20.0}, "min_retry_concurrency": 100},
}


def _cluster(name: str, protocol: dict[str, Any], addresses: Sequence[Address], options: RouterOptions) -> Resource:
    return {
        "@type": _CLUSTER,
        "name": name,
        "type": "STATIC",
        "load_assignment": _load_assignment(name, addresses),
        "connect_timeout": seconds(options.connect_timeout),
        "lb_policy": "LEAST_REQUEST",
        "circuit_breakers": {"thresholds": [_THRESHOLDS]},
        "outlier_detection": _OUTLIERS,
        "typed_extension_protocol_options": _protocol_options(protocol),
    }


def _protocol_options(protocol: dict[str, Any]) -> Resource:
    name = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    content = {
        "explicit_http_config": protocol,
        "common_http_protocol_options": {"idle_timeout": seconds(IDLE_SECONDS)},
    }
    return {name: extension(name, content)}


def mirror_clusters(listener: str) -> list[Resource]:
    """The clusters that lead copies of requests, over HTTP/1.1 and over gRPC, to an internal listener of this Envoy.

    Envoy's usual limits hold for them: where a candidate hangs, further copies are dropped and no router is filled up.
    """
    protocols: list[tuple[str, dict[str, Any]]] = [
        (MIRROR_CLUSTER, {"http_protocol_options": {}}),
        (grpc_cluster(MIRROR_CLUSTER), {"http2_protocol_options": {}}),
    ]
    address = {"envoy_internal_address": {"server_listener_name": listener}}
    return [
        {
            "@type": _CLUSTER,
            "name": name,
            "type": "STATIC",
            "load_assignment": {
                "cluster_name": name,
                "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
            },
            "typed_extension_protocol_options": _protocol_options(protocol),
        }
        for name, protocol in protocols
    ]


def _admin_cluster(options: RouterOptions) -> Resource:
    return {
        "@type": _CLUSTER,
        "name": ADMIN_CLUSTER,
        "type": "STATIC",
        "load_assignment": _load_assignment(ADMIN_CLUSTER, [("127.0.0.1", options.admin_port)]),
        "connect_timeout": "1s",
    }


def _load_assignment(name: str, addresses: Sequence[Address]) -> Resource:
    endpoints = [{"endpoint": {"address": socket_address(*address)}} for address in addresses]
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}


def _addresses(cluster: Mapping[str, Any]) -> list[Address]:
    sockets = [
        endpoint["endpoint"]["address"]["socket_address"]
        for locality in cluster["load_assignment"]["endpoints"]
        for endpoint in locality["lb_endpoints"]
    ]
    return [(socket["address"], socket["port_value"]) for socket in sockets]
