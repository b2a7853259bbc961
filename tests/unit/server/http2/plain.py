"""What stands behind HTTP/2 in its tests: requests that are remembered, and answered with a word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from weirkeeper_server.http2.fields import Field, read_request
from weirkeeper_server.http2.session import Session
from weirkeeper_server.http2.streams import Stream

WORD = b"a word"
HEAD = b"\x88"


class Read(NamedTuple):
    """What a head says; `regular` are its fields."""

    method: bytes
    path: bytes
    regular: dict[bytes, bytes]
    length: int | None


class Asked(NamedTuple):
    """A request that came as a whole."""

    stream: int
    method: bytes
    path: bytes
    body: bytes


def understand(fields: list[Field]) -> Read:
    return Read(*read_request(fields))


class Plain:
    """Answers every request with `body`, at once or when it is let; `lost` has the streams that nobody waits for."""

    def __init__(
        self,
        write: Callable[[bytes], None],
        clock: Callable[[], float] = lambda: 0.0,
        body: bytes = WORD,
        *,
        at_once: bool = True,
    ) -> None:
        self.session: Session[Read] = Session(self, understand, write, clock)
        self.heads: dict[int, Read] = {}
        self.bodies: dict[int, bytes] = {}
        self.asked: list[Asked] = []
        self.lost_streams: list[int] = []
        self._body = body
        self._at_once = at_once

    def opened(self, stream: Stream, head: Read) -> None:
        self.heads[stream.number], self.bodies[stream.number] = head, b""

    def received(self, stream: Stream, part: bytes) -> None:
        self.bodies[stream.number] += part

    def ended(self, stream: Stream) -> None:
        head = self.heads[stream.number]
        self.asked.append(Asked(stream.number, head.method, head.path, self.bodies[stream.number]))
        if self._at_once:
            self.answer(stream)

    def answer(self, stream: Stream) -> None:
        self.session.answer(stream, HEAD, self._body, b"")

    def lost(self, stream: Stream) -> None:
        self.lost_streams.append(stream.number)


class PlainConnection(asyncio.Protocol):
    """The same on a socket, without any time-out."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = cast("asyncio.Transport", transport)
        self._plain = Plain(self._transport.write, asyncio.get_running_loop().time)
        self._plain.session.greet()

    def data_received(self, data: bytes) -> None:
        self._plain.session.feed(data)
        if self._plain.session.fault is not None:
            self._transport.close()

    def pause_writing(self) -> None:
        self._plain.session.sending.flowing = False

    def resume_writing(self) -> None:
        self._plain.session.sending.flowing = True
        self._plain.session.sending.flush(0.0)
