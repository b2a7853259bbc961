"""The protocol's HTTP door on a socket of loopback, for aiohttp's test client."""

from __future__ import annotations

import socket
from typing import Any

from aiohttp.test_utils import BaseTestServer, TestClient
from yarl import URL

from weirkeeper_server.access_log import AccessLog
from weirkeeper_server.core import ModelServer
from weirkeeper_server.http_door.listening import HttpServer
from weirkeeper_server.local_page import page_routes
from weirkeeper_server.open_inference import protocol_door


class DoorServer(BaseTestServer):
    """Stands where a test client expects an application: it opens the door before `server`."""

    def __init__(self, server: ModelServer, access_log: AccessLog | None = None) -> None:
        super().__init__()
        beside = page_routes(server) if server.settings.page else []
        self._http = HttpServer(protocol_door(server, access_log, beside))

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
    """A client of the door before `server`; both are open within `async with`."""
    client: TestClient[Any, Any] = TestClient(DoorServer(server, access_log), **options)
    return client
