import asyncio

import pytest

from tests.unit.kube.fake_api import FakeApi
from tests.unit.kube.samples import item, model
from tests.unit.runtime.waiting import end, until
from tests.unit.runtime.world import World, key
from weirkeeper.kube.errors import Conflict, Forbidden, KubeError, Transient
from weirkeeper.kube.keys import Key
from weirkeeper.plan.snapshot import Object
from weirkeeper.runtime.worker import FORGIVEN


async def test_a_model_gets_its_revision_its_service_and_its_namespaces_routers() -> None:
    world = World()
    world.has(model())
    await world.settle()
    kinds = {(kind, name.startswith("weirkeeper-router")) for _, kind, name in world.api.writes}
    assert {("Deployment", False), ("Service", False), ("Deployment", True), ("Service", True)} <= kinds
    assert world.status()["phase"] == "Starting"


async def test_what_has_settled_is_written_no_more() -> None:
    world = World()
    world.has(model())
    await world.settle()
    world.api.writes.clear()
    world.queue.add_all(world.cache.keys())
    await world.settle()
    assert world.api.writes == []


class OneIsBad(FakeApi):
    """Whatever is applied for one of the Models fails."""

    def __init__(self, failure: Exception) -> None:
        super().__init__()
        self._failure = failure

    async def apply(self, manifest: Object, *, force: bool = True) -> Object:
        if manifest["metadata"]["name"].startswith("bad"):
            raise self._failure
        return await super().apply(manifest, force=force)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (ZeroDivisionError("a bug"), "bug"),
        (Transient("busy"), "transient"),
        (Forbidden("no right"), "invalid"),
    ],
)
async def test_a_failing_key_is_counted_and_slows_no_other(failure: Exception, kind: str) -> None:
    world = World(OneIsBad(failure))
    for name in ("bad", "churn", "fraud"):
        world.has(model(name))
    await world.settle()
    assert world.errors(kind) == 1
    assert [world.status(name).get("phase") for name in ("bad", "churn", "fraud")] == [None, "Starting", "Starting"]


class OneHangs(FakeApi):
    """Whatever is applied for one of the Models gets no answer."""

    async def apply(self, manifest: Object, *, force: bool = True) -> Object:
        if manifest["metadata"]["name"].startswith("bad"):
            await asyncio.Event().wait()
        return await super().apply(manifest, force=force)


async def test_a_slow_key_holds_up_no_other() -> None:
    world = World(OneHangs())
    for name in ("bad", "churn", "fraud"):
        world.has(model(name))
    workers = [asyncio.create_task(world.reconciler.work(lambda: True)) for _ in range(2)]
    await until(lambda: world.status("churn") and world.status("fraud"))
    assert world.status("bad") == {}
    await end(*workers)


class Contested(FakeApi):
    """Somebody else is faster at every status."""

    async def put_status(self, write: object) -> Object:
        raise Conflict(f"{write} is newer")


async def test_a_conflict_is_tried_again_at_once_but_not_for_ever() -> None:
    world = World(Contested())
    world.has(model())
    await world.settle(turns=50)
    assert world.errors("conflict") == FORGIVEN + 1
    assert world.queue._schedule.next_due() is not None


async def test_a_bug_leaves_a_traceback_and_the_key_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    world = World(OneIsBad(ZeroDivisionError("a bug")))
    world.has(model("bad"))
    await world.settle()
    assert "ZeroDivisionError" in caplog.text
    assert world.queue._schedule.next_due() is not None


async def test_who_does_not_lead_writes_nothing_and_counts_no_failure() -> None:
    world = World()
    world.leads = False
    world.has(model())
    await world.settle()
    assert world.api.writes == []
    assert [world.errors(kind) for kind in ("bug", "transient", "conflict", "invalid")] == [0, 0, 0, 0]


async def test_workers_take_nothing_while_they_may_not() -> None:
    world = World()
    world.has(model())
    worker = asyncio.create_task(world.reconciler.work(lambda: False))
    await asyncio.sleep(0.01)
    await end(worker)
    assert world.api.reads == []


async def test_a_foreign_service_is_told_and_not_touched() -> None:
    world = World()
    world.api.put(item("Service", "churn"), ours=False)
    world.has(model())
    await world.settle()
    ready = next(one for one in world.status()["conditions"] if one["type"] == "Ready")
    assert ready["reason"] == "NameTaken"
    assert ("apply", "Service", "churn") not in world.api.writes


async def test_a_model_that_is_gone_is_forgotten() -> None:
    world = World()
    found = world.has(model())
    await world.settle()
    world.queue.add_all(world.cache.drop(world.cache.get("Model", "team-a", "churn") or found))
    await world.settle()
    assert world.lookups.pods(key()) == ()
    assert world.errors("bug") == 0


async def test_pods_of_what_is_not_ready_are_listed_and_no_others() -> None:
    world = World()
    world.has(model())
    await world.settle()
    assert ("list", "Pod") in world.api.reads
    assert [kind for verb, kind in world.api.reads if verb == "watch"] == []


@pytest.mark.parametrize("error", [Transient("busy", 30.0), Transient("busy")])
async def test_a_wait_that_the_server_asks_for_is_kept(error: KubeError) -> None:
    world = World(OneIsBad(error))
    world.has(model("bad"))
    before = asyncio.get_running_loop().time()
    await world.settle()
    due = world.queue._schedule._due[Key("Model", "team-a", "bad")]
    wanted = getattr(error, "retry_after", None) or 0.4
    assert due - before >= wanted
