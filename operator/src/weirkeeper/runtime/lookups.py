"""What is read by name when it is needed, and never watched.

These are the pods that are not ready, the ConfigMap of an artifact, the service account of a server, the CronJobs
of gates and the namespace.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from weirkeeper.api.names import LABEL_ALLOWED_FOR_MODELS, LABEL_MODEL, LABEL_REVISION
from weirkeeper.kube.access import KubeApi
from weirkeeper.kube.cache import Cache
from weirkeeper.kube.comparing import is_ours
from weirkeeper.kube.errors import NotFound
from weirkeeper.kube.keys import Key
from weirkeeper.kube.resources import CONFIG_MAP, CRON_JOB, POD, SERVICE, SERVICE_ACCOUNT, Resource
from weirkeeper.plan.snapshot import Object
from weirkeeper.runtime.freezes import Freezes

PODS_EVERY: Final = 5.0
"""Seconds between two lists of one Model's pods."""
LOOK_AGAIN: Final = 15.0
"""Seconds after which something that is in the way is looked at again."""
RESTING: Final = ("", "Idle", "Healthy", "Aborted", "RolledBack")
"""Phases in which nobody waits for the next slot, and nothing is about to be promoted."""
NAMED_EVERY: Final = 300.0
"""Seconds after which what a spec names, such as its artifact's ConfigMap, is read again."""


class Lookups:
    """Reads and remembers them, by Model."""

    def __init__(self, api: KubeApi, cache: Cache, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._cache = cache
        self._clock = clock
        self._pods: dict[Key, tuple[float, tuple[Object, ...]]] = {}
        self._found: dict[tuple[Resource, Key], tuple[float, str, Object | None]] = {}
        self._services: dict[Key, float] = {}
        self._cron_jobs: dict[Key, dict[str, tuple[float, Object | None]]] = {}
        self._freezes = Freezes(api, clock)

    def frozen(self, key: Key) -> str:
        """Why promotions are frozen in a Model's namespace; empty where they are not."""
        return self._freezes.of(key.namespace)

    def pods(self, key: Key) -> tuple[Object, ...]:
        """The pods of a Model that were listed last."""
        return self._pods.get(key, (0.0, ()))[1]

    def config_maps(self, key: Key) -> Mapping[str, Object | None]:
        """The ConfigMap that a Model's artifact names, None where there is none of that name."""
        return self._by_name(CONFIG_MAP, key)

    def service_accounts(self, key: Key) -> Mapping[str, Object | None]:
        """The service account that a Model's server names, None where there is none of that name."""
        return self._by_name(SERVICE_ACCOUNT, key)

    def cron_jobs(self, key: Key) -> Mapping[str, Object | None]:
        """The CronJobs that a Model's gates name, None where there is none of that name."""
        return {name: found for name, (_, found) in self._cron_jobs.get(key, {}).items()}

    def _by_name(self, resource: Resource, key: Key) -> Mapping[str, Object | None]:
        kept = self._found.get((resource, key))
        return {kept[1]: kept[2]} if kept else {}

    def forget(self, key: Key) -> None:
        """Let go of a Model that is no more."""
        for resource in (CONFIG_MAP, SERVICE_ACCOUNT):
            self._found.pop((resource, key), None)
        self._pods.pop(key, None)
        self._services.pop(key, None)
        self._cron_jobs.pop(key, None)

    async def refresh(self, key: Key, model: Object, cron_jobs: frozenset[str] = frozenset()) -> float:
        """Read what a plan of `model` needs and is too old; give in how many seconds it is to be looked at again.

        `cron_jobs` are the names of those that the Model's gates make Jobs of.

        Raises:
            KubeError: the API server did not give it.
        """
        uri = urlsplit(model["spec"].get("artifact", {}).get("uri", ""))
        config_map = uri.netloc if uri.scheme == CONFIG_MAP.kind.lower() else ""
        account = model["spec"].get("server", {}).get("serviceAccountName", "")
        moving = (model.get("status") or {}).get("phase", "") not in RESTING
        again = [
            await self._freezes.refresh(key.namespace, moving=moving),
            await self._named(CONFIG_MAP, config_map, key),
            await self._named(SERVICE_ACCOUNT, account, key),
            await self._service(key),
            await self._named_cron_jobs(cron_jobs, key),
        ]
        return min(delay for delay in again if delay is not None)

    async def list_pods(self, key: Key, revisions: tuple[str, ...]) -> tuple[bool, float | None]:
        """List the pods of `revisions`; say whether they changed, and in how many seconds to list them again.

        Raises:
            KubeError: the API server did not give them.
        """
        if not revisions:
            self._pods.pop(key, None)
            return False, None
        listed_at, before = self._pods.get(key, (float("-inf"), ()))
        left = listed_at + PODS_EVERY - self._clock()
        if left > 0:
            return False, left
        selector = f"{LABEL_MODEL}={key.name},{LABEL_REVISION} in ({','.join(sorted(revisions))})"
        listing = await self._api.list(POD, key.namespace, selector)
        self._pods[key] = (self._clock(), listing.items)
        return list(map(_state, before)) != list(map(_state, listing.items)), PODS_EVERY

    async def _named(self, resource: Resource, name: str, key: Key) -> float | None:
        """Read an object that a Model's spec names; an empty name means that it names none."""
        place = (resource, key)
        if not name:
            self._found.pop(place, None)
            return None
        kept = self._found.get(place)
        if kept is None or kept[1] != name or self._clock() >= kept[0]:
            found = await self._get(resource, key.namespace, name)
            kept = (self._clock() + (LOOK_AGAIN if _in_the_way(resource, found) else NAMED_EVERY), name, found)
            self._found[place] = kept
        return max(0.0, kept[0] - self._clock())

    async def _named_cron_jobs(self, wanted: frozenset[str], key: Key) -> float | None:
        kept = self._cron_jobs.get(key, {})
        found = {name: kept[name] for name in wanted & kept.keys() if self._clock() < kept[name][0]}
        for name in sorted(wanted - found.keys()):
            item = await self._get(CRON_JOB, key.namespace, name)
            found[name] = self._clock() + LOOK_AGAIN, item
        self._cron_jobs[key] = found
        return min((max(0.0, again - self._clock()) for again, _ in found.values()), default=None)

    async def _get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        try:
            return await self._api.get(resource, namespace, name)
        except NotFound:
            return None

    async def _service(self, key: Key) -> float | None:
        """Look again at somebody else's Service that has our name: it is not watched, and may be gone."""
        known = self._cache.get(SERVICE.kind, key.namespace, key.name)
        if known is None or is_ours(known):
            self._services.pop(key, None)
            return None
        now = self._clock()
        if now >= self._services.setdefault(key, now + LOOK_AGAIN):
            self._services[key] = now + LOOK_AGAIN
            try:
                self._cache.put(await self._api.get(SERVICE, key.namespace, key.name))
            except NotFound:
                self._cache.drop(known)
                return None
        return self._services[key] - now


def _in_the_way(resource: Resource, found: Object | None) -> bool:
    """Whether a Model waits for what was found to be there, or to be changed."""
    if found is None:
        return True
    return resource == SERVICE_ACCOUNT and found["metadata"].get("labels", {}).get(LABEL_ALLOWED_FOR_MODELS) != "true"


def _state(pod: Object) -> tuple[Any, ...]:
    return pod["metadata"].get("uid"), pod.get("status"), pod["metadata"].get("deletionTimestamp")
