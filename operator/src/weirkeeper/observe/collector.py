"""The collector: asks routers and pods at every slot's end, and gives each Model its evidence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

from weirkeeper.api.names import EVIDENCE_PORT
from weirkeeper.delivery.evidence import Evidence, LabelSlots
from weirkeeper.observe.asked_rows import AskedRows
from weirkeeper.observe.asking import Asker
from weirkeeper.observe.checkpoint import Checkpoint, unpack_config_map
from weirkeeper.observe.errors import BrokenCheckpoint
from weirkeeper.observe.label_book import LabelBook
from weirkeeper.observe.label_readings import Segments
from weirkeeper.observe.label_slot_book import LabelSlotBook
from weirkeeper.observe.latencies import Process
from weirkeeper.observe.monitored import MonitoredModel
from weirkeeper.observe.pods import Loss, ModelPods
from weirkeeper.observe.readings import RouterReading
from weirkeeper.observe.routers import NamespaceRouters
from weirkeeper.observe.targets import PodTarget, Targets, TargetsIndex
from weirkeeper.plan.conditions.objectives import slow_bins
from weirkeeper.plan.windows import window_rules

FAST_SECONDS: Final = 0.5
KEPT_SECONDS: Final = 900
NO_SIDES: Final[frozenset[str]] = frozenset()

log = logging.getLogger(__name__)

Key = tuple[str, str]
"""Namespace and name of a Model."""


class Collector:
    """Collects the evidence of all Models in memory; `evidence` gives what a planner sees of one.

    `targets` tells whom to ask now; the same object again means that nothing changed. `on_change(namespace, model)` is
    called when a planner must look: a pod's state, an acknowledgement, a checkpoint that is due and, while the Model
    is watched, every slot. `clock` gives Unix seconds. All of it lives in one event loop, and no thread shares it.
    """

    def __init__(
        self,
        targets: Callable[[], Targets],
        clock: Callable[[], float],
        on_change: Callable[[str, str], None],
        slot_seconds: int,
        *,
        port: int = EVIDENCE_PORT,
    ) -> None:
        self._targets = targets
        self._index = TargetsIndex(Targets())
        self._clock = clock
        self._on_change = on_change
        self._slot = slot_seconds
        self._asker = Asker(port)
        self._routers: dict[str, NamespaceRouters] = {}
        self._pods: dict[Key, ModelPods] = {}
        self._monitored: dict[Key, MonitoredModel] = {}
        self._labels: dict[Key, LabelBook] = {}
        self._label_slots: dict[Key, LabelSlotBook] = {}
        self._asked: dict[Key, AskedRows] = {}
        self._lost: dict[Key, Loss] = {}
        self._watched: set[Key] = set()
        self._fast: set[Key] = set()
        self.polled_at: float | None = None

    def set_fast(self, namespace: str, model: str, wanted: bool) -> None:  # noqa: FBT001 - a switch
        """Ask the namespace's routers twice a second, while a decision is to be acknowledged."""
        (self._fast.add if wanted else self._fast.discard)((namespace, model))

    def set_watched(self, namespace: str, model: str, wanted: bool, sides: AbstractSet[str] = NO_SIDES) -> None:  # noqa: FBT001 - a switch
        """Call `on_change` at every slot, while an attempt is running, and keep the rows that its gates judge.

        `sides` are of "inputs" and "outputs"; other ones than before begin anew.
        """
        key = (namespace, model)
        (self._watched.add if wanted else self._watched.discard)(key)
        if not wanted or not sides:
            self._asked.pop(key, None)
        elif key not in self._asked or self._asked[key].sides != sides:
            self._asked[key] = AskedRows(sides)

    def restore(self, namespace: str, model: str, cursors: Mapping[str, Any]) -> None:
        """Go on from the cursors in a Model's memory; doing it again changes nothing."""
        self._namespace(namespace).outcomes.restore(model, cursors)

    def follow(
        self,
        namespace: str,
        model: str,
        monitors: Iterable[Mapping[str, Any]],
        checkpoint: Mapping[str, Any] | None,
        stable: tuple[str, int] | None = None,
    ) -> None:
        """Keep windows for a Model's Monitors (raw objects), from its checkpoint (a raw ConfigMap) where there is one.

        `stable` is the revision that serves, and since when it is stable (Unix seconds).
        To be called whenever a snapshot is made; doing it again changes nothing.
        """
        monitors = tuple(monitors)
        key, rules = (namespace, model), window_rules(monitors)
        if not rules:
            self._monitored.pop(key, None)
            return
        if key not in self._monitored:
            labels = self._label_slots.setdefault(key, LabelSlotBook())
            self._monitored[key] = MonitoredModel(self._end(), _kept(namespace, checkpoint), labels)
        self._monitored[key].windows.set_rules(rules)
        if stable is not None:
            self._monitored[key].windows.set_stable(*stable)
        self._monitored[key].set_slow(slow_bins(monitors), self._end())

    def forget(self, namespace: str, model: str) -> None:
        """Let go of a Model that is no more."""
        key = (namespace, model)
        self._monitored.pop(key, None)
        self._lost.pop(key, None)
        self._pods.pop(key, None)
        self._labels.pop(key, None)
        self._label_slots.pop(key, None)
        self._watched.discard(key)
        self._asked.pop(key, None)
        self._fast.discard(key)

    def evidence(self, namespace: str, model: str) -> Evidence:
        """Everything observed of the Model up to now; it does not change afterwards."""
        index, key = self._current(), (namespace, model)
        routers, pods, windows = self._routers.get(namespace), self._pods.get(key), self._monitored.get(key)
        labels, asked = self._label_slots.get(key), self._asked.get(key)
        return Evidence(
            outcomes=routers.outcomes.slots(model) if routers else (),
            latency=pods.latency.slots() if pods else {},
            router_latency=routers.latencies.slots(model) if routers else {},
            pods=pods.evidence(index.pods.get(key, ())) if pods else {},
            routers=routers.evidence(model, index.routers.get(namespace, ()), self._clock()) if routers else (),
            cursors=routers.outcomes.cursors(model) if routers else {},
            windows=windows.views() if windows else {},
            profiled=asked.blocks() if asked else {},
            answers=asked.slots() if asked else {},
            labels=labels.view() if labels else LabelSlots(),
            unavailable_since=routers.unavailable_since if routers else None,
            served=windows.objectives.view() if windows and windows.objectives else None,
        )

    def labels(self) -> Mapping[Key, Mapping[str, Segments]]:
        """Everything that labels said, by Model, revision and segment."""
        return {key: book.totals() for key, book in self._labels.items()}

    def lost(self) -> Mapping[Key, Loss]:
        """What servers counted and could not tell before they ended, by Model, since this collector began."""
        return dict(self._lost)

    async def run(self) -> None:
        """Ask for ever; ends by cancellation."""
        async with self._asker.open(), asyncio.TaskGroup() as group:
            group.create_task(self._each_slot(self.ask_routers), name="routers")
            group.create_task(self._each_slot(self.ask_pods), name="pods")
            group.create_task(self._each_half_second(), name="acknowledgements")

    async def ask_routers(self, end: int) -> None:
        """Ask every router and book the slot that ends at `end`; a slow namespace keeps nobody waiting but itself."""
        index = self._current()
        self.polled_at = self._clock()
        self._asker.forget(index.all_uids)
        for namespace in [one for one, kept in self._routers.items() if kept.touched < end - KEPT_SECONDS]:
            del self._routers[namespace]
        await asyncio.gather(*(self._book_routers(namespace, end) for namespace in index.namespaces))

    async def ask_fast(self) -> None:
        """Ask the routers of namespaces where a decision is to be acknowledged; books nothing."""
        namespaces = {namespace for namespace, _ in self._fast}
        await asyncio.gather(*(self._acknowledge(namespace) for namespace in namespaces))

    async def ask_pods(self, end: int) -> None:
        """Ask every model pod and close the Monitors' slots up to `end`."""
        index = self._current()
        targets = [target for pods in index.pods.values() for target in pods]
        changed = {key for key in await asyncio.gather(*(self._ask_pod(target, end) for target in targets)) if key}
        changed |= {key for key, pods in self._pods.items() if pods.keep(self._clock(), index.uids(key))}
        for key, pods in self._pods.items():
            self._lost[key] = self._lost.get(key, Loss()).plus(pods.take_loss())
        changed |= {key for key, one in self._monitored.items() if one.close(end, index.uids(key))}
        for key in [key for key, pods in self._pods.items() if not pods.latency.forget(end) and not index.uids(key)]:
            del self._pods[key]
        for key, asked in self._asked.items():
            asked.close(end, index.uids(key))
        for key, labels in self._labels.items():
            labels.keep(self._clock(), index.uids(key))
        for key, slots in self._label_slots.items():
            slots.keep(self._clock(), index.uids(key))
        for key in changed:
            self._on_change(*key)

    async def _book_routers(self, namespace: str, end: int) -> None:
        readings = await self._acknowledge(namespace)
        routers = self._namespace(namespace)
        routers.touched = end
        answered = {uid: one for uid, one in readings.items() if one is not None}
        routers.outcomes.book(end, readings.keys(), answered)
        routers.latencies.book(end, answered)
        expected = {target.uid: target.name for target in self._current().routers.get(namespace, ())}
        due = {key for key in self._monitored if key[0] == namespace and self._served(key, end, expected, answered)}
        for key in due | {key for key in self._watched if key[0] == namespace}:
            self._on_change(*key)

    def _served(self, key: Key, end: int, expected: Mapping[str, str], answered: Mapping[str, RouterReading]) -> bool:
        """Count a Model's requests against its objectives; tells whether a checkpoint has come due."""
        monitored = self._monitored[key]
        if monitored.objectives is None:
            return False
        monitored.objectives.book(end, key[1], expected, answered)
        return monitored.due()

    async def _acknowledge(self, namespace: str) -> dict[str, RouterReading | None]:
        targets = self._current().routers.get(namespace, ())
        answers = await asyncio.gather(*(self._asker.router(target) for target in targets))
        readings = {target.uid: answer for target, answer in zip(targets, answers, strict=True)}
        answered = {uid: one for uid, one in readings.items() if one is not None}
        for model in self._namespace(namespace).answered(self._clock(), targets, answered):
            self._on_change(namespace, model)
        return readings

    async def _ask_pod(self, target: PodTarget, end: int) -> Key | None:
        """Ask one pod; gives its Model's key where a planner must see what it said."""
        key = (target.namespace, target.model)
        pods = self._pods.setdefault(key, ModelPods())
        reading = await self._asker.pod(target, end, pods.query(target.uid, end), pods.known(target.uid))
        if reading is None:
            return None
        changed = pods.answered(self._clock(), end, target, reading)
        process = Process(target.uid, reading.started)
        if key in self._monitored:
            self._monitored[key].windows.book(end, target.revision, process, reading)
        if key in self._asked:
            self._asked[key].book(end, target.revision, process, reading)
        if reading.labels.totals:
            self._labels.setdefault(key, LabelBook()).book(process, reading.labels.totals)
        if reading.labels.slots:
            self._label_slots.setdefault(key, LabelSlotBook()).book(end + pods.ahead, process, reading.labels)
        return key if changed else None

    async def _each_slot(self, job: Callable[[int], Awaitable[None]]) -> None:
        while True:
            await job(self._end())
            await asyncio.sleep(self._end() + self._slot - self._clock())

    async def _each_half_second(self) -> None:
        while True:
            await asyncio.sleep(FAST_SECONDS)
            await self.ask_fast()

    def _end(self) -> int:
        """The end of the slot that ended last."""
        return int(self._clock() // self._slot) * self._slot

    def _namespace(self, namespace: str) -> NamespaceRouters:
        if namespace not in self._routers:
            self._routers[namespace] = NamespaceRouters(self._slot, self._end())
        return self._routers[namespace]

    def _current(self) -> TargetsIndex:
        targets = self._targets()
        if targets is not self._index.targets:
            self._index = TargetsIndex(targets)
        return self._index


def _kept(namespace: str, config_map: Mapping[str, Any] | None) -> Checkpoint | None:
    if config_map is None:
        return None
    try:
        return unpack_config_map(config_map)
    except BrokenCheckpoint as error:
        name = config_map.get("metadata", {}).get("name")
        log.warning("windows in %s/%s start anew: %s", namespace, name, error)
        return None
