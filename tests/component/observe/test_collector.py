"""The collector against real HTTP servers on loopback that answer as routers and pods do, or badly."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web

from weirkeeper.delivery.evidence import LatencySlot, Outcomes, OutcomeSlot, RouterEvidence
from weirkeeper.observe import asking as asking_module
from weirkeeper.observe.collector import Collector
from weirkeeper.observe.targets import PodTarget, RouterTarget, Targets

V1, V2 = "churn-11111111", "churn-22222222"
START = 1_000_000
SIGNATURE = {"inputs": [], "outputs": [{"name": "y", "datatype": "FP64", "shape": [-1]}]}
PROFILE = {"apiVersion": "profile/v1", "features": []}


@dataclass
class Pod:
    """A pod's evidence port: answers `answer` (JSON, or bytes as they are) after `delay` seconds."""

    address: str
    answer: Any
    delay: float = 0.0
    status: int = 200
    asked: list[dict[str, str]] = field(default_factory=list)

    async def evidence(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        await asyncio.sleep(self.delay)
        if isinstance(self.answer, bytes):
            return web.Response(body=self.answer, status=self.status)
        return web.json_response(self.answer, status=self.status)


def uid_of(pod: Pod) -> str:
    """A UID as Kubernetes makes them: different from the first characters on."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, pod.address))


@dataclass
class World:
    """Pods of one test, on addresses of their own and one port; and the collector that asks them."""

    port: int
    now: float = START
    targets: Targets = field(default_factory=Targets)
    changes: list[tuple[str, str]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    runners: list[web.AppRunner] = field(default_factory=list)
    addresses: Any = field(default_factory=lambda: (f"127.0.0.{i}" for i in itertools.count(2)))

    def collector(self, slot_seconds: int = 5, clock: Callable[[], float] | None = None) -> Collector:
        return Collector(
            lambda: self.targets,
            clock or (lambda: self.now),
            self.note,
            slot_seconds,
            port=self.port,
        )

    def note(self, namespace: str, model: str) -> None:
        self.changes.append((namespace, model))
        self.changed.set()

    async def start(self, answer: Any, **how: Any) -> Pod:
        pod = Pod(next(self.addresses), answer, **how)
        app = web.Application()
        app.router.add_get("/evidence", pod.evidence)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        self.runners.append(runner)
        await web.TCPSite(runner, pod.address, self.port).start()
        return pod

    def router(self, pod: Pod, namespace: str = "team-a") -> RouterTarget:
        target = RouterTarget(namespace, f"router-{pod.address}", uid_of(pod), pod.address)
        self.targets = Targets((*self.targets.routers, target), self.targets.pods)
        return target

    def pod(self, pod: Pod, revision: str = V1, namespace: str = "team-a") -> PodTarget:
        target = PodTarget(
            namespace,
            f"{revision}-{pod.address}",
            uid_of(pod),
            pod.address,
            revision.rpartition("-")[0],
            revision,
        )
        self.targets = Targets(self.targets.routers, (*self.targets.pods, target))
        return target

    async def tick(self, collector: Collector, seconds: float = 5) -> None:
        """Let time pass and ask everybody."""
        self.now += seconds
        await asyncio.gather(collector.ask_routers(int(self.now)), collector.ask_pods(int(self.now)))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    world = World(port)
    yield world
    for runner in world.runners:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def asking(world: World, **how: Any) -> AsyncIterator[Collector]:
    collector = world.collector(**how)
    async with collector._asker.open():
        yield collector


def router_says(total: int = 0, bad: int = 0, decision: int = 1, revision: str = V1) -> dict[str, Any]:
    return {
        "schema": 1,
        "envoyStart": START - 100,
        "acknowledged": {"churn": decision},
        "clusters": {revision: {"epoch": 1, "total": total, "bad": bad, "failed": 0}},
    }


def pod_says(rows: int = 0, state: str = "Ready", revision: str = V1, **more: Any) -> dict[str, Any]:
    rest = dict.fromkeys(("missing", "invalid", "unseen", "posInf", "negInf", "sum"), 0)
    return {
        "revision": revision,
        "start": START + 1,
        "state": state,
        "profile": PROFILE,
        "profileSha256": "p1",
        "rows": rows,
        "latency": {"slotSeconds": 5, "slots": [[START, {"160": rows}, 0]]},
        "inputs": {"income": {"counts": [rows, 0], **rest}},
        **more,
    }


MONITOR = {"metadata": {"name": "m"}, "spec": {"modelRef": {"name": "churn"}, "window": {"size": "1m", "minRows": 50}}}
HOURLY = {
    "metadata": {"name": "m"},
    "spec": {"modelRef": {"name": "churn"}, "window": {"size": "1h", "minRows": 5_000}},
}


async def test_two_routers_and_two_pods_make_the_evidence_of_a_model(world: World) -> None:
    routers = [await world.start(router_says(100)), await world.start(router_says(50, decision=2))]
    pods = [await world.start(pod_says(7)), await world.start(pod_says(4))]
    for router, pod in zip(routers, pods, strict=True):
        world.router(router)
        world.pod(pod)
    async with asking(world) as collector:
        await world.tick(collector)
        routers[0].answer = router_says(110, bad=3)
        await world.tick(collector)
        evidence = collector.evidence("team-a", "churn")
    assert evidence.outcomes == (OutcomeSlot(START + 5, {V1: Outcomes(10, 3, 0)}, observed=True, span=1),)
    assert [router.acknowledged for router in evidence.routers] == [1, 2]
    assert evidence.latency == {V1: (LatencySlot(START, {160: 11}, 0),)}
    assert [pod.state for pod in evidence.pods[V1]] == ["Ready", "Ready"]
    assert evidence.pods[V1][0].profile == PROFILE
    assert evidence.unavailable_since is None


async def test_routers_latencies_and_a_prober_on_its_own_port_make_the_evidence_of_a_container(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = await world.start(router_says(100))
    world.router(router)
    beside = await world.start({"revision": V1, "start": START, "state": "Ready", "signature": SIGNATURE})
    target = world.pod(beside)
    world.targets = Targets(world.targets.routers, (replace(target, probed=True),))
    monkeypatch.setattr(asking_module, "PROBE_PORT", world.port)
    async with asking(world) as collector:
        for latency in ({"200": 90}, {"200": 100, "210": 5}):
            router.answer["clusters"][V1]["latency"] = latency
            await world.tick(collector)
        evidence = collector.evidence("team-a", "churn")
    assert evidence.router_latency == {V1: (LatencySlot(START + 5, {200: 10, 210: 5}, by_router=True),)}
    assert evidence.latency == {}
    assert [(pod.state, pod.signature) for pod in evidence.pods[V1]] == [("Ready", SIGNATURE)]


async def test_a_prober_is_not_asked_on_the_port_of_our_servers(world: World) -> None:
    target = world.pod(await world.start(pod_says()))
    world.targets = Targets((), (replace(target, probed=True),))
    async with asking(world) as collector:
        await world.tick(collector)
        assert collector.evidence("team-a", "churn").pods == {}


async def test_evidence_does_not_change_afterwards(world: World) -> None:
    router = await world.start(router_says(100))
    world.router(router)
    async with asking(world) as collector:
        await world.tick(collector)
        before = collector.evidence("team-a", "churn")
        router.answer = router_says(110)
        await world.tick(collector)
    assert before.outcomes == ()
    assert before.cursors["end"] == START + 5


async def test_a_router_that_does_not_answer_is_shown_and_its_counts_come_later(world: World) -> None:
    good, bad = await world.start(router_says(100)), await world.start(router_says(50))
    world.router(good)
    target = world.router(bad)
    async with asking(world) as collector:
        await world.tick(collector)
        bad.status = 500
        await world.tick(collector)
        for _ in range(3):
            await world.tick(collector)
        evidence = collector.evidence("team-a", "churn")
        assert evidence.routers[1] == RouterEvidence(target.name, None, 20.0)
        assert not any(slot.observed for slot in evidence.outcomes)
        bad.status, bad.answer = 200, router_says(57)
        await world.tick(collector)
        await world.tick(collector)
        outcomes = collector.evidence("team-a", "churn").outcomes
    assert [slot.observed for slot in outcomes[-2:]] == [False, True]
    assert sum(slot.revisions[V1].requests for slot in outcomes if V1 in slot.revisions) == 7


async def test_evidence_is_unavailable_when_no_router_answers(world: World) -> None:
    world.router(Pod("127.0.0.250", None))
    world.pod(await world.start(pod_says()), namespace="team-b")
    async with asking(world) as collector:
        await world.tick(collector)
        await world.tick(collector)
        assert collector.evidence("team-a", "churn").unavailable_since == START + 5
        assert collector.evidence("team-b", "churn").unavailable_since == START + 5


async def test_a_slow_namespace_delays_no_other_and_nothing_waits_for_long(world: World) -> None:
    slow, quick = await world.start(router_says(), delay=30), await world.start(router_says())
    world.router(slow, "team-slow")
    world.router(quick, "team-quick")
    async with asking(world) as collector:
        task = asyncio.create_task(collector.ask_routers(START))
        async with asyncio.timeout(1.5):
            await world.changed.wait()
        assert world.changes == [("team-quick", "churn")]
        assert not task.done()
        began = time.monotonic()
        await task
        assert time.monotonic() - began < 3


async def test_a_pod_that_lets_a_question_time_out_rests_and_is_asked_again(world: World) -> None:
    pod = await world.start(pod_says(), delay=30)
    world.pod(pod)
    async with asking(world) as collector:
        for _ in range(7):
            await world.tick(collector)
        assert len(pod.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{",
        b"[" * 50_000,
        b'{"rows": NaN}',
        b"x" * (3 * 1024 * 1024),
        {"revision": V1},
        pod_says(revision=V2),
        pod_says(sha256=5),
        pod_says(inputs={"income": {"counts": [1]}}),
        pod_says(state="Broken"),
        [],
    ],
    ids=str,
)
async def test_a_hostile_pod_harms_nobody_but_itself(world: World, answer: Any) -> None:
    world.pod(await world.start(answer))
    good = world.pod(await world.start(pod_says(3)))
    async with asking(world) as collector:
        await world.tick(collector)
        await world.tick(collector)
        evidence = collector.evidence("team-a", "churn")
    assert [pod.pod for pod in evidence.pods[V1]] == [good.name]


async def test_a_redirect_is_not_followed(world: World) -> None:
    elsewhere = await world.start(pod_says())
    pod = await world.start(pod_says())

    async def redirect(_: web.Request) -> web.Response:
        raise web.HTTPFound(f"http://{elsewhere.address}:{world.port}/evidence")

    app = web.Application()
    app.router.add_get("/evidence", redirect)
    await world.runners[-1].cleanup()
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    world.runners.append(runner)
    await runner.setup()
    await web.TCPSite(runner, pod.address, world.port).start()
    world.pod(pod)
    async with asking(world) as collector:
        await world.tick(collector)
        assert collector.evidence("team-a", "churn").pods == {}
    assert elsewhere.asked == []


async def test_what_was_told_before_is_not_asked_for_again(world: World) -> None:
    pod = await world.start(pod_says(3))
    world.pod(pod)
    async with asking(world) as collector:
        await world.tick(collector)
        pod.answer = pod_says(4, profile=None)
        await world.tick(collector)
        evidence = collector.evidence("team-a", "churn")
    assert pod.asked == [{}, {"latencyFrom": str(START + 10 - 60), "profile": "p1"}]
    assert evidence.pods[V1][0].profile == PROFILE


async def test_a_planner_is_called_for_what_it_must_see_and_for_nothing_else(world: World) -> None:
    router, pod = await world.start(router_says()), await world.start(pod_says(state="Loading"))
    world.router(router)
    world.pod(pod)
    async with asking(world) as collector:
        await world.tick(collector)
        assert set(world.changes) == {("team-a", "churn")}
        world.changes.clear()
        router.answer, pod.answer = router_says(50), pod_says(9, state="Loading")
        await world.tick(collector)
        assert world.changes == []
        pod.answer = pod_says(9, state="Failed", reason="ProbeFailed")
        await world.tick(collector)
        assert world.changes == [("team-a", "churn")]
        router.answer = router_says(50, decision=2)
        await world.tick(collector)
        assert world.changes == [("team-a", "churn")] * 2


async def test_a_watched_model_is_planned_at_every_slot(world: World) -> None:
    world.router(await world.start(router_says()))
    async with asking(world) as collector:
        await world.tick(collector)
        world.changes.clear()
        collector.set_watched("team-a", "churn", wanted=True)
        await world.tick(collector)
        await world.tick(collector)
        assert world.changes == [("team-a", "churn")] * 2
        collector.set_watched("team-a", "churn", False)  # noqa: FBT003 - a switch
        await world.tick(collector)
        assert world.changes == [("team-a", "churn")] * 2


async def test_a_pod_that_is_gone_is_told_and_its_latency_stays(world: World) -> None:
    world.pod(await world.start(pod_says(3)))
    async with asking(world) as collector:
        await world.tick(collector)
        world.changes.clear()
        world.targets = Targets()
        await world.tick(collector)
        evidence = collector.evidence("team-a", "churn")
        assert world.changes == [("team-a", "churn")]
        assert (evidence.pods, evidence.latency) == ({}, {V1: (LatencySlot(START, {160: 3}, 0),)})
        for _ in range(200):
            await world.tick(collector)
        assert collector.evidence("team-a", "churn").latency == {}


async def test_acknowledgements_are_polled_where_they_are_waited_for(world: World) -> None:
    waited, other = await world.start(router_says()), await world.start(router_says())
    world.router(waited)
    world.router(other, "team-b")
    async with asking(world) as collector:
        collector.set_fast("team-a", "churn", wanted=True)
        await collector.ask_fast()
        waited.answer = router_says(10, decision=2)
        await collector.ask_fast()
        evidence = collector.evidence("team-a", "churn")
        collector.set_fast("team-a", "churn", False)  # noqa: FBT003 - a switch
        await collector.ask_fast()
    assert (len(waited.asked), len(other.asked)) == (2, 0)
    assert world.changes == [("team-a", "churn")] * 2
    assert (evidence.routers[0].acknowledged, evidence.outcomes) == (2, ())


async def test_a_restarted_collector_goes_on_from_cursors_and_checkpoint(world: World) -> None:
    router, pod = await world.start(router_says(100)), await world.start(pod_says(100))
    world.router(router)
    world.pod(pod)
    async with asking(world) as first:
        first.follow("team-a", "churn", [MONITOR], None)
        await world.tick(first)
        await world.tick(first, 400)
        before = first.evidence("team-a", "churn")
    view = before.windows["m"]
    assert view.checkpoint is not None
    router.answer, pod.answer = router_says(130), pod_says(160)
    async with asking(world) as second:
        second.restore("team-a", "churn", before.cursors)
        kept = {"binaryData": {"windows": base64.b64encode(view.checkpoint).decode()}}
        second.follow("team-a", "churn", [MONITOR], kept)
        await world.tick(second, 60)
        await world.tick(second, 60)
        after = second.evidence("team-a", "churn")
    assert after.outcomes[0].revisions == {V1: Outcomes(30, 0, 0)}
    assert (after.outcomes[0].observed, after.outcomes[0].span) == (False, 12)
    assert [slot.rows for slot in after.windows["m"].revisions[V1]] == [60]


@pytest.mark.parametrize("ahead", [420, -420, 7_200, -7_200])
async def test_a_server_whose_clock_is_off_is_counted_in_our_slots_and_labels_find_its_predictions(
    world: World, ahead: int
) -> None:
    """Two servers of one revision; labels of what the one predicted come to the other.

    Not on the cluster: Linux has no namespace for the time of day, so that pods of one machine have one clock.
    """

    def says(rows: int) -> dict[str, Any]:
        ticks = [START + 5 * i for i in range(1, 1 + rows // 10)]
        slots = [
            [ahead + start, {"160": 10}, 0] for start in ticks if ahead + start >= int(asked().get("latencyFrom", 0))
        ]
        return pod_says(
            rows, start=ahead + START + 1, now=ahead + world.now, latency={"slotSeconds": 5, "slots": slots}
        )

    def asked() -> dict[str, str]:
        return off.asked[-1] if off.asked else {}

    off, right = await world.start(None), await world.start(pod_says(0))
    world.pod(off)
    world.pod(right)
    predicted = (START + ahead) // 60 * 60
    async with asking(world) as collector:
        collector.follow("team-a", "churn", [HOURLY], None)
        for tick in range(1, 25):
            off.answer = says(10 * tick)
            table = {"rows": tick, "correct": tick}
            labels = {"cursor": f"1-{tick}", "totals": [], "slotSeconds": 60, "slots": [[V1, predicted, table]]}
            right.answer = pod_says(0, now=world.now, labels=labels, latency={"slotSeconds": 5, "slots": []})
            await world.tick(collector)
        latency = collector.evidence("team-a", "churn").latency
        await world.tick(collector, 3_600)
        evidence = collector.evidence("team-a", "churn")
    assert {slot.start: slot.counts for slot in latency[V1]} == {START + 5 * i: {160: 10} for i in range(1, 25)}
    assert sum(slot.rows for slot in evidence.windows["m"].revisions[V1]) == 240
    assert evidence.labels.revisions[V1][predicted][""].rows == 24


@pytest.mark.parametrize("jump", [420, -420])
async def test_when_our_clock_jumps_and_comes_back_every_row_is_counted_once(world: World, jump: int) -> None:
    pod = await world.start(None)
    world.pod(pod)
    async with asking(world) as collector:
        collector.follow("team-a", "churn", [HOURLY], None)
        for tick in range(1, 101):
            slots = [[START + 5 * tick - 5, {"160": 10}, 0]]
            said = {"slotSeconds": 5, "slots": slots}
            pod.answer = pod_says(10 * tick, now=START + 5 * tick, latency=said)
            world.now = START + 5 * tick + (jump if 30 <= tick < 60 else 0)
            await world.tick(collector, 0)
        latency = collector.evidence("team-a", "churn").latency
        await world.tick(collector, 3_600)
        evidence = collector.evidence("team-a", "churn")
    assert sum(slot.rows for slot in evidence.windows["m"].revisions[V1]) == 1_000
    assert all(slot.counts == {160: 10} and slot.start <= START + 500 for slot in latency[V1])


async def test_requests_of_objectives_are_counted_over_a_restart_and_by_routers_that_were_silent(world: World) -> None:
    def says(total: int, bad: int) -> dict[str, Any]:
        said = router_says(total, bad)
        said["clusters"][V1] |= {"failed": bad, "latency": {"266": total - bad, "300": bad}}
        return said

    objectives = {"availability": {"target": "99"}, "latency": {"below": "100ms", "target": "99"}}
    monitor: dict[str, Any] = {"metadata": {"name": "m"}, "spec": {"modelRef": {"name": "churn"}}}
    monitor["spec"]["objectives"] = objectives
    router, silent = await world.start(says(100, 0)), await world.start(says(0, 0))
    world.router(router)
    world.router(silent)
    async with asking(world) as first:
        first.follow("team-a", "churn", [monitor], None)
        await world.tick(first)
        router.answer = says(110, 1)
        await world.tick(first, 400)
        packed = first.evidence("team-a", "churn").windows["m"].checkpoint
    assert packed is not None  # no pod counted a row: requests alone are worth keeping
    router.answer, silent.status = says(130, 2), 500
    async with asking(world) as second:
        kept = {"binaryData": {"windows": base64.b64encode(packed).decode()}}
        second.follow("team-a", "churn", [monitor], kept)
        await world.tick(second, 60)
        silent.answer, silent.status = says(70, 3), 200
        await world.tick(second, 60)
        await world.tick(second, 600)
        served = second.evidence("team-a", "churn").served
    assert served is not None
    assert served.answered[3600] == (30 + 70, 2 + 3)
    assert served.in_time[266][3600] == (30 + 70, 2 + 3)
    assert served.silent == ()


async def test_a_checkpoint_that_cannot_be_read_starts_anew(world: World, caplog: pytest.LogCaptureFixture) -> None:
    collector = world.collector()
    collector.follow("team-a", "churn", [MONITOR], {"metadata": {"name": "churn-windows"}, "binaryData": {}})
    assert "start anew" in caplog.text
    assert set(collector.evidence("team-a", "churn").windows) == {"m"}


async def test_without_monitors_no_windows_are_kept(world: World) -> None:
    collector = world.collector()
    collector.follow("team-a", "churn", [MONITOR], None)
    collector.follow("team-a", "churn", [], None)
    assert collector.evidence("team-a", "churn").windows == {}


async def test_a_model_that_is_no_more_is_forgotten(world: World) -> None:
    world.pod(await world.start(pod_says(3)))
    async with asking(world) as collector:
        collector.follow("team-a", "churn", [MONITOR], None)
        await world.tick(collector)
        collector.forget("team-a", "churn")
        evidence = collector.evidence("team-a", "churn")
    assert (evidence.windows, evidence.latency, evidence.pods) == ({}, {}, {})


async def test_it_runs_by_itself_slot_by_slot_and_ends_when_cancelled(world: World) -> None:
    router = await world.start(router_says(100))
    world.router(router)
    world.pod(await world.start(pod_says(3)))
    collector = world.collector(slot_seconds=1, clock=time.time)
    collector.set_fast("team-a", "churn", wanted=True)
    collector.set_watched("team-a", "churn", wanted=True)
    task = asyncio.create_task(collector.run())
    async with asyncio.timeout(10):
        while len(collector.evidence("team-a", "churn").outcomes) < 2:
            world.changed.clear()
            await world.changed.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    starts = [slot.start for slot in collector.evidence("team-a", "churn").outcomes]
    assert all(later - earlier >= 1 for earlier, later in itertools.pairwise(starts))
    assert collector.polled_at is not None
    assert len(router.asked) > len(starts) + 1


async def test_two_hundred_pods_are_cheap(world: World) -> None:
    histogram = {str(i): 5 for i in range(150, 190)}
    slots = [[START - 600 + 5 * i, histogram, 0] for i in range(120)]
    shared = await world.start(pod_says(5, latency={"slotSeconds": 5, "slots": slots}))
    for i in range(200):
        target = PodTarget("team-a", f"p-{i}", f"uid-{i}", shared.address, "churn", V1)
        world.targets = Targets((), (*world.targets.pods, target))
    async with asking(world) as collector:
        await world.tick(collector)
        shared.answer = pod_says(5, latency={"slotSeconds": 5, "slots": slots[-12:]}, profile=None)
        began = time.process_time()
        await world.tick(collector)
        # Both sides of 200 HTTP exchanges run in this process; a slot is five seconds.
        assert time.process_time() - began < 1.0
        assert sum(collector.evidence("team-a", "churn").latency[V1][0].counts.values()) == 200 * 40 * 5


def labels_say(rows: int, cursor: str, revision: str = V2) -> dict[str, Any]:
    table = {"rows": rows, "correct": rows}
    slots = [[revision, START // 3600 * 3600, table]]
    return {"slotSeconds": 3600, "cursor": cursor, "totals": [[revision, table]], "slots": slots}


async def test_labels_are_asked_for_from_where_they_were_told_and_outlive_their_pod(world: World) -> None:
    first = await world.start(pod_says(labels=labels_say(2, "1-1")))
    second = await world.start(pod_says(labels=labels_say(3, "2-1")))
    world.pod(first)
    world.pod(second)
    async with asking(world) as collector:
        await world.tick(collector)
        assert "labels" not in first.asked[0]
        assert collector.labels()["team-a", "churn"][V2][""].rows == 5
        assert collector.evidence("team-a", "churn").labels.revisions[V2][START // 3600 * 3600][""].rows == 5
        first.answer["labels"] = labels_say(4, "1-2")
        second.answer["labels"] = {"slotSeconds": 3600, "cursor": "2-1", "totals": [], "slots": []}
        await world.tick(collector)
        assert (first.asked[1]["labels"], second.asked[1]["labels"]) == ("1-1", "2-1")
        assert collector.labels()["team-a", "churn"][V2][""].rows == 7
        world.targets = Targets()
        await world.tick(collector, 2_000)
        assert collector.labels()["team-a", "churn"][V2][""].rows == 7
        assert collector.evidence("team-a", "churn").labels.revisions[V2][START // 3600 * 3600][""].rows == 7
        collector.forget("team-a", "churn")
        assert collector.labels() == {}
        assert collector.evidence("team-a", "churn").labels.revisions == {}


async def test_rows_are_kept_of_the_sides_that_gates_ask_for_and_of_each_arm(world: World) -> None:
    pod = await world.start(pod_says(0))
    world.pod(pod)
    async with asking(world) as collector:
        collector.set_watched("team-a", "churn", wanted=True, sides=frozenset({"inputs"}))
        for rows in (0, 300):
            pod.answer = pod_says(rows, arms={"mirror": {"inputs": pod_says(2 * rows)["inputs"]}})
            await world.tick(collector)
        # Told again, as after every plan.
        collector.set_watched("team-a", "churn", wanted=True, sides=frozenset({"inputs"}))
        evidence = collector.evidence("team-a", "churn")
        collector.set_watched("team-a", "churn", wanted=True)
        assert collector.evidence("team-a", "churn").profiled == {}
    counted = {
        name: [one.inputs["income"]["counts"][0] for one in blocks] for name, blocks in evidence.profiled.items()
    }
    assert counted == {V1: [300], f"{V1}~mirror": [600]}
    assert evidence.answers == {}
