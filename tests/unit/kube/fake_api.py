"""An API server of a few lines, for tests of what speaks to it: versions, compare and swap, preconditions."""

import copy
import itertools
from collections.abc import AsyncIterator
from typing import Any

from weirkeeper.api.names import FIELD_MANAGER
from weirkeeper.kube.access import Listing
from weirkeeper.kube.cache import Place, place_of
from weirkeeper.kube.errors import Conflict, KubeError, NotFound
from weirkeeper.kube.resources import Resource
from weirkeeper.plan.result import Delete, StatusWrite
from weirkeeper.plan.snapshot import Object

DEFAULTS = {"Service": {"type": "ClusterIP"}}
CANONICAL = {"0.5": "500m"}


class FakeApi:
    """Objects in memory. `writes` records (verb, kind, name); `fail` maps a verb to what it raises.

    `pruned` are status fields that are not kept; `overtaken` has somebody else be faster at every replace.
    """

    def __init__(self) -> None:
        self.objects: dict[Place, dict[str, Any]] = {}
        self.writes: list[tuple[str, str, str]] = []
        self.reads: list[tuple[str, str]] = []
        self.forced: list[bool] = []
        self.fail: dict[str, KubeError] = {}
        self.listed_in: set[str | None] = set()
        self.pruned: set[str] = set()
        self.overtaken = False
        self.watched: list[tuple[str, str | None, str]] = []
        self.streams: list[list[dict[str, Any] | KubeError]] = []
        self._versions = itertools.count(1)
        self._uids = itertools.count(1)

    def put(self, manifest: Object, *, ours: bool = True, applied: Object | None = None) -> dict[str, Any]:
        """Have an object there, as if somebody had made or changed it; we own what was `applied`, else all of it."""
        place, item = place_of(manifest), copy.deepcopy(dict(manifest))
        known = self.objects.get(place)
        uid = known["metadata"]["uid"] if known else f"uid-{next(self._uids)}"
        item["metadata"] = {"uid": uid, **item["metadata"], "resourceVersion": str(next(self._versions))}
        if ours:
            item["metadata"]["managedFields"] = [
                {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields_of(applied or manifest)}
            ]
        self.objects[place] = item
        return copy.deepcopy(item)

    async def get(self, resource: Resource, namespace: str | None, name: str) -> Object:
        self._check("get")
        self._check(f"get {resource.kind}")
        self.reads.append(("get", resource.kind))
        return copy.deepcopy(self._known((resource.kind, namespace or name, name)))

    async def list(
        self,
        resource: Resource,
        namespace: str | None,
        label_selector: str = "",
        field_selector: str = "",
    ) -> Listing:
        assert not field_selector, "nobody asks by fields"
        self._check("list")
        self.reads.append(("list", resource.kind))
        self.listed_in.add(namespace)
        wanted = dict(part.split("=") for part in label_selector.split(",") if "=" in part)
        items = [
            copy.deepcopy(item)
            for place, item in self.objects.items()
            if place[0] == resource.kind
            and namespace in {None, place[1]}
            and wanted.items() <= item["metadata"].get("labels", {}).items()
        ]
        return Listing(tuple(items), str(next(self._versions)))

    async def apply(self, manifest: Object, *, force: bool = True) -> Object:
        self._check("apply")
        self.forced.append(force)
        place = place_of(manifest)
        if place in self.objects and not force:
            raise Conflict(f"{place} has fields of another manager")
        before = self.objects.get(place, {})
        spec = {**DEFAULTS.get(place[0], {}), **before.get("spec", {}), **manifest.get("spec", {})}
        spec = {name: CANONICAL.get(str(value), value) for name, value in spec.items()}
        self._wrote("apply", place)
        return self.put({**before, **manifest, "spec": spec, "status": before.get("status", {})}, applied=manifest)

    async def put_status(self, write: StatusWrite) -> Object:
        self._check("status")
        place = (write.kind, write.namespace, write.name)
        known = self._known(place)
        if known["metadata"]["resourceVersion"] != write.resource_version:
            raise Conflict(f"{place} is newer")
        self._wrote("status", place)
        status = {name: value for name, value in write.status.items() if name not in self.pruned}
        return self.put({**known, "status": status})

    async def create(self, manifest: Object) -> Object:
        self._check("create")
        place = place_of(manifest)
        if place in self.objects:
            raise Conflict(f"{place} exists")
        self._wrote("create", place)
        return self.put(manifest)

    async def replace(self, manifest: Object) -> Object:
        self._check("replace")
        place = place_of(manifest)
        if self.overtaken:
            self.put(self.objects[place])
        if self._known(place)["metadata"]["resourceVersion"] != manifest["metadata"]["resourceVersion"]:
            raise Conflict(f"{place} is newer")
        self._wrote("replace", place)
        return self.put(manifest)

    async def delete(self, delete: Delete) -> None:
        self._check("delete")
        place = (delete.kind, delete.namespace, delete.name)
        metadata = self._known(place)["metadata"]
        if metadata["uid"] != delete.uid or delete.resource_version not in {None, metadata["resourceVersion"]}:
            raise Conflict(f"{place} is another")
        self._wrote("delete", place)
        del self.objects[place]

    async def watch(
        self,
        resource: Resource,
        namespace: str | None,
        label_selector: str,
        resource_version: str,
    ) -> AsyncIterator[dict[str, Any]]:
        self.reads.append((f"watch {resource_version}", resource.kind))
        self.watched.append((resource.kind, namespace, label_selector))
        for event in self.streams.pop(0):
            if isinstance(event, KubeError):
                raise event
            yield event

    async def ping(self) -> None:
        self._check("ping")

    def _known(self, place: Place) -> dict[str, Any]:
        if place not in self.objects:
            raise NotFound(f"{place} not found")
        return self.objects[place]

    def _check(self, verb: str) -> None:
        if verb in self.fail:
            raise self.fail[verb]

    def _wrote(self, verb: str, place: Place) -> None:
        self.writes.append((verb, place[0], place[2]))


def fields_of(manifest: Any) -> dict[str, Any]:
    """The fields of a manifest as the API server writes those that were applied."""
    if not isinstance(manifest, dict):
        return {}
    skipped = {"apiVersion", "kind", "name", "namespace", "uid", "resourceVersion", "managedFields", "status"}
    return {f"f:{name}": fields_of(value) for name, value in manifest.items() if name not in skipped}
