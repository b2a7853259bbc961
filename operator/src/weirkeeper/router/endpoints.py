"""EndpointSlices as the addresses that a revision's requests may go to. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias

from weirkeeper.api import names

Address: TypeAlias = tuple[str, int]
"""(IP address, port)."""

GRPC_SUFFIX: Final = ".grpc"


def grpc_cluster(revision: str) -> str:
    """Name the cluster that takes a revision's gRPC requests; no revision has a dot in its name."""
    return revision + GRPC_SUFFIX


def addresses(slices: Iterable[Mapping[str, Any]]) -> dict[str, AbstractSet[Address]]:
    """Where each revision's pods answer, by the revision's name; gRPC by `grpc_cluster`, where it has its own port.

    Ready pods; where a revision has none, those that are ending and still serve: to be answered by a pod that goes is
    better than by nobody.
    """
    ready: dict[str, set[Address]] = defaultdict(set)
    serving: dict[str, set[Address]] = defaultdict(set)
    for endpoint_slice in slices:
        revision = endpoint_slice["metadata"].get("labels", {}).get(names.LABEL_REVISION)
        if not revision:
            continue
        for name, port in _ports(revision, endpoint_slice).items():
            for endpoint in endpoint_slice.get("endpoints") or ():
                conditions = endpoint.get("conditions") or {}
                found = {(address, port) for address in endpoint.get("addresses") or ()}
                # An absent condition means unknown, which counts as ready (EndpointSlice API).
                if conditions.get("ready", True):
                    ready[name] |= found
                elif conditions.get("serving", False):
                    serving[name] |= found
    return {name: ready.get(name) or serving[name] for name in {*ready, *serving}}


def _ports(revision: str, endpoint_slice: Mapping[str, Any]) -> dict[str, int]:
    """The port of each cluster that a slice has one for."""
    clusters = {names.HTTP_PORT_NAME: revision, names.GRPC_PORT_NAME: grpc_cluster(revision)}
    ports = {port.get("name"): port.get("port") for port in endpoint_slice.get("ports") or ()}
    return {cluster: port for name, cluster in clusters.items() if isinstance(port := ports.get(name), int)}
