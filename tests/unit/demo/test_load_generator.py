"""The load generator against a server on loopback: what it sends, and that it counts every outcome."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from demo import live_rows, training
from demo.load_generator import Load, Tally, application, bin_of, bodies, labels_of, quantile

ROWS = {"live": [b'{"inputs": []}'], "drifted": [b'{"inputs": [1]}']}


async def until(true: Callable[[], bool], within: float = 5.0) -> None:
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - the generator counts, it does not signal
            await asyncio.sleep(0.01)


async def serve(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> TestServer:
    app = web.Application()
    app.router.add_post("/infer", answer)
    server = TestServer(app)
    await server.start_server()
    return server


def load_on(server: TestServer, **options: Any) -> Load:
    settings = {"rate": 200.0, "in_flight": 8, "time_out": 5.0} | options
    return Load(str(server.make_url("/infer")), ROWS, **settings)


async def test_it_counts_answers_by_revision_and_reuses_connections() -> None:
    ports: Counter[object] = Counter()
    turn = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal turn
        turn += 1
        assert request.transport is not None
        ports[request.transport.get_extra_info("peername")] += 1
        bad = turn % 4 == 0
        return web.json_response(
            {"error": "unknown category"} if bad else {},
            status=500 if bad else 200,
            headers={"x-weirkeeper-revision": "b" if bad else "a"},
        )

    server = await serve(answer)
    load = load_on(server)
    async with TestClient(TestServer(application(load))) as client:
        await until(lambda: load.tally.sent >= 60)
        load.control({"running": False})
        await until(lambda: load.as_json()["inFlight"] == 0)
        counts = await (await client.get("/counts")).json()
    await server.close()
    outcomes = {name: entry["outcomes"] for name, entry in counts["revisions"].items()}
    assert outcomes == {"a": {"200": turn - turn // 4}, "b": {"500": turn // 4}}
    assert counts["sent"] == turn
    assert counts["failures"][-1]["detail"] == '{"error": "unknown category"}'
    assert counts["failures"][-1]["revision"] == "b"
    assert len(ports) <= 8 < turn


async def test_a_connection_that_breaks_is_a_failure_of_no_revision_and_is_not_repeated() -> None:
    received = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal received
        received += 1
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    server = await serve(answer)
    load = load_on(server, rate=50.0)
    async with TestClient(TestServer(application(load))):
        await until(lambda: received >= 5)
        load.control({"running": False})
        await until(lambda: load.as_json()["inFlight"] == 0)
    await server.close()
    assert set(load.tally.revisions) == {""}
    assert sum(load.tally.revisions[""].outcomes.values()) == load.tally.sent == received


async def test_a_slow_server_cannot_pile_up_requests_and_what_was_withheld_is_counted() -> None:
    release = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        await release.wait()
        return web.json_response({})

    server = await serve(answer)
    load = load_on(server, in_flight=4)
    async with TestClient(TestServer(application(load))):
        await until(lambda: load.tally.withheld >= 10)
        assert load.tally.sent == 4
        load.control({"running": False})
        release.set()
        await until(lambda: load.as_json()["inFlight"] == 0)
    await server.close()


async def test_no_answer_in_time_is_a_time_out() -> None:
    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.json_response({})

    server = await serve(answer)
    load = load_on(server, in_flight=1, time_out=0.1)
    async with TestClient(TestServer(application(load))):
        await until(lambda: "" in load.tally.revisions)
    await server.close()
    assert set(load.tally.revisions[""].outcomes) == {"time-out"}


async def test_control_switches_the_rows_and_the_rate() -> None:
    received: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        received.append(await request.read())
        return web.json_response({})

    server = await serve(answer)
    load = load_on(server)
    async with TestClient(TestServer(application(load))) as client:
        await until(lambda: bool(received))
        response = await client.post("/control", json={"rows": "drifted", "rate": 50})
        assert (await response.json())["rate"] == 50
        await until(lambda: received[-1] == ROWS["drifted"][0])
    await server.close()
    assert received[0] == ROWS["live"][0]


async def test_labels_go_back_by_the_tokens_of_the_answers_and_are_told_once_they_were_counted() -> None:
    document = {
        "columns": [{"name": "income", "datatype": "FP64"}],
        "sets": {"live": [[1.0], [2.0]]},
        "labels": {"live": ["stay", "leave"]},
    }
    posted: list[dict[str, Any]] = []
    arrived = 0

    async def answer(request: web.Request) -> web.Response:
        (value,) = (await request.json())["inputs"][0]["data"]
        return web.json_response({"parameters": {"feedback_token": f"of {value:g}"}})

    async def feedback(request: web.Request) -> web.Response:
        nonlocal arrived
        arrived += 1
        if arrived == 1:
            return web.Response(status=503, text="loading")
        items = (await request.json())["items"]
        posted.extend(items)
        return web.json_response({"counted": len(items), "refused": 0})

    app = web.Application()
    app.router.add_post("/infer", answer)
    app.router.add_post("/feedback", feedback)
    server = TestServer(app)
    await server.start_server()
    labels = labels_of(document)
    load = Load(str(server.make_url("/infer")), bodies(document), rate=50.0, in_flight=8, time_out=5.0, labels=labels)
    async with TestClient(TestServer(application(load))) as client:
        await until(lambda: bool(posted))
        table = (await (await client.get("/labelled")).text()).splitlines()
    await server.close()
    assert {(item["token"], *item["labels"]) for item in posted} == {("of 1", "stay"), ("of 2", "leave")}
    assert table[0] == "income,label,time"
    assert {tuple(line.split(",")[:2]) for line in table[1:]} == {("1.0", "stay"), ("2.0", "leave")}


def test_rows_without_labels_have_none() -> None:
    assert labels_of({"columns": [], "sets": {}}) is None


@pytest.mark.parametrize(
    "wish", [{"rate": 0}, {"rate": True}, {"rows": "none"}, {"running": 1}, {"speed": 3}, [1], "x"]
)
async def test_control_refuses_what_it_does_not_understand(wish: object) -> None:
    load = Load("http://127.0.0.1:9/", ROWS, rate=1.0, in_flight=1, time_out=1.0)
    load.running = False
    async with TestClient(TestServer(application(load))) as client:
        response = await client.post("/control", json=wish)
        assert response.status == 400
        assert (await response.json())["error"]
    assert (load.rate, load.chosen, load.running) == (1.0, "live", False)


def test_quantiles_are_within_a_bin_of_the_truth() -> None:
    bins = Counter(bin_of(float(value)) for value in range(1, 1001))
    assert quantile(bins, 0.5) == pytest.approx(500, rel=0.045)
    assert quantile(bins, 0.99) == pytest.approx(990, rel=0.045)
    assert quantile(Counter(), 0.5) is None


def test_the_tally_keeps_first_and_last_answer_of_a_revision() -> None:
    tally = Tally(started=0.0)
    for now in (3.0, 5.0, 9.0):
        tally.record("a", "200", 2.0, now)
    revision = tally.as_json()["revisions"]["a"]
    assert (revision["first"], revision["last"], revision["outcomes"]) == (3.0, 9.0, {"200": 3})
    assert tally.as_json()["failures"] == []


def test_a_revision_that_fails_often_does_not_hide_another_ones_failure() -> None:
    tally = Tally(started=0.0)
    tally.record("a", "ServerDisconnectedError", 2.0, 1.0, "gone")
    for now in range(500):
        tally.record("b", "500", 2.0, float(now), "unknown category")
    failures = tally.as_json()["failures"]
    assert {failure["revision"] for failure in failures} == {"a", "b"}
    assert failures[-1]["time"] == 499.0


def test_rows_become_named_columns() -> None:
    data = training.tables()
    rendered = bodies(json.loads(live_rows.document(data.held_out)))
    first = json.loads(rendered["live"][0])
    assert first == live_rows.infer_request(data.held_out.iloc[0])
    assert len(rendered["live"]) == len(rendered["drifted"]) == len(data.held_out)
