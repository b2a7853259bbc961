"""The loop: take a key, look at everything, plan, carry out; and what happens when that fails."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Final

from weirkeeper.api import names
from weirkeeper.api.settings import Settings
from weirkeeper.kube.cache import Cache
from weirkeeper.kube.errors import Conflict, Forbidden, Invalid, NotFound, NotLeading, Transient
from weirkeeper.kube.executor import Executor
from weirkeeper.kube.keys import Key
from weirkeeper.kube.queue import Queue
from weirkeeper.observe.collector import Collector
from weirkeeper.observe.queries import Queries
from weirkeeper.plan.actions import cron_jobs_of
from weirkeeper.plan.assessment import assessments
from weirkeeper.plan.gate_jobs import cron_jobs_named
from weirkeeper.plan.model import plan_model
from weirkeeper.plan.result import Plan
from weirkeeper.plan.router import plan_router
from weirkeeper.plan.snapshot import Snapshot
from weirkeeper.runtime.decisions import log_decisions
from weirkeeper.runtime.lookups import RESTING, Lookups
from weirkeeper.runtime.metrics import Metrics
from weirkeeper.runtime.series import ModelSeries
from weirkeeper.runtime.snapshots import Snapshots

FORGIVEN: Final = 3
"""So many conflicts in a row are tried again at once; then somebody else writes all the time, and we wait."""
NOT_LEADING_PAUSE: Final = 1.0

log = logging.getLogger(__name__)


class Reconciler:
    """Works at one key at a time, as often as it is told to; several tasks may run `work` at once."""

    def __init__(  # noqa: PLR0913 - the one place where everything meets
        self,
        *,
        queue: Queue,
        cache: Cache,
        executor: Executor,
        collector: Collector,
        queries: Queries,
        lookups: Lookups,
        snapshots: Snapshots,
        settings: Settings,
        metrics: Metrics,
        series: ModelSeries,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._queue = queue
        self._cache = cache
        self._executor = executor
        self._collector = collector
        self._queries = queries
        self._lookups = lookups
        self._snapshots = snapshots
        self._settings = settings
        self._metrics = metrics
        self._series = series
        self._clock = clock

    async def work(self, may_work: Callable[[], bool]) -> None:
        """Take keys and work at them for ever, while `may_work` says so."""
        while True:
            if not may_work():
                await asyncio.sleep(NOT_LEADING_PAUSE)
                continue
            await self.turn(await self._queue.take())

    async def turn(self, key: Key) -> None:
        """Work at one key, whatever comes of it: one that fails costs the others nothing."""
        began = time.perf_counter()
        try:
            await self.reconcile(key)
        except NotLeading:
            self._queue.succeeded(key)
            self._queue.add(key, NOT_LEADING_PAUSE)
        except Conflict as error:
            self._failed(key, "conflict", error, self._queue.failed(key, forgiven=FORGIVEN))
        except Transient as error:
            self._failed(key, "transient", error, self._queue.failed(key, error.retry_after))
        except (Invalid, Forbidden, NotFound) as error:
            self._failed(key, "invalid", error, self._queue.failed(key))
        except Exception:
            self._metrics.errors.labels("bug").inc()
            log.exception("reconcile failed", extra={"key": key, "pause": round(self._queue.failed(key), 2)})
        else:
            self._queue.succeeded(key)
        self._metrics.reconcile_seconds.observe(time.perf_counter() - began)

    async def reconcile(self, key: Key) -> None:
        """Plan for `key` and carry the plan out.

        Raises:
            KubeError: the API server did not do it all.
        """
        if key.kind == "Router":
            await self._executor.carry_out(key, self._router_plan(key))
        else:
            await self._reconcile_model(key)

    def _router_plan(self, key: Key) -> Plan:
        children = self._snapshots.router_children(key.namespace)
        return plan_router(key.namespace, self._cache.models(key.namespace), children, self._settings)

    async def _reconcile_model(self, key: Key) -> None:
        began = time.perf_counter()
        model = self._cache.get(names.MODEL_KIND, key.namespace, key.name)
        delay = await self._lookups.refresh(key, model, self._cron_jobs(key)) if model is not None else None
        snapshot = self._snapshots.of_model(key)
        plan = plan_model(snapshot, self._clock())
        writes = await self._executor.carry_out(key, plan)
        self._told(key, snapshot)
        if writes:
            log_decisions(key, snapshot.model, plan, writes, time.perf_counter() - began)
        if snapshot.model is None:
            self._forget(key)
            return
        self._follow(key, plan)
        await self._come_again(key, plan, delay, wrote=writes > 0)

    def _cron_jobs(self, key: Key) -> frozenset[str]:
        belonging = tuple(self._cache.of_model(key.namespace, key.name))
        rollouts = [item for item in belonging if item["kind"] == names.ROLLOUT_KIND]
        monitors = [item for item in belonging if item["kind"] == names.MONITOR_KIND]
        return cron_jobs_named(rollouts, self._settings) | cron_jobs_of(monitors)

    def _told(self, key: Key, snapshot: Snapshot) -> None:
        model = self._cache.get(names.MODEL_KIND, key.namespace, key.name)
        if model is not None:
            self._metrics.ended(key, model)
        self._series.assessed(key, assessments(snapshot) if snapshot.monitors else ())

    def _follow(self, key: Key, plan: Plan) -> None:
        """Have the collector look as often as the Model's phase needs."""
        phase = next((write.status.get("phase", "") for write in plan.statuses if write.kind == names.MODEL_KIND), "")
        self._collector.set_fast(key.namespace, key.name, plan.fast)
        self._collector.set_watched(key.namespace, key.name, phase not in RESTING, plan.sides)
        self._queries.follow(key.namespace, key.name, plan.queries, running=phase not in RESTING)

    async def _come_again(self, key: Key, plan: Plan, delay: float | None, *, wrote: bool) -> None:
        """Say when to plan again: after a write at once, since the plan went out from what was before it."""
        changed, pods_in = await self._lookups.list_pods(key, plan.list_pods_of)
        wake_in = None if plan.wake_at is None else max(0.0, plan.wake_at - self._clock())
        delays = [one for one in (delay, pods_in, wake_in) if one is not None]
        if wrote or changed:
            delays.append(0.0)
        if delays:
            self._queue.add(key, min(delays))

    def _forget(self, key: Key) -> None:
        self._snapshots.forget(key)
        self._metrics.forget(key)
        self._series.assessed(key, ())

    def _failed(self, key: Key, kind: str, error: Exception, pause: float) -> None:
        self._metrics.errors.labels(kind).inc()
        level = logging.INFO if kind == "conflict" else logging.WARNING
        extra: dict[str, Any] = {"key": key, "error": kind, "pause": round(pause, 2)}
        log.log(level, "%s", error, extra=extra)
