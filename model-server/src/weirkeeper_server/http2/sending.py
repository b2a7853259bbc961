"""Answers on their way: as much at a time as the client takes, in turns."""

from __future__ import annotations

from collections.abc import Callable

from weirkeeper_server.http2.faults import Code, ConnectionFault, StreamFault
from weirkeeper_server.http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    LARGEST_NUMBER,
    frame,
    frame_header,
)
from weirkeeper_server.http2.peer import Peer
from weirkeeper_server.http2.streams import DEFAULT_WINDOW, Stream

_LAST = END_HEADERS | END_STREAM


class Sending:
    """Sends answers within windows; `done` is called with each stream whose answer is sent.

    `flowing` says that what is written leaves; `unsent` counts bytes that wait for a window.
    """

    def __init__(self, peer: Peer, write: Callable[[bytes], None], done: Callable[[Stream], None]) -> None:
        self.flowing = True
        self.unsent = 0
        self._peer = peer
        self._write = write
        self._done = done
        self._window = DEFAULT_WINDOW
        self._waiting: dict[int, Stream] = {}

    def answer(self, stream: Stream, head: bytes, body: bytes, trailers: bytes, now: float) -> None:
        """Send a whole answer: the blocks of its head and trailers, and a body that may be empty."""
        number, size = stream.number, len(body)
        written = frame_header(len(head), HEADERS, END_HEADERS, number) + head
        if size <= self._window and size <= stream.window and size <= self._peer.frame and self.flowing:
            if size:
                self._window -= size
                written += frame_header(size, DATA, 0, number) + body
            self._write(written + frame_header(len(trailers), HEADERS, _LAST, number) + trailers)
            self._done(stream)
        else:
            self._write(written)
            stream.unsent, stream.trailers, stream.since = memoryview(body), trailers, now
            self.unsent += size
            self._waiting[number] = stream
            self.flush(now)

    def flush(self, now: float) -> None:
        """Send what may be sent, a frame of each answer in turn."""
        moving = True
        while moving and self._waiting:
            moving = False
            for stream in tuple(self._waiting.values()):
                moving = self._send_part(stream, now) or moving

    def _send_part(self, stream: Stream, now: float) -> bool:
        unsent = stream.unsent
        if unsent is None or not self.flowing:
            return False
        size = max(0, min(len(unsent), self._window, stream.window, self._peer.frame))
        if size > 0:
            self._window -= size
            stream.window -= size
            self.unsent -= size
            self._write(frame(DATA, 0, stream.number, bytes(unsent[:size])))
            stream.unsent, stream.since = unsent[size:], now
        if size == len(unsent):
            del self._waiting[stream.number]
            self._write(frame(HEADERS, _LAST, stream.number, stream.trailers))
            self._done(stream)
        return size > 0

    def forget(self, stream: Stream) -> None:
        """Give up an answer that nobody takes."""
        if self._waiting.pop(stream.number, None) and stream.unsent is not None:
            self.unsent -= len(stream.unsent)

    def widen(self, more: int) -> None:
        """Let the connection take more.

        Raises:
            ConnectionFault: by nothing, or by too much.
        """
        if not more:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "WINDOW_UPDATE by nothing")
        self._window += more
        if self._window > LARGEST_NUMBER:
            raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "the window of the connection is too large")

    def stuck(self, before: float) -> list[Stream]:
        """Find answers of which nothing was taken since a time."""
        return [stream for stream in self._waiting.values() if stream.since <= before]


def widen(stream: Stream, more: int) -> None:
    """Let a stream take more.

    Raises:
        StreamFault: by nothing, or by too much.
    """
    if not more:
        raise StreamFault(Code.PROTOCOL_ERROR, "WINDOW_UPDATE by nothing")
    stream.window += more
    if stream.window > LARGEST_NUMBER:
        raise StreamFault(Code.FLOW_CONTROL_ERROR, "the window of the stream is too large")
