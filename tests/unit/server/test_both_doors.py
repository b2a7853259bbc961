"""One suite, both doors: the protocol, limits, faults and labels by each form in which a request can be asked.

What each of these is told, what is counted of it, and by which words it is refused must not depend on the door.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.server.asking import WAYS
from tests.unit.server.churn import request
from tests.unit.server.doors import door_client
from tests.unit.server.echo import Echo, column, serve
from weirkeeper.api.names import MATCH, MIRROR
from weirkeeper_server.core import ModelServer
from weirkeeper_server.settings import Batching, FeedbackSettings, Limits, Settings

Make = Callable[..., Settings]
NOW = 1_800_000_000.0

by_each_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture
async def server(settings: Make, tmp_path: Path) -> AsyncIterator[ModelServer]:
    """A server of the fixture's model, with tokens for labels."""
    (tmp_path / "current").write_bytes(bytes(range(32)))
    limits = Limits(max_rows=100, max_body_bytes=20_000, request_timeout_seconds=0.5)
    server = ModelServer(settings(limits=limits, feedback=FeedbackSettings(keys=tmp_path)), clock=lambda: NOW)
    await server.start()
    yield server
    server.close()


def numbers(*values: float, **entry: Any) -> dict[str, Any]:
    """A request to a model that gives back its one column."""
    return {"inputs": [{"name": "x", "datatype": "FP64", "shape": [len(values)], "data": list(values), **entry}]}


def echo(settings: Make, model: Any = None, **limits: Any) -> ModelServer:
    changes = {"limits": Limits(**limits), "batching": Batching(max_rows=1)}
    return serve(ModelServer(settings(**changes)), model or Echo(column("x", "FP64")))


@by_each_way
async def test_answers_and_counts_are_the_same_by_each_way(server: ModelServer, way: str) -> None:
    asked = request(2, income={"data": [40_000.0, 60_000.0]}) | {"id": "q1"}
    async with WAYS[way](server) as ask:
        told = await ask(asked)
    assert told.is_of(200)
    assert told.identifier == "q1"
    assert told.outputs["predict"] == ["leave", "stay"]
    wanted = server.predict({name: np.array(values, dtype=kind) for name, values, kind in COLUMNS})
    assert told.outputs["predict_proba"] == wanted["predict_proba"].ravel().tolist()
    evidence = server.evidence()
    assert (evidence["outcomes"]["ok"], evidence["rows"]) == (1, 2)
    assert sum(evidence["inputs"]["income"]["counts"]) == 2
    assert [sum(bins.values()) for _, bins, _ in evidence["latency"]["slots"]] == [1]


COLUMNS: tuple[tuple[str, list[Any], Any], ...] = (
    ("income", [40_000.0, 60_000.0], np.float64),
    ("visits", [3, 3], np.int64),
    ("region", ["north", "north"], object),
)


@by_each_way
async def test_only_the_outputs_asked_for_come_back(server: ModelServer, way: str) -> None:
    async with WAYS[way](server) as ask:
        told = await ask(request() | {"outputs": [{"name": "predict"}]}, version="churn-1")
    assert told.outputs == {"predict": ["stay"]}


WRONG: dict[str, tuple[dict[str, Any], str, int, str]] = {
    "another version": (request(), "9", 404, "unknown version '9' of 'churn'; this server has 'churn-1'"),
    "a missing input": (request(region=None), "", 400, "missing input 'region'; this model takes"),
    "an input too many": (
        {"inputs": [*request()["inputs"], *numbers(1.0)["inputs"]]},
        "",
        400,
        "unknown input 'x'",
    ),
    "another datatype": (request(visits={"datatype": "FP64", "data": [3.0]}), "", 400, "'visits'"),
    "another shape": (request(visits={"shape": [1, 1, 1]}), "", 400, "has shape [1, 1, 1]"),
    "an unknown output": (request() | {"outputs": [{"name": "score"}]}, "", 400, "unknown output 'score'"),
    "unequal rows": (
        request(income={"shape": [2], "data": [1.0, 2.0]}),
        "",
        400,
        "rows",
    ),
    "too many rows": (request(101), "", 413, "101 rows; at most 100"),
    "too large": (request(region={"data": ["n" * 30_000]}), "", 413, "20000"),
}


@by_each_way
@pytest.mark.parametrize("case", WRONG)
async def test_what_is_wrong_is_refused_by_the_same_words_and_counted(server: ModelServer, case: str, way: str) -> None:
    document, version, status, words = WRONG[case]
    async with WAYS[way](server) as ask:
        told = await ask(document, version)
    assert told.is_of(status), told
    assert words in told.error
    assert server.outcomes == {"invalid": 1}
    assert server.rows == 0


LIMITS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "elements": ({"max_elements": 3}, numbers(1, 2, 3, 4), "the inputs hold 4 values; at most 3"),
    "rows": ({"max_rows": 3}, numbers(1, 2, 3, 4), "4 rows; at most 3"),
    "inputs": ({"max_tensors": 1}, {"inputs": numbers(1)["inputs"] * 2}, "inputs lists 2 tensors; give at most 1"),
    "outputs": (
        {"max_tensors": 1},
        numbers(1) | {"outputs": [{"name": "x"}, {"name": "y"}]},
        "outputs lists 2 tensors; give at most 1",
    ),
}


@by_each_way
@pytest.mark.parametrize("case", LIMITS)
async def test_what_is_beyond_a_limit_is_refused_by_the_same_words(settings: Make, case: str, way: str) -> None:
    limits, document, words = LIMITS[case]
    server = echo(settings, **limits)
    async with WAYS[way](server) as ask:
        told = await ask(document)
    assert told.is_of(413), told
    assert words in told.error
    assert server.outcomes == {"invalid": 1}


@by_each_way
async def test_a_model_that_raises_says_nothing_of_its_insides(
    server: ModelServer, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    async with WAYS[way](server) as ask:
        told = await ask(request(region={"data": ["secret-region"]}))
    assert told.is_of(500)
    assert told.error.startswith("the model failed on this request; its owner finds the details in the log")
    assert "secret-region" in caplog.text
    assert server.outcomes == {"failed": 1}


@by_each_way
async def test_an_answer_that_is_no_number_is_a_failure(settings: Make, way: str) -> None:
    server = echo(settings)
    server._predictor.predict = lambda _: {"x": np.array([np.nan, np.inf])}  # type: ignore[union-attr, method-assign]
    async with WAYS[way](server) as ask:
        told = await ask(numbers(1.0, 2.0))
    assert told.is_of(500)
    assert "NaN, infinity" in told.error
    assert server.outcomes == {"failed": 1}
    assert server.invalid_outputs == {"x": 2}


class Held(Echo):
    """Predicts only when it is let."""

    def __init__(self) -> None:
        super().__init__(column("x", "FP64"))
        self.release = threading.Event()

    def predict(self, inputs: Any) -> dict[str, Any]:
        self.release.wait(60)
        return dict(inputs)


@by_each_way
@pytest.mark.parametrize(("limit", "parameters"), [(0.2, {}), (30.0, {"timeout": 200_000})], ids=["ours", "its own"])
async def test_who_waits_longer_than_may_be_is_told_so(
    settings: Make, limit: float, parameters: dict[str, Any], way: str
) -> None:
    held = Held()
    server = echo(settings, held, request_timeout_seconds=limit)
    async with WAYS[way](server) as ask:
        told = await ask(numbers(1.0) | {"parameters": parameters})
        held.release.set()
    assert told.is_of(504)
    assert "no answer within 0.2 s" in told.error
    assert server.outcomes == {"failed": 1}


@by_each_way
async def test_more_requests_than_may_be_are_told_to_come_again(settings: Make, way: str) -> None:
    held = Held()
    server = echo(settings, held, max_concurrent_requests=2)
    async with WAYS[way](server) as ask:
        waiting = [asyncio.create_task(ask(numbers(1.0))) for _ in range(2)]
        async with asyncio.timeout(60):
            while server.active < 2:  # noqa: ASYNC110  doors tell nobody
                await asyncio.sleep(0.005)
        refused = await ask(numbers(1.0))
        held.release.set()
        assert all([(await one).is_of(200) for one in waiting])
    assert refused.is_of(429)
    assert "2 requests are under way" in refused.error
    assert server.outcomes == {"ok": 2, "failed": 1}


@by_each_way
async def test_before_it_is_loaded_it_says_so_and_while_it_drains_it_answers(
    settings: Make, server: ModelServer, way: str
) -> None:
    async with WAYS[way](ModelServer(settings())) as ask:
        early = await ask(request())
    assert early.is_of(503)
    assert "try again when it is ready" in early.error
    async with WAYS[way](server) as ask:
        server.drain()
        assert (await ask(request())).is_of(200)


@by_each_way
async def test_labels_find_their_prediction(server: ModelServer, way: str) -> None:
    async with WAYS[way](server) as ask:
        tokens = {arm: (await ask(request(2), arm=arm)).parameters.get("feedback_token") for arm in ("", MATCH, MIRROR)}
    assert tokens.pop(MIRROR) is None, "who gets no answer has no label"
    post = {"items": [{"token": token, "labels": ["stay", "leave"]} for token in tokens.values()]}
    async with door_client(server) as client, client.post("/v2/models/churn/feedback", json=post) as response:
        assert (await response.json())["counted"] == 4
    evidence = server.evidence()
    assert {total[0] for total in evidence["labels"]["totals"]} == {"churn-1", "churn-1~match"}
    assert [sum(one["inputs"]["income"]["counts"]) for one in (evidence, *evidence["arms"].values())] == [2, 2, 2]
