"""The OpenAPI document speaks of the routes that there are, and of the model that is served."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.server.churn import request
from tests.unit.server.doors import door_client
from weirkeeper_server.core import ModelServer
from weirkeeper_server.errors import RequestError
from weirkeeper_server.routes import ROUTES
from weirkeeper_server.settings import Settings


def resolved(document: dict[str, Any], reference: str) -> dict[str, Any]:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


async def test_it_has_every_route_of_the_application(settings: Callable[..., Settings]) -> None:
    server = ModelServer(settings())
    async with door_client(server) as client:
        document = await (await client.get("/v2/openapi.json")).json()
        served = {
            (method.lower(), path)
            for path in document["paths"]
            for method in (await client.options(path)).headers["Allow"].split(", ")
            if method != "HEAD"
        }
    assert {(method, path) for path, item in document["paths"].items() for method in item} == served
    for path, item in document["paths"].items():
        for operation in item.values():
            named = {parameter["name"] for parameter in operation["parameters"]}
            assert named == set(re.findall(r"{(\w+)}", path))
    server.close()


async def test_its_example_is_answered_and_its_inputs_are_the_models(settings: Callable[..., Settings]) -> None:
    server = ModelServer(settings())
    await server.start()
    async with door_client(server) as client:
        document = await (await client.get("/v2/openapi.json")).json()
        schema = resolved(document, "#/components/schemas/InferRequest")
        (example,) = schema["examples"]
        example["inputs"][2]["data"] = ["north"]
        answer = await (await client.post("/v2/models/churn/infer", json=example)).json()
    assert answer["id"] == "example"
    given = [tensor["properties"]["name"]["const"] for tensor in schema["properties"]["inputs"]["items"]["anyOf"]]
    assert given == [tensor["name"] for tensor in request()["inputs"]]
    (visits,) = (
        one
        for one in schema["properties"]["inputs"]["items"]["anyOf"]
        if one["properties"]["name"]["const"] == "visits"
    )
    assert visits["properties"]["datatype"]["enum"][-3:] == ["UINT8", "UINT16", "UINT32"]
    server.close()


def test_every_error_has_a_status_of_its_own_and_is_some_routes() -> None:
    statuses = [error.status for error in RequestError.__subclasses__()]
    assert len(set(statuses)) == len(statuses)
    assert set(statuses) == {status for route in ROUTES for status in route.statuses}


@pytest.mark.parametrize("error", RequestError.__subclasses__())
def test_every_error_says_what_it_is(error: type[RequestError]) -> None:
    assert (error.__doc__ or "").endswith(".")
