"""Which Model's requests go where, as Envoy's route configurations. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from weirkeeper.api import names
from weirkeeper.router.clusters import ADMIN_CLUSTER, GRPC_SUFFIX, MIRROR_CLUSTER, grpc_cluster
from weirkeeper.router.matchers import ARM_IS_MIRROR, also, caller_matchers
from weirkeeper.router.options import RouterOptions
from weirkeeper.router.resources import Resource, added_header, seconds
from weirkeeper.router.sticking import divided
from weirkeeper.router.traffic import Applied

ROUTES_NAME: Final = "models"

MIRROR_PATIENCE: Final = 0.98
"""A copy is given up so much sooner than its own request: as late as that, Envoy would only see that it was dropped."""

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

_Places = list[tuple[Resource, bool]]
"""What tells a Model's requests, and whether these are those over gRPC."""


def route_configuration(applied: Mapping[str, Applied], options: RouterOptions) -> Resource:
    """Route each Model by its host names, else by its path, gRPC also by a header; a Model without a split says 503."""
    models = sorted(applied.items())
    shared = [(model, one, _shared_host(model)) for model, one in models]
    return {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": ROUTES_NAME,
        "ignore_port_in_host_matching": True,
        "virtual_hosts": [
            *(_own_host(model, one, options) for model, one in models),
            {
                "name": "*",
                "domains": ["*"],
                "routes": [
                    *(route for _, one, places in shared for route in _copies(one, places, options)),
                    _NO_COPIES,
                    *(route for model, one, places in shared for route in _requests(model, one, places, options)),
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


def _own_host(model: str, one: Applied, options: RouterOptions) -> Resource:
    places: _Places = [({"prefix": "/", "grpc": {}}, True), ({"prefix": "/"}, False)]
    routes = [*_copies(one, places, options), _NO_COPIES, *_requests(model, one, places, options)]
    return {"name": model, "domains": host_names(model, options.namespace), "routes": routes}


def _shared_host(model: str) -> _Places:
    header = {"name": names.HEADER_MODEL, "string_match": {"exact": model}}
    path = {"path_separated_prefix": f"/v2/models/{model}"}
    return [({"prefix": "/", "grpc": {}, "headers": [header]}, True), (path, False)]


def _copies(one: Applied, places: _Places, options: RouterOptions) -> Iterator[Resource]:
    """Where the copies of requests go, which come through a listener of their own."""
    if one.beside.mirrored:
        for match, grpc in places:
            action = {"cluster": _cluster(one.beside.mirrored, grpc=grpc)}
            yield {
                "match": also(match, ARM_IS_MIRROR),
                "route": action | _limits(options.route_timeout * MIRROR_PATIENCE),
            }


def _requests(model: str, one: Applied, places: _Places, options: RouterOptions) -> Iterator[Resource]:
    """Where requests go: those of callers that match first, the others by the split."""
    for match, grpc in places:
        if not one.split:
            yield _refusal(503, f"model {model} has no revision in service", match)
            continue
        yield from _matched(one, match, options, grpc=grpc)
        action: Resource = {"weighted_clusters": {"clusters": _shares(one, grpc=grpc)}} | _limits(options.route_timeout)
        if one.beside.mirrored:
            action["request_mirror_policies"] = [_mirroring(one.beside.percent, grpc=grpc)]
        yield from divided({"match": match, "route": action}, one.beside)


def _matched(one: Applied, match: Resource, options: RouterOptions, *, grpc: bool) -> Iterator[Resource]:
    arm = one.beside.matched
    for callers in one.beside.callers:
        yield {
            "match": also(match, *caller_matchers(callers)),
            "route": {"cluster": _cluster(arm, grpc=grpc)} | _limits(options.route_timeout),
            "request_headers_to_add": [added_header(names.HEADER_ARM, names.MATCH)],
            "response_headers_to_add": [added_header(names.HEADER_REVISION, names.revision_of(arm))],
        }


def _shares(one: Applied, *, grpc: bool) -> list[Resource]:
    """Each revision's share; a bucket belongs to the first of them whose weights so far are above it."""
    ordered = sorted(one.split, key=lambda share: share[0] != one.beside.first)
    return [_share(*share, grpc=grpc) for share in ordered if share[1]]


def _share(revision: str, weight: int, *, grpc: bool) -> Resource:
    return {
        "name": _cluster(revision, grpc=grpc),
        "weight": weight,
        "response_headers_to_add": [added_header(names.HEADER_REVISION, revision)],
    }


def _mirroring(percent: int, *, grpc: bool) -> Resource:
    return {
        "cluster": MIRROR_CLUSTER + (GRPC_SUFFIX if grpc else ""),
        "runtime_fraction": {"default_value": {"numerator": percent, "denominator": "HUNDRED"}},
        # A copy is routed by the host that its request named.
        "disable_shadow_host_suffix_append": True,
    }


def _limits(timeout: float) -> Resource:
    return {"timeout": seconds(timeout), "retry_policy": _RETRIES}


def _cluster(arm: str, *, grpc: bool) -> str:
    return grpc_cluster(arm) if grpc else arm


def _refusal(status: int, message: str, match: Resource) -> Resource:
    headers = [added_header("retry-after", "5")] if status == HTTPStatus.SERVICE_UNAVAILABLE else []
    return {
        "match": match,
        "direct_response": {"status": status, "body": {"inline_string": message}},
        "response_headers_to_add": headers,
    }


# A copy that was made by former routes must not become a request.
_NO_COPIES: Final[dict[str, Any]] = _refusal(404, "no copies are asked for", also({"prefix": "/"}, ARM_IS_MIRROR))
