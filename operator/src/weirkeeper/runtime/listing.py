"""Lists every kind into the cache: once before any work, then now and then, since a watch may miss something."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from weirkeeper.kube.access import KubeApi
from weirkeeper.kube.cache import Cache, version_of
from weirkeeper.kube.errors import KubeError, NotFound
from weirkeeper.kube.keys import Key
from weirkeeper.kube.resources import SELECTORS, WATCHED, Resource
from weirkeeper.plan.snapshot import Object

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 15.0
GRACE: Final = 60.0
"""Seconds that a watch has to tell what a list told."""
SHORTEST_INTERVAL: Final = 5.0

log = logging.getLogger(__name__)


class WatchedVersions:
    """How far the watch of each kind has told, and whether lists know more than it does."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[str, int] = {}
        self._behind: dict[str, tuple[int, float]] = {}

    def told(self, item: Object) -> None:
        """The watch told of an object."""
        self._told[item["kind"]] = max(version_of(item), self._told.get(item["kind"], 0))

    def listed(self, kind: str, items: Sequence[Object]) -> None:
        """A list told of these objects."""
        newest = max(map(version_of, items), default=0)
        if newest > self._told.get(kind, 0) and kind not in self._behind:
            self._behind[kind] = (newest, self._clock())

    def behind_for(self) -> float:
        """For how many seconds some watch has not told what a list told; 0 where all watches are good."""
        self._behind = {
            kind: (newest, since) for kind, (newest, since) in self._behind.items() if self._told.get(kind, 0) < newest
        }
        return max((self._clock() - since for _, since in self._behind.values()), default=0.0)


class Lister:
    """Keeps the cache true by lists. `changed` is given the keys whose objects were not what the cache had."""

    def __init__(
        self,
        api: KubeApi,
        cache: Cache,
        namespaces: Sequence[str],
        changed: Callable[[frozenset[Key]], None],
        interval: float,
    ) -> None:
        self._api = api
        self._cache = cache
        self._namespaces: tuple[str | None, ...] = tuple(namespaces) or (None,)
        self._changed = changed
        self._interval = interval
        self._wanted = asyncio.Event()
        self.watched = WatchedVersions()
        self.synced = False

    def soon(self) -> None:
        """Ask for a list before its time."""
        self._wanted.set()

    async def first(self) -> None:
        """Fill the cache; waits for as long as it takes until the API server gives everything."""
        pause = FIRST_PAUSE
        while not self.synced:
            try:
                await self.all()
            except KubeError as error:
                hint = "; install its CRD (chart value crds.enabled)" if isinstance(error, NotFound) else ""
                log.warning("waiting for the API server: %s%s", error, hint)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                self.synced = True

    async def run(self) -> None:
        """List everything now and then, and when asked to."""
        while True:
            await self._wait()
            try:
                await self.all()
            except KubeError as error:
                log.warning("listing: %s", error)
                await asyncio.sleep(LONGEST_PAUSE)
                self.soon()

    async def all(self) -> None:
        """List every kind.

        Raises:
            KubeError: the API server did not give one of them.
        """
        for resource in SELECTORS:
            for namespace in self._namespaces:
                await self._list(resource, namespace)

    async def _list(self, resource: Resource, namespace: str | None) -> None:
        listing = await self._api.list(resource, namespace, SELECTORS[resource])
        keys = self._cache.replace(resource.kind, namespace, listing.items, listing.resource_version)
        if self.synced and resource in WATCHED:
            self.watched.listed(resource.kind, listing.items)
        self._changed(keys)

    async def _wait(self) -> None:
        await asyncio.sleep(SHORTEST_INTERVAL)
        try:
            await asyncio.wait_for(self._wanted.wait(), self._interval * random.uniform(0.8, 1.2))  # noqa: S311 - jitter
        except TimeoutError:
            return
        finally:
            self._wanted.clear()


def accept(cache: Cache, kind: str | None, item: dict[str, Any]) -> frozenset[Key]:
    """Take in one event of the watch: its type (None: from a list) and the object; whose work it is."""
    return cache.drop(item) if kind == "DELETED" else cache.put(item)
