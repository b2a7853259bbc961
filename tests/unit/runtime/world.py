"""The whole loop over an API server of a few lines; nothing is asked for evidence, and the clock is the machine's."""

import time
from typing import Any

from tests.unit.kube.fake_api import FakeApi
from weirkeeper.api.settings import Settings
from weirkeeper.kube.cache import Cache
from weirkeeper.kube.executor import Executor
from weirkeeper.kube.keys import Key
from weirkeeper.kube.queue import Queue
from weirkeeper.observe.collector import Collector
from weirkeeper.observe.queries import Queries
from weirkeeper.observe.targets import Targets
from weirkeeper.plan.snapshot import Object
from weirkeeper.runtime.lookups import Lookups
from weirkeeper.runtime.metrics import Metrics
from weirkeeper.runtime.series import ModelSeries
from weirkeeper.runtime.snapshots import Snapshots
from weirkeeper.runtime.worker import Reconciler

SETTINGS = Settings(server_image="server:1", operator_image="operator:1", envoy_image="envoy:1")


class World:
    def __init__(self, api: FakeApi | None = None) -> None:
        self.api = api or FakeApi()
        self.cache, self.queue, self.metrics = Cache(), Queue(), Metrics()
        self.leads = True
        targets = Targets()
        self.collector = Collector(lambda: targets, time.time, lambda *_: None, SETTINGS.slot_seconds)
        self.lookups = Lookups(self.api, self.cache)
        self.series = ModelSeries(self.cache.models, lambda _: {})
        self.queries = Queries(None, time.time, lambda *_: None)
        executor = Executor(self.api, self.cache, lambda: self.leads, self.metrics.wrote)
        self.reconciler = Reconciler(
            queue=self.queue,
            cache=self.cache,
            executor=executor,
            collector=self.collector,
            queries=self.queries,
            lookups=self.lookups,
            snapshots=Snapshots(self.cache, self.collector, self.lookups, SETTINGS, self.queries, executor.refused),
            settings=SETTINGS,
            metrics=self.metrics,
            series=self.series,
        )

    def has(self, item: Object) -> dict[str, Any]:
        """The cluster has an object, and the operator knows."""
        found = self.api.put(item)
        self.queue.add_all(self.cache.put(found))
        return found

    async def settle(self, turns: int = 20) -> None:
        """Work at everything that is due, until nothing is or `turns` are over."""
        for _ in range(turns):
            key = self.queue._schedule.pop(time.monotonic())
            if key is None:
                return
            self.queue._working[key] = time.monotonic()
            await self.reconciler.turn(key)

    def errors(self, kind: str) -> float:
        return float(self.metrics.errors.labels(kind)._value.get())

    def status(self, name: str = "churn") -> dict[str, Any]:
        found = self.cache.get("Model", "team-a", name)
        return dict(found["status"]) if found and found.get("status") else {}


def key(name: str = "churn") -> Key:
    return Key("Model", "team-a", name)
