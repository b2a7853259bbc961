"""Envoy's counters as outcomes of each revision's requests. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import astuple, dataclass, replace
from typing import Any, Final

from weirkeeper.router.listeners import INTERRUPTED, STAT_PREFIX
from weirkeeper.router.routes import ROUTES_NAME

VERSION_STAT: Final = f"http.{STAT_PREFIX}.rds.{ROUTES_NAME}.version_text"
CONNECTIONS_STAT: Final = f"http.{STAT_PREFIX}.downstream_cx_active"

STATS_FILTER: Final = (
    r"^(cluster\.[-a-z0-9]+(\.grpc)?\.(upstream_rq_(completed|retry|active|[1-5][0-9][0-9])|grpc\.(total|[0-9]+))"
    rf"|{INTERRUPTED}\.requests\.cluster\..*|{re.escape(VERSION_STAT)})$"
)
"""What to ask the admin port for."""

_CLUSTER_STAT: Final = re.compile(r"cluster\.([-a-z0-9]+)(\.grpc)?\.(upstream_rq_[a-z0-9]+|grpc\.[a-z0-9]+)")
_INTERRUPTED_STAT: Final = re.compile(rf"{INTERRUPTED}\.requests\.cluster\.([-a-z0-9]+)(\.grpc)?")

# Refusals that say nothing about a model: who may ask, how much, how often (401, 403, 413, 429).
_CLIENTS_OWN: Final = frozenset({401, 403, 413, 429})

# What a server, not its client, is to be blamed for, as OpenTelemetry's conventions for gRPC server spans have it:
# UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS.
_GRPC_FAILED: Final = frozenset({2, 4, 12, 13, 14, 15})

# Where Envoy answers a gRPC request itself, it counts one of these and a gRPC status: the latter is taken.
_ANSWERED_BY_ENVOY: Final = frozenset({502, 503, 504})

_CLIENT_ERROR: Final = 400
_SERVER_ERROR: Final = 500


@dataclass(frozen=True)
class Counts:
    """Final outcomes of a revision's requests, cumulative; `bad` and `failed` as in delivery.evidence.Outcomes.

    A retried request counts once, by how it ended; each further try is one of `retries`.
    """

    total: int = 0
    bad: int = 0
    failed: int = 0
    retries: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: Counts) -> Counts:
        return Counts(*(mine - theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    @property
    def is_valid(self) -> bool:
        """Whether no count is below zero, which a difference of counters that began anew has."""
        return all(count >= 0 for count in astuple(self))


@dataclass(frozen=True)
class Reading:
    """One reading of Envoy: the version of the routes in force, and by revision counts and requests under way."""

    version: str
    counts: Mapping[str, Counts]
    active: Mapping[str, int]


def read_stats(stats: Mapping[str, Any]) -> Reading:
    """Sum up what the admin port answered for STATS_FILTER, both clusters of a revision together."""
    clusters: dict[tuple[str, bool], dict[str, int]] = defaultdict(dict)
    for name, value in stats.items():
        if found := _CLUSTER_STAT.fullmatch(name):
            clusters[found[1], bool(found[2])][found[3]] = value
        elif found := _INTERRUPTED_STAT.fullmatch(name):
            clusters[found[1], bool(found[2])][INTERRUPTED] = value
    counts: dict[str, Counts] = defaultdict(Counts)
    active: dict[str, int] = defaultdict(int)
    for (revision, is_grpc), cluster in clusters.items():
        counts[revision] += _grpc_counts(cluster) if is_grpc else _http_counts(cluster)
        active[revision] += cluster.get("upstream_rq_active", 0)
    return Reading(str(stats.get(VERSION_STAT, "")), dict(counts), dict(active))


def _http_counts(cluster: Mapping[str, int]) -> Counts:
    return (
        replace(_answers(cluster, frozenset()), total=cluster.get("upstream_rq_completed", 0))
        + Counts(retries=cluster.get("upstream_rq_retry", 0))
        # These had a good status and are among the completed ones.
        + Counts(bad=cluster.get(INTERRUPTED, 0), failed=cluster.get(INTERRUPTED, 0))
    )


def _grpc_counts(cluster: Mapping[str, int]) -> Counts:
    # grpc_stats knows each request that ended with a gRPC status: not those that were interrupted, and not those that
    # were answered by something that does not speak gRPC at all.
    interrupted, with_status = cluster.get(INTERRUPTED, 0), cluster.get("grpc.total", 0)
    return (
        _answers(cluster, _ANSWERED_BY_ENVOY)
        + Counts(total=interrupted, bad=interrupted, failed=interrupted)
        + Counts(
            total=with_status,
            bad=with_status - cluster.get("grpc.0", 0),
            failed=sum(cluster.get(f"grpc.{status}", 0) for status in _GRPC_FAILED),
            retries=cluster.get("upstream_rq_retry", 0),
        )
    )


def _answers(cluster: Mapping[str, int], apart_from: AbstractSet[int]) -> Counts:
    """Count the answers with a status of 400 and above."""
    prefix = "upstream_rq_"
    codes = {int(name.removeprefix(prefix)): n for name, n in cluster.items() if name.removeprefix(prefix).isdigit()}
    errors = {code: n for code, n in codes.items() if code >= _CLIENT_ERROR and code not in apart_from}
    return Counts(
        total=sum(errors.values()),
        bad=sum(n for code, n in errors.items() if code not in _CLIENTS_OWN),
        failed=sum(n for code, n in errors.items() if code >= _SERVER_ERROR),
    )
