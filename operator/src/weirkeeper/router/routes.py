"""Which Model's requests go where, as Envoy's route configurations. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from weirkeeper.api import names
from weirkeeper.router.clusters import ADMIN_CLUSTER
from weirkeeper.router.endpoints import grpc_cluster
from weirkeeper.router.options import RouterOptions
from weirkeeper.router.resources import Resource, seconds

ROUTES_NAME: Final = "models"

Split = Sequence[tuple[str, int]]
"""(revision, weight) of a Model; the weights sum to 100, or there is none at all."""

_RETRIES: Final[Resource] = {
    # Only where no server can have begun to work on the request.
    "retry_on": "connect-failure,refused-stream,reset-before-request",
    "num_retries": 3,
    "retry_back_off": {"base_interval": "0.010s", "max_interval": "0.100s"},
    "retry_host_predicate": [
        {
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
            },
        }
    ],
    "host_selection_retry_max_attempts": "5",
}


def route_configuration(splits: Mapping[str, Split], options: RouterOptions) -> Resource:
    """Route each Model by its host names, else by its path, gRPC also by a header; a Model without a split says 503."""
    models = sorted(splits.items())
    return {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": ROUTES_NAME,
        "ignore_port_in_host_matching": True,
        "virtual_hosts": [
            *(_own_host(model, split, options) for model, split in models),
            {
                "name": "*",
                "domains": ["*"],
                "routes": [
                    *(route for model, split in models for route in _shared_host(model, split, options)),
                    _refusal(404, "no such model here", {"prefix": "/"}),
                ],
            },
        ],
    }


def readiness_route() -> Resource:
    """The readiness probe's answer: as Envoy itself says once there is a way to ask it, 503 before."""
    answer = {"match": {"path": "/ready"}, "route": {"cluster": ADMIN_CLUSTER, "timeout": "1s"}}
    host = {"name": "readiness", "domains": ["*"], "routes": [answer]}
    return {"name": "readiness", "validate_clusters": False, "virtual_hosts": [host]}


def host_names(model: str, namespace: str) -> list[str]:
    """The names by which clients call a Model's Service, whatever the cluster's domain is."""
    return [model, f"{model}.{namespace}", f"{model}.{namespace}.svc", f"{model}.{namespace}.svc.*"]


def _own_host(model: str, split: Split, options: RouterOptions) -> Resource:
    return {
        "name": model,
        "domains": host_names(model, options.namespace),
        "routes": [
            _route({"prefix": "/", "grpc": {}}, model, split, options, grpc=True),
            _route({"prefix": "/"}, model, split, options),
        ],
    }


def _shared_host(model: str, split: Split, options: RouterOptions) -> list[Resource]:
    header = {"name": names.HEADER_MODEL, "string_match": {"exact": model}}
    path = f"/v2/models/{model}"
    return [
        _route({"prefix": "/", "grpc": {}, "headers": [header]}, model, split, options, grpc=True),
        _route({"path_separated_prefix": path}, model, split, options),
    ]


def _route(match: Resource, model: str, split: Split, options: RouterOptions, *, grpc: bool = False) -> Resource:
    if not split:
        return _refusal(503, f"model {model} has no revision in service", match)
    return {
        "match": match,
        "route": {
            "weighted_clusters": {"clusters": [_share(*share, grpc=grpc) for share in split if share[1]]},
            "timeout": seconds(options.route_timeout),
            "retry_policy": _RETRIES,
        },
    }


def _share(revision: str, weight: int, *, grpc: bool) -> Resource:
    return {
        "name": grpc_cluster(revision) if grpc else revision,
        "weight": weight,
        "response_headers_to_add": [_header(names.HEADER_REVISION, revision)],
    }


def _refusal(status: int, message: str, match: Resource) -> Resource:
    headers = [_header("retry-after", "5")] if status == HTTPStatus.SERVICE_UNAVAILABLE else []
    return {
        "match": match,
        "direct_response": {"status": status, "body": {"inline_string": message}},
        "response_headers_to_add": headers,
    }


def _header(key: str, value: str) -> dict[str, Any]:
    return {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
