import asyncio

import pytest

from tests.unit.kube.fake_api import FakeApi
from tests.unit.kube.samples import model, service
from tests.unit.runtime.waiting import end, until
from weirkeeper.kube.cache import Cache
from weirkeeper.kube.errors import NotFound
from weirkeeper.kube.keys import Key
from weirkeeper.kube.resources import SELECTORS
from weirkeeper.runtime.listing import Lister, WatchedVersions, accept

CHURN = Key("Model", "team-a", "churn")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def lister_of(api: FakeApi, cache: Cache, told: list[frozenset[Key]], namespaces: tuple[str, ...] = ()) -> Lister:
    return Lister(api, cache, namespaces, told.append, interval=3600.0)


async def test_everything_is_listed_before_the_work_begins() -> None:
    api, cache, told = FakeApi(), Cache(), list[frozenset[Key]]()
    api.put(model())
    api.put(service())
    lister = lister_of(api, cache, told)
    await lister.first()
    assert lister.synced
    assert {kind for _, kind in api.reads} == {resource.kind for resource in SELECTORS}
    assert CHURN in frozenset().union(*told)


async def test_the_start_waits_for_the_api_server(monkeypatch: pytest.MonkeyPatch) -> None:
    api, slept = FakeApi(), list[float]()
    api.fail["list"] = NotFound("models.weirkeeper.dev")

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            del api.fail["list"]

    monkeypatch.setattr("weirkeeper.runtime.listing.asyncio.sleep", sleep)
    await lister_of(api, Cache(), []).first()
    assert slept == [1.0, 2.0, 4.0]


async def test_only_the_namespaces_that_were_named_are_asked() -> None:
    api = FakeApi()
    await lister_of(api, Cache(), [], ("team-a", "team-b")).first()
    assert api.listed_in == {"team-a", "team-b"}


async def test_a_list_is_made_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weirkeeper.runtime.listing.SHORTEST_INTERVAL", 0.0)
    api, cache, told = FakeApi(), Cache(), list[frozenset[Key]]()
    gone = api.put(service())
    cache.put(gone)
    api.objects.clear()
    lister = lister_of(api, cache, told)
    running = asyncio.create_task(lister.run())
    lister.soon()
    await until(lambda: cache.get("Service", "team-a", "churn-1") is None)
    await end(running)
    assert CHURN in frozenset().union(*told)


def test_a_watch_that_does_not_tell_what_a_list_told_is_behind() -> None:
    clock = Clock()
    versions = WatchedVersions(clock)
    versions.told(model(version=5))
    versions.listed("Model", [model(version=5)])
    clock.now = 100.0
    assert versions.behind_for() == 0.0
    versions.listed("Model", [model(version=9)])
    clock.now = 170.0
    assert versions.behind_for() == 70.0
    versions.told(model(version=9))
    assert versions.behind_for() == 0.0


def test_events_go_into_the_cache() -> None:
    cache = Cache()
    assert CHURN in accept(cache, None, model(version=1))
    assert accept(cache, "MODIFIED", model(version=2)) == {CHURN}
    assert CHURN in accept(cache, "DELETED", model(version=3))
    assert len(cache) == 0
