"""One server process: all ports open at once, the model loaded meanwhile, and no request lost at the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys

from aiohttp import web

from weirkeeper_server.core import ModelServer
from weirkeeper_server.evidence import evidence_application
from weirkeeper_server.grpc_door import GrpcServer
from weirkeeper_server.open_inference import protocol_application
from weirkeeper_server.settings import Settings

SWITCH_INTERVAL = 0.001
"""Seconds after which a thread that predicts lets the event loop in; Python's 5 ms would be added to answers."""

KEEP_ALIVE_SECONDS = 75.0

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = ModelServer(settings)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(server.close)
        evidence = await _listen(evidence_application(server), settings.host, settings.evidence_port)
        stack.push_async_callback(evidence.cleanup)
        protocol = await _listen(protocol_application(server), settings.host, settings.http_port)
        stack.push_async_callback(protocol.cleanup)
        calls = GrpcServer(server)
        await calls.start(settings.host, settings.grpc_port)
        stack.push_async_callback(calls.stop, settings.limits.request_timeout_seconds)
        loading = asyncio.create_task(server.start())
        loading.add_done_callback(_raise_bug)
        await stop.wait()
        await drain(server, settings.drain_seconds)


async def _listen(application: web.Application, host: str, port: int) -> web.AppRunner:
    runner = web.AppRunner(application, access_log=None, keepalive_timeout=KEEP_ALIVE_SECONDS)
    await runner.setup()
    await web.TCPSite(runner, host, port, backlog=1024).start()
    return runner


def _raise_bug(loading: asyncio.Task[None]) -> None:
    """End the process on an error that nobody foresaw: a pod that restarts is seen, a silent one is not."""
    if not loading.cancelled() and loading.exception() is not None:
        log.critical("loading ended with a bug", exc_info=loading.exception())
        signal.raise_signal(signal.SIGTERM)


async def drain(server: ModelServer, seconds: float) -> None:
    """Wait until routers had `seconds` to look elsewhere and the last request is answered."""
    server.drain()
    log.info("draining for %g s, %d requests active", seconds, server.active)
    await asyncio.sleep(seconds)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(server.settings.limits.request_timeout_seconds):
            await server.idle.wait()
    log.info("drained, %d requests active", server.active)
