"""The protocol's doors on sockets of loopback: that of HTTP for aiohttp's test client, that of gRPC for any client."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

from aiohttp.test_utils import BaseTestServer, TestClient
from yarl import URL

from weirkeeper_server.access_log import AccessLog
from weirkeeper_server.core import ModelServer
from weirkeeper_server.evidence import evidence_door
from weirkeeper_server.grpc_door.listening import GrpcServer
from weirkeeper_server.grpc_service import inference_door
from weirkeeper_server.http_door.door import Door
from weirkeeper_server.http_door.listening import HttpServer
from weirkeeper_server.local_page import page_routes
from weirkeeper_server.open_inference import protocol_door


class DoorServer(BaseTestServer):
    """Stands where a test client expects an application: it opens a door."""

    def __init__(self, door: Door) -> None:
        super().__init__()
        self._http = HttpServer(door)

    async def start_server(self, *_: Any, **__: Any) -> None:
        if self._root is not None:
            return
        listener = socket.create_server((self.host, 0))
        self.scheme, self.port = "http", listener.getsockname()[1]
        await self._http.start(listener)
        self._root = URL(f"http://{self.host}:{self.port}")

    async def close(self) -> None:
        if self._root is not None and not self._closed:
            self._closed = True
            await self._http.stop()

    async def _make_runner(self, **_: Any) -> Any:
        raise NotImplementedError


def door_client(server: ModelServer, access_log: AccessLog | None = None, **options: Any) -> TestClient[Any, Any]:
    """A client of the protocol's door before `server`; both are open within `async with`."""
    beside = page_routes(server) if server.settings.page else []
    client: TestClient[Any, Any] = TestClient(DoorServer(protocol_door(server, access_log, beside)), **options)
    return client


def evidence_client(server: ModelServer) -> TestClient[Any, Any]:
    """A client of the evidence's door."""
    client: TestClient[Any, Any] = TestClient(DoorServer(evidence_door(server)))
    return client


@contextlib.asynccontextmanager
async def grpc_address(server: ModelServer, access_log: AccessLog | None = None) -> AsyncIterator[str]:
    """Open the door to gRPC; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    running = GrpcServer(inference_door(server, access_log))
    await running.start(listener)
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    await running.stop(grace=0, quiet=0)
