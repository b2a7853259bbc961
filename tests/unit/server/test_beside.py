"""The prober beside a server that is not ours: what it asks, what it tells, and when it asks again."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tests.cluster.programs import promtool
from weirkeeper_server.beside import MISSES, Prober, ProbeSettings
from weirkeeper_server.beside_process import prober_application, read_probe_settings
from weirkeeper_server.errors import SettingsError

SIGNATURE = {
    "inputs": [{"name": "x", "datatype": "FP64", "shape": [-1]}],
    "outputs": [{"name": "y", "datatype": "FP64", "shape": [-1]}],
}
GOLDEN = {
    "request": {"inputs": [{"name": "x", "datatype": "FP64", "shape": [2], "data": [1.0, 2.0]}]},
    "expect": {
        "outputs": [{"name": "y", "datatype": "FP64", "shape": [2], "data": [2.0, 4.0]}],
        "tolerance": "1e-6",
    },
}


class Stranger:
    """A server that speaks the protocol; what it answers is the test's to change."""

    def __init__(self) -> None:
        self.ready = 200
        self.metadata: Any = {"name": "churn", **SIGNATURE}
        self.status = 200
        self.outputs: Any = [{"name": "y", "datatype": "FP64", "shape": [2, 1], "data": [[2.0], [4.0 + 1e-9]]}]
        self.silent = False
        self.asked: list[Any] = []

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/v2/models/churn/ready", self._ready)
        application.router.add_get("/v2/models/churn", self._metadata)
        application.router.add_post("/v2/models/churn/infer", self._infer)
        return application

    async def _ready(self, _: web.Request) -> web.Response:
        return web.json_response({}, status=self.ready)

    async def _metadata(self, _: web.Request) -> web.Response:
        return web.json_response(self.metadata)

    async def _infer(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        if self.silent:
            assert request.transport is not None
            request.transport.abort()
        return web.json_response({"model_name": "churn", "outputs": self.outputs}, status=self.status)


@pytest.fixture
def stranger() -> Stranger:
    return Stranger()


@pytest.fixture
async def prober(stranger: Stranger) -> AsyncIterator[Prober]:
    async with TestServer(stranger.application()) as server, aiohttp.ClientSession() as session:
        arguments = {"model": "churn", "revision": "churn-1", "url": str(server.make_url("")).rstrip("/")}
        environment = {"WEIRKEEPER_PROBE": json.dumps([GOLDEN]), "POD_NAME": "pod-1"}
        yield Prober(read_probe_settings(arguments, environment), session, lambda: 100.0)


async def test_a_server_is_ready_once_it_gave_every_golden_answer(stranger: Stranger, prober: Prober) -> None:
    stranger.ready = 503
    await prober.look()
    assert (prober.state, stranger.asked) == ("Loading", [])
    stranger.ready = 200
    await prober.look()
    assert prober.evidence() == {
        "schema": 1,
        "model": "churn",
        "revision": "churn-1",
        "pod": "pod-1",
        "start": 100.0,
        "now": 100.0,
        "state": "Ready",
        "reason": "",
        "message": "",
        "signature": SIGNATURE,
        "probe": {"passed": 1, "failed": 0},
    }
    await prober.look()
    assert stranger.asked == [GOLDEN["request"]], "it is asked once"


@pytest.mark.parametrize(
    ("outputs", "status", "says"),
    [
        ([{"name": "y", "data": [2.0, 5.0]}], 200, "output y: expected 4.0, got 5.0 at position 1"),
        ([{"name": "y", "data": [2.0]}], 200, "output y: expected 2 values, got 1"),
        ([{"name": "y", "data": [True, 4.0]}], 200, "output y: expected 2.0, got True at position 0"),
        ([{"name": "z", "data": [2.0, 4.0]}], 200, "output y is not in the answer; it has z"),
        ([], 200, "output y is not in the answer; it has none"),
        ("nonsense", 200, "output y is not in the answer; it has none"),
        ([{"name": ["y"]}, {"data": [2.0, 4.0]}, 7], 200, "output y is not in the answer; it has none"),
        ([{"name": "y", "data": [2.0, 10**400]}], 200, "output y: the data cannot be compared (int too large"),
        ([{"name": "y"}], 200, "output y: expected 2 values, got 0"),
        ([{"name": "y", "data": [{}, None]}], 200, "output y: expected 2.0, got {} at position 0"),
        ([], 400, "the request is refused: 400"),
        ([], 500, "the request is refused: 500"),
    ],
)
async def test_another_answer_fails_with_the_numbers(
    stranger: Stranger, prober: Prober, outputs: Any, status: int, says: str
) -> None:
    stranger.outputs, stranger.status = outputs, status
    await prober.look()
    assert (prober.state, prober.reason) == ("Failed", "ProbeFailed")
    assert prober.message.startswith(f"1 of 1 golden requests failed: probe 0: {says}")
    assert prober.evidence()["probe"] == {"passed": 0, "failed": 1}
    stranger.outputs = [{"name": "y", "data": [2.0, 4.0]}]
    await prober.look()
    assert prober.state == "Failed", "a second try proves nothing"


async def test_a_server_that_was_started_anew_is_probed_anew(stranger: Stranger, prober: Prober) -> None:
    right, states = stranger.outputs, []
    # One late answer is no restart, several are.
    looks: list[tuple[int, Any]] = [(200, []), *[(503, [])] * MISSES, (200, right)]
    for stranger.ready, stranger.outputs in looks:
        await prober.look()
        states.append((prober.state, prober.reason))
    failed, loading = ("Failed", "ProbeFailed"), ("Loading", "")
    assert states == [*[failed] * MISSES, loading, ("Ready", "")]


async def test_a_server_that_gives_no_answer_is_asked_again(stranger: Stranger, prober: Prober) -> None:
    states = []
    for stranger.silent in (True, False):
        await prober.look()
        states.append((prober.state, prober.reason, prober.message[:41]))
    assert states == [("Failed", "ProbeFailed", "the server is ready and does not answer: "), ("Ready", "", "")]


@pytest.mark.parametrize(
    "metadata",
    [
        {"name": "churn"},
        [],
        {**SIGNATURE, "description": "x" * 50_000},
        {"inputs": [{"name": "x"}], "outputs": [{"name": "y", "datatype": "FP64", "shape": ["a"]}]},
    ],
)
async def test_what_a_server_does_not_describe_properly_is_not_told(
    stranger: Stranger, prober: Prober, metadata: Any
) -> None:
    stranger.metadata = metadata
    await prober.look()
    assert prober.state == "Ready"
    assert prober.signature == {"inputs": [], "outputs": []}


async def test_the_evidence_port_answers_as_that_of_the_built_in_server(prober: Prober) -> None:
    async with TestClient(TestServer(prober_application(prober))) as client:
        assert (await client.get("/ready")).status == 503
        assert (await client.get("/live")).status == 200
        await prober.look()
        assert (await client.get("/ready")).status == 200
        told = await (await client.get("/evidence?latencyFrom=1&profile=x")).json()
        assert told["state"] == "Ready"
        text = await (await client.get("/metrics")).text()
    assert 'weirkeeper_probe_ready{model="churn",revision="churn-1"} 1.0' in text
    assert 'weirkeeper_probe_golden_requests{model="churn",result="passed",revision="churn-1"} 1.0' in text
    checked = await asyncio.to_thread(
        subprocess.run, [str(promtool()), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"WEIRKEEPER_PROBE": "{"}, "WEIRKEEPER_PROBE or WEIRKEEPER_REQUEST_TIMEOUT is no JSON"),
        ({"WEIRKEEPER_PROBE": '[{"request": 1}]'}, "WEIRKEEPER_PROBE.0.request is 1"),
        ({"WEIRKEEPER_REQUEST_TIMEOUT": "0"}, "WEIRKEEPER_REQUEST_TIMEOUT is 0"),
    ],
)
def test_settings_that_cannot_be_used_are_named(environment: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        read_probe_settings({"model": "churn", "revision": "churn-1", "url": "http://127.0.0.1:1"}, environment)


def test_a_probe_without_golden_requests_is_enough() -> None:
    settings = read_probe_settings({"model": "churn", "revision": "churn-1", "url": "http://127.0.0.1:1"}, {})
    assert settings == ProbeSettings(model="churn", revision="churn-1", url="http://127.0.0.1:1")
