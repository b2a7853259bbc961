"""What every request over HTTP gets, and what it may cost: limits, packing, ids, traces and the access log."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import json
import threading
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from aiohttp import ClientSession, ClientTimeout
from aiohttp.test_utils import TestClient
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.unit.server.churn import request
from tests.unit.server.doors import DoorServer, door_client, evidence_client
from tests.unit.server.echo import Echo, column, serve
from weirkeeper_server.access_log import AccessLog
from weirkeeper_server.core import ModelServer
from weirkeeper_server.http_door.bodies import LEAST_PACKED, packed, preferred
from weirkeeper_server.open_inference import protocol_door
from weirkeeper_server.settings import Batching, Limits, Settings

INFER = "/v2/models/churn/infer"
TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
Client = TestClient[Any, Any]
Make = Callable[..., Settings]


@asynccontextmanager
async def serving(server: ModelServer, access_log: AccessLog | None = None) -> AsyncIterator[Client]:
    async with door_client(server, access_log, auto_decompress=False) as client:
        yield client
    server.close()


def echo(settings: Make, datatype: str = "FP64", **limits: Any) -> ModelServer:
    return serve(ModelServer(settings(limits=Limits(**limits))), Echo(column("x", datatype)))


def asking(data: list[Any], datatype: str = "FP64", **entry: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "x", "datatype": datatype, "shape": [len(data)], "data": data, **entry}]}


LIMITS: dict[str, tuple[dict[str, Any], dict[str, Any], int, str]] = {
    "elements": ({"max_elements": 3}, asking([1, 2, 3, 4]), 413, "the inputs hold 4 values; at most 3"),
    "rows": ({"max_rows": 3}, asking([1, 2, 3, 4]), 413, "4 rows; at most 3"),
    "inputs": ({"max_tensors": 1}, {"inputs": [{}, {}]}, 413, "inputs lists 2 tensors; give at most 1"),
    "outputs": ({"max_tensors": 1}, {"outputs": [{}, {}]}, 413, "outputs lists 2 tensors; give at most 1"),
    "body": ({"max_body_bytes": 50}, asking([1]), 413, "larger than 50 bytes"),
    "depth": ({"max_json_depth": 8}, {"a": [[[[[[[[]]]]]]]]}, 400, "nested too deeply, more than 8 levels"),
    "product": ({}, asking([1], shape=[2**63, 2**63]), 400, "has shape [9223372036854775808, 9223372036854775808]"),
    "negative": ({}, asking([1], shape=[-1]), 400, "has shape [-1]; this model takes [rows]"),
}


@pytest.mark.parametrize("case", LIMITS)
async def test_what_is_beyond_a_limit_is_refused_by_its_measure(settings: Make, case: str) -> None:
    limits, document, status, message = LIMITS[case]
    server = echo(settings, **limits)
    async with serving(server) as client:
        response = await client.post(INFER, json=document)
        assert response.status == status
        assert message in (await response.json())["error"]
    assert server.outcomes == {"invalid": 1}


async def test_a_string_that_is_too_long_is_refused(settings: Make) -> None:
    async with serving(echo(settings, "BYTES", max_string_length=5)) as client:
        assert (await client.post(INFER, json=asking(["12345"], "BYTES"))).status == 200
        response = await client.post(INFER, json=asking(["1", "123456"], "BYTES"))
        assert response.status == 413
        assert "input 'x' has a string of 6 characters; give at most 5" in (await response.json())["error"]


async def test_a_bomb_is_refused_while_it_is_unpacked(settings: Make) -> None:
    """A GiB of blanks in a MiB: refused after the limit, with the rest never unpacked."""
    bomb = gzip.compress(b" " * 2**26, 9) * 16
    assert len(bomb) < 2**20 + 2**18
    async with serving(echo(settings, max_body_bytes=2**21)) as client:
        tracemalloc.start()
        response = await client.post(INFER, data=bomb, headers={"Content-Encoding": "gzip"})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert response.status == 413
        assert "larger than 2097152 bytes" in (await response.json())["error"]
    assert peak < 2**25


async def test_a_bomb_that_nobody_wants_is_not_unpacked_at_all(settings: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused for its path, and its connection closed, before most of it was sent."""
    monkeypatch.setattr("weirkeeper_server.http_door.door.Unpacking", None)
    bomb = gzip.compress(b" " * 2**26, 9) * 16
    async with serving(echo(settings)) as client:
        head = f"POST /v2/nothing HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(head.encode() + bomb)
        answer = await reader.readuntil(b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"Connection: close" in answer


@pytest.mark.parametrize(
    ("encoding", "pack", "unpack"),
    [("gzip", gzip.compress, gzip.decompress), ("deflate", zlib.compress, zlib.decompress)],
)
async def test_bodies_are_unpacked_and_answers_packed(
    settings: Make, encoding: str, pack: Callable[[bytes], bytes], unpack: Callable[[bytes], bytes]
) -> None:
    headers = {"Content-Encoding": encoding, "Accept-Encoding": encoding}
    data = [float(i) for i in range(2000)]
    async with serving(echo(settings)) as client:
        response = await client.post(INFER, data=pack(json.dumps(asking(data)).encode()), headers=headers)
        assert response.status == 200
        assert response.headers["Content-Encoding"] == encoding
        body = await response.read()
        assert json.loads(unpack(body))["outputs"][0]["data"] == data
        assert len(body) < len(unpack(body)) / 2


async def test_a_small_answer_and_one_that_does_not_shrink_are_sent_as_they_are(settings: Make) -> None:
    random = np.random.default_rng(1).bytes(2 * LEAST_PACKED)
    assert packed(random, "gzip") == (random, "")
    assert packed(b"0" * LEAST_PACKED, "gzip")[1] == "gzip"
    async with serving(echo(settings)) as client:
        response = await client.post(INFER, json=asking([1.0]), headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", ""),
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip, deflate, br", "gzip"),
        ("gzip;q=0.2, deflate;q=0.8", "deflate"),
        ("GZIP ; Q=1.0", "gzip"),
        ("gzip;q=0", ""),
        ("gzip;q=high", ""),
        ("br, zstd, *", ""),
    ],
)
def test_the_encoding_is_the_callers_choice(accepted: str, encoding: str) -> None:
    assert preferred(accepted) == encoding


async def test_an_unknown_encoding_is_refused(settings: Make) -> None:
    async with serving(echo(settings)) as client:
        response = await client.post(INFER, data=b"x", headers={"Content-Encoding": "compress"})
        assert response.status == 415
        assert "Content-Encoding is 'compress'; give gzip, deflate" in (await response.json())["error"]


class Held(Echo):
    """Predicts only when it is let; counts how often it began."""

    def __init__(self) -> None:
        super().__init__(column("x", "FP64"))
        self.release = threading.Event()
        self.begun = 0

    def predict(self, inputs: Any) -> dict[str, Any]:
        self.begun += 1
        self.release.wait(60)
        return dict(inputs)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110  worker threads tell nobody
            await asyncio.sleep(0.005)


async def test_more_requests_than_may_be_are_told_to_come_again(settings: Make) -> None:
    held = Held()
    server = serve(ModelServer(settings(limits=Limits(max_concurrent_requests=3))), held)
    async with serving(server) as client:
        waiting = [asyncio.create_task(client.post(INFER, json=asking([1.0]))) for _ in range(3)]
        await until(lambda: server.active == 3)
        refused = await client.post(INFER, json=asking([1.0]))
        assert refused.status == 429
        assert refused.headers["Retry-After"] == "1"
        assert "3 requests are under way" in (await refused.json())["error"]
        assert (await client.get("/v2/health/ready")).status == 200
        held.release.set()
        assert [response.status for response in await asyncio.gather(*waiting)] == [200, 200, 200]
        assert (await client.post(INFER, json=asking([1.0]))).status == 200
    assert server.outcomes == {"ok": 4, "failed": 1}
    assert server.active == 0


async def test_a_request_that_timed_out_in_the_queue_is_not_predicted(settings: Make) -> None:
    held = Held()
    one_by_one = {"limits": Limits(request_timeout_seconds=0.3), "batching": Batching(max_rows=1)}
    server = serve(ModelServer(settings(**one_by_one)), held)
    async with serving(server) as client:
        answers = await asyncio.gather(*(client.post(INFER, json=asking([1.0])) for _ in range(6)))
        assert [response.status for response in answers] == [504] * 6
        held.release.set()
        assert (await client.post(INFER, json=asking([1.0]))).status == 200
    # Two threads had begun; the four that waited were never started.
    assert held.begun == 3


async def test_a_client_that_left_is_not_predicted_for(settings: Make) -> None:
    held, target = Held(), io.StringIO()
    server = serve(ModelServer(settings(batching=Batching(max_rows=1))), held)
    access_log = AccessLog(target, server.identity)
    application = DoorServer(protocol_door(server, access_log))
    await application.start_server()
    async with ClientSession(timeout=ClientTimeout(0.5)) as session:
        asked = [session.post(application.make_url(INFER), json=asking([1.0])) for _ in range(6)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(answer, TimeoutError) for answer in answers)
        await until(lambda: server.active == 0)
    held.release.set()
    server._workers.shutdown(wait=True)
    # Two threads had begun; the four that waited were never started.
    assert held.begun == 2
    assert server.outcomes == {"invalid": 6}
    access_log.flush()
    lines = [json.loads(line) for line in target.getvalue().splitlines()]
    assert {(line["status"], line["reason"]) for line in lines} == {(499, "ClientGone")}
    await application.close()


async def test_a_caller_may_wait_less_than_the_limit(settings: Make) -> None:
    held = Held()
    async with serving(serve(ModelServer(settings()), held)) as client:
        response = await client.post(INFER, json=asking([1.0]) | {"parameters": {"timeout": 50_000}})
        held.release.set()
        assert response.status == 504
        assert "no answer within 0.05 s" in (await response.json())["error"]


async def test_a_body_that_does_not_arrive_is_given_up(settings: Make) -> None:
    server = echo(settings, request_timeout_seconds=0.1)
    async with serving(server) as client:
        endless = asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield b"{"
            await endless.wait()

        response = await client.post(INFER, data=slowly())
        endless.set()
        assert response.status == 408
    assert server.outcomes == {"invalid": 1}


@pytest.mark.parametrize(
    ("fields", "body", "status"),
    [
        (b"Transfer-Encoding: chunked", b"1\r\n{\nx", 400),
        (b"Content-Length: 2\r\nExpect: wonders", b"{}", 417),
        (b"Content-Length: 99999999", b"{}", 413),
        (b"Content-Length: 2\r\nContent-Encoding: br", b"{}", 415),
    ],
)
async def test_what_http_refuses_of_an_inference_is_the_callers_fault(
    settings: Make, fields: bytes, body: bytes, status: int
) -> None:
    server = echo(settings)
    async with serving(server) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
        writer.write(f"POST {INFER} HTTP/1.1\r\nHost: x\r\n".encode() + fields + b"\r\n\r\n" + body)
        assert (await reader.readuntil(b" "), await reader.readuntil(b" ")) == (b"HTTP/1.1 ", f"{status} ".encode())
        writer.close()
    assert server.outcomes == {"invalid": 1}


async def test_invalid_outputs_are_counted_and_not_sent(settings: Make) -> None:
    class Broken(Echo):
        def predict(self, _: Any) -> dict[str, Any]:
            return {"x": np.array([np.nan, 1.0]), "y": np.array([np.inf, -np.inf])}

    server = serve(ModelServer(settings()), Broken(column("x", "FP64"), column("y", "FP64")))
    entry = {"datatype": "FP64", "shape": [2], "data": [1.0, 2.0]}
    document = {"inputs": [{"name": name, **entry} for name in "xy"]}
    async with serving(server) as client:
        for parameters in ({}, {"binary_data_output": True}):
            response = await client.post(INFER, json=document | {"parameters": parameters})
            assert response.status == 500
            assert "NaN, infinity" in (await response.json())["error"]
    assert server.invalid_outputs == {"x": 2, "y": 4}
    assert server.outcomes == {"failed": 2}


async def test_an_access_is_told_without_what_was_asked(settings: Make) -> None:
    target = io.StringIO()
    server = ModelServer(settings())
    await server.start()
    access_log = AccessLog(target, server.identity)
    async with serving(server, access_log) as client:
        headers = {"x-request-id": "r-1", "traceparent": TRACEPARENT}
        await client.post(INFER, json=request(region={"data": ["north"]}), headers=headers)
        await client.post(INFER, json=request(region={"data": ["secret-region"]}))
        await client.post(INFER, json=request(secret={"datatype": "FP64", "shape": [1], "data": [4.25]}))
        await client.get("/v2/nothing")
        for quiet in ("/v2/health/live", "/v2/health/ready", "/v2/models/churn/ready"):
            await client.get(quiet)
        server.drain()
        await client.get("/v2/models/churn/ready")
    access_log.flush()
    lines = [json.loads(line) for line in target.getvalue().splitlines()]
    assert [(line["status"], line["reason"]) for line in lines] == [
        (200, ""),
        (500, "PredictionFailed"),
        (400, "InvalidRequest"),
        (404, "HTTPNotFound"),
        (503, ""),
    ]
    first = lines[0]
    assert (first["request"], first["trace"], first["model"], first["revision"]) == ("r-1", TRACE, "churn", "churn-1")
    assert (first["protocol"], first["method"], first["path"]) == ("http", "POST", INFER)
    assert 0 < first["seconds"] < 60
    assert len({line["request"] for line in lines}) == len(lines)
    assert "secret" not in target.getvalue()
    assert "4.25" not in target.getvalue()


async def test_a_log_that_cannot_be_written_stops_nothing(settings: Make, caplog: pytest.LogCaptureFixture) -> None:
    class Gone(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError(32, "Broken pipe")

    server = echo(settings)
    access_log = AccessLog(Gone(), server.identity)
    async with serving(server, access_log) as client:
        assert (await client.post(INFER, json=asking([1.0]))).status == 200
        access_log.flush()
    assert "1 accesses are lost, for they cannot be written: [Errno 32] Broken pipe" in caplog.text


@pytest.mark.parametrize("given", ["", "x" * 129, "two words", "naïve"])
async def test_an_id_that_cannot_be_logged_is_replaced(settings: Make, given: str) -> None:
    async with serving(echo(settings)) as client:
        response = await client.get("/v2", headers={"x-request-id": given})
        assert len(response.headers["x-request-id"]) == 32
        response = await client.get("/v2", headers={"x-request-id": "r/1:2"})
        assert response.headers["x-request-id"] == "r/1:2"


NO_TRACES = ["", "00-1-2-01", f"00-{'0' * 32}-b7ad6b7169203331-01", f"ff-{TRACE}-b7ad6b7169203331-01", TRACE]


@pytest.mark.parametrize("given", NO_TRACES)
async def test_a_traceparent_that_is_none_makes_no_exemplar(settings: Make, given: str) -> None:
    server = echo(settings)
    async with serving(server) as client:
        await client.post(INFER, json=asking([1.0]), headers={"traceparent": given})
    assert not any(server.counted().durations.exemplars)


async def test_exemplars_come_where_openmetrics_is_asked_for(settings: Make) -> None:
    server = echo(settings)
    async with serving(server) as client:
        await client.post(INFER, json=asking([1.0]), headers={"traceparent": TRACEPARENT})
    async with evidence_client(server) as client:
        plain = await (await client.get("/metrics")).text()
        response = await client.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"})
        assert response.headers["Content-Type"].startswith("application/openmetrics-text")
        families = list(text_string_to_metric_families(await response.text()))  # type: ignore[no-untyped-call]
    samples = [sample for family in families for sample in family.samples if sample.exemplar]
    assert [sample.exemplar.labels for sample in samples if sample.exemplar] == [{"trace_id": TRACE}]
    assert samples[0].name == "weirkeeper_server_request_duration_seconds_bucket"
    assert TRACE not in plain


async def test_the_index_tells_the_one_model(settings: Make) -> None:
    server = echo(settings)
    index = "/v2/repository/index"
    ready = {"name": "churn", "version": "churn-1", "state": "READY", "reason": ""}
    async with serving(server) as client:
        assert await (await client.post(index)).json() == [ready]
        assert await (await client.post(index, json={"ready": True})).json() == [ready]
        server.drain()
        assert await (await client.post(index, json={"ready": True})).json() == []
        assert await (await client.post(index, json={})).json() == [ready | {"state": "UNLOADING"}]
        response = await client.post(index, json={"ready": "yes"})
        assert response.status == 400
        assert "ready is 'yes'; give true or false" in (await response.json())["error"]


@pytest.mark.parametrize("verb", ["load", "unload"])
async def test_models_are_neither_loaded_nor_unloaded_here(settings: Make, verb: str) -> None:
    async with serving(echo(settings)) as client:
        response = await client.post(f"/v2/repository/models/churn/{verb}")
        assert response.status == 400
        assert "its Model" in (await response.json())["error"]


async def test_a_method_that_is_not_the_routes_is_told_which_are(settings: Make) -> None:
    async with serving(echo(settings)) as client:
        response = await client.delete(INFER)
        assert response.status == 405
        assert response.headers["Allow"] == "POST"
