from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.component.router.harness import Router, endpoint_slice, eventually, model
from tests.component.router.load import KeepAliveClient, Tally, grpc_requests
from tests.component.router.stubs import HttpStub, grpc_stub


@contextlib.asynccontextmanager
async def clients(
    router: Router, count: int = 4, wish: str = "200"
) -> AsyncIterator[tuple[Tally, list[KeepAliveClient]]]:
    """Clients that never stop, until the block ends."""
    tally = Tally()
    running = [KeepAliveClient(router.options.http_port, tally, wish) for _ in range(count)]
    tasks = [asyncio.create_task(client.run(pause=0.002)) for client in running]
    try:
        yield tally, running
    finally:
        for client in running:
            client.stop()
        await asyncio.gather(*tasks)


async def answers(tally: Tally, more: int = 100) -> None:
    """Wait until the clients got some more answers."""
    enough = tally.answers.total() + more

    async def got() -> bool:
        return tally.answers.total() >= enough

    await eventually(got)


async def answered_by(router: Router, name: str = "churn") -> set[str]:
    return {(await router.get(f"/v2/models/{name}/200"))[1] for _ in range(40)}


async def test_weights_change_without_a_lost_request(router: Router, stub: HttpStub, other: HttpStub) -> None:
    slices = [endpoint_slice("churn-a", stub.port), endpoint_slice("churn-b", other.port)]
    router.feed.lists([model("churn", 1, {"churn-a": 100})], slices)
    await router.acknowledges("churn", 1)
    async with clients(router) as (tally, _):
        for decision, weight in enumerate([0, 5, 25, 50, 100, 0, 50, 0], start=2):
            router.feed.model(model("churn", decision, {"churn-a": 100 - weight, "churn-b": weight}))
            await router.acknowledges("churn", decision)
            await answers(tally)
    assert tally.lost == []
    assert tally.answers["churn-a"] > 0
    assert tally.answers["churn-b"] > 0
    counted = [(await router.counts(revision))["total"] for revision in ("churn-a", "churn-b")]
    assert counted == [tally.answers["churn-a"], tally.answers["churn-b"]]


async def test_pods_come_and_go_without_a_lost_request(router: Router, stub: HttpStub, other: HttpStub) -> None:
    first, second = endpoint_slice("churn-a", stub.port), endpoint_slice("churn-a", other.port)
    router.feed.lists([model("churn", 1, {"churn-a": 100})], [first])
    await router.acknowledges("churn", 1)
    async with clients(router) as (tally, _):
        router.feed.slice(second)
        await answers(tally)
        await eventually(lambda: asked(other))
        router.feed.slice(first | {"endpoints": []})
        await answers(tally)
        await asyncio.sleep(0.3)
        # Nobody knows this pod any more, so it can go.
        await stub.stop()
        await answers(tally)
    assert tally.lost == []


@pytest.mark.parametrize("wish", ["200", "slow"])
async def test_endpoints_change_under_requests_in_flight(
    router: Router, stub: HttpStub, other: HttpStub, wish: str
) -> None:
    one, two = endpoint_slice("churn-a", stub.port), endpoint_slice("churn-a", other.port)
    none: dict[str, Any] = {"endpoints": []}
    router.feed.lists([model("churn", 1, {"churn-a": 100})], [one, two])
    await router.acknowledges("churn", 1)
    async with clients(router, count=8, wish=wish) as (tally, _):
        for first, second in [(one, two | none), (one, two), (one | none, two), (one, two)] * 5:
            router.feed.slice(first)
            router.feed.slice(second)
            await asyncio.sleep(0.1)
    assert tally.lost == []
    assert tally.answers.total() > 20
    counts = await router.counts("churn-a")
    assert (counts["total"], counts["bad"]) == (tally.answers.total(), 0)
    assert min(stub.asked[wish], other.asked[wish]) > 0


async def test_endpoints_change_under_grpc_calls(router: Router) -> None:
    async with grpc_stub() as stub, grpc_stub() as other:
        one, two = endpoint_slice("churn-a", stub.port), endpoint_slice("churn-a", other.port)
        none: dict[str, Any] = {"endpoints": []}
        router.feed.lists([model("churn", 1, {"churn-a": 100})], [one, two])
        await router.acknowledges("churn", 1)
        calls = asyncio.create_task(grpc_requests(router.options.http_port, 80, connections=8, message=b"slow"))
        while not calls.done():
            for first, second in [(one, two | none), (one, two), (one | none, two), (one, two)]:
                router.feed.slice(first)
                router.feed.slice(second)
                await asyncio.sleep(0.1)
        assert await calls == {"churn-a": 80}
    counts = await router.counts("churn-a")
    assert (counts["total"], counts["bad"]) == (80, 0)


async def asked(stub: HttpStub) -> bool:
    return stub.asked["200"] > 0


async def test_a_restarted_envoy_has_its_routes_without_anybody(
    router: Router, stub: HttpStub, other: HttpStub
) -> None:
    slices = [endpoint_slice("churn-a", stub.port), endpoint_slice("churn-b", other.port)]
    router.feed.lists([model("churn", 7, {"churn-a": 50, "churn-b": 50})], slices)
    await router.acknowledges("churn", 7)
    await eventually(router.is_ready)
    before = await router.evidence()

    await router.kill_agent()
    await router.kill_envoy()
    await router.start_envoy()

    assert await router.is_ready()
    assert await answered_by(router) == {"churn-a", "churn-b"}

    router.start_agent()
    await router.acknowledges("churn", 7)
    after = await router.evidence()
    assert after["envoyStart"] > before["envoyStart"]
    assert sum(cluster["total"] for cluster in after["clusters"].values()) == 40
    assert after["clusters"]["churn-a"]["epoch"] == before["clusters"]["churn-a"]["epoch"]


async def test_a_restarted_agent_goes_on_where_it_was(router: Router, stub: HttpStub, other: HttpStub) -> None:
    slices = [endpoint_slice("churn-a", stub.port), endpoint_slice("churn-b", other.port)]
    router.feed.lists([model("churn", 7, {"churn-a": 50, "churn-b": 50})], slices)
    await router.acknowledges("churn", 7)
    await router.get("/v2/models/churn/200")
    before = await router.evidence()

    await router.kill_agent()
    router.start_agent()
    await router.acknowledges("churn", 7)
    after = await router.evidence()
    assert after["envoyStart"] == before["envoyStart"]
    assert after["clusters"] == before["clusters"]
    assert await answered_by(router) == {"churn-a", "churn-b"}

    # What the API server remembers may be older than what was obeyed.
    router.feed.lists([model("churn", 6, {"churn-a": 100})], slices)
    await asyncio.sleep(0.5)
    assert (await router.evidence())["acknowledged"] == {"churn": 7}
    assert await answered_by(router) == {"churn-a", "churn-b"}
    router.feed.model(model("churn", 8, {"churn-a": 100}))
    await router.acknowledges("churn", 8)
    assert await answered_by(router) == {"churn-a"}


async def test_the_agent_starts_while_envoy_is_away(router: Router, stub: HttpStub) -> None:
    await router.kill_agent()
    await router.kill_envoy()
    router.start_agent()
    router.feed.lists([model("churn", 1, {"churn-a": 100})], [endpoint_slice("churn-a", stub.port)])

    async def answers_503() -> bool:
        return (await router.ask_agent("/evidence"))[0] == 503

    await eventually(answers_503)
    await router.start_envoy()
    await router.acknowledges("churn", 1)
    assert await answered_by(router) == {"churn-a"}


async def test_a_slow_cluster_holds_up_no_neighbour(router: Router, stub: HttpStub, other: HttpStub) -> None:
    slices = [endpoint_slice("churn-a", stub.port), endpoint_slice("price-a", stub.port)]
    router.feed.lists([model("churn", 1, {"churn-a": 100}), model("price", 1, {"price-a": 100})], slices)
    await router.acknowledges("churn", 1)
    await router.acknowledges("price", 1)

    router.feed.slice(endpoint_slice("price-b", other.port))
    router.feed.model(model("churn", 2, {"churn-b": 100}))
    router.feed.model(model("price", 2, {"price-b": 100}))
    await router.acknowledges("price", 2)
    assert await answered_by(router, "price") == {"price-b"}
    assert (await router.evidence())["acknowledged"]["churn"] == 1
    assert await answered_by(router, "churn") == {"churn-a"}

    router.feed.slice(endpoint_slice("churn-b", other.port))
    await router.acknowledges("churn", 2)
    assert await answered_by(router, "churn") == {"churn-b"}


async def test_taking_weight_away_never_waits(router: Router, stub: HttpStub, other: HttpStub) -> None:
    slices = [endpoint_slice("churn-a", stub.port), endpoint_slice("churn-b", other.port)]
    router.feed.lists([model("churn", 1, {"churn-a": 50, "churn-b": 50})], slices)
    await router.acknowledges("churn", 1)

    router.feed.model(model("churn", 2, {"churn-a": 95, "churn-c": 5}))

    async def has_no_b() -> bool:
        return await answered_by(router) == {"churn-a"}

    await eventually(has_no_b)
    assert (await router.evidence())["acknowledged"]["churn"] == 1
    router.feed.model(model("churn", 1, {"churn-a": 50, "churn-b": 50}))
    await asyncio.sleep(0.3)
    assert await answered_by(router) == {"churn-a"}
    router.feed.model(model("churn", 2, {"churn-a": 95, "churn-c": 5}))
    router.feed.slice(endpoint_slice("churn-c", other.port))
    await router.acknowledges("churn", 2)


def watchers(pid: int) -> int:
    return sum("inotify" in str(handle.readlink()) for handle in Path(f"/proc/{pid}/fd").iterdir())


async def test_many_models_need_no_more_watched_files_than_one(router: Router, stub: HttpStub) -> None:
    names = [f"model{number}" for number in range(40)]
    models = [model(name, 1, {f"{name}-a": 95, f"{name}-b": 5}) for name in names]
    slices = [endpoint_slice(f"{name}-{which}", stub.port) for name in names for which in "ab"]
    router.feed.lists(models, slices)
    await router.acknowledges(names[-1], 1)
    assert set((await router.evidence())["acknowledged"].values()) == {1}
    assert router.envoy is not None
    # Linux allows 128 a user and node (fs.inotify.max_user_instances), and Envoy aborts when it gets none.
    assert watchers(router.envoy.pid) <= 3


async def test_a_model_that_was_made_anew_begins_anew(router: Router, stub: HttpStub) -> None:
    slices = [endpoint_slice("churn-a", stub.port)]
    router.feed.lists([model("churn", 41, {"churn-a": 100})], slices)
    await router.acknowledges("churn", 41)
    router.feed.model(model("churn", 1, {"churn-a": 100}, uid="uid-2"))
    await router.acknowledges("churn", 1)


async def test_a_new_router_is_not_ready_before_its_first_configuration(router: Router, stub: HttpStub) -> None:
    await asyncio.sleep(0.5)
    assert not await router.is_ready()
    router.feed.lists([model("churn", 1, {"churn-a": 100})], [endpoint_slice("churn-a", stub.port)])
    await eventually(router.is_ready)
    assert await router.status("/v2/models/churn/200") == 200


async def test_a_removed_revision_stays_until_its_counters_are_read(tmp_path: Path, stub: HttpStub) -> None:
    router = Router(tmp_path, retire_after=0.5)
    await router.start()
    try:
        slices = [endpoint_slice("churn-a", stub.port), endpoint_slice("churn-b", stub.port)]
        router.feed.lists([model("churn", 1, {"churn-a": 50, "churn-b": 50})], slices)
        await router.acknowledges("churn", 1)
        await answered_by(router)
        counted = await router.counts("churn-b")
        assert counted["total"] > 0
        router.feed.model(model("churn", 2, {"churn-a": 100}))
        await router.acknowledges("churn", 2)
        assert await router.counts("churn-b") == counted

        async def is_dropped() -> bool:
            return "churn-b" not in (await router.evidence())["clusters"]

        await eventually(is_dropped)
        await asyncio.sleep(0.2)
        router.feed.model(model("churn", 3, {"churn-a": 50, "churn-b": 50}))
        await router.acknowledges("churn", 3)
        again = await router.counts("churn-b")
        assert again["epoch"] > counted["epoch"]
        assert again["total"] == 0
    finally:
        await router.close()


async def test_a_router_ends_without_a_lost_request(router: Router, stub: HttpStub, tmp_path: Path) -> None:
    directory = tmp_path / "second"
    directory.mkdir()
    second = Router(directory)
    await second.start()
    try:
        for one in (router, second):
            one.feed.lists([model("churn", 1, {"churn-a": 100})], [endpoint_slice("churn-a", stub.port)])
            await one.acknowledges("churn", 1)
        async with clients(router, count=8) as (tally, running):
            await answers(tally)
            ending = asyncio.create_task(router.terminate())
            # Within `removal_wait` the Service leads new connections elsewhere; those that are open stay.
            await asyncio.sleep(0.2)
            for client in running:
                client.port = second.options.http_port
            assert await ending == 0
            await answers(tally)
    finally:
        await second.close()
    assert tally.lost == []


async def test_draining_has_an_end(tmp_path: Path, stub: HttpStub) -> None:
    router = Router(tmp_path, drain_deadline=0.5)
    await router.start()
    try:
        router.feed.lists([model("churn", 1, {"churn-a": 100})], [endpoint_slice("churn-a", stub.port)])
        await router.acknowledges("churn", 1)
        _, writer = await asyncio.open_connection("127.0.0.1", router.options.http_port)
        assert await asyncio.wait_for(router.terminate(), 5) == 0
        writer.close()
    finally:
        await router.close()
