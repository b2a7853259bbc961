"""Revisions and their pods as Envoy's clusters and endpoints. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from weirkeeper.router.files import EnvoyFiles
from weirkeeper.router.options import RouterOptions
from weirkeeper.router.resources import Resource, extension, file_source, seconds

GRPC_SUFFIX: Final = ".grpc"

# Servers that close idle connections do it after 5 s or more (uvicorn, Node.js: 5 s). A shorter time on this side
# means that a request is never sent into a connection that its server is just closing.
IDLE_SECONDS: Final = 4.0

UNLIMITED: Final = 1_000_000


def grpc_cluster(revision: str) -> str:
    """Name the cluster that takes a revision's gRPC requests."""
    return revision + GRPC_SUFFIX


def clusters(revisions: Iterable[str], options: RouterOptions) -> list[Resource]:
    """Two clusters a revision: HTTP/1.1, and HTTP/2 for gRPC; both read the same file of endpoints."""
    files = EnvoyFiles(options.directory)
    return [
        cluster
        for revision in sorted(revisions)
        for cluster in (
            _cluster(revision, revision, {"http_protocol_options": {}}, files, options),
            _cluster(grpc_cluster(revision), revision, {"http2_protocol_options": _HTTP2}, files, options),
        )
    ]


def load_assignment(revision: str, endpoints: Iterable[tuple[str, int]]) -> Resource:
    """The pods of a revision, as (address, port); none is a statement, too."""
    return {
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": revision,
        "endpoints": [{"lb_endpoints": [_endpoint(address, port) for address, port in sorted(endpoints)]}],
    }


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


def _cluster(name: str, revision: str, protocol: dict[str, Any], files: EnvoyFiles, options: RouterOptions) -> Resource:
    return {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": name,
        "type": "EDS",
        "eds_cluster_config": {"service_name": revision, "eds_config": file_source(files.endpoints(revision))},
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


def _endpoint(address: str, port: int) -> dict[str, Any]:
    return {"endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}}}
