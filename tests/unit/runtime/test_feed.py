"""Kopf as a feed, against an API server that misbehaves."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.unit.kube.samples import model
from tests.unit.runtime.waiting import end, until
from weirkeeper.kube.resources import WATCHED
from weirkeeper.runtime.feed import EndlessBackoffs, Feed, pinned_settings

Watch = Callable[[web.StreamResponse], Awaitable[None]]


def test_pauses_have_no_end_and_begin_anew_for_each_request() -> None:
    backoffs = EndlessBackoffs()
    long = list(itertools.islice(backoffs, 200))
    assert max(long) <= 10.0 * 1.2
    assert long[-1] > 7.0
    assert next(iter(backoffs)) < 1.0


def test_kopf_may_neither_write_nor_look_for_peers() -> None:
    settings = pinned_settings()
    assert not settings.posting.enabled
    assert settings.peering.standalone
    assert settings.scanning.disabled


class Server:
    """Discovery, lists and watches of every watched kind; what a watch of Models does is scripted."""

    def __init__(self) -> None:
        self.watches: list[Watch] = []
        self.lists = 0
        self.queries: dict[str, set[str]] = {}
        self.methods: set[str] = set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.methods.add(request.method)
        path = request.path
        if path == "/api":
            return web.json_response({"versions": ["v1"]})
        if path == "/apis":
            return web.json_response({"groups": [_group(version) for version in _versions() if "/" in version]})
        plural = path.rpartition("/")[2]
        if path.removeprefix("/apis/").removeprefix("/api/") in _versions():
            return web.json_response({"resources": _resources(path.removeprefix("/apis/").removeprefix("/api/"))})
        self.queries.setdefault(plural, set()).add(request.query.get("labelSelector", ""))
        if "watch" in request.query:
            return await self._watch(request, plural)
        self.lists += plural == "models"
        items = [model(version=5)] if plural == "models" else []
        return web.json_response({"metadata": {"resourceVersion": "9"}, "items": items})

    async def _watch(self, request: web.Request, plural: str) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        if plural == "models" and self.watches:
            await self.watches.pop(0)(response)
        else:
            await asyncio.sleep(3600)
        return response


def _versions() -> set[str]:
    return {resource.api_version for resource in WATCHED}


def _group(version: str) -> dict[str, Any]:
    group, _, number = version.partition("/")
    entry = {"groupVersion": version, "version": number}
    return {"name": group, "versions": [entry], "preferredVersion": entry}


def _resources(version: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": one.plural, "singularName": "", "kind": one.kind, "namespaced": True, "verbs": ["list", "watch"]}
        for one in WATCHED
        if one.api_version == version
    ]
    if version == "v1":
        found.append({"name": "namespaces", "singularName": "", "kind": "Namespace", "namespaced": False, "verbs": []})
    return found


async def error_500(response: web.StreamResponse) -> None:
    told = {"type": "ERROR", "object": {"kind": "Status", "code": 500, "message": "broken"}}
    await response.write(json.dumps(told).encode() + b"\n")


async def half_a_line(response: web.StreamResponse) -> None:
    await response.write(b'{"type": "MODIFIED", "obj\n')


async def one_change(response: web.StreamResponse) -> None:
    await response.write(json.dumps({"type": "MODIFIED", "object": model(version=77)}).encode() + b"\n")
    await asyncio.sleep(3600)


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Server]:
    served = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", served.answer)
    async with TestServer(app) as running:
        config = {
            "clusters": [{"name": "c", "cluster": {"server": str(running.make_url("")).rstrip("/")}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path = tmp_path / "kubeconfig"
        path.write_text(json.dumps(config))
        monkeypatch.setattr("kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
        yield served


@pytest.mark.parametrize("fault", [error_500, half_a_line])
async def test_watching_that_broke_off_begins_again_in_the_same_process(server: Server, fault: Watch) -> None:
    server.watches = [fault, one_change]
    told: list[tuple[str | None, str]] = []
    restarts: list[int] = []
    feed = Feed(
        (), lambda kind, item: told.append((kind, item["metadata"]["resourceVersion"])), lambda: restarts.append(1)
    )
    running = asyncio.create_task(feed.run())
    await until(lambda: ("MODIFIED", "77") in told)
    await end(running)
    assert (None, "5") in told
    assert restarts
    assert server.lists >= 2
    assert server.methods == {"GET"}


async def test_ours_are_asked_for_by_label(server: Server) -> None:
    heard = asyncio.Event()
    feed = Feed((), lambda *_: heard.set(), lambda: None)
    running = asyncio.create_task(feed.run())
    await until(lambda: heard.is_set() and len(server.queries) == len(WATCHED))
    await end(running)
    assert server.queries["deployments"] == {"app.kubernetes.io/managed-by=weirkeeper"}
    assert server.queries["endpointslices"] == {"weirkeeper.dev/component"}
    assert server.queries["models"] == {""}
