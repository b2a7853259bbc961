"""Copies and chosen callers are counted apart from the split, whichever door they come through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient.grpc.aio as triton

from tests.unit.server.churn import request
from tests.unit.server.doors import door_client, grpc_address
from tests.unit.server.test_grpc import columns
from weirkeeper_server.core import ModelServer
from weirkeeper_server.decode import InferRequest
from weirkeeper_server.settings import FeedbackSettings, Settings

INFER = "/v2/models/churn/infer"
Make = Callable[..., Settings]


def rows(counted: dict[str, Any]) -> int:
    return sum(counted["region"]["counts"]) if counted else 0


def durations(latency: dict[str, Any]) -> int:
    return sum(sum(bins.values()) for _, bins, _ in latency["slots"])


def counted(server: ModelServer) -> dict[str, tuple[int, int]]:
    """Rows and durations by arm, that of the split under no name."""
    evidence = server.evidence()
    arms = {arm: (rows(one["inputs"]), durations(one["latency"])) for arm, one in evidence["arms"].items()}
    return {"": (rows(evidence["inputs"]), durations(evidence["latency"]))} | arms


async def test_http_requests_are_counted_by_their_arm_and_copies_get_no_token(settings: Make, tmp_path: Path) -> None:
    (tmp_path / "current").write_bytes(bytes(range(32)))
    server = ModelServer(settings(feedback=FeedbackSettings(keys=tmp_path)))
    await server.start()
    with_token = {}
    async with door_client(server) as client:
        for arm, times in (("", 1), ("mirror", 2), ("match", 3)):
            headers = {"X-Weirkeeper-Arm": arm} if arm else {}
            for _ in range(times):
                answer = await (await client.post(INFER, json=request(2), headers=headers)).json()
                with_token[arm] = "feedback_token" in answer.get("parameters", {})
    assert counted(server) == {"": (2, 1), "mirror": (4, 2), "match": (6, 3)}
    assert with_token == {"": True, "mirror": False, "match": True}
    server.close()


async def test_labels_of_chosen_callers_are_counted_apart(settings: Make, tmp_path: Path) -> None:
    (tmp_path / "current").write_bytes(bytes(range(32)))
    server = ModelServer(settings(feedback=FeedbackSettings(keys=tmp_path)))
    await server.start()
    async with door_client(server) as client:
        chosen = {"x-weirkeeper-arm": "match"}
        for headers in ({}, chosen):
            answer = await (await client.post(INFER, json=request(), headers=headers)).json()
            item = {"token": answer["parameters"]["feedback_token"], "labels": ["stay"]}
            told = await client.post("/v2/models/churn/feedback", json={"items": [item]})
            assert (await told.json())["counted"] == 1
    assert {total[0] for total in server.evidence()["labels"]["totals"]} == {"churn-1", "churn-1~match"}
    server.close()


async def test_an_arm_that_is_none_is_of_the_split(settings: Make) -> None:
    server = ModelServer(settings())
    await server.start()
    async with door_client(server) as client:
        assert (await client.post(INFER, json=request(), headers={"x-weirkeeper-arm": "other"})).status == 200
    assert counted(server) == {"": (1, 1)}
    server.close()


async def test_grpc_requests_are_counted_by_their_arm(settings: Make, tmp_path: Path) -> None:
    (tmp_path / "current").write_bytes(bytes(range(32)))
    server = ModelServer(settings(feedback=FeedbackSettings(keys=tmp_path)))
    await server.start()
    async with grpc_address(server) as address, triton.InferenceServerClient(address) as client:
        copied = await client.infer("churn", columns(), headers={"x-weirkeeper-arm": "mirror"})
        chosen = await client.infer("churn", columns(), headers={"x-weirkeeper-arm": "match"})
    assert counted(server) == {"": (0, 0), "mirror": (1, 1), "match": (1, 1)}
    assert "feedback_token" not in copied.get_response().parameters
    assert "feedback_token" in chosen.get_response().parameters
    server.close()


async def test_a_batch_of_several_arms_is_counted_row_by_row(settings: Make) -> None:
    server = ModelServer(settings())
    await server.start()
    inputs = {"income": np.array([5e4]), "visits": np.array([3]), "region": np.array(["north"], dtype=object)}
    asked = InferRequest(None, inputs, 1, ("predict",))
    await asyncio.gather(server.infer(asked), server.infer(asked, arm="mirror"), server.infer(asked, arm="mirror"))
    evidence = server.evidence()
    assert rows(evidence["inputs"]) == 1
    assert rows(server._apart.traffic("mirror").totals()["inputs"]) == 2  # type: ignore[union-attr]
    server.close()
