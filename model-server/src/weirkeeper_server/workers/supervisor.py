"""The process that has the ports, where several workers serve behind them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Final

import uvloop

from weirkeeper_server.access_log import AccessLog
from weirkeeper_server.ending import told_to_end
from weirkeeper_server.evidence import evidence_door
from weirkeeper_server.grpc_door.listening import LEAVING_SECONDS, GrpcServer
from weirkeeper_server.grpc_service import inference_door
from weirkeeper_server.http_door.listening import LEAVE_SECONDS, HttpServer
from weirkeeper_server.open_inference import protocol_door
from weirkeeper_server.process import listener, raise_bug
from weirkeeper_server.settings import Settings
from weirkeeper_server.workers.messages import GRPC, HTTP
from weirkeeper_server.workers.nursery import Nursery
from weirkeeper_server.workers.places import Places
from weirkeeper_server.workers.pool import Nurseries
from weirkeeper_server.workers.pooled_server import PooledServer
from weirkeeper_server.workers.whole_lines import WholeLines

ACCEPTED_AT_ONCE: Final = 64
PAUSE_SECONDS: Final = 0.1
"""So long nothing is accepted where the process has no descriptor left for it."""

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Serve by `settings.workers` processes until SIGTERM or SIGINT, then drain."""
    places = Places(settings.workers)
    loading = Nursery(settings, places)
    nurseries = Nurseries(loading, Nursery(settings, places, beside=[loading]))
    uvloop.run(_serve(settings, nurseries, places))


class Acceptor:
    """Accepts what comes to a port, and gives it to `hand`."""

    def __init__(self, accepting: socket.socket, hand: Callable[[socket.socket], None]) -> None:
        self._accepting = accepting
        self._accepting.settimeout(0)
        self._hand = hand
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(accepting, self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, _ = self._accepting.accept()
            except BlockingIOError:
                return
            except OSError as error:
                log.warning("a connection cannot be accepted: %s", error)
                self._loop.remove_reader(self._accepting)
                self._loop.call_later(PAUSE_SECONDS, self._again)
                return
            connection.settimeout(0)
            self._hand(connection)

    def _again(self) -> None:
        if self._accepting.fileno() >= 0:
            self._loop.add_reader(self._accepting, self._accept)

    def close(self) -> None:
        """Accept no more."""
        self._loop.remove_reader(self._accepting)
        self._accepting.close()


def _hand(server: PooledServer, door: bytes, own: Callable[[socket.socket], None], connection: socket.socket) -> None:
    """Give a connection to a worker; where there is none yet, or no more, answer it here."""
    if server.pool.hand(door, connection):
        connection.close()
    else:
        own(connection)


async def _serve(settings: Settings, nurseries: Nurseries, places: Places) -> None:
    stop = told_to_end()
    server = PooledServer(settings, nurseries, places)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(server.close)
        evidence = HttpServer(evidence_door(server, server.pool.look))
        await evidence.start(listener(settings, settings.evidence_port))
        stack.push_async_callback(evidence.stop)
        access_log = AccessLog(WholeLines(sys.stdout.fileno()), server.identity) if settings.access_log else None
        if access_log:
            stack.callback(access_log.flush)
        http, grpc = HttpServer(protocol_door(server, access_log)), GrpcServer(inference_door(server, access_log))
        for port, door, own in ((settings.http_port, HTTP, http.take), (settings.grpc_port, GRPC, grpc.take)):
            acceptor = Acceptor(listener(settings, port), partial(_hand, server, door, own))
            stack.callback(acceptor.close)
        loading = asyncio.create_task(_start(server, http, grpc))
        loading.add_done_callback(raise_bug)
        await stop.wait()
        await _drain(server, settings)


async def _start(server: PooledServer, http: HttpServer, grpc: GrpcServer) -> None:
    await server.start()
    if server.ready:
        # Who came while the model was loaded comes again, to a worker.
        http.send_away()
        grpc.send_away()


async def _drain(server: PooledServer, settings: Settings) -> None:
    server.drain()
    log.info("draining for %g s", settings.drain_seconds)
    await asyncio.sleep(settings.drain_seconds)
    await server.pool.stop(2 * settings.limits.request_timeout_seconds + LEAVING_SECONDS + LEAVE_SECONDS)
    log.info("drained, %d requests answered", sum(server.counted().outcomes.values()))
