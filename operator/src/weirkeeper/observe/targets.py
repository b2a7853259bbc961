"""Whom to ask for evidence: router agents and model pods, read off their EndpointSlices."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from weirkeeper.api.names import (
    COMPONENT_MODEL,
    COMPONENT_ROUTER,
    EVIDENCE_PORT_NAME,
    LABEL_COMPONENT,
    LABEL_MODEL,
    LABEL_REVISION,
    PROBE_PORT,
)


@dataclass(frozen=True)
class RouterTarget:
    """A router pod that counts: its endpoint is ready or serving."""

    namespace: str
    name: str
    uid: str
    address: str


@dataclass(frozen=True)
class PodTarget:
    """A model pod that has an address, ready or not: it tells why it is not.

    `probed` where the server is not ours, and who answers stands beside it, on another port.
    """

    namespace: str
    name: str
    uid: str
    address: str
    model: str
    revision: str
    probed: bool = False


@dataclass(frozen=True)
class Targets:
    """All pods to be asked, of all namespaces."""

    routers: tuple[RouterTarget, ...] = ()
    pods: tuple[PodTarget, ...] = ()


class TargetsIndex:
    """Targets by namespace and by Model, made once for each change of them."""

    def __init__(self, targets: Targets) -> None:
        self.targets = targets
        self.routers: dict[str, list[RouterTarget]] = {}
        self.pods: dict[tuple[str, str], list[PodTarget]] = {}
        for router in targets.routers:
            self.routers.setdefault(router.namespace, []).append(router)
        for pod in targets.pods:
            self.pods.setdefault((pod.namespace, pod.model), []).append(pod)
        self.all_uids = {router.uid for router in targets.routers} | {pod.uid for pod in targets.pods}
        self.namespaces = frozenset(self.routers) | {namespace for namespace, _ in self.pods}

    def uids(self, key: tuple[str, str]) -> AbstractSet[str]:
        """The UIDs of a Model's pods."""
        return {pod.uid for pod in self.pods.get(key, ())}


def targets_from_slices(slices: Iterable[Mapping[str, Any]]) -> Targets:
    """Read the pods to ask off EndpointSlices (raw objects) that carry the component label.

    A pod that several slices list (two address families) is asked once. Only endpoints that name a pod and have an
    IP address count: the operator calls nothing else.
    """
    routers: dict[str, RouterTarget] = {}
    pods: dict[str, PodTarget] = {}
    for one in slices:
        metadata = one.get("metadata", {})
        labels = metadata.get("labels") or {}
        for endpoint in one.get("endpoints") or ():
            found = _pod_of(endpoint)
            if found is None:
                continue
            name, uid, address = found
            common = {"namespace": str(metadata.get("namespace", "")), "name": name, "uid": uid, "address": address}
            component = labels.get(LABEL_COMPONENT)
            if component == COMPONENT_ROUTER and _counts(endpoint):
                routers.setdefault(uid, RouterTarget(**common))
            elif component == COMPONENT_MODEL and LABEL_MODEL in labels and LABEL_REVISION in labels:
                owner = {"model": labels[LABEL_MODEL], "revision": labels[LABEL_REVISION]}
                pods.setdefault(uid, PodTarget(**common, **owner, probed=_is_probed(one)))
    return Targets(tuple(routers.values()), tuple(pods.values()))


def _is_probed(one: Mapping[str, Any]) -> bool:
    """Whether evidence is on the prober's port: of all that a slice may say, the operator calls two ports only."""
    ports = one.get("ports") or ()
    return any(port.get("name") == EVIDENCE_PORT_NAME and port.get("port") == PROBE_PORT for port in ports)


def _pod_of(endpoint: Mapping[str, Any]) -> tuple[str, str, str] | None:
    reference = endpoint.get("targetRef") or {}
    addresses = endpoint.get("addresses") or ()
    if reference.get("kind") != "Pod" or not reference.get("uid") or not addresses:
        return None
    try:
        ipaddress.ip_address(addresses[0])
    except ValueError:
        return None
    return str(reference.get("name", "")), str(reference["uid"]), str(addresses[0])


def _counts(endpoint: Mapping[str, Any]) -> bool:
    conditions = endpoint.get("conditions") or {}
    # An endpoint without the condition is taken as ready, as the EndpointSlice API asks of its readers.
    return conditions.get("ready") is not False or conditions.get("serving") is True
