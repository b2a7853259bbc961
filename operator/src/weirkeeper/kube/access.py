"""What executor, leader and watches ask of the API server: raw objects in, raw objects out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

from weirkeeper.kube.resources import Resource
from weirkeeper.plan.result import Delete, StatusWrite
from weirkeeper.plan.snapshot import Object


@dataclass(frozen=True)
class Listing:
    """All objects of a kind at one moment, which `resource_version` names."""

    items: tuple[Object, ...]
    resource_version: str


class KubeApi(Protocol):
    """The API server. Every method raises the errors of `weirkeeper.kube.errors`, and nothing else."""

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        """Read one object; None as the namespace of a Namespace."""
        ...

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        label_selector: str = "",
        field_selector: str = "",
    ) -> Listing:
        """Read all objects, of one namespace or of all (None)."""
        ...

    async def apply(self, manifest: Object, *, force: bool = True) -> Object:
        """Server-side apply; without `force` a field that somebody else set otherwise is a Conflict."""
        ...

    async def put_status(self, write: StatusWrite) -> Object:
        """Write a whole status if the object still has the resourceVersion given; else Conflict."""
        ...

    async def create(self, manifest: Object) -> Object:
        """Make an object that must not exist yet; else Conflict."""
        ...

    async def replace(self, manifest: Object) -> Object:
        """Write a whole object if it still has the resourceVersion given in it; else Conflict."""
        ...

    async def delete(self, delete: Delete) -> None:
        """Delete an object if it is still the one that was seen; else Conflict. What it owns goes after it."""
        ...

    def watch(
        self,
        resource: Resource,
        namespace: str | None,
        label_selector: str,
        resource_version: str,
    ) -> AsyncIterator[dict[str, Any]]:
        """The changes since `resource_version` as the API server streams them, until it ends the stream."""
        ...

    async def ping(self) -> None:
        """Ask for the server's version: it answers, or an error is raised."""
        ...
