"""Revisions and their pods as Envoy's clusters. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from weirkeeper.router.endpoints import GRPC_SUFFIX, Address, grpc_cluster
from weirkeeper.router.options import RouterOptions
from weirkeeper.router.resources import Resource, extension, seconds, socket_address

# No revision has a dot in its name.
ADMIN_CLUSTER: Final = "weirkeeper.admin"

# Servers that close idle connections do it after 5 s or more (uvicorn, Node.js: 5 s). A shorter time on this side
# means that a request is never sent into a connection that its server is just closing.
IDLE_SECONDS: Final = 4.0

UNLIMITED: Final = 1_000_000

_CLUSTER: Final = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


def clusters(
    endpoints: Mapping[str, AbstractSet[Address]], options: RouterOptions, *, is_ready: bool
) -> list[Resource]:
    """Two clusters a revision, HTTP/1.1 and HTTP/2 for gRPC, with the addresses of its pods; none is a statement, too.

    Addresses by the name of the gRPC cluster are those of servers that have a port of its own for gRPC.

    Once the router `is_ready`, also the one to which the readiness probe leads: Envoy's own admin port.
    """
    revisions = [
        cluster
        for revision, addresses in sorted(endpoints.items())
        if not revision.endswith(GRPC_SUFFIX)
        for cluster in (
            _cluster(revision, {"http_protocol_options": {}}, addresses, options),
            _cluster(
                grpc_cluster(revision),
                {"http2_protocol_options": _HTTP2},
                endpoints.get(grpc_cluster(revision), addresses),
                options,
            ),
        )
    ]
    return [*revisions, _admin_cluster(options)] if is_ready else revisions


def read_clusters(found: Iterable[Mapping[str, Any]]) -> tuple[dict[str, AbstractSet[Address]], bool]:
    """Read back what `clusters` wrote: the addresses as it was given them, and whether the router was ready."""
    by_name = {cluster["name"]: _addresses(cluster) for cluster in found}
    is_ready = by_name.pop(ADMIN_CLUSTER, None) is not None
    told = {
        name: addresses
        for name, addresses in by_name.items()
        if not name.endswith(GRPC_SUFFIX) or addresses != by_name.get(name.removesuffix(GRPC_SUFFIX))
    }
    return told, is_ready


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


def _cluster(name: str, protocol: dict[str, Any], addresses: AbstractSet[Address], options: RouterOptions) -> Resource:
    return {
        "@type": _CLUSTER,
        "name": name,
        "type": "STATIC",
        "load_assignment": _load_assignment(name, addresses),
        "connect_timeout": seconds(options.connect_timeout),
        "lb_policy": "LEAST_REQUEST",
        "circuit_breakers": {"thresholds": [_THRESHOLDS]},
        "outlier_detection": _OUTLIERS,
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": extension(
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                {
                    "explicit_http_config": protocol,
                    "common_http_protocol_options": {"idle_timeout": seconds(IDLE_SECONDS)},
                },
            )
        },
    }


def _admin_cluster(options: RouterOptions) -> Resource:
    return {
        "@type": _CLUSTER,
        "name": ADMIN_CLUSTER,
        "type": "STATIC",
        "load_assignment": _load_assignment(ADMIN_CLUSTER, {("127.0.0.1", options.admin_port)}),
        "connect_timeout": "1s",
    }


def _load_assignment(name: str, addresses: AbstractSet[Address]) -> Resource:
    endpoints = [{"endpoint": {"address": socket_address(*address)}} for address in sorted(addresses)]
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}


def _addresses(cluster: Mapping[str, Any]) -> AbstractSet[Address]:
    sockets = [
        endpoint["endpoint"]["address"]["socket_address"]
        for locality in cluster["load_assignment"]["endpoints"]
        for endpoint in locality["lb_endpoints"]
    ]
    return {(socket["address"], socket["port_value"]) for socket in sockets}
