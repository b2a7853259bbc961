"""One server process: all ports open at once, the model loaded meanwhile, and no request lost at the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading

import uvloop

from weirkeeper_server.access_log import AccessLog
from weirkeeper_server.core import WORKER, ModelServer
from weirkeeper_server.ending import told_to_end
from weirkeeper_server.evidence import evidence_door
from weirkeeper_server.grpc_door.listening import GrpcServer
from weirkeeper_server.grpc_service import inference_door
from weirkeeper_server.http_door.listening import BACKLOG, HttpServer
from weirkeeper_server.http_door.routing import Endpoint
from weirkeeper_server.open_inference import protocol_door
from weirkeeper_server.settings import Settings

SWITCH_INTERVAL = 0.001
"""Seconds after which a thread that predicts lets the event loop in; Python's 5 ms would be added to answers."""

THREAD_SECONDS = 1.0
"""Time at the end for a thread that is about to finish."""

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    if settings.workers > 1:
        from weirkeeper_server.workers import supervisor  # noqa: PLC0415  one process needs none

        supervisor.run(settings)
    else:
        uvloop.run(_serve(settings))
    _leave()


def _leave() -> None:
    """End although a thread may still load or predict: nobody waits for that any more, but Python would at its end."""
    for thread in threading.enumerate():
        if thread.name.startswith(WORKER):
            thread.join(THREAD_SECONDS)
            if thread.is_alive():
                logging.shutdown()
                sys.stdout.flush()
                os._exit(0)


async def _serve(settings: Settings) -> None:
    stop = told_to_end()
    server = ModelServer(settings)
    access_log = AccessLog(sys.stdout, server.identity) if settings.access_log else None
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(server.close)
        if access_log:
            stack.callback(access_log.flush)
        # For the operator and Prometheus.
        evidence = HttpServer(evidence_door(server))
        await evidence.start(listener(settings, settings.evidence_port))
        stack.push_async_callback(evidence.stop)
        protocol = HttpServer(protocol_door(server, access_log, _beside(server)))
        await protocol.start(listener(settings, settings.http_port))
        stack.push_async_callback(protocol.stop)
        calls = GrpcServer(inference_door(server, access_log))
        await calls.start(listener(settings, settings.grpc_port))
        stack.push_async_callback(calls.stop, settings.limits.request_timeout_seconds)
        loading = asyncio.create_task(server.start())
        loading.add_done_callback(raise_bug)
        await stop.wait()
        await drain(server, settings.drain_seconds)


def _beside(server: ModelServer) -> list[tuple[str, str, Endpoint]]:
    if not server.settings.page:
        return []
    from weirkeeper_server.local_page import page_routes  # noqa: PLC0415  for `weirkeeper serve`, never in a pod

    return page_routes(server)


def listener(settings: Settings, port: int) -> socket.socket:
    """Open a port.

    Raises:
        OSError: it cannot be opened, such as where another process has it.
    """
    family, _, _, _, address = socket.getaddrinfo(settings.host, port, type=socket.SOCK_STREAM)[0]
    opened = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Accepted connections inherit it: the kernel gives up a peer that vanished, or never reads.
        milliseconds = int(settings.limits.idle_timeout_seconds * 1000)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    return opened


def raise_bug(loading: asyncio.Task[None]) -> None:
    """End the process on an error that nobody foresaw: a pod that restarts is seen, a silent one is not."""
    if not loading.cancelled() and loading.exception() is not None:
        log.critical("loading ended with a bug", exc_info=loading.exception())
        signal.raise_signal(signal.SIGTERM)


async def drain(server: ModelServer, seconds: float) -> None:
    """Wait until routers had `seconds` to look elsewhere and the last request is answered."""
    server.drain()
    log.info("draining for %g s, %d requests active", seconds, server.active)
    await asyncio.sleep(seconds)
    await answered(server)
    log.info("drained, %d requests active", server.active)


async def answered(server: ModelServer) -> None:
    """Wait until the last request is answered, for as long as one may take."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(server.settings.limits.request_timeout_seconds):
            await server.idle.wait()
