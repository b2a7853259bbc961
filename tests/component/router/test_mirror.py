"""Copies of requests on a real Envoy: they reach the candidate marked, and touch neither callers nor other counts."""

from __future__ import annotations

import asyncio
import io
from collections import Counter

import grpc

from tests.component.router.harness import Router, endpoint_slice, eventually, model
from tests.component.router.stubs import METHOD, HttpStub, grpc_stub

STABLE, CANDIDATE = "churn-a", "churn-b"
COPIES = "churn-b~mirror"


async def shadow(router: Router, *slices: dict[str, object], percent: int = 100, decision: int = 1) -> None:
    mirrored = {CANDIDATE: {"mirror": percent}}
    router.feed.lists([model("churn", decision, {STABLE: 100, CANDIDATE: 0}, beside=mirrored)], list(slices))
    await router.acknowledges("churn", decision)


async def totals(router: Router, arm: str) -> tuple[int, int, int]:
    counts = await router.counts(arm)
    return counts["total"], counts["bad"], counts["failed"]


async def test_the_candidate_gets_a_marked_copy_and_the_caller_stables_answer(
    router: Router, stub: HttpStub, other: HttpStub
) -> None:
    await shadow(router, endpoint_slice(STABLE, stub.port), endpoint_slice(CANDIDATE, other.port))
    for _ in range(50):
        assert await router.get("/v2/models/churn/infer") == (200, STABLE, {})

    async def all_copied() -> bool:
        return other.asked["infer"] == 50 and (await totals(router, COPIES))[0] == 50

    await eventually(all_copied)
    assert stub.asked["infer"] == 50
    assert all("x-weirkeeper-arm: mirror" in head for head in other.heads)
    assert not any("x-weirkeeper-arm" in head for head in stub.heads)
    assert not any("-shadow" in head for head in other.heads)
    assert await totals(router, STABLE) == (50, 0, 0)
    assert await totals(router, CANDIDATE) == (0, 0, 0)


async def test_what_a_copy_brings_about_is_counted_apart_and_hurts_nobody(
    router: Router, stub: HttpStub, other: HttpStub
) -> None:
    """The candidate answers every wish as badly as it is asked to; stable is asked nothing of the kind."""
    await shadow(router, endpoint_slice(STABLE, stub.port), endpoint_slice(CANDIDATE, other.port))
    other.spoil = {"infer": "500", "slow": "hang", "ready": "close"}
    for wish in ("infer", "slow", "ready"):
        assert (await router.get(f"/v2/models/churn/{wish}"))[0] == 200

    async def counted() -> bool:
        return await totals(router, COPIES) == (3, 3, 3)

    await eventually(counted)
    assert await totals(router, STABLE) == (3, 0, 0)


async def test_a_share_of_the_requests_is_copied_bodies_and_all(
    router: Router, stub: HttpStub, other: HttpStub
) -> None:
    await shadow(router, endpoint_slice(STABLE, stub.port), endpoint_slice(CANDIDATE, other.port), percent=30)
    body = b"x" * 3_000_000
    url = f"{router.url}/v2/models/churn/infer"
    for _ in range(2):
        async with router.session.post(url, data=io.BytesIO(body)) as answer:
            assert answer.status == 200
    for _ in range(398):
        assert await router.status("/v2/models/churn/infer") == 200
    # Binomial with n = 400 and p = 0.3: 5 standard deviations are 46.
    assert 74 <= other.asked["infer"] <= 166
    assert stub.received == 2 * len(body)
    await shadow(router, endpoint_slice(STABLE, stub.port), endpoint_slice(CANDIDATE, other.port), decision=2)
    before = other.received
    async with router.session.post(url, data=io.BytesIO(body)) as answer:
        assert answer.status == 200

    async def whole_body() -> bool:
        return other.received == before + len(body)

    await eventually(whole_body)


async def test_nobody_can_pretend_that_a_request_is_a_copy(router: Router, stub: HttpStub, other: HttpStub) -> None:
    await shadow(router, endpoint_slice(STABLE, stub.port), endpoint_slice(CANDIDATE, other.port))
    for forged in ("mirror", "match"):
        status, revision, _ = await router.get("/v2/models/churn/forged", X_Weirkeeper_Arm=forged)
        assert (status, revision) == (200, STABLE)
    assert stub.asked["forged"] == 2
    assert not any("x-weirkeeper-arm" in head for head in stub.heads)


async def test_copies_end_with_the_step(router: Router, stub: HttpStub, other: HttpStub) -> None:
    await shadow(router, endpoint_slice(STABLE, stub.port), endpoint_slice(CANDIDATE, other.port))
    router.feed.model(model("churn", 2, {STABLE: 100, CANDIDATE: 0}))
    await router.acknowledges("churn", 2)
    for _ in range(20):
        assert await router.status("/v2/models/churn/after") == 200
    assert (stub.asked["after"], other.asked["after"]) == (20, 0)


async def test_copies_over_grpc(router: Router) -> None:
    async with grpc_stub() as stable, grpc_stub() as candidate:
        slices = [endpoint_slice(STABLE, stable.port), endpoint_slice(CANDIDATE, candidate.port)]
        await shadow(router, *slices)
        async with grpc.aio.insecure_channel(router.url.removeprefix("http://")) as channel:
            ask = channel.unary_unary(METHOD)
            metadata = (("x-weirkeeper-model", "churn"), ("x-weirkeeper-arm", "match"))
            for wish in ("", "slow"):
                assert await ask(wish.encode(), metadata=metadata) == b"answer"
            results = await asyncio.gather(ask(b"13", metadata=metadata), return_exceptions=True)
        assert isinstance(results[0], grpc.aio.AioRpcError)

        async def counted() -> bool:
            return await totals(router, COPIES) == (3, 1, 1)

        await eventually(counted)
        assert stable.asked == Counter({"": 1, "slow": 1, "13": 1})
        assert candidate.asked == Counter({"mirror": 1, "slow mirror": 1, "13 mirror": 1})
        assert await totals(router, STABLE) == (3, 1, 1)


async def test_metrics_show_copies_apart(router: Router, stub: HttpStub, other: HttpStub) -> None:
    await shadow(router, endpoint_slice(STABLE, stub.port), endpoint_slice(CANDIDATE, other.port))
    assert await router.status("/v2/models/churn/infer") == 200

    async def shown() -> bool:
        return (await totals(router, COPIES))[0] == 1

    await eventually(shown)
    _, metrics = await router.ask_agent("/metrics")
    labels = f'{{model="churn",namespace="team-a",outcome="ok",revision="{CANDIDATE}"}}'
    assert f"weirkeeper_router_mirrored_requests_total{labels} 1.0" in metrics
    assert f"weirkeeper_router_requests_total{labels} 0.0" in metrics
