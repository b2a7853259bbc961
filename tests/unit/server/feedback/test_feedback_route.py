"""Tokens in answers and the route that takes labels, over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import tritonclient.grpc.aio as triton
from aiohttp.test_utils import TestClient

from tests.unit.server.churn import request
from tests.unit.server.doors import door_client, evidence_client, grpc_address
from tests.unit.server.test_grpc import columns
from weirkeeper_server.core import ModelServer
from weirkeeper_server.settings import FeedbackSettings, Settings

INFER, FEEDBACK = "/v2/models/churn/infer", "/v2/models/churn/feedback"
NOW = 1_800_000_000.0
Client = TestClient[Any, Any]
Make = Callable[..., Settings]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    (tmp_path / "current").write_bytes(bytes(range(32)))
    return tmp_path


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[tuple[ModelServer, Client]]:
    server = ModelServer(settings, clock=lambda: NOW)
    await server.start()
    async with door_client(server) as client:
        yield server, client
    server.close()


def with_keys(settings: Make, keys: Path, **changes: Any) -> Settings:
    feedback = {"keys": keys, **changes.pop("feedback", {})}
    return settings(feedback=FeedbackSettings(**feedback), **changes)


async def test_an_answer_has_a_token_by_which_its_labels_are_counted(settings: Make, keys: Path) -> None:
    async with serving(with_keys(settings, keys)) as (server, client):
        answer = await (await client.post(INFER, json=request(2))).json()
        post = {"items": [{"token": answer["parameters"]["feedback_token"], "labels": ["stay", "leave"]}]}
        response = await client.post(FEEDBACK, json=post)
        assert response.status == 200
        assert await response.json() == {"counted": 2, "refused": 0, "reasons": {}, "refusals": []}
        repeated = await (await client.post(FEEDBACK, json=post)).json()
        assert (repeated["counted"], repeated["reasons"]) == (0, {"Repeated": 2})
        assert [(one["item"], one["row"]) for one in repeated["refusals"]] == [(0, 0), (0, 1)]
    ((revision, slot, counts),) = server.evidence()["labels"]["slots"]
    assert (revision, slot, counts["rows"]) == ("churn-1", NOW // 3600 * 3600, 2)
    assert server.outcomes == {"ok": 1}


async def test_an_answer_with_bytes_has_its_token_too(settings: Make, keys: Path) -> None:
    async with serving(with_keys(settings, keys)) as (_, client):
        response = await client.post(INFER, json=request() | {"parameters": {"binary_data_output": True}})
        head = (await response.read())[: int(response.headers["Inference-Header-Content-Length"])]
        token = json.loads(head)["parameters"]["feedback_token"]
        told = await client.post(FEEDBACK, json={"items": [{"token": token, "labels": ["stay"]}]})
        assert (await told.json())["counted"] == 1


async def test_metadata_says_whether_there_are_tokens(settings: Make, keys: Path) -> None:
    async with serving(with_keys(settings, keys)) as (_, client):
        told = await (await client.get("/v2")).json()
        assert "feedback" in told["extensions"]
        assert told["feedback"] == "a token in every answer"
    async with serving(settings()) as (_, client):
        told = await (await client.get("/v2")).json()
        assert "feedback" not in told["extensions"]
        assert told["feedback"] == "no tokens: no keys are mounted"
        assert "parameters" not in await (await client.post(INFER, json=request())).json()
        response = await client.post(FEEDBACK, json={"items": [{"token": "x", "labels": ["stay"]}]})
        assert response.status == 409
        assert "takes no feedback: no keys are mounted" in (await response.json())["error"]


REFUSED: dict[str, tuple[Any, str]] = {
    "no items": ({}, "items is missing"),
    "empty items": ({"items": []}, "items is missing, empty"),
    "another field": ({"items": [{"token": "x", "labels": [1]}], "rows": 3}, "the post has a field 'rows'"),
    "no token": ({"items": [{"labels": [1]}]}, "items[0] has no token"),
    "a token that is none": ({"items": [{"token": 3, "labels": [1]}]}, "items[0] has no token"),
    "no object": ({"items": ["token"]}, "items[0] has no token"),
    "an unknown field": ({"items": [{"token": "x", "label": 1}]}, "items[0] has a field 'label'"),
    "nothing to count": ({"items": [{"token": "x"}]}, "neither labels nor values"),
    "no list": ({"items": [{"token": "x", "labels": "stay"}]}, "items[0].labels is no list"),
    "a list for a label": ({"items": [{"token": "x", "labels": [[1]]}]}, "items[0].labels[0] is [1]"),
    "a truth for a value": ({"items": [{"token": "x", "values": [True]}]}, "items[0].values[0] is True"),
    "a text for a row": ({"items": [{"token": "x", "labels": [1], "rows": ["0"]}]}, "items[0].rows[0] is '0'"),
    "unequal lengths": ({"items": [{"token": "x", "labels": [1], "values": [1, 2]}]}, "of different lengths"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_post_of_another_form_is_refused(settings: Make, keys: Path, case: str) -> None:
    post, message = REFUSED[case]
    async with serving(with_keys(settings, keys)) as (server, client):
        response = await client.post(FEEDBACK, json=post)
        assert response.status == 400
        assert message in (await response.json())["error"]
        assert not server.feedback.results


@pytest.mark.parametrize(
    ("post", "message"),
    [
        ([{"token": "x", "labels": [1]}] * 3, "3 items; give at most 2"),
        ([{"token": "x", "labels": [1] * 3}, {"token": "x", "labels": [1] * 2}], "5 rows in all items; give at most 4"),
    ],
)
async def test_a_post_is_bounded(settings: Make, keys: Path, post: list[Any], message: str) -> None:
    async with serving(with_keys(settings, keys, feedback={"max_items": 2, "max_rows": 4})) as (_, client):
        response = await client.post(FEEDBACK, json={"items": post})
        assert response.status == 413
        assert message in (await response.json())["error"]


async def test_another_model_takes_no_labels_here(settings: Make, keys: Path) -> None:
    async with serving(with_keys(settings, keys)) as (_, client):
        assert (await client.post("/v2/models/fraud/feedback", json={"items": []})).status == 404


async def test_segments_are_no_parameter_of_the_predictor(settings: Make, keys: Path) -> None:
    async with serving(with_keys(settings, keys, parameters={"segments": "region"})) as (server, client):
        assert server.state == "Ready"
        answer = await (await client.post(INFER, json=request())).json()
        post = {"items": [{"token": answer["parameters"]["feedback_token"], "labels": ["stay"]}]}
        await client.post(FEEDBACK, json=post)
    ((_, _, counts),) = server.evidence()["labels"]["slots"]
    assert counts["segments"]["region=north"]["rows"] == 1


async def test_segments_that_cannot_be_fail_the_load(settings: Make, keys: Path) -> None:
    server = ModelServer(with_keys(settings, keys, parameters={"segments": "income"}))
    await server.start()
    assert (server.state, server.reason) == ("Failed", "ModelLoadFailed")
    assert "income cannot be one" in server.message
    server.close()


async def test_evidence_and_metrics_tell_of_labels(settings: Make, keys: Path) -> None:
    async with serving(with_keys(settings, keys)) as (server, client):
        answer = await (await client.post(INFER, json=request())).json()
        token = answer["parameters"]["feedback_token"]
        await client.post(
            FEEDBACK, json={"items": [{"token": token, "labels": ["stay"]}, {"token": "", "labels": [1]}]}
        )
        async with evidence_client(server) as evidence:
            told = (await (await evidence.get("/evidence")).json())["labels"]
            assert len(told["slots"]) == 1
            again = await (await evidence.get("/evidence", params={"labels": told["cursor"]})).json()
            assert again["labels"]["slots"] == []
            text = await (await evidence.get("/metrics")).text()
    rows = 'weirkeeper_server_feedback_rows_total{model="churn",result="%s",revision="churn-1"} %s'
    assert rows % ("Counted", "1.0") in text
    assert rows % ("Malformed", "1.0") in text
    assert rows % ("Expired", "0.0") in text


async def test_an_answer_over_grpc_has_its_token_too(settings: Make, keys: Path) -> None:
    async with serving(with_keys(settings, keys)) as (server, client):
        async with grpc_address(server) as address, triton.InferenceServerClient(address) as asking:
            answer = (await asking.infer("churn", columns(region=("south",)))).get_response()
            assert "feedback" in (await asking.get_server_metadata()).extensions
        token = answer.parameters["feedback_token"].string_param
        told = await client.post(FEEDBACK, json={"items": [{"token": token, "labels": ["leave"]}]})
        assert (await told.json())["counted"] == 1
