from typing import Any

import pytest

from tests.unit.kube.fake_api import FakeApi
from tests.unit.kube.samples import model
from weirkeeper.kube import watching
from weirkeeper.kube.errors import Expired, Forbidden, KubeError, Transient
from weirkeeper.kube.resources import MODEL
from weirkeeper.kube.watching import Changed, Removed, Replaced, list_and_watch


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("weirkeeper.kube.watching.asyncio.sleep", sleep)
    return slept


def event(kind: str, version: int) -> dict[str, Any]:
    return {"type": kind, "object": model(version=version)}


async def first(count: int, api: FakeApi) -> list[watching.WatchEvent]:
    found = []
    async for one in list_and_watch(api, MODEL, "team-a"):
        found.append(one)
        if len(found) == count:
            break
    return found


async def test_a_full_list_comes_first_then_each_change() -> None:
    api = FakeApi()
    there = api.put(model())
    api.streams = [[event("ADDED", 7), event("BOOKMARK", 8), event("DELETED", 9)]]
    assert await first(3, api) == [
        Replaced((there,)),
        Changed(model(version=7)),
        Removed(model(version=9)),
    ]


async def test_a_stream_that_ends_goes_on_where_it_ended() -> None:
    api = FakeApi()
    api.streams = [[event("BOOKMARK", 40)], [event("MODIFIED", 41)]]
    await first(2, api)
    assert [read for read in api.reads if read[0].startswith("watch")][-1] == ("watch 40", "Model")
    assert api.reads.count(("list", "Model")) == 1


@pytest.mark.parametrize("fault", [Expired("410"), Forbidden("403")])
async def test_after_missed_changes_a_full_list_comes_again(fault: KubeError) -> None:
    api = FakeApi()
    api.streams = [[event("MODIFIED", 40), fault], [event("MODIFIED", 50)]]
    kinds = [type(one) for one in await first(4, api)]
    assert kinds == [Replaced, Changed, Replaced, Changed]


async def test_a_broken_stream_is_taken_up_again_after_growing_pauses(no_pauses: list[float]) -> None:
    api = FakeApi()
    api.streams = [[Transient("reset")], [Transient("reset")], [Transient("reset")], [event("MODIFIED", 50)]]
    await first(2, api)
    assert len(no_pauses) == 3
    assert no_pauses[2] > no_pauses[0]
    assert api.reads.count(("list", "Model")) == 1


async def test_only_what_is_asked_for_is_watched() -> None:
    api = FakeApi()
    api.streams = [[event("MODIFIED", 50)]]
    async for one in list_and_watch(api, MODEL, "team-a", "x=y"):
        if isinstance(one, Changed):
            break
    assert api.watched == [("Model", "team-a", "x=y")]
