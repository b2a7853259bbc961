"""The operator process: everything made and joined, started in order, ended in order."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final

from weirkeeper.kube.access import KubeApi
from weirkeeper.kube.cache import Cache
from weirkeeper.kube.client import Client
from weirkeeper.kube.errors import Deposed, KubeError
from weirkeeper.kube.executor import Executor
from weirkeeper.kube.keys import Key
from weirkeeper.kube.leader import Leader
from weirkeeper.kube.queue import Queue
from weirkeeper.observe.collector import Collector
from weirkeeper.observe.prometheus import Prometheus
from weirkeeper.observe.queries import Queries
from weirkeeper.observe.targets import Targets, targets_from_slices
from weirkeeper.plan.snapshot import Object
from weirkeeper.runtime.ending import told_to_end
from weirkeeper.runtime.feed import Feed
from weirkeeper.runtime.label_series import LabelSeries
from weirkeeper.runtime.listing import Lister, accept
from weirkeeper.runtime.lookups import Lookups
from weirkeeper.runtime.loss_series import LossSeries
from weirkeeper.runtime.metrics import Metrics
from weirkeeper.runtime.probes import Health, serve
from weirkeeper.runtime.series import ModelSeries
from weirkeeper.runtime.settings import OperatorOptions
from weirkeeper.runtime.snapshots import Snapshots
from weirkeeper.runtime.worker import Reconciler

WORKERS: Final = 8
RESTART_FEED_AFTER: Final = 60.0
CHECK_FEED_EVERY: Final = 30.0

log = logging.getLogger(__name__)


class Operator:
    """All parts of one operator process, joined."""

    def __init__(self, api: KubeApi, options: OperatorOptions) -> None:
        settings = options.settings
        self._api = api
        self._options = options
        self.cache = Cache()
        self.queue = Queue()
        self.metrics = Metrics()
        identity = f"{options.pod}_{secrets.token_hex(4)}"
        self.collector = Collector(
            _Targets(self.cache).current, time.time, self._evidence_changed, settings.slot_seconds
        )
        prometheus = Prometheus(settings.prometheus.url) if settings.prometheus.url else None
        self.queries = Queries(prometheus, time.time, self._evidence_changed)
        self.lister = Lister(api, self.cache, settings.watch_namespaces, self.queue.add_all, options.resync_seconds)
        self.feed = Feed(settings.watch_namespaces, self._heard, self.lister.soon)
        # While no lease could be renewed, watches may have missed something too.
        self.leader = Leader(api, options.namespace, options.lease, identity, on_gain=self.lister.soon)
        self.series = ModelSeries(self.cache.models, self._evidence_ages)
        self._reconciler = self._make_reconciler()
        self._publish()

    def _make_reconciler(self) -> Reconciler:
        lookups = Lookups(self._api, self.cache)
        settings = self._options.settings
        executor = Executor(self._api, self.cache, self.leader.holds, self.metrics.wrote, self._options.pod)
        return Reconciler(
            queue=self.queue,
            cache=self.cache,
            executor=executor,
            collector=self.collector,
            queries=self.queries,
            lookups=lookups,
            snapshots=Snapshots(self.cache, self.collector, lookups, settings, self.queries, executor.refused),
            settings=settings,
            metrics=self.metrics,
            series=self.series,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set.

        Raises:
            ExceptionGroup: of Deposed, where another process leads now and this one must end; of anything else,
                where a part broke that the others cannot do without.
        """
        health = Health(self.queue.longest, self.lister.watched.behind_for, self._api.ping, lambda: self.lister.synced)
        async with serve(self._options.port, health, self.metrics.registry):
            tasks = asyncio.create_task(self._work())
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait({tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not tasks.done():
                tasks.cancel()
                with suppress(asyncio.CancelledError):
                    await tasks
                await self._step_down()
                return
            await tasks

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.leader.run(), name="leader")
            await self.lister.first()
            self.queue.add_all(self.cache.keys())
            group.create_task(self.feed.run(), name="feed")
            group.create_task(self.lister.run(), name="lister")
            group.create_task(self.collector.run(), name="collector")
            group.create_task(self.queries.run(), name="queries")
            group.create_task(self._mend_feed(), name="feed's watchman")
            for number in range(WORKERS):
                group.create_task(self._reconciler.work(self.leader.holds), name=f"worker {number}")

    async def _step_down(self) -> None:
        try:
            await self.leader.release()
        except KubeError as error:
            log.warning("the lease is not released, it runs out by itself: %s", error)

    async def _mend_feed(self) -> None:
        """Start watching anew where a list told what no watch did."""
        while True:
            await asyncio.sleep(CHECK_FEED_EVERY)
            behind = self.lister.watched.behind_for()
            if behind > RESTART_FEED_AFTER:
                log.warning("a watch has been stale for %.0f s; watching begins anew", behind)
                self.feed.restart()

    def _heard(self, kind: str | None, item: dict[str, Any]) -> None:
        self.lister.watched.told(item)
        self.queue.add_all(accept(self.cache, kind, item))

    def _evidence_changed(self, namespace: str, model: str) -> None:
        self.queue.add(Key("Model", namespace, model))

    def _evidence_ages(self, models: Iterable[Object]) -> Mapping[str, float]:
        """The age of the oldest router's answer, by namespace: the routers of a namespace serve all its Models."""
        ages = {}
        for namespace, name in {one["metadata"]["namespace"]: one["metadata"]["name"] for one in models}.items():
            routers = self.collector.evidence(namespace, name).routers
            if routers:
                ages[namespace] = max(router.age for router in routers)
        return ages

    def _publish(self) -> None:
        self.metrics.gauge("weirkeeper_queue_depth", "Keys that wait or are worked at.", lambda: len(self.queue))
        self.metrics.gauge("weirkeeper_leader", "Whether this process may write.", lambda: float(self.leader.holds()))
        self.metrics.registry.register(self.series)
        self.metrics.registry.register(LabelSeries(self.collector.labels))
        self.metrics.registry.register(LossSeries(self.collector.lost, self.cache.models))


class _Targets:
    """Whom to ask for evidence, read off the EndpointSlices anew only where they changed."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._slices: tuple[Object, ...] = ()
        self._targets = Targets()

    def current(self) -> Targets:
        slices = self._cache.endpoint_slices()
        if slices is not self._slices:
            self._slices, self._targets = slices, targets_from_slices(slices)
        return self._targets


async def run_operator(options: OperatorOptions) -> int:
    """Run until the process is told to end; the exit code says whether another process took the lead.

    Raises:
        NoAccess: nobody says where the API server is.
    """
    stop = told_to_end()
    code = 0
    async with Client.connect() as api:
        try:
            await Operator(api, options).run(stop)
        except* Deposed as group:
            log.error("%s", group.exceptions[0])  # noqa: TRY400 - the traceback tells nothing
            code = 1
    return code
