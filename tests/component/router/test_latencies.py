"""How long requests took, by revision, as a real Envoy counts it, whatever becomes of clusters and agent."""

from __future__ import annotations

import time

import grpc

from tests.component.router.harness import Router, endpoint_slice, eventually, model
from tests.component.router.load import http_requests
from tests.component.router.stubs import METHOD, HttpStub, grpc_stub
from weirkeeper.statistics.latency import bin_of, upper_edge_us

SLOW_MS = 300
"""So long the stub takes to answer `slow`."""


async def counted(router: Router, revision: str) -> dict[int, int]:
    """Requests by bin."""
    latency: dict[str, int] = (await router.evidence())["clusters"][revision]["latency"]
    return {int(i): count for i, count in latency.items()}


async def reaches(router: Router, revision: str, requests: int) -> dict[int, int]:
    async def are_counted() -> bool:
        return sum((await counted(router, revision)).values()) == requests

    await eventually(are_counted)
    return await counted(router, revision)


def beyond(bins: dict[int, int], milliseconds: int) -> int:
    return sum(count for i, count in bins.items() if upper_edge_us(i) > 1000 * milliseconds)


async def test_every_request_is_timed_under_the_revision_that_answered_it(
    router: Router, stub: HttpStub, other: HttpStub
) -> None:
    slices = [endpoint_slice("churn-a", stub.port), endpoint_slice("fraud-b", other.port)]
    router.feed.lists([model("churn", 1, {"churn-a": 100}), model("fraud", 1, {"fraud-b": 100}, uid="uid-2")], slices)
    await router.acknowledges("churn", 1)
    await router.acknowledges("fraud", 1)
    assert await counted(router, "churn-a") == {}
    assert await router.status("/v2/models/fraud/200") == 200
    began = time.perf_counter()
    for _ in range(3):
        assert await router.status("/v2/models/churn/slow") == 200
    took = (time.perf_counter() - began) * 1000
    bins = await reaches(router, "churn-a", 3)
    assert beyond(bins, SLOW_MS) == 3
    # Rounded up to two digits, and to a bin.
    assert max(bins) <= bin_of(1000 * took * 1.1 * 1.05)
    assert sum((await reaches(router, "fraud-b", 1)).values()) == 1


async def test_counts_outlive_the_agent_and_the_endpoints(router: Router, stub: HttpStub, other: HttpStub) -> None:
    router.feed.lists([model("churn", 1, {"churn-a": 100})], [endpoint_slice("churn-a", stub.port)])
    await router.acknowledges("churn", 1)
    await http_requests(router.options.http_port, 20, connections=2)
    before = await reaches(router, "churn-a", 20)
    await router.kill_agent()
    router.start_agent()
    router.feed.lists([model("churn", 1, {"churn-a": 100})], [endpoint_slice("churn-a", other.port)])
    await router.acknowledges("churn", 1)

    async def has_moved() -> bool:
        await router.status("/v2/models/churn/200")
        return other.asked["200"] > 0

    await eventually(has_moved)

    async def have_grown() -> bool:
        return sum((await counted(router, "churn-a")).values()) > 20

    await eventually(have_grown)
    after = await counted(router, "churn-a")
    assert all(after.get(i, 0) >= count for i, count in before.items())


async def test_what_hangs_is_as_slow_as_the_routes_time_out(router: Router, stub: HttpStub) -> None:
    router.feed.lists([model("churn", 1, {"churn-a": 100})], [endpoint_slice("churn-a", stub.port)])
    await router.acknowledges("churn", 1)
    assert await router.status("/v2/models/churn/hang") == 504
    bins = await reaches(router, "churn-a", 1)
    assert beyond(bins, int(1000 * router.options.route_timeout)) == 1


async def test_grpc_goes_to_its_own_port_and_is_timed_with_http(router: Router, stub: HttpStub) -> None:
    async with grpc_stub() as served:
        one = endpoint_slice("churn-a", stub.port)
        one["ports"].append({"name": "grpc", "port": served.port})
        router.feed.lists([model("churn", 1, {"churn-a": 100})], [one])
        await router.acknowledges("churn", 1)
        options = [("grpc.default_authority", "churn"), ("grpc.use_local_subchannel_pool", 1)]
        target = f"127.0.0.1:{router.options.http_port}"
        async with grpc.aio.insecure_channel(target, options=options) as channel:
            assert await channel.unary_unary(METHOD)(b"slow", timeout=5.0) == b"answer"
        assert await router.status("/v2/models/churn/200") == 200
        bins = await reaches(router, "churn-a", 2)
    assert beyond(bins, SLOW_MS) == 1
