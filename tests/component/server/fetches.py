"""Fetching in this process from servers on loopback."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from weirkeeper_server.errors import FetchError
from weirkeeper_server.fetching.addresses import HostRules
from weirkeeper_server.fetching.command import Fetched, Order, bring
from weirkeeper_server.fetching.landing import Caps
from weirkeeper_server.fetching.retries import Retries
from weirkeeper_server.fetching.uri import parse_uri

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[int]]


async def listen(handler: Handler, tls: ssl.SSLContext | None) -> web.AppRunner:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    return runner


async def fetch(uri: str, destination: Path, ca: Path | None, allowed: list[str], **changes: Any) -> Fetched:
    await asyncio.to_thread(destination.mkdir, exist_ok=True)
    pem = await asyncio.to_thread(ca.read_text) if ca else ""
    given = {
        "sha256": "",
        "pinned": "",
        "mounted": None,
        "caps": Caps(max_seconds=10.0),
        "retries": Retries(first_pause=0.0),
    }
    return await bring(
        Order(uri=parse_uri(uri), destination=destination, rules=HostRules(allowed), ca_bundle=pem, **given | changes)
    )


async def refusal(*arguments: Any, **changes: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await fetch(*arguments, **changes)
    return caught.value


def answering(body: bytes, status: int = 200, **headers: str) -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body, status=status, headers=headers)

    return handler
