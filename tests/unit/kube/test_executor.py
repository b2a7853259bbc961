import base64
from typing import Any

import pytest

from tests.unit.kube.fake_api import FakeApi
from tests.unit.kube.samples import item, model, service
from weirkeeper.kube.cache import Cache
from weirkeeper.kube.errors import Conflict, Forbidden, Foreign, Invalid, KubeError, NotLeading, Transient
from weirkeeper.kube.executor import FORGOTTEN_MOST, Executor
from weirkeeper.kube.keys import Key
from weirkeeper.plan.result import Create, Delete, Notice, Plan, StatusWrite
from weirkeeper.plan.snapshot import Object

KEY = Key("Model", "team-a", "churn")
CHURN = {"apiVersion": "weirkeeper.dev/v1alpha1", "kind": "Model", "namespace": "team-a", "name": "churn", "uid": "u"}


class World:
    def __init__(self) -> None:
        self.api, self.cache, self.leads = FakeApi(), Cache(), True
        self.told: list[tuple[str, str]] = []
        self.executor = Executor(self.api, self.cache, lambda: self.leads, lambda *write: self.told.append(write))

    async def do(self, plan: Plan) -> int:
        return await self.executor.carry_out(KEY, plan)

    def known(self, manifest: Object) -> dict[str, Any]:
        found = self.api.put(manifest)
        self.cache.put(found)
        return found


@pytest.fixture
def world() -> World:
    return World()


def status_of(found: Object, **status: object) -> StatusWrite:
    return StatusWrite("Model", "team-a", "churn", found["metadata"]["resourceVersion"], status)


async def test_a_plan_is_carried_out_in_its_order(world: World) -> None:
    found, old = world.known(model()), world.known(service("old"))
    plan = Plan(
        applies=(service("new"),),
        statuses=(status_of(found, phase="Idle"),),
        deletes=(Delete("v1", "Service", "team-a", "old", str(old["metadata"]["uid"])),),
        notices=(Notice(CHURN, "Normal", "InitialDeploy", "it begins"),),
    )
    assert await world.do(plan) == 3
    assert [write[:2] for write in world.api.writes] == [
        ("apply", "Service"),
        ("status", "Model"),
        ("delete", "Service"),
        ("create", "Event"),
    ]
    assert world.told == [write[:2] for write in world.api.writes]


async def test_doing_a_plan_again_writes_nothing(world: World) -> None:
    found = world.known(model())
    await world.do(Plan(applies=(service(),), statuses=(status_of(found, phase="Idle"),)))
    world.api.writes.clear()
    again = world.cache.get("Model", "team-a", "churn")
    assert again is not None
    assert await world.do(Plan(applies=(service(),), statuses=(status_of(again, phase="Idle"),))) == 0
    assert world.api.writes == []


async def test_after_a_restart_nothing_that_is_so_is_written_again(world: World) -> None:
    await world.do(Plan(applies=(service(),)))
    world.api.writes.clear()
    fresh = Cache()
    fresh.put(world.api.objects["Service", "team-a", "churn-1"])
    executor = Executor(world.api, fresh, lambda: True, lambda *_: None)
    assert await executor.carry_out(KEY, Plan(applies=(service(),))) == 0


async def test_a_value_that_the_server_writes_otherwise_is_applied_once(world: World) -> None:
    manifest = service(spec={"cpu": "0.5"})
    assert [await world.do(Plan(applies=(manifest,))) for _ in range(3)] == [1, 0, 0]
    assert world.api.objects["Service", "team-a", "churn-1"]["spec"]["cpu"] == "500m"


async def test_what_somebody_changed_is_put_right(world: World) -> None:
    await world.do(Plan(applies=(service(),)))
    world.known(service(spec={"ports": [{"port": 81}]}))
    assert await world.do(Plan(applies=(service(),))) == 1
    assert world.api.objects["Service", "team-a", "churn-1"]["spec"]["ports"] == [{"port": 80}]


async def test_a_foreign_object_is_not_touched_and_seen_by_the_next_plan(world: World) -> None:
    world.api.put(item("Service", "churn-1"), ours=False)
    with pytest.raises(Foreign, match="not ours"):
        await world.do(Plan(applies=(service(),)))
    assert world.api.writes == []
    assert world.cache.get("Service", "team-a", "churn-1") is not None


async def test_what_nobody_was_seen_to_have_is_made_without_force(world: World) -> None:
    await world.do(Plan(applies=(service(),)))
    world.known(service(spec={"ports": [{"port": 81}]}))
    await world.do(Plan(applies=(service(),)))
    assert world.api.forced == [False, True]


async def test_a_model_that_changed_ends_the_plan_and_is_looked_at_again(world: World) -> None:
    found = world.known(model())
    newer = world.api.put(model(metadata={**found["metadata"], "labels": {"new": "1"}}))
    plan = Plan(
        statuses=(status_of(found, decision=2),),
        deletes=(Delete("v1", "Service", "team-a", "old", "u"),),
        notices=(Notice(CHURN, "Normal", "Promoted", "it is"),),
    )
    with pytest.raises(Conflict):
        await world.do(plan)
    assert world.api.writes == []
    assert world.cache.get("Model", "team-a", "churn") == newer


async def test_a_model_that_is_gone_ends_the_plan(world: World) -> None:
    found = world.known(model())
    world.api.objects.clear()
    with pytest.raises(Conflict):
        await world.do(Plan(statuses=(status_of(found, decision=2),)))
    assert world.cache.get("Model", "team-a", "churn") is None


async def test_a_status_of_which_the_server_keeps_a_part_is_written_once(world: World) -> None:
    world.known(model())
    world.api.pruned = {"unknown"}
    for _ in range(3):
        now = world.cache.get("Model", "team-a", "churn")
        assert now is not None
        await world.do(Plan(statuses=(status_of(now, phase="Healthy", unknown=1),)))
    assert world.api.writes == [("status", "Model", "churn")]


async def test_a_successor_of_what_was_to_be_deleted_stays(world: World) -> None:
    world.known(service("old"))
    with pytest.raises(Conflict):
        await world.do(Plan(deletes=(Delete("v1", "Service", "team-a", "old", "the one before"),)))
    assert ("Service", "team-a", "old") in world.api.objects


async def test_what_is_gone_already_needs_no_delete(world: World) -> None:
    found = world.known(service("old"))
    world.api.objects.clear()
    uid = str(found["metadata"]["uid"])
    assert await world.do(Plan(deletes=(Delete("v1", "Service", "team-a", "old", uid),))) == 0
    assert world.cache.get("Service", "team-a", "old") is None


async def test_who_does_not_lead_writes_nothing(world: World) -> None:
    found = world.known(model())
    world.leads = False
    plans = [
        Plan(applies=(service(),)),
        Plan(statuses=(status_of(found, decision=2),)),
        Plan(deletes=(Delete("v1", "Service", "team-a", "old", "u"),)),
    ]
    for plan in plans:
        with pytest.raises(NotLeading):
            await world.do(plan)
    await world.do(Plan(notices=(Notice(CHURN, "Normal", "Promoted", "it is"),)))
    assert world.api.writes == []


async def test_a_notice_is_told_when_it_becomes_so_and_not_while_it_stays_so(world: World) -> None:
    full, empty = Plan(notices=(Notice(CHURN, "Warning", "NameTaken", "why"),)), Plan()
    for plan in (full, full, empty, full):
        await world.do(plan)
    assert len(world.api.writes) == 2


async def test_what_was_decided_is_told_even_where_a_delete_fails(world: World) -> None:
    found = world.known(model())
    world.known(service("old"))
    world.api.fail["delete"] = Forbidden("no right")
    plan = Plan(
        statuses=(status_of(found, decision=2),),
        deletes=(Delete("v1", "Service", "team-a", "old", "u"),),
        notices=(Notice(CHURN, "Normal", "Promoted", "it is"),),
    )
    with pytest.raises(Forbidden):
        await world.do(plan)
    assert [write[:2] for write in world.api.writes] == [("status", "Model"), ("create", "Event")]


async def test_an_event_that_is_refused_fails_nothing(world: World) -> None:
    world.api.fail["create"] = Forbidden("no events here")
    assert await world.do(Plan(applies=(service(),), notices=(Notice(CHURN, "Normal", "X", "y"),))) == 1


SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "churn-feedback", "namespace": "team-a"}}
CREATE = Create(SECRET, ("current", "previous"))


async def test_a_secret_is_made_once_with_keys_that_nobody_knows(world: World) -> None:
    assert await world.do(Plan(creates=(CREATE,))) == 1
    made = world.api.objects["Secret", "team-a", "churn-feedback"]
    keys = [base64.b64decode(key) for key in made["data"].values()]
    assert list(made["data"]) == ["current", "previous"]
    assert [len(key) for key in keys] == [32, 32]
    assert keys[0] != keys[1]
    assert world.api.reads == []
    assert world.cache.get("Secret", "team-a", "churn-feedback") is None


async def test_a_secret_that_exists_stays_as_it_is(world: World) -> None:
    await world.do(Plan(creates=(CREATE,)))
    before = world.api.objects["Secret", "team-a", "churn-feedback"]
    assert await world.do(Plan(creates=(CREATE,), applies=(service(),))) == 1
    assert world.api.objects["Secret", "team-a", "churn-feedback"] == before
    assert world.told == [("create", "Secret"), ("apply", "Service")]


@pytest.mark.parametrize("refusal", [Forbidden("a quota"), Invalid("a policy")])
async def test_a_secret_that_may_not_be_made_holds_nothing_up(world: World, refusal: KubeError) -> None:
    world.api.fail["create"] = refusal
    assert await world.do(Plan(creates=(CREATE,), applies=(service(),))) == 1


async def test_a_secret_that_cannot_be_made_now_is_made_later(world: World) -> None:
    world.api.fail["create"] = Transient("away")
    with pytest.raises(Transient):
        await world.do(Plan(creates=(CREATE,), applies=(service(),)))
    assert world.api.writes == []


async def test_only_the_leader_makes_secrets(world: World) -> None:
    world.leads = False
    with pytest.raises(NotLeading):
        await world.do(Plan(creates=(CREATE,)))
    assert world.api.writes == []


def a_job() -> dict[str, Any]:
    return item("Job", "churn-gate-1", api_version="batch/v1")


async def test_what_is_started_once_is_made_after_the_status_and_never_again(world: World) -> None:
    found = world.known(model())
    plan = Plan(statuses=(status_of(found, phase="Progressing"),), starts=(a_job(),))
    assert await world.do(plan) == 2
    assert [write[:2] for write in world.api.writes] == [("status", "Model"), ("create", "Job")]
    assert world.cache.get("Job", "team-a", "churn-gate-1") is not None
    # A cache that does not know of it yet: the API server does.
    world.cache = Cache()
    world.executor = Executor(world.api, world.cache, lambda: True, lambda *_: None)
    assert await world.do(Plan(starts=(a_job(),))) == 0
    assert world.cache.get("Job", "team-a", "churn-gate-1") is not None


async def test_a_status_that_is_not_written_starts_nothing(world: World) -> None:
    found = world.known(model())
    world.api.put(model(spec={"artifact": {"uri": "s3://models/churn/8/"}}))
    with pytest.raises(Conflict):
        await world.do(Plan(statuses=(status_of(found, phase="Progressing"),), starts=(a_job(),)))
    assert world.api.writes == []


@pytest.mark.parametrize("error", [Forbidden("exceeded quota"), Invalid("spec.template: Required value")])
async def test_what_may_not_be_started_is_remembered_and_holds_nothing_up(world: World, error: KubeError) -> None:
    old = world.known(service("old"))
    world.api.fail["create"] = error
    delete = Delete("v1", "Service", "team-a", "old", str(old["metadata"]["uid"]))
    assert await world.do(Plan(starts=(a_job(),), deletes=(delete,))) == 1
    assert world.executor.refused("team-a") == {("Job", "churn-gate-1"): str(error)}
    assert world.executor.refused("team-b") == {}


async def test_what_is_refused_is_forgotten_once_nobody_asks_for_it_any_more(world: World) -> None:
    world.api.fail["create"] = Forbidden("exceeded quota")
    await world.do(Plan(starts=(a_job(),)))
    world.api.fail["create"] = Forbidden("exceeded quota, still")
    await world.do(Plan(starts=(a_job(),)))
    assert world.executor.refused("team-a") == {("Job", "churn-gate-1"): "exceeded quota, still"}
    world.api.fail.clear()
    await world.do(Plan(starts=(a_job(),)))
    assert world.executor.refused("team-a") == {}
    world.api.fail["create"] = Forbidden("exceeded quota")
    another = item("Job", "churn-gate-2", api_version="batch/v1")
    await world.do(Plan(starts=(another,)))
    await world.executor.carry_out(Key("Model", "team-a", "other"), Plan())
    assert world.executor.refused("team-a") != {}, "another Model's plan says nothing of it"
    await world.do(Plan())
    assert world.executor.refused("team-a") == {}


async def test_objects_that_are_gone_are_not_remembered_for_ever(world: World) -> None:
    for number in range(3 * FORGOTTEN_MOST):
        await world.do(Plan(applies=(service(f"s-{number}"),)))
        world.cache.drop(world.cache.get("Service", "team-a", f"s-{number}"))  # type: ignore[arg-type]
    assert len(world.executor._applied) <= FORGOTTEN_MOST + 1
    await world.do(Plan(applies=(service("kept"),)))
    assert await world.do(Plan(applies=(service("kept"),))) == 0
