"""The kinds that we read or write, and where the API server has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from weirkeeper.api import names


@dataclass(frozen=True)
class Resource:
    """A namespaced kind: `api_version` as in manifests, `plural` as in paths."""

    api_version: str
    kind: str
    plural: str

    def path(self, namespace: str | None, name: str = "", subresource: str = "") -> str:
        """The path of one object, or of all in `namespace`, or of all (None)."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        within = f"/namespaces/{namespace}" if namespace is not None else ""
        tail = "".join(f"/{part}" for part in (name, subresource) if part)
        return f"{root}{within}/{self.plural}{tail}"


MODEL: Final = Resource(names.API_VERSION, names.MODEL_KIND, names.MODELS)
ROLLOUT: Final = Resource(names.API_VERSION, names.ROLLOUT_KIND, names.ROLLOUTS)
MONITOR: Final = Resource(names.API_VERSION, names.MONITOR_KIND, names.MONITORS)
DEPLOYMENT: Final = Resource("apps/v1", "Deployment", "deployments")
CONTROLLER_REVISION: Final = Resource("apps/v1", "ControllerRevision", "controllerrevisions")
SERVICE: Final = Resource("v1", "Service", "services")
CONFIG_MAP: Final = Resource("v1", "ConfigMap", "configmaps")
SERVICE_ACCOUNT: Final = Resource("v1", "ServiceAccount", "serviceaccounts")
NAMESPACE: Final = Resource("v1", "Namespace", "namespaces")
"""Not namespaced itself, and read by its name alone: a Role may allow that, and neither a list nor a watch."""
SECRET: Final = Resource("v1", "Secret", "secrets")
"""Made and never looked at: the operator reads no Secret."""

POD: Final = Resource("v1", "Pod", "pods")
ROLE_BINDING: Final = Resource("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings")
DISRUPTION_BUDGET: Final = Resource("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
JOB: Final = Resource("batch/v1", "Job", "jobs")
CRON_JOB: Final = Resource("batch/v1", "CronJob", "cronjobs")
"""Read by name where a gate names one; never made."""

ENDPOINT_SLICE: Final = Resource("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
LEASE: Final = Resource("coordination.k8s.io/v1", "Lease", "leases")
EVENT: Final = Resource("events.k8s.io/v1", "Event", "events")

OURS: Final = (MODEL, ROLLOUT, MONITOR)
"""Kinds of our own group: all objects of them are looked at."""

CHILDREN: Final = (
    DEPLOYMENT,
    SERVICE,
    CONTROLLER_REVISION,
    CONFIG_MAP,
    SERVICE_ACCOUNT,
    ROLE_BINDING,
    DISRUPTION_BUDGET,
    JOB,
)
"""Kinds that we make: only objects that carry our label are looked at."""

SELECTORS: Final[Mapping[Resource, str]] = {
    **dict.fromkeys(OURS, ""),
    **dict.fromkeys(CHILDREN, f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"),
    ENDPOINT_SLICE: names.LABEL_COMPONENT,
}
"""Every kind that is kept in the cache, with the label selector by which it is listed and watched."""

WATCHED: Final = (*OURS, DEPLOYMENT, SERVICE, JOB, ENDPOINT_SLICE)
"""Kinds whose changes by others must be seen at once; the rest is listed now and then."""

_ALL: Final = {
    (resource.api_version, resource.kind): resource
    for resource in (*OURS, *CHILDREN, ENDPOINT_SLICE, POD, LEASE, EVENT, SECRET, CRON_JOB)
}
_BY_KIND: Final = {resource.kind: resource for resource in _ALL.values()}


def resource_of(manifest: Mapping[str, Any]) -> Resource:
    """The resource of a manifest, by its apiVersion and kind.

    Raises:
        KeyError: it is none that we read or write.
    """
    return _ALL[manifest["apiVersion"], manifest["kind"]]


def resource_of_kind(kind: str) -> Resource:
    """The resource of a kind that we read or write.

    Raises:
        KeyError: it is none.
    """
    return _BY_KIND[kind]
