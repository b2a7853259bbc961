"""The agent as a process: it listens to its feed, takes its turns, answers for its router, and ends Envoy gently."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
from aiohttp import web

from weirkeeper.router.admin import EnvoyAdmin
from weirkeeper.router.agent import Agent
from weirkeeper.router.errors import EnvoySilent
from weirkeeper.router.evidence import Evidence, acknowledged, document, metrics, series_counts
from weirkeeper.router.feed import Feed
from weirkeeper.router.options import RouterOptions

ENVOY_AWAY: Final = 0.5
STALLED: Final = 60.0
DRAIN_TICK: Final = 0.1

logger = logging.getLogger(__name__)


async def run_agent(feed: Feed, options: RouterOptions, stop: asyncio.Event) -> None:
    """Work until `stop` is set, then drain and end Envoy while endpoints and evidence stay fresh."""
    async with aiohttp.ClientSession() as session:
        admin = EnvoyAdmin(session, options.admin_url)
        running = _Running(Agent(options, admin), admin, options)
        async with _serving(running, options.evidence_port), asyncio.TaskGroup() as group:
            tasks = [group.create_task(running.listen(feed)), group.create_task(running.take_turns())]
            await stop.wait()
            await drain(admin, options)
            for task in tasks:
                task.cancel()


async def drain(admin: EnvoyAdmin, options: RouterOptions) -> None:
    """Let clients leave, then end Envoy.

    First nothing changes, until every node has taken this pod out of its Services. Then each answer tells its client
    to connect anew, which leads it elsewhere; new connections are still taken, for there may be late ones.
    """
    await asyncio.sleep(options.removal_wait)
    deadline = time.monotonic() + options.drain_deadline
    try:
        await admin.begin_drain()
        while await admin.connections() and time.monotonic() < deadline:  # noqa: ASYNC110 - Envoy tells no events
            await asyncio.sleep(DRAIN_TICK)
        await admin.quit()
    except EnvoySilent as error:
        logger.info("Envoy ended by itself: %s", error)


class _Running:
    def __init__(self, agent: Agent, admin: EnvoyAdmin, options: RouterOptions) -> None:
        self._agent = agent
        self._admin = admin
        self._options = options
        self._news = asyncio.Event()
        self._silent = False

    async def listen(self, feed: Feed) -> None:
        async for event in feed.events():
            self._agent.namespace.take(event)
            self._news.set()

    async def take_turns(self) -> None:
        while True:
            self._news.clear()
            delay = await self._turn()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), delay)

    async def _turn(self) -> float:
        try:
            delay = await self._agent.turn(time.time())
        except EnvoySilent as error:
            if not self._silent:
                logger.warning("%s", error)
            self._silent = True
            return ENVOY_AWAY
        self._silent = False
        return delay

    async def evidence(self) -> Evidence:
        now = time.time()
        started = await self._admin.started(now)
        latency = await self._admin.latencies()
        reading = await self._admin.read()
        # From here on nothing is waited for: turns change the memory, and it must be that of the answer.
        return Evidence(
            started=started,
            now=now,
            acknowledged=acknowledged(self._agent.memory, reading),
            counts=series_counts(self._agent.memory, reading, started),
            active=reading.active,
            latency=latency,
        )

    async def answer_evidence(self, _request: web.Request) -> web.Response:
        try:
            evidence = await self.evidence()
        except EnvoySilent as error:
            return web.json_response({"error": str(error)}, status=503)
        self._agent.evidence_read = evidence.now
        return web.json_response(document(evidence, self._agent.memory, self._options))

    async def answer_metrics(self, _request: web.Request) -> web.Response:
        try:
            evidence = await self.evidence()
        except EnvoySilent as error:
            return web.Response(text=f"{error}\n", status=503)
        body = metrics(evidence, self._agent.memory, self._options)
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def answer_live(self, _request: web.Request) -> web.Response:
        age = time.time() - self._agent.turned
        if self._agent.turned and age > STALLED:
            return web.json_response({"error": f"the last turn was {age:.0f} s ago"}, status=503)
        return web.json_response({"live": True})


@contextlib.asynccontextmanager
async def _serving(running: _Running, port: int) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_get("/evidence", running.answer_evidence)
    app.router.add_get("/metrics", running.answer_metrics)
    app.router.add_get("/live", running.answer_live)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
        yield
    finally:
        await runner.cleanup()
