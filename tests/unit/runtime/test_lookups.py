import pytest

from tests.unit.kube.fake_api import FakeApi
from tests.unit.kube.samples import item, model, ours
from tests.unit.runtime.world import key
from weirkeeper.api import names
from weirkeeper.kube.cache import Cache
from weirkeeper.kube.errors import Forbidden
from weirkeeper.runtime.freezes import AT_REST, IN_ATTEMPT
from weirkeeper.runtime.lookups import LOOK_AGAIN, NAMED_EVERY, PODS_EVERY, Lookups

BY_CONFIG_MAP = model(spec={"artifact": {"uri": "configmap://bundle"}})


class World:
    def __init__(self) -> None:
        self.now = 100.0
        self.api, self.cache = FakeApi(), Cache()
        self.lookups = Lookups(self.api, self.cache, lambda: self.now)

    def pod(self, phase: str) -> None:
        labels = {**ours(), names.LABEL_REVISION: "churn-1"}
        self.api.put(item("Pod", "churn-1-x", labels=labels, status={"phase": phase}))


@pytest.fixture
def world() -> World:
    return World()


async def test_a_models_config_map_is_read_once_and_again_when_it_is_old(world: World) -> None:
    world.api.put(item("ConfigMap", "bundle"), ours=False)
    for _ in range(2):
        await world.lookups.refresh(key(), BY_CONFIG_MAP)
    assert world.api.reads.count(("get", "ConfigMap")) == 1
    assert world.lookups.config_maps(key())["bundle"] is not None
    world.now += NAMED_EVERY
    await world.lookups.refresh(key(), BY_CONFIG_MAP)
    assert world.api.reads.count(("get", "ConfigMap")) == 2


async def test_a_missing_config_map_is_known_to_be_missing_and_looked_for_again_soon(world: World) -> None:
    assert await world.lookups.refresh(key(), BY_CONFIG_MAP) == LOOK_AGAIN
    assert world.lookups.config_maps(key()) == {"bundle": None}
    world.api.put(item("ConfigMap", "bundle"), ours=False)
    world.now += LOOK_AGAIN
    await world.lookups.refresh(key(), BY_CONFIG_MAP)
    assert world.lookups.config_maps(key())["bundle"] is not None


async def test_an_artifact_elsewhere_needs_no_config_map(world: World) -> None:
    await world.lookups.refresh(key(), BY_CONFIG_MAP)
    await world.lookups.refresh(key(), model())
    assert world.lookups.config_maps(key()) == {}


async def test_a_service_account_is_read_and_read_again_soon_while_it_is_not_allowed(world: World) -> None:
    served = model(spec={"artifact": {"uri": "s3://models/churn/"}, "server": {"serviceAccountName": "reader"}})
    assert await world.lookups.refresh(key(), served) == LOOK_AGAIN
    assert world.lookups.service_accounts(key()) == {"reader": None}
    world.api.put(item("ServiceAccount", "reader"), ours=False)
    world.now += LOOK_AGAIN
    assert await world.lookups.refresh(key(), served) == LOOK_AGAIN
    labels = {names.LABEL_ALLOWED_FOR_MODELS: "true"}
    world.api.put(item("ServiceAccount", "reader", labels=labels), ours=False)
    world.now += LOOK_AGAIN
    assert await world.lookups.refresh(key(), served) > LOOK_AGAIN
    found = world.lookups.service_accounts(key())["reader"]
    assert found is not None
    assert found["metadata"]["labels"] == labels
    world.lookups.forget(key())
    assert world.lookups.service_accounts(key()) == {}


async def test_a_foreign_service_that_went_away_is_noticed(world: World) -> None:
    world.cache.put(world.api.put(item("Service", "churn"), ours=False))
    assert await world.lookups.refresh(key(), model()) == LOOK_AGAIN
    world.api.objects.clear()
    world.now += LOOK_AGAIN
    await world.lookups.refresh(key(), model())
    assert world.cache.get("Service", "team-a", "churn") is None


async def test_pods_are_listed_at_a_bounded_rate(world: World) -> None:
    world.pod("Pending")
    assert await world.lookups.list_pods(key(), ("churn-1",)) == (True, PODS_EVERY)
    world.now += 1.0
    assert await world.lookups.list_pods(key(), ("churn-1",)) == (False, PODS_EVERY - 1.0)
    assert world.api.reads == [("list", "Pod")]


async def test_pods_that_did_not_change_are_no_news(world: World) -> None:
    world.pod("Pending")
    await world.lookups.list_pods(key(), ("churn-1",))
    world.now += PODS_EVERY
    assert (await world.lookups.list_pods(key(), ("churn-1",)))[0] is False
    world.pod("Running")
    world.now += PODS_EVERY
    assert (await world.lookups.list_pods(key(), ("churn-1",)))[0] is True
    assert world.lookups.pods(key())[0]["status"] == {"phase": "Running"}


async def test_pods_of_what_is_ready_are_forgotten(world: World) -> None:
    world.pod("Pending")
    await world.lookups.list_pods(key(), ("churn-1",))
    assert await world.lookups.list_pods(key(), ()) == (False, None)
    assert world.lookups.pods(key()) == ()


def said(world: World, annotation: str | None) -> str:
    namespace = item("Namespace", "team-a")
    namespace["metadata"]["annotations"] = {names.FREEZE_ANNOTATION: annotation} if annotation is not None else {}
    world.api.put(namespace, ours=False)
    return world.lookups.frozen(key())


async def test_a_freeze_is_read_off_the_namespace_sooner_while_something_may_be_promoted(world: World) -> None:
    assert said(world, None) == ""
    assert await world.lookups.refresh(key(), model()) == AT_REST
    said(world, "quarter end")
    world.now += IN_ATTEMPT
    await world.lookups.refresh(key(), model(status={"phase": "Healthy"}))
    assert world.lookups.frozen(key()) == ""
    assert await world.lookups.refresh(key(), model(status={"phase": "Progressing"})) == IN_ATTEMPT
    assert world.lookups.frozen(key()) == "namespace team-a is, by its annotation weirkeeper.dev/freeze: quarter end"


async def test_the_models_of_a_namespace_share_one_reading_of_it(world: World) -> None:
    for name in ("churn", "fraud"):
        await world.lookups.refresh(key(name), model(name))
    assert world.api.reads == [("get", "Namespace")]


async def test_a_namespace_that_may_not_be_read_counts_as_frozen_and_says_what_to_do(world: World) -> None:
    world.api.fail["get Namespace"] = Forbidden("namespaces is forbidden")
    await world.lookups.refresh(key(), model())
    assert "let it `get` namespaces" in world.lookups.frozen(key())


async def test_cron_jobs_that_gates_name_are_read_by_name_and_again_soon(world: World) -> None:
    world.api.put(item("CronJob", "check", api_version="batch/v1"), ours=False)
    wanted = frozenset({"check", "gone"})
    assert await world.lookups.refresh(key(), model(), wanted) == LOOK_AGAIN
    await world.lookups.refresh(key(), model(), wanted)
    assert world.api.reads.count(("get", "CronJob")) == 2
    found = world.lookups.cron_jobs(key())
    assert found["check"] is not None
    assert found["gone"] is None
    world.now += LOOK_AGAIN
    await world.lookups.refresh(key(), model(), frozenset({"check"}))
    assert world.api.reads.count(("get", "CronJob")) == 3
    assert set(world.lookups.cron_jobs(key())) == {"check"}
    world.lookups.forget(key())
    assert world.lookups.cron_jobs(key()) == {}
