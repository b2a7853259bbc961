"""Envoy's counters as outcomes of each revision's requests. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import astuple, dataclass
from http import HTTPStatus
from typing import Any, Final

from weirkeeper.router.listeners import OUTCOMES, STAT_PREFIX
from weirkeeper.router.routes import ROUTES_NAME

VERSION_STAT: Final = f"http.{STAT_PREFIX}.rds.{ROUTES_NAME}.version_text"
CONNECTIONS_STAT: Final = f"http.{STAT_PREFIX}.downstream_cx_active"

# A revision, or one of its arms (names.arm).
_ARM: Final = r"[-a-z0-9]+(?:~[a-z]+)?"

STATS_FILTER: Final = (
    rf"^({OUTCOMES}\.requests\.cluster\..*|cluster\.{_ARM}(\.grpc)?\.upstream_rq_(retry|active)"
    rf"|{re.escape(VERSION_STAT)})$"
)
"""What to ask the admin port for."""

# outcomes.requests.cluster.<revision>[.grpc].end.<HTTP status>,<gRPC status, derived where there is none>,<flags>
_OUTCOME: Final = re.compile(rf"{OUTCOMES}\.requests\.cluster\.({_ARM})(\.grpc)?\.end\.([0-9]+),([0-9]*),(.*)")
_CLUSTER: Final = re.compile(rf"cluster\.({_ARM})(?:\.grpc)?\.upstream_rq_(retry|active)")

# Refusals that say nothing about a model: who may ask, how much, how often.
_CLIENTS_OWN: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)

# What a server, not its client, is to be blamed for, as OpenTelemetry's conventions for gRPC server spans have it:
# UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. An answer that broke off has UNKNOWN.
_GRPC_FAILED: Final = frozenset({2, 4, 12, 13, 14, 15})

# Envoy's response flags (its documentation, access logging): the client went away; the answer broke off by a reset, a
# time-out or a breach of protocol.
_CLIENT_GONE: Final = frozenset({"DC", "DR"})
_BROKEN_OFF: Final = frozenset({"UC", "UR", "UT", "UPE"})


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


@dataclass(frozen=True)
class Reading:
    """One reading of Envoy: the version of the routes in force, and by revision counts and requests under way."""

    version: str
    counts: Mapping[str, Counts]
    active: Mapping[str, int]


def read_stats(stats: Mapping[str, Any]) -> Reading:
    """Sum up what the admin port answered for STATS_FILTER, both clusters of a revision together."""
    counts: dict[str, Counts] = defaultdict(Counts)
    active: dict[str, int] = defaultdict(int)
    for name, value in stats.items():
        if found := _OUTCOME.fullmatch(name):
            revision, grpc, status, grpc_status, flags = found.groups()
            ended = _grpc_outcome if grpc and int(status) == HTTPStatus.OK else _http_outcome
            one = ended(int(status), int(grpc_status or 0), frozenset(flags.split(",")))
            counts[revision] += Counts(*(value * count for count in astuple(one)))
        elif found := _CLUSTER.fullmatch(name):
            revision, what = found.groups()
            active[revision] += value if what == "active" else 0
            counts[revision] += Counts(retries=value if what == "retry" else 0)
    return Reading(str(stats.get(VERSION_STAT, "")), dict(counts), dict(active))


def _http_outcome(status: int, _grpc_status: int, flags: AbstractSet[str]) -> Counts:
    if flags & _CLIENT_GONE:
        return Counts()
    failed = status >= HTTPStatus.INTERNAL_SERVER_ERROR or (
        status < HTTPStatus.BAD_REQUEST and bool(flags & _BROKEN_OFF)
    )
    bad = failed or (status >= HTTPStatus.BAD_REQUEST and status not in _CLIENTS_OWN)
    return Counts(1, int(bad), int(failed))


def _grpc_outcome(_status: int, grpc_status: int, flags: AbstractSet[str]) -> Counts:
    if flags & _CLIENT_GONE:
        return Counts()
    return Counts(1, int(grpc_status != 0), int(grpc_status in _GRPC_FAILED))
