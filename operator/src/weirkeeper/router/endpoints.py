"""EndpointSlices as the addresses that a revision's requests may go to. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from weirkeeper.api import names


class Endpoint(NamedTuple):
    """A pod's IP address, and the ports on which it takes HTTP/1.1 and gRPC."""

    address: str
    http: int
    grpc: int


def endpoints(slices: Iterable[Mapping[str, Any]]) -> dict[str, AbstractSet[Endpoint]]:
    """Where each revision's pods answer.

    Ready pods; where a revision has none, those that are ending and still serve: to be answered by a pod that goes is
    better than by nobody.
    """
    ready: dict[str, set[Endpoint]] = defaultdict(set)
    serving: dict[str, set[Endpoint]] = defaultdict(set)
    for endpoint_slice in slices:
        revision = endpoint_slice["metadata"].get("labels", {}).get(names.LABEL_REVISION)
        http = _port(endpoint_slice, names.HTTP_PORT_NAME)
        if not revision or http is None:
            continue
        # A server that names no port for gRPC has one port for both.
        grpc = _port(endpoint_slice, names.GRPC_PORT_NAME) or http
        for endpoint in endpoint_slice.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            found = {Endpoint(address, http, grpc) for address in endpoint.get("addresses") or ()}
            # An absent condition means unknown, which counts as ready (EndpointSlice API).
            if conditions.get("ready", True):
                ready[revision] |= found
            elif conditions.get("serving", False):
                serving[revision] |= found
    return {revision: ready.get(revision) or serving[revision] for revision in {*ready, *serving}}


def _port(endpoint_slice: Mapping[str, Any], name: str) -> int | None:
    ports = endpoint_slice.get("ports") or ()
    return next((port.get("port") for port in ports if port.get("name") == name), None)
