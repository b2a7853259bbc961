"""HTTP/2 as bytes: a client made of frames, and what it reads of what comes back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import hpack

from tests.unit.server.http2.plain import WORD, Plain
from weirkeeper_server.http2.faults import Code
from weirkeeper_server.http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PREFACE,
    RST_STREAM,
    FrameReader,
    frame,
    settings_frame,
    unpadded,
)

GREETING = PREFACE + settings_frame({})
FIELDS = ((b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a"), (b":authority", b"churn"))


class Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    payload: bytes


def frames(written: bytes) -> list[Frame]:
    reader = FrameReader()
    found = [Frame(*one) for one in reader.read(written)]
    assert not reader._rest
    return found


def block(*more: tuple[bytes, bytes], fields: Iterable[tuple[bytes, bytes]] = FIELDS) -> bytes:
    """A head that leaves the table as it is."""
    return hpack.Encoder().encode([(*one, True) for one in (*fields, *more)], huffman=False)


def head(stream: int = 1, *more: tuple[bytes, bytes], end: bool = False) -> bytes:
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block(*more))


def data(payload: bytes, stream: int = 1, *, end: bool = True) -> bytes:
    return frame(DATA, END_STREAM if end else 0, stream, payload)


def request(stream: int = 1, body: bytes = b"abc") -> bytes:
    return head(stream) + data(body, stream)


class Wire:
    """One connection to what answers every request with a word, after its greeting; `now` is its clock."""

    def __init__(self, greeting: bytes = GREETING, *, body: bytes = WORD, at_once: bool = True) -> None:
        self.now = 0.0
        self.written = bytearray()
        self.plain = Plain(self._write, lambda: self.now, body, at_once=at_once)
        self.session = self.plain.session
        self.session.greet()
        self.send(greeting)

    def _write(self, content: bytes) -> None:
        self.written += content

    def send(self, *parts: bytes) -> Wire:
        for part in parts:
            if self.session.fault is None:  # as a connection does
                self.session.feed(part)
        return self

    def frames(self, *kinds: int) -> list[Frame]:
        return [one for one in frames(bytes(self.written)) if not kinds or one.kind in kinds]

    def goaway(self) -> Code | None:
        """Why the connection was ended."""
        found = self.frames(GOAWAY)
        return Code(int.from_bytes(found[-1].payload[4:8], "big")) if found else None

    def resets(self) -> dict[int, Code]:
        return {one.stream: Code(int.from_bytes(one.payload, "big")) for one in self.frames(RST_STREAM)}

    def bodies(self) -> dict[int, bytes]:
        """What came as DATA, by stream."""
        found: dict[int, bytes] = {}
        for one in self.frames(DATA):
            found[one.stream] = found.get(one.stream, b"") + unpadded(one.flags, one.payload)
        return found
