"""What Envoy is started with: its listeners, and where it reads the rest. Pure."""

from __future__ import annotations

from typing import Final

from weirkeeper.api import names
from weirkeeper.router.clusters import UNLIMITED, mirror_clusters
from weirkeeper.router.files import EnvoyFiles
from weirkeeper.router.options import RouterOptions
from weirkeeper.router.resources import Resource, added_header, extension, file_source, seconds, socket_address
from weirkeeper.router.routes import ROUTES_NAME, readiness_route

STAT_PREFIX: Final = "in"
OUTCOMES: Final = "outcomes"
LATENCY: Final = "latency"
MIRROR_LISTENER: Final = "mirror"

_MIRROR_CLUSTERS: Final = mirror_clusters(MIRROR_LISTENER)

# Envoy adds up its workers' histograms when it flushes, and what its admin port tells is as old: much less than a slot.
FLUSH_SECONDS: Final = 1.0

MOST_CONNECTIONS: Final = 50_000

_HCM: Final = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


def bootstrap(options: RouterOptions) -> Resource:
    """What Envoy is started with: its admin port on loopback, its listeners, and where the rest is read."""
    files = EnvoyFiles(options.directory)
    return {
        "node": {"id": options.pod, "cluster": options.namespace},
        "admin": {"address": socket_address("127.0.0.1", options.admin_port)},
        "static_resources": {
            "listeners": [_requests(options, files), _copies(files), _readiness(options)],
            "clusters": [{key: value for key, value in one.items() if key != "@type"} for one in _MIRROR_CLUSTERS],
        },
        "bootstrap_extensions": [
            _filter(
                "envoy.bootstrap.internal_listener",
                "envoy.extensions.bootstrap.internal_listener.v3.InternalListener",
                {},
            )
        ],
        "layered_runtime": {
            # Regular expressions were checked when they were given; one that Envoy finds too large would hold up the
            # routes of all Models.
            "layers": [{"name": "static", "static_layer": {"re2.max_program_size.error_level": UNLIMITED}}]
        },
        "stats_flush_interval": seconds(FLUSH_SECONDS),
        "dynamic_resources": {"cds_config": file_source(files.clusters)},
        "overload_manager": {
            "resource_monitors": [
                _filter(
                    "envoy.resource_monitors.global_downstream_max_connections",
                    "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                    {"max_active_downstream_connections": MOST_CONNECTIONS},
                )
            ]
        },
    }


def _requests(options: RouterOptions, files: EnvoyFiles) -> Resource:
    """The listener that clients use: HTTP/1.1 and HTTP/2 without TLS on one port."""
    return {
        "name": STAT_PREFIX,
        "address": socket_address(options.listen_address, options.http_port),
        # Nobody can pretend that a request is a copy or of an arm.
        "filter_chains": [{"filters": [_connection_manager(files, STAT_PREFIX, {"remove": names.HEADER_ARM})]}],
    }


def _copies(files: EnvoyFiles) -> Resource:
    """The listener for copies of requests, which only this Envoy itself can reach: it marks them, and counts them."""
    mark = {"append": added_header(names.HEADER_ARM, names.MIRROR)}
    return {
        "name": MIRROR_LISTENER,
        "internal_listener": {},
        "ignore_global_conn_limit": True,
        "filter_chains": [{"filters": [_connection_manager(files, MIRROR_LISTENER, mark)]}],
    }


def _connection_manager(files: EnvoyFiles, stat_prefix: str, mutation: Resource) -> Resource:
    return _filter(
        "envoy.filters.network.http_connection_manager",
        _HCM,
        {
            "stat_prefix": stat_prefix,
            "early_header_mutation_extensions": [
                _filter(
                    "envoy.http.early_header_mutation.header_mutation",
                    "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                    {"mutations": [mutation]},
                )
            ],
            "codec_type": "AUTO",
            "rds": {"route_config_name": ROUTES_NAME, "config_source": file_source(files.routes)},
            "http_filters": [_ROUTER],
            "access_log": [_COUNTED_OUTCOMES],
            # Envoy's own refusals in the form in which model servers have theirs.
            "local_reply_config": {"body_format": {"json_format": {"error": "%LOCAL_REPLY_BODY%"}}},
            "use_remote_address": True,
            # Nobody is internal: x-envoy-… headers of a client, which could change retries, are dropped.
            "internal_address_config": {"cidr_ranges": [{"address_prefix": "0.0.0.0", "prefix_len": 32}]},  # noqa: S104
            "preserve_external_request_id": True,
            "normalize_path": True,
            "merge_slashes": True,
            "path_with_escaped_slashes_action": "REJECT_REQUEST",
            "strip_trailing_host_dot": True,
            "generate_request_id": True,
            "always_set_request_id_in_response": True,
            "max_request_headers_kb": 60,
            "request_headers_timeout": "10s",
            "stream_idle_timeout": "300s",
            "common_http_protocol_options": {"max_headers_count": 100},
            "http2_protocol_options": {
                "max_concurrent_streams": 1000,
                "initial_stream_window_size": 1 << 20,
                "initial_connection_window_size": 1 << 24,
            },
        },
    )


def _readiness(options: RouterOptions) -> Resource:
    manager = _filter(
        "envoy.filters.network.http_connection_manager",
        _HCM,
        {"stat_prefix": "readiness", "route_config": readiness_route(), "http_filters": [_ROUTER]},
    )
    return {
        "name": "readiness",
        "address": socket_address(options.listen_address, options.ready_port),
        "ignore_global_conn_limit": True,
        "filter_chains": [{"filters": [manager]}],
    }


def _filter(name: str, kind: str, content: Resource) -> Resource:
    return {"name": name, "typed_config": extension(kind, content)}


_COUNTED_OUTCOMES: Final = {
    # No line is written: this counts each request once, when it ended, by the cluster that it was meant for and how it
    # ended, and how long it took with all its tries. A cluster's own statistics do not serve: most of them begin anew
    # when its endpoints change, they have an answer that broke off among the good ones, and gRPC statuses are counted
    # by another filter.
    "name": "envoy.access_loggers.stats",
    "typed_config": extension(
        "envoy.extensions.access_loggers.stats.v3.Config",
        {
            "stats_scope": {"prefix": OUTCOMES},
            "counters": [
                {
                    "stat": {
                        "name": "requests",
                        "tags": [
                            {"name": "cluster", "value_format": "%UPSTREAM_CLUSTER%"},
                            {"name": "end", "value_format": "%RESPONSE_CODE%,%GRPC_STATUS_NUMBER%,%RESPONSE_FLAGS%"},
                        ],
                    },
                    "value_fixed": 1,
                }
            ],
            "histograms": [
                {
                    "stat": {"name": LATENCY, "tags": [{"name": "cluster", "value_format": "%UPSTREAM_CLUSTER%"}]},
                    "unit": "Milliseconds",
                    "value_format": "%DURATION%",
                }
            ],
        },
    ),
}

_ROUTER: Final = _filter("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router", {})
