"""Carries out a plan in its order, and writes nothing that is already so."""

from __future__ import annotations

import base64
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from weirkeeper.kube.access import KubeApi
from weirkeeper.kube.cache import Cache, Place, place_of
from weirkeeper.kube.comparing import as_wanted, digest, essence, is_ours
from weirkeeper.kube.errors import Conflict, Forbidden, Foreign, Invalid, KubeError, NotFound, NotLeading
from weirkeeper.kube.keys import Key
from weirkeeper.kube.notices import Transitions, event_of
from weirkeeper.kube.resources import Resource, resource_of, resource_of_kind
from weirkeeper.plan.result import Create, Delete, Notice, Plan, StatusWrite
from weirkeeper.plan.snapshot import Object

OnWrite = Callable[[str, str], None]
"""Told of each write: its verb and the kind."""

FORGOTTEN_MOST: Final = 256
"""Written objects that are gone and still remembered, at most, beyond as many as there are."""

log = logging.getLogger(__name__)


class Executor:
    """The one who writes. `may_write` is asked before each write; `on_write` is told after it.

    What the API server answers goes into the cache at once, so that the next plan sees it.
    """

    def __init__(
        self,
        api: KubeApi,
        cache: Cache,
        may_write: Callable[[], bool],
        on_write: OnWrite,
        instance: str = "weirkeeper",
    ) -> None:
        self._api = api
        self._cache = cache
        self._may_write = may_write
        self._on_write = on_write
        self._instance = instance
        self._applied: dict[Place, tuple[str, str]] = {}
        self._told: dict[Place, tuple[str, str]] = {}
        self._transitions = Transitions()
        self._refused: dict[Key, dict[Place, str]] = {}

    def refused(self, namespace: str) -> Mapping[tuple[str, str], str]:
        """Why objects that were to be started could not be made, by (kind, name)."""
        refused = (places for key, places in self._refused.items() if key.namespace == namespace)
        return {(kind, name): why for places in refused for (kind, _, name), why in places.items()}

    async def carry_out(self, key: Key, plan: Plan) -> int:
        """Do what `plan` says; give how many writes that took (Events are not counted).

        Raises:
            Conflict: something is not what was planned from; what it is now is in the cache, the rest was not done.
            NotLeading: this process may not write (any more); the rest was not done.
            KubeError: the API server did not do it; the rest was not done.
        """
        self._let_go()
        writes = 0
        for create in plan.creates:
            writes += await self._create(create)
        for manifest in plan.applies:
            writes += await self._apply(manifest)
        for write in plan.statuses:
            writes += await self._put_status(write)
        writes += await self._start_all(key, plan.starts)
        try:
            for delete in plan.deletes:
                writes += await self._delete(delete)
        finally:
            # What was decided stands in the statuses now, and the next plan will not say it again.
            for notice in self._transitions.news(key, plan.notices):
                await self._tell(notice)
        return writes

    async def _create(self, create: Create) -> bool:
        """Make a Secret that may exist already, which only the API server knows.

        What serves does so without it: that it may not be made here, or not now, is told and holds nothing up.
        """
        self._check_leading()
        data = {key: base64.b64encode(secrets.token_bytes(create.size)).decode() for key in create.keys}
        try:
            await self._api.create({**create.manifest, "data": data})
        except Conflict:
            return False
        except (Forbidden, Invalid) as error:
            log.warning("a Secret is not made: %s", error)
            return False
        self._on_write("create", create.manifest["kind"])
        return True

    async def _apply(self, manifest: Object) -> bool:
        place = place_of(manifest)
        live = self._cache.get(*place) or await self._look(resource_of(manifest), *place[1:])
        if live is not None and not is_ours(live):
            raise Foreign(f"{place[0]} {place[1]}/{place[2]} exists and is not ours; it is not touched")
        if live is not None and self._is_applied(manifest, live):
            return False
        self._check_leading()
        try:
            # What nobody was seen to have made is made without force, so that nobody's is taken over by chance.
            done = await self._api.apply(manifest, force=live is not None)
        except Conflict:
            await self._look(resource_of(manifest), *place[1:])
            raise
        self._applied[place] = (digest(manifest), essence(done))
        self._written("apply", done)
        return True

    def _is_applied(self, manifest: Object, live: Object) -> bool:
        """Whether applying would change nothing: all is so, or the same was applied and nobody touched it since.

        The second tells for values that the API server writes in another way than we do (`0.5` and `500m`).
        """
        return as_wanted(manifest, live) or self._applied.get(place_of(live)) == (digest(manifest), essence(live))

    async def _start_all(self, key: Key, manifests: Sequence[Object]) -> int:
        """Make objects that are made once. What was refused is remembered for as long as it is asked for."""
        asked = {place_of(manifest) for manifest in manifests}
        refused = {place: why for place, why in self._refused.pop(key, {}).items() if place in asked}
        if manifests:
            self._refused[key] = refused
        return sum([await self._start(manifest, refused) for manifest in manifests])

    async def _start(self, manifest: Object, refused: dict[Place, str]) -> bool:
        """Make an object that is made once: one that exists stays, one that is refused is remembered and told."""
        self._check_leading()
        kind, namespace, name = place_of(manifest)
        try:
            done = await self._api.create(manifest)
        except Conflict:
            await self._look(resource_of(manifest), namespace, name)
            return False
        except (Forbidden, Invalid) as error:
            log.warning("%s %s/%s is not made: %s", kind, namespace, name, error)
            refused[kind, namespace, name] = str(error)
            return False
        refused.pop((kind, namespace, name), None)
        self._written("create", done)
        return True

    async def _put_status(self, write: StatusWrite) -> bool:
        place = (write.kind, write.namespace, write.name)
        live = self._cache.get(*place)
        if live is not None and self._is_told(place, write, live):
            return False
        self._check_leading()
        try:
            done = await self._api.put_status(write)
        except (Conflict, NotFound) as error:
            await self._look(resource_of_kind(write.kind), write.namespace, write.name)
            raise Conflict(str(error)) from error
        self._told[place] = (digest(write.status), _status_digest(done))
        self._written("status", done)
        return True

    def _is_told(self, place: Place, write: StatusWrite, live: Object) -> bool:
        """Whether writing would change nothing; the API server leaves out what is not in the schema."""
        if live.get("status") == write.status:
            return True
        return self._told.get(place) == (digest(write.status), _status_digest(live))

    async def _delete(self, delete: Delete) -> bool:
        self._check_leading()
        place = (delete.kind, delete.namespace, delete.name)
        live = self._cache.get(*place)
        try:
            await self._api.delete(delete)
        except NotFound:
            self._forget(live)
            return False
        except Conflict:
            await self._look(resource_of_kind(delete.kind), delete.namespace, delete.name)
            raise
        self._forget(live)
        self._on_write("delete", delete.kind)
        return True

    async def _tell(self, notice: Notice) -> None:
        """Make an Event. It tells what is done already, so nothing depends on whether that succeeds."""
        if not self._may_write():
            return
        try:
            await self._api.create(event_of(notice, self._instance, time.time()))
        except KubeError as error:
            log.warning("event %s not made: %s", notice.reason, error)
            return
        self._on_write("create", "Event")

    async def _look(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """What the API server has now; the cache knows it afterwards."""
        known = self._cache.get(resource.kind, namespace, name)
        try:
            found = await self._api.get(resource, namespace, name)
        except NotFound:
            self._forget(known)
            return None
        self._cache.put(found)
        return found

    def _written(self, verb: str, done: Object) -> None:
        self._cache.put(done)
        self._on_write(verb, done["kind"])

    def _forget(self, known: Object | None) -> None:
        if known is not None:
            self._applied.pop(place_of(known), None)
            self._told.pop(place_of(known), None)
            self._cache.drop(known)

    def _let_go(self) -> None:
        """Forget what was written to objects that are no more, once there are many of them."""
        for known in (self._applied, self._told):
            if len(known) > len(self._cache) + FORGOTTEN_MOST:
                for place in [place for place in known if self._cache.get(*place) is None]:
                    del known[place]

    def _check_leading(self) -> None:
        if not self._may_write():
            raise NotLeading("this process does not lead, so it writes nothing")


def _status_digest(item: Object) -> str:
    """A short name for an object's status; the object's own UID is part of it."""
    return digest({"uid": item["metadata"].get("uid"), "status": item.get("status") or {}})
