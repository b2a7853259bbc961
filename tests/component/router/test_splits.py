from __future__ import annotations

import math

import pytest

from tests.component.router.harness import Router, endpoint_slice, model
from tests.component.router.load import grpc_requests, http_requests
from tests.component.router.stubs import HttpStub, grpc_stub

REQUESTS = 10_000
SIGMAS = 4


@pytest.fixture
def router(patient: Router) -> Router:
    return patient


def within(count: int, weight: int, requests: int = REQUESTS) -> bool:
    share = weight / 100
    return abs(count - requests * share) <= SIGMAS * math.sqrt(requests * share * (1 - share))


@pytest.mark.parametrize("weight", [1, 5, 25, 50])
async def test_http_requests_follow_the_weights(router: Router, stub: HttpStub, weight: int) -> None:
    split = {"churn-a": 100 - weight, "churn-b": weight}
    router.feed.lists([model("churn", 1, split)], [endpoint_slice(revision, stub.port) for revision in split])
    await router.acknowledges("churn", 1)

    tally = await http_requests(router.options.http_port, REQUESTS, connections=8)

    assert tally.total() == REQUESTS
    assert within(tally["churn-b"], weight), tally
    assert (await router.counts("churn-b"))["total"] == tally["churn-b"]
    assert (await router.counts("churn-a"))["total"] == tally["churn-a"]


@pytest.mark.parametrize("weight", [1, 5, 25, 50])
async def test_grpc_requests_follow_the_weights(router: Router, weight: int) -> None:
    split = {"churn-a": 100 - weight, "churn-b": weight}
    async with grpc_stub() as stub:
        router.feed.lists([model("churn", 1, split)], [endpoint_slice(revision, stub.port) for revision in split])
        await router.acknowledges("churn", 1)

        tally = await grpc_requests(router.options.http_port, REQUESTS, connections=8)

    assert tally.total() == REQUESTS
    assert within(tally["churn-b"], weight), tally
    assert (await router.counts("churn-b"))["total"] == tally["churn-b"]
    assert (await router.counts("churn-a"))["total"] == tally["churn-a"]
