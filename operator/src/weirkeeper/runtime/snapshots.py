"""Puts together what a planner sees, out of cache, evidence and lookups."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from weirkeeper.api import names
from weirkeeper.api.settings import Settings
from weirkeeper.kube.cache import Cache
from weirkeeper.kube.keys import Key
from weirkeeper.observe.collector import Collector
from weirkeeper.observe.queries import Queries
from weirkeeper.plan.snapshot import Object, Snapshot
from weirkeeper.plan.window_assessment import stable_of
from weirkeeper.plan.windows import checkpoint_name
from weirkeeper.runtime.lookups import Lookups

_APART = (names.ROLLOUT_KIND, names.MONITOR_KIND, "EndpointSlice")
"""Kinds that a snapshot has by themselves, not among the children."""


class Snapshots:
    """Makes snapshots; on the way it tells the collector what to go on from and which windows to keep."""

    def __init__(
        self,
        cache: Cache,
        collector: Collector,
        lookups: Lookups,
        settings: Settings,
        queries: Queries,
        refused: Callable[[str], Mapping[tuple[str, str], str]],
    ) -> None:
        self._cache = cache
        self._collector = collector
        self._queries = queries
        self._refused = refused
        self._lookups = lookups
        self._settings = settings
        self._restored: dict[Key, str] = {}

    def of_model(self, key: Key) -> Snapshot:
        """Everything about one Model, now."""
        _, namespace, name = key
        model = self._cache.get(names.MODEL_KIND, namespace, name)
        belonging = tuple(self._cache.of_model(namespace, name))
        monitors = _of_kind(belonging, names.MONITOR_KIND)
        children = self._children(key, belonging)
        if model is not None:
            self._restore(key, model)
        stable, kept = stable_of(model or {}), children.get(("ConfigMap", checkpoint_name(name)))
        self._collector.follow(
            namespace, name, monitors, kept, (stable.revision, int(stable.since)) if stable else None
        )
        return Snapshot(
            namespace=namespace,
            name=name,
            model=model,
            settings=self._settings,
            rollouts=_of_kind(belonging, names.ROLLOUT_KIND),
            monitors=monitors,
            children=children,
            endpoint_slices=_of_kind(belonging, "EndpointSlice"),
            pods=self._lookups.pods(key),
            config_maps=self._lookups.config_maps(key),
            service_accounts=self._lookups.service_accounts(key),
            cron_jobs=self._lookups.cron_jobs(key),
            query_answers=self._queries.answers(namespace, name),
            refused=self._refused(namespace),
            frozen=self._lookups.frozen(key),
            evidence=self._collector.evidence(namespace, name),
        )

    def router_children(self, namespace: str) -> Mapping[tuple[str, str], Object]:
        """What there is of a namespace's routers, by (kind, name)."""
        return {
            (item["kind"], item["metadata"]["name"]): item
            for item in self._cache.of_router(namespace)
            if item["kind"] not in _APART
        }

    def forget(self, key: Key) -> None:
        """Let go of a Model that is no more."""
        self._restored.pop(key, None)
        self._collector.forget(key.namespace, key.name)
        self._queries.forget(key.namespace, key.name)
        self._lookups.forget(key)

    def _children(self, key: Key, belonging: tuple[Object, ...]) -> dict[tuple[str, str], Object]:
        children = {(item["kind"], item["metadata"]["name"]): item for item in belonging if item["kind"] not in _APART}
        service = self._cache.get("Service", key.namespace, key.name)
        return children if service is None else {**children, ("Service", key.name): service}

    def _restore(self, key: Key, model: Object) -> None:
        """After a start, evidence goes on from the counters that the Model's memory reaches up to."""
        uid = model["metadata"]["uid"]
        if self._restored.get(key) == uid:
            return
        self._restored[key] = uid
        cursors = model.get("status", {}).get("memory", {}).get("cursors")
        if cursors:
            self._collector.restore(key.namespace, key.name, cursors)


def _of_kind(items: tuple[Object, ...], kind: str) -> tuple[Object, ...]:
    return tuple(item for item in items if item["kind"] == kind)
