from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from tests.component.router.harness import Router, endpoint_slice, eventually, model
from tests.component.router.stubs import METHOD, HttpStub, grpc_stub


async def serve(router: Router, churn: int, price: int) -> None:
    router.feed.lists(
        [model("churn", 1, {"churn-a": 100}), model("price", 1, {"price-a": 100}), model("idle", 1, {})],
        [endpoint_slice("churn-a", churn), endpoint_slice("price-a", price)],
    )
    for name in ("churn", "price", "idle"):
        await router.acknowledges(name, 1)


async def test_a_model_answers_by_its_names_and_by_its_path(router: Router, stub: HttpStub, other: HttpStub) -> None:
    await serve(router, stub.port, other.port)
    for host in (
        "price",
        "price:80",
        "PRICE",
        "price.team-a",
        "price.team-a:8080",
        "price.team-a.svc",
        "price.team-a.svc.cluster.local",
        "price.team-a.svc.cluster.local.",
        "price.team-a.svc.other.domain:80",
    ):
        for path in ("/", "/v2/health/ready", "/v2/models/churn/infer"):
            assert await router.get(path, host=host) == (200, "price-a", {}), (host, path)
    for host in ("localhost:8080", "models.example.org", "churn.team-b", "xchurn"):
        for path in ("/v2/models/churn", "/v2/models/churn/infer", "/v2/models/churn/infer?x=1", "/v2//models/churn"):
            assert await router.get(path, host=host) == (200, "churn-a", {}), (host, path)


async def test_what_is_nobodys_is_refused_as_json(router: Router, stub: HttpStub, other: HttpStub) -> None:
    await serve(router, stub.port, other.port)
    for path in ("/", "/v2/models/churned/infer", "/v2/models/none/infer", "/v2/models/churn/../nobody"):
        assert await router.get(path) == (404, "", {"error": "no such model here"}), path


async def test_a_model_without_traffic_says_so(router: Router, stub: HttpStub, other: HttpStub) -> None:
    await serve(router, stub.port, other.port)
    refused = (503, "", {"error": "model idle has no revision in service"})
    assert await router.get("/v2/models/idle/infer") == refused
    assert await router.get("/", host="idle") == refused
    router.feed.gone(model("idle", 1, {}))

    async def is_gone() -> bool:
        return await router.status("/", host="idle") == 404

    await eventually(is_gone)


@pytest.mark.parametrize(
    ("authority", "metadata", "answered"),
    [
        ("price", {}, "price-a"),
        ("price.team-a.svc.cluster.local:80", {}, "price-a"),
        ("localhost", {"x-weirkeeper-model": "churn"}, "churn-a"),
        ("localhost", {"x-weirkeeper-model": "nobody"}, grpc.StatusCode.UNIMPLEMENTED),
        ("localhost", {}, grpc.StatusCode.UNIMPLEMENTED),
        ("idle", {}, grpc.StatusCode.UNAVAILABLE),
    ],
)
async def test_grpc_goes_by_authority_or_header(
    router: Router, authority: str, metadata: dict[str, str], answered: str | grpc.StatusCode
) -> None:
    async with grpc_stub() as stub:
        await serve(router, stub.port, stub.port)
        assert await grpc_answer(router, authority, metadata) == answered


async def grpc_answer(router: Router, authority: str, metadata: dict[str, str]) -> Any:
    options = [("grpc.default_authority", authority), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{router.options.http_port}", options=options) as channel:
        call = channel.unary_unary(METHOD)(b"", metadata=tuple(metadata.items()))
        try:
            await call
        except grpc.aio.AioRpcError as error:
            return error.code()
        return dict(await call.initial_metadata())["x-weirkeeper-revision"]


async def test_request_ids_are_kept_or_given(router: Router, stub: HttpStub, other: HttpStub) -> None:
    await serve(router, stub.port, other.port)
    async with router.session.get(f"{router.url}/v2/models/churn", headers={"x-request-id": "mine"}) as answer:
        assert answer.headers["x-request-id"] == "mine"
    async with router.session.get(f"{router.url}/v2/models/churn") as answer:
        assert answer.headers["x-request-id"]


async def test_escaped_slashes_do_not_lead_around_the_path(router: Router, stub: HttpStub, other: HttpStub) -> None:
    await serve(router, stub.port, other.port)
    assert await raw_status(router, b"GET /v2/models/churn%2f..%2fprice HTTP/1.1\r\nhost: x\r\n\r\n") == 400


async def raw_status(router: Router, request: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", router.options.http_port)
    writer.write(request)
    line = await reader.readline()
    writer.close()
    return int(line.split(b" ")[1])
