"""What every call over gRPC gets beside its answer: bounds, an id, a trace and a line in the access log."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest

from tests.unit.server.doors import grpc_address
from tests.unit.server.test_grpc import METHOD, typed
from weirkeeper_server.access_log import AccessLog
from weirkeeper_server.core import ModelServer
from weirkeeper_server.grpc_service import SERVICE
from weirkeeper_server.settings import Limits, Settings

LIMITS = Limits(max_tensors=4, max_elements=8, max_string_length=20, max_concurrent_requests=1)


@pytest.fixture
async def server(settings: Callable[..., Settings]) -> AsyncIterator[ModelServer]:
    server = ModelServer(settings(limits=LIMITS))
    await server.start()
    yield server
    server.close()


@pytest.fixture
def lines() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
async def channel(server: ModelServer, lines: io.StringIO) -> AsyncIterator[Any]:
    log = AccessLog(lines, server.identity)
    async with grpc_address(server, log) as address, grpc.aio.insecure_channel(address) as channel:
        yield channel
    log.flush()


async def accesses(lines: io.StringIO, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(10):
        while lines.getvalue().count("\n") < count:  # noqa: ASYNC110  written a moment later
            await asyncio.sleep(0.02)
    return [json.loads(line) for line in lines.getvalue().splitlines()]


async def refused(call: Any) -> tuple[str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value.code().name, error.value.details()


async def test_an_access_has_a_line_with_id_trace_and_code(channel: Any, lines: io.StringIO) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    sent = (("x-request-id", "mine"), ("traceparent", f"00-{trace}-b7ad6b7169203331-01"))
    call = channel.unary_unary(METHOD)(typed().SerializeToString(), metadata=sent)
    await call
    assert dict(await call.initial_metadata())["x-request-id"] == "mine"
    assert (await refused(channel.unary_unary(METHOD)(b"\xff")))[0] == "INVALID_ARGUMENT"
    await channel.unary_unary(f"/{SERVICE}/ModelReady")(b"\x0a\x05churn")
    good, bad = await accesses(lines, 2)
    assert (good["protocol"], good["path"], good["status"], good["reason"]) == ("grpc", METHOD, 0, "")
    assert (good["request"], good["trace"], good["revision"]) == ("mine", trace, "churn-1")
    assert (bad["status"], bad["reason"], bad["trace"]) == (3, "InvalidRequest", "")
    assert bad["request"]


async def test_a_failure_is_told_under_its_request(channel: Any) -> None:
    request = typed()
    request.inputs[2].contents.bytes_contents[0] = b"elsewhere"
    code, message = await refused(
        channel.unary_unary(METHOD)(request.SerializeToString(), metadata=(("x-request-id", "mine"),))
    )
    assert (code, message.endswith("under request mine")) == ("INTERNAL", True)


async def test_requests_are_bounded_as_over_http(channel: Any) -> None:
    infer = channel.unary_unary(METHOD)
    many = typed()
    for number in range(3):
        many.inputs.add(name=f"more{number}")
    assert await refused(infer(many.SerializeToString())) == (
        "RESOURCE_EXHAUSTED",
        "inputs lists 6 tensors; give at most 4",
    )
    long = typed()
    long.inputs[2].contents.bytes_contents[0] = b"n" * 21
    code, message = await refused(infer(long.SerializeToString()))
    assert (code, "a string of 21 characters; give at most 20" in message) == ("RESOURCE_EXHAUSTED", True)
    tall = typed()
    for entry, field in zip(tall.inputs, ("fp64_contents", "int64_contents", "bytes_contents"), strict=True):
        entry.shape[0] = 3
        getattr(entry.contents, field).extend(list(getattr(entry.contents, field)) * 2)
    code, message = await refused(infer(tall.SerializeToString()))
    assert (code, "hold 9 values; at most 8" in message) == ("RESOURCE_EXHAUSTED", True)


async def test_more_calls_than_may_be_are_refused(
    channel: Any, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, release = threading.Event(), threading.Event()
    predict = server._predictor.predict  # type: ignore[union-attr]  # it is loaded

    def slowly(inputs: Any) -> Any:
        asked.set()
        release.wait(10)
        return predict(inputs)

    monkeypatch.setattr(server._predictor, "predict", slowly)
    server._batches.loop_rows = 0  # as of a model that takes long
    infer = channel.unary_unary(METHOD)
    first = asyncio.ensure_future(infer(typed().SerializeToString()))
    await asyncio.to_thread(asked.wait, 10)
    code, message = await refused(infer(typed().SerializeToString()))
    release.set()
    await first
    assert (code, message.startswith("1 requests are under way")) == ("RESOURCE_EXHAUSTED", True)
    assert server.outcomes == {"ok": 1, "failed": 1}


@pytest.mark.parametrize(
    ("waits", "answer"),
    [
        (("int64_param", 50_000), ("DEADLINE_EXCEEDED", "no answer within 0.05 s")),
        (("int64_param", 0), ("INVALID_ARGUMENT", "'timeout' is 0; give microseconds")),
        (("string_param", "soon"), ("INVALID_ARGUMENT", "'timeout' is 'soon'; give microseconds")),
    ],
)
async def test_a_caller_says_how_long_it_waits(
    channel: Any,
    server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
    waits: tuple[str, Any],
    answer: tuple[str, str],
) -> None:
    release = threading.Event()
    monkeypatch.setattr(server._predictor, "predict", lambda _: release.wait(10))
    server._batches.loop_rows = 0  # as of a model that takes long
    request = typed()
    setattr(request.parameters["timeout"], *waits)
    code, message = await refused(channel.unary_unary(METHOD)(request.SerializeToString()))
    release.set()
    assert code == answer[0]
    assert answer[1] in message
