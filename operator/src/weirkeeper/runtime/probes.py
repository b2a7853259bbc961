"""The operator's own port: is it alive, is it ready, what did it count. It answers from the workers' event loop."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from weirkeeper.kube.errors import KubeError

LONGEST_WORK: Final = 300.0
"""Seconds after which work at one key counts as stuck: every request in it has a time limit far below."""
LONGEST_BEHIND: Final = 180.0
"""Seconds that a watch may not tell what a list told, while it is being restarted."""

log = logging.getLogger(__name__)


class Health:
    """What liveness and readiness depend on.

    `working` gives for how many seconds the longest work has been going on, `behind` for how many seconds some watch
    has been stale; `ping` asks the API server. The API server being away makes nothing unhealthy: a restart would only
    lose what is known.
    """

    def __init__(
        self,
        working: Callable[[], float],
        behind: Callable[[], float],
        ping: Callable[[], Awaitable[None]],
        ready: Callable[[], bool],
    ) -> None:
        self._working = working
        self._behind = behind
        self._ping = ping
        self.ready = ready

    async def problem(self) -> str:
        """Why this process should be restarted; empty where it should not."""
        working, behind = self._working(), self._behind()
        if working > LONGEST_WORK:
            return f"work at one key has been going on for {working:.0f} s"
        if behind > LONGEST_BEHIND and await self._answers():
            return f"a watch has been stale for {behind:.0f} s although the API server answers"
        return ""

    async def _answers(self) -> bool:
        try:
            await self._ping()
        except KubeError:
            return False
        return True


@asynccontextmanager
async def serve(port: int, health: Health, registry: CollectorRegistry) -> AsyncIterator[int]:
    """Answer /healthz, /readyz and /metrics on every address for as long as the context lasts; gives the port."""

    async def healthz(_: web.Request) -> web.Response:
        problem = await health.problem()
        if problem:
            log.error("not healthy: %s", problem)
        return web.Response(text=problem or "ok", status=503 if problem else 200)

    async def readyz(_: web.Request) -> web.Response:
        ready = health.ready()
        return web.Response(text="ok" if ready else "the first lists are not done", status=200 if ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "0.0.0.0", port)  # noqa: S104 - kubelet and Prometheus ask from outside the pod
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
