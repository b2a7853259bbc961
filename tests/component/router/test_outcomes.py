from __future__ import annotations

import asyncio
import contextlib
import subprocess
from typing import Any

import aiohttp
import grpc
import pytest

from tests.cluster.programs import promtool
from tests.component.router.harness import Router, endpoint_slice, eventually, free_ports, model
from tests.component.router.load import http_requests
from tests.component.router.stubs import METHOD, HttpStub, grpc_stub

HTTP_OUTCOMES = {
    # what the server does: what the client gets, and what is counted as (total, bad, failed)
    "200": (200, (1, 0, 0)),
    "302": (302, (1, 0, 0)),
    "400": (400, (1, 1, 0)),
    "404": (404, (1, 1, 0)),
    "401": (401, (1, 0, 0)),
    "403": (403, (1, 0, 0)),
    "413": (413, (1, 0, 0)),
    "429": (429, (1, 0, 0)),
    "500": (500, (1, 1, 1)),
    "503": (503, (1, 1, 1)),
    "close": (503, (1, 1, 1)),
    "hang": (504, (1, 1, 1)),
    "partial": (None, (1, 1, 1)),
    "stall": (None, (1, 1, 1)),
}

GRPC_OUTCOMES = {
    "": ("OK", (1, 0, 0)),
    "3": ("INVALID_ARGUMENT", (1, 1, 0)),
    "8": ("RESOURCE_EXHAUSTED", (1, 1, 0)),
    "2": ("UNKNOWN", (1, 1, 1)),
    "13": ("INTERNAL", (1, 1, 1)),
    "14": ("UNAVAILABLE", (1, 1, 1)),
    "hang": ("UNAVAILABLE", (1, 1, 1)),
    "stall": ("INTERNAL", (1, 1, 1)),
}

Outcome = tuple[int, int, int]


async def outcome(router: Router, revision: str = "churn-a") -> Outcome:
    counts = await router.counts(revision)
    return counts["total"], counts["bad"], counts["failed"]


def since(before: Outcome, now: Outcome) -> tuple[int, ...]:
    return tuple(later - sooner for sooner, later in zip(before, now, strict=True))


async def serve(router: Router, *ports: int) -> None:
    slices = [endpoint_slice("churn-a", port) for port in ports]
    router.feed.lists([model("churn", 1, {"churn-a": 100})], slices)
    await router.acknowledges("churn", 1)


async def http_status(router: Router, wish: str) -> int | None:
    """The status; None where the answer broke off."""
    url = f"{router.url}/v2/models/churn/{wish}"
    with contextlib.suppress(aiohttp.ClientPayloadError):
        async with router.session.get(url, allow_redirects=False) as answer:
            await answer.read()
            return answer.status
    return None


async def test_every_http_outcome_is_counted_once(router: Router, stub: HttpStub) -> None:
    await serve(router, stub.port)
    for wish, (status, counted) in HTTP_OUTCOMES.items():
        before = await outcome(router)
        assert await http_status(router, wish) == status, wish
        assert since(before, await outcome(router)) == counted, wish
    assert (await router.counts("churn-a"))["retries"] == 0


async def grpc_call(router: Router, message: str, host: str = "churn") -> Any:
    options = [("grpc.default_authority", host), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{router.options.http_port}", options=options) as channel:
        try:
            await channel.unary_unary(METHOD)(message.encode(), timeout=5.0)
        except grpc.aio.AioRpcError as error:
            return error.code()
        return grpc.StatusCode.OK


async def test_every_grpc_outcome_is_counted_once(router: Router) -> None:
    async with grpc_stub() as stub:
        await serve(router, stub.port)
        for message, (status, counted) in GRPC_OUTCOMES.items():
            before = await outcome(router)
            assert (await grpc_call(router, message)).name == status, message
            assert since(before, await outcome(router)) == counted, message


async def test_grpc_to_a_server_without_grpc_is_bad(router: Router, stub: HttpStub) -> None:
    await serve(router, stub.port)
    assert await grpc_call(router, "") == grpc.StatusCode.UNAVAILABLE
    assert await outcome(router) == (1, 1, 1)


async def test_http_and_grpc_of_a_revision_are_counted_together(router: Router, stub: HttpStub) -> None:
    await serve(router, stub.port)
    await http_requests(router.options.http_port, 3, connections=1)
    await grpc_call(router, "")
    assert await outcome(router) == (4, 1, 1)


async def test_no_healthy_host_is_bad_and_failed(router: Router, stub: HttpStub) -> None:
    await serve(router, stub.port)
    router.feed.lists([model("churn", 1, {"churn-a": 100})], [])

    async def has_no_host() -> bool:
        return await router.status("/v2/models/churn/200") == 503

    await eventually(has_no_host)
    before = await outcome(router)
    _, revision, body = await router.get("/v2/models/churn/200")
    assert (revision, body) == ("churn-a", {"error": "no healthy upstream"})
    assert await grpc_call(router, "") == grpc.StatusCode.UNAVAILABLE
    assert since(before, await outcome(router)) == (2, 2, 2)


async def test_a_retried_request_counts_once_by_how_it_ended(router: Router, stub: HttpStub) -> None:
    [nobody] = free_ports(1)
    await serve(router, stub.port, nobody)
    tally = await http_requests(router.options.http_port, 200, connections=4)
    counts = await router.counts("churn-a")
    assert tally == {"churn-a": 200}
    assert (counts["total"], counts["bad"], counts["failed"]) == (200, 0, 0)
    assert counts["retries"] > 0
    assert stub.asked["200"] == 200


async def test_a_request_that_a_server_may_have_begun_is_not_retried(router: Router, stub: HttpStub) -> None:
    await serve(router, stub.port)
    assert await http_status(router, "close") == 503
    assert stub.asked["close"] == 1
    assert (await router.counts("churn-a"))["retries"] == 0


async def test_a_client_cannot_ask_for_retries(router: Router, stub: HttpStub) -> None:
    await serve(router, stub.port)
    wishes = {"x-envoy-retry-on": "5xx", "x-envoy-max-retries": "3"}
    async with router.session.get(f"{router.url}/v2/models/churn/500", headers=wishes) as answer:
        assert answer.status == 500
    assert stub.asked["500"] == 1


async def test_a_client_that_goes_away_is_no_outcome(router: Router, stub: HttpStub) -> None:
    await serve(router, stub.port)
    with pytest.raises(asyncio.TimeoutError):
        async with router.session.get(
            f"{router.url}/v2/models/churn/hang", timeout=aiohttp.ClientTimeout(total=0.2)
        ) as answer:
            await answer.read()
    assert await outcome(router) == (0, 0, 0)


async def test_a_grpc_client_that_goes_away_is_no_outcome(router: Router) -> None:
    async with grpc_stub() as stub:
        await serve(router, stub.port)
        for message in ("hang", "stall"):
            # Given up, not timed out: a deadline is sent along, and a server may answer it first.
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(grpc_call(router, message), 0.2)
    assert await outcome(router) == (0, 0, 0)


async def test_requests_under_way_are_shown(router: Router, stub: HttpStub) -> None:
    await serve(router, stub.port)
    waiting = asyncio.create_task(http_status(router, "hang"))

    async def is_active() -> bool:
        return (await router.counts("churn-a"))["active"] == 1

    await eventually(is_active)
    assert await waiting == 504
    assert (await router.counts("churn-a"))["active"] == 0


async def test_a_model_that_fails_each_time_is_not_ejected(router: Router, stub: HttpStub, other: HttpStub) -> None:
    await serve(router, stub.port, other.port)
    for _ in range(60):
        assert await http_status(router, "500") == 500
    assert await outcome(router) == (60, 60, 60)


async def test_metrics_please_promtool(router: Router, stub: HttpStub) -> None:
    await serve(router, stub.port)
    for wish in ("200", "200", "500"):
        await http_status(router, wish)
    _, text = await router.ask_agent("/metrics")
    checked = await asyncio.to_thread(
        subprocess.run, [str(promtool()), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    owner, revision = 'model="churn",namespace="team-a"', 'revision="churn-a"'
    labels = f"{owner},{revision}"
    assert f'weirkeeper_router_requests_total{{{owner},outcome="ok",{revision}}} 2.0' in text
    assert f'weirkeeper_router_requests_total{{{owner},outcome="bad",{revision}}} 1.0' in text
    assert f"weirkeeper_router_failed_requests_total{{{labels}}} 1.0" in text
    assert f"weirkeeper_router_retries_total{{{labels}}} 0.0" in text
    assert 'weirkeeper_router_decision{model="churn",namespace="team-a"} 1.0' in text
    assert f"weirkeeper_router_weight_ratio{{{labels}}} 1.0" in text
