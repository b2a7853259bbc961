"""Asks evidence ports over HTTP: short time-outs, bounded answers, no redirects, nothing believed."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final, NoReturn, TypeVar

import aiohttp
from yarl import URL

from weirkeeper.api.names import PROBE_PORT
from weirkeeper.delivery.evidence import PodEvidence
from weirkeeper.observe.errors import BrokenEvidence
from weirkeeper.observe.readings import PodReading, RouterReading, read_pod, read_router
from weirkeeper.observe.targets import PodTarget, RouterTarget

TIMEOUT_SECONDS: Final = 2.0
CONNECTIONS: Final = 64
POD_ANSWER_LIMIT: Final = 2 * 1024 * 1024
ROUTER_ANSWER_LIMIT: Final = 8 * 1024 * 1024
"""In bytes; a router speaks for every revision of its namespace."""

PATH: Final = "/evidence"
REST_SECONDS: Final = 30
"""For so long a pod that let a question time out is not asked again: the others must not wait for it."""

UNANSWERED: Final = (aiohttp.ClientError, TimeoutError, OSError)

_Reading = TypeVar("_Reading")

log = logging.getLogger(__name__)


class Asker:
    """Asks routers and pods, at most so many of each kind at a time: slow pods never delay a router."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._session: aiohttp.ClientSession | None = None
        self._routers = asyncio.Semaphore(CONNECTIONS)
        self._pods = asyncio.Semaphore(CONNECTIONS)
        self._resting: dict[str, int] = {}
        self._broken: set[str] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Hold the connections, kept alive from slot to slot."""
        connector = aiohttp.TCPConnector(limit=2 * CONNECTIONS, keepalive_timeout=60.0)
        timeout, cookies = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS), aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=cookies) as self._session:
            yield

    async def router(self, target: RouterTarget) -> RouterReading | None:
        """What a router says; None where it does not answer, or answers what nobody can use."""
        async with self._routers:
            try:
                body = await self._get(self._url(target.address), ROUTER_ANSWER_LIMIT)
            except UNANSWERED:
                return None
        return self._checked(target, body, read_router)

    async def pod(
        self, target: PodTarget, end: int, query: Mapping[str, str], known: PodEvidence | None
    ) -> PodReading | None:
        """What a model pod says, asked for the slot that ends at `end`; None as for a router, or while it rests."""
        if self._resting.get(target.uid, 0) > end:
            return None
        async with self._pods:
            try:
                url = self._url(target.address, PROBE_PORT if target.probed else None)
                body = await self._get(url.with_query(query), POD_ANSWER_LIMIT)
            except TimeoutError:
                self._resting[target.uid] = end + REST_SECONDS
                return None
            except UNANSWERED:
                return None
        return self._checked(target, body, lambda answer: read_pod(answer, target, known))

    def forget(self, present: AbstractSet[str]) -> None:
        """Let go of pods that are not `present` any more (UIDs)."""
        self._broken &= present
        self._resting = {uid: until for uid, until in self._resting.items() if uid in present}

    def _url(self, address: str, port: int | None = None) -> URL:
        return URL.build(scheme="http", host=address, port=port or self._port, path=PATH)

    async def _get(self, url: URL, limit: int) -> bytes | None:
        """The body of an answer; None where it is no OK, or longer than anything that we send."""
        if self._session is None:
            raise RuntimeError("the collector asks without a session; enter `Asker.open()` first")
        async with self._session.get(url, allow_redirects=False) as response:
            return await body_within(response, limit) if response.status == HTTPStatus.OK else None

    def _checked(
        self, target: RouterTarget | PodTarget, body: bytes | None, read: Callable[[Any], _Reading]
    ) -> _Reading | None:
        try:
            reading = read(parse(body))
        except BrokenEvidence as error:
            if target.uid not in self._broken:
                log.warning("evidence of pod %s/%s is of no use: %s", target.namespace, target.name, error)
            self._broken.add(target.uid)
            return None
        self._broken.discard(target.uid)
        return reading


async def body_within(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """Read the body of an answer; None where it is longer than `limit` bytes, of which no more are read."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def parse(body: bytes | None) -> Any:
    """Read JSON strictly: no NaN, no infinity, no nesting without end.

    Raises:
        BrokenEvidence: it is not JSON.
    """
    if body is None:
        raise BrokenEvidence("the answer is not 200, or longer than anything that we send")
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BrokenEvidence(f"an answer of {len(body)} bytes is not JSON: {error!s:.120}") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
