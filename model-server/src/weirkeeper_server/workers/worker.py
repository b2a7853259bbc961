"""One worker: it answers the connections that it is handed, and tells the supervisor what it has counted."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable
from math import ceil
from typing import Any, Final, NamedTuple, NoReturn

import uvloop

from weirkeeper_server.access_log import AccessLog
from weirkeeper_server.bundle import read_bundle
from weirkeeper_server.core import ModelServer, load
from weirkeeper_server.errors import BundleError
from weirkeeper_server.grpc_door.listening import GrpcServer
from weirkeeper_server.grpc_service import inference_door
from weirkeeper_server.http_door.listening import HttpServer
from weirkeeper_server.loading import LoadedModel
from weirkeeper_server.open_inference import protocol_door
from weirkeeper_server.process import SWITCH_INTERVAL, answered
from weirkeeper_server.settings import Settings
from weirkeeper_server.workers.messages import HTTP, LONGEST, failure_of, heard, say, told_of, written
from weirkeeper_server.workers.posting import PostingLedger
from weirkeeper_server.workers.whole_lines import WholeLines

TAKEN_AT_ONCE: Final = 32
"""Connections taken up before the event loop looks after those that are there."""

log = logging.getLogger(__name__)


class Ends(NamedTuple):
    """A worker's ends of two pairs of sockets: what is said, and connections."""

    control: socket.socket
    connections: socket.socket


def work(settings: Settings, loaded: LoadedModel | None, ends: Ends, parted: Callable[[], None]) -> NoReturn:
    """Serve as this process until the supervisor says it is time; `parted` is called at the end of a connection.

    Without a model that was loaded before, it is loaded here.
    """
    code = 1
    try:
        sys.setswitchinterval(SWITCH_INTERVAL)
        code = _serve(settings, loaded, ends, parted)
    except BaseException:
        log.exception("a worker ended with a bug")
    finally:
        logging.shutdown()
        # Neither waits for a thread that may yet predict, nor does at its end what is the supervisor's to do.
        os._exit(code)


def _serve(settings: Settings, loaded: LoadedModel | None, ends: Ends, parted: Callable[[], None]) -> int:
    try:
        loaded = loaded or load(read_bundle(settings.bundle), settings)
    except BundleError as error:
        ends.control.settimeout(None)
        ends.control.sendall(written(failed=failure_of(error)))
        return 0
    return uvloop.run(_Worker(share_of(settings), ends, parted).serve(loaded))


def share_of(settings: Settings) -> Settings:
    """Give a worker's part of the settings: of requests that may be under way in the pod at a time it has its share."""
    most = ceil(settings.limits.max_concurrent_requests / settings.workers)
    return settings.model_copy(update={"limits": settings.limits.model_copy(update={"max_concurrent_requests": most})})


class _Worker:
    def __init__(self, settings: Settings, ends: Ends, parted: Callable[[], None]) -> None:
        self._settings = settings
        self._ends = ends
        self._parted = parted
        self._posts: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        self._over = asyncio.Event()
        self._server: ModelServer
        self._http: HttpServer
        self._grpc: GrpcServer
        self._to: asyncio.StreamWriter
        self._access_log: AccessLog | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def serve(self, loaded: LoadedModel) -> int:
        """Serve; 0 where it was told to end."""
        loop = asyncio.get_running_loop()
        self._ends.control.settimeout(0)
        self._ends.connections.settimeout(0)
        reader, self._to = await asyncio.open_unix_connection(sock=self._ends.control, limit=LONGEST)
        self._open(loaded)
        loop.add_reader(self._ends.connections, self._take)
        say(self._to, hello={"pid": os.getpid(), **told_of(loaded)})
        hearing = asyncio.create_task(self._hear(reader))
        over = asyncio.create_task(self._over.wait())
        await asyncio.wait((hearing, over), return_when=asyncio.FIRST_COMPLETED)
        if not self._over.is_set():
            log.error("the supervisor has gone, and so does its worker %d", os.getpid())
        return 0 if self._over.is_set() else 1

    def _open(self, loaded: LoadedModel) -> None:
        settings = self._settings
        server = self._server = ModelServer(settings)
        server.feedback = PostingLedger(settings.model, settings.feedback, server.clock, self._post)
        server.take(loaded.bundle)
        server.use(loaded)
        if settings.access_log:
            self._access_log = AccessLog(WholeLines(sys.stdout.fileno()), server.identity)
        self._http = HttpServer(protocol_door(server, self._access_log), self._parted)
        self._grpc = GrpcServer(inference_door(server, self._access_log), self._parted)

    def _take(self) -> None:
        for _ in range(TAKEN_AT_ONCE):
            try:
                door, descriptors, _, _ = socket.recv_fds(self._ends.connections, 1, 1)
            except BlockingIOError:
                return
            if not door:
                asyncio.get_running_loop().remove_reader(self._ends.connections)
                return
            connection = socket.socket(fileno=descriptors[0])
            (self._http if door == HTTP else self._grpc).take(connection)

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        async for message in heard(reader):
            match message:
                case {"counts": number}:
                    say(self._to, counts=number, counted=self._server.counted())
                case {"state": state}:
                    self._server.state = state
                case {"receipt": number, "told": told}:
                    if not (waiting := self._posts.pop(number)).done():
                        waiting.set_result(told)
                case {"stop": True}:
                    self._leaving = asyncio.create_task(self._leave())
                    self._leaving.add_done_callback(lambda _: self._over.set())

    async def _post(self, items: list[Any]) -> dict[str, Any]:
        self._number += 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._posts[self._number] = answer
        say(self._to, post=self._number, items=items)
        await self._to.drain()
        return await answer

    async def _leave(self) -> None:
        """Answer what is under way, and tell what was counted to the end."""
        seconds = self._settings.limits.request_timeout_seconds
        await answered(self._server)
        await self._grpc.stop(seconds)
        self._take()
        await self._http.stop()
        if self._access_log:
            self._access_log.flush()
        say(self._to, last=self._server.counted())
        await self._to.drain()
        self._to.close()
        await self._to.wait_closed()
