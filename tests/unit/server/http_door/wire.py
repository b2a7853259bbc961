"""The HTTP door without sockets: bytes in, bytes out, and a clock that can be moved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from weirkeeper_server.access_log import AccessLog
from weirkeeper_server.answer import Identity
from weirkeeper_server.http_door.answers import Answer, Pending, Response
from weirkeeper_server.http_door.connection import Connection
from weirkeeper_server.http_door.door import Door
from weirkeeper_server.http_door.request import HttpRequest
from weirkeeper_server.http_door.routing import Endpoint, Routes
from weirkeeper_server.settings import Limits

LIMITS = Limits(max_body_bytes=1000, request_timeout_seconds=30.0, idle_timeout_seconds=75.0)


class Answered(NamedTuple):
    status: int
    head: bytes
    body: bytes


@dataclass
class Transport(asyncio.Transport):
    """Collects what is written; `full` while its client takes nothing."""

    written: bytearray = field(default_factory=bytearray)
    unsent: int = 0
    reading: bool = True
    ended: bool = False
    aborted: bool = False

    def write(self, data: Any) -> None:
        assert not self.ended
        self.written += data

    def write_eof(self) -> None:
        assert not self.ended
        self.ended = True

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def get_write_buffer_size(self) -> int:
        return self.unsent


class Backend:
    """What is behind the door: it gives bodies back, now or when it is let, and remembers what it was asked."""

    def __init__(self) -> None:
        self.state = "Ready"
        self.identity = Identity("churn", "churn-1")
        self.reticent = False
        self.asked: list[tuple[str, str, bytes]] = []
        self.pending: list[asyncio.Future[bytes]] = []

    def routes(self) -> Routes:
        known = [("GET", "/known", self._now), ("POST", "/echo", self._now), ("POST", "/later", self._later)]
        return Routes([(method, path, Endpoint(answer)) for method, path, answer in known], {})

    def _now(self, request: HttpRequest) -> Answer:
        self._remember(request)
        return Response(request.body or b"{}")

    def _later(self, request: HttpRequest) -> Answer:
        self._remember(request)
        self.pending.append(asyncio.get_running_loop().create_future())
        return Pending(self.pending[-1], Response)

    def _remember(self, request: HttpRequest) -> None:
        self.asked.append((request.method.decode(), request.match.path, request.body))


class Wire:
    """One connection to the door; within a running loop."""

    def __init__(
        self, limits: Limits = LIMITS, access_log: AccessLog | None = None, backend: Backend | None = None
    ) -> None:
        self.backend = backend or Backend()
        self.transport = Transport()
        door = Door(self.backend, limits, self.backend.routes(), access_log)
        self.gone: list[Connection] = []
        self.connection = Connection(door, self.gone.append)
        self.connection.connection_made(self.transport)

    def send(self, *parts: bytes) -> Wire:
        for part in parts:
            self.connection.data_received(part)
        return self

    def is_closed(self) -> bool:
        return self.transport.ended or self.transport.aborted

    def is_reading(self) -> bool:
        return self.transport.reading

    def answers(self) -> list[Answered]:
        """Read all that came back; answers to HEAD have no body, and are not for this."""
        found, rest = [], bytes(self.transport.written)
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            length = next((int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")), 0)
            found.append(Answered(int(head[9:12]), head, rest[:length]))
            rest = rest[length:]
        return found

    def statuses(self) -> list[int]:
        return [answer.status for answer in self.answers()]


class MovedLoop(asyncio.SelectorEventLoop):
    """A loop whose time can be moved forward."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


async def pass_by(seconds: float) -> None:
    """Let time pass, in steps in which timers that depend on others get their turn."""
    loop = cast("MovedLoop", asyncio.get_running_loop())
    for _ in range(20):
        loop.ahead += seconds / 20
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def moved(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run a test in a loop whose time it moves."""

    def run() -> None:
        with asyncio.Runner(loop_factory=MovedLoop) as runner:
            runner.run(test())

    run.__name__ = test.__name__
    return run


def post(body: bytes = b"abc", path: str = "/echo", *fields: bytes) -> bytes:
    """A request as clients send it."""
    head = [f"POST {path} HTTP/1.1".encode(), b"Host: churn", b"Content-Length: %d" % len(body), *fields]
    return b"\r\n".join([*head, b"", body])


def get(path: str = "/known", *fields: bytes, method: str = "GET") -> bytes:
    """A request without a body."""
    return b"\r\n".join([f"{method} {path} HTTP/1.1".encode(), b"Host: churn", *fields, b"", b""])
