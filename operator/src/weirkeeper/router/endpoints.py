"""EndpointSlices as the addresses that a revision's requests may go to. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from weirkeeper.api import names

Address: TypeAlias = tuple[str, int]
"""(IP address, port)."""


def addresses(slices: Iterable[Mapping[str, Any]]) -> dict[str, AbstractSet[Address]]:
    """Where each revision's pods answer.

    Ready pods; where a revision has none, those that are ending and still serve: to be answered by a pod that goes is
    better than by nobody.
    """
    ready: dict[str, set[Address]] = defaultdict(set)
    serving: dict[str, set[Address]] = defaultdict(set)
    for endpoint_slice in slices:
        revision = endpoint_slice["metadata"].get("labels", {}).get(names.LABEL_REVISION)
        port = _port(endpoint_slice)
        if not revision or port is None:
            continue
        for endpoint in endpoint_slice.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            found = {(address, port) for address in endpoint.get("addresses") or ()}
            # An absent condition means unknown, which counts as ready (EndpointSlice API).
            if conditions.get("ready", True):
                ready[revision] |= found
            elif conditions.get("serving", False):
                serving[revision] |= found
    return {revision: ready.get(revision) or serving[revision] for revision in {*ready, *serving}}


def _port(endpoint_slice: Mapping[str, Any]) -> int | None:
    ports = endpoint_slice.get("ports") or ()
    return next((port.get("port") for port in ports if port.get("name") == names.HTTP_PORT_NAME), None)
