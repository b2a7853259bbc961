"""One connection of HTTP/2 without a socket: bytes in, streams out; answers in, bytes out.

Bounds that the protocol leaves to its users are here: on heads and what continues them, on streams, on what is held
for a client that takes nothing, and on frames that bring nothing forward (CVE-2019-9511 to 9518, CVE-2023-44487,
CVE-2024-27316, CVE-2025-8671).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic

from weirkeeper_server.http2.blocks import Blocks
from weirkeeper_server.http2.budget import Budget
from weirkeeper_server.http2.calls import Calls, Understood
from weirkeeper_server.http2.control import LEAVING, Control
from weirkeeper_server.http2.faults import Code, ConnectionFault, StreamFault
from weirkeeper_server.http2.fields import Field, check_trailers
from weirkeeper_server.http2.frames import (
    ACK,
    CONTINUATION,
    END_STREAM,
    LARGEST_FRAME,
    LARGEST_NUMBER,
    PADDED,
    PING,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    FrameReader,
    frame,
    goaway_frame,
    number_frame,
    read_number,
    settings_frame,
    unpadded,
)
from weirkeeper_server.http2.heads import EMPTY_TABLE, LARGEST_LIST, HeadReader
from weirkeeper_server.http2.peer import INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, MAX_HEADER_LIST_SIZE, Peer
from weirkeeper_server.http2.sending import Sending
from weirkeeper_server.http2.streams import DEFAULT_WINDOW, MOST_STREAMS, WINDOW, Stream, Streams

MOST_UNSENT: Final = 16 * 2**20
"""Bytes of answers that a client may leave lying before it is answered nothing more."""
LEAST_PART: Final = 256
"""Bytes of a part of a body below which it counts as one that brings nothing forward."""
_WORTH: Final = 10
"""Frames that bring nothing forward, for which a client may have reason, for each that does: windows and the like."""


class Session(Generic[Understood]):
    """`fault` says why the connection is of no more use, if it is; `greeted` that the client is one of HTTP/2."""

    def __init__(
        self,
        calls: Calls[Understood],
        understand: Callable[[list[Field]], Understood],
        write: Callable[[bytes], None],
        clock: Callable[[], float],
    ) -> None:
        self.streams = Streams()
        self.greeted = False
        self.fault: ConnectionFault | None = None
        self._calls = calls
        self._write = write
        self._clock = clock
        self._frames = FrameReader()
        self._heads = HeadReader(understand)
        self._peer = Peer()
        self.sending = Sending(self._peer, write, self._sent)
        self.control = Control(self.streams, self._peer, self.sending, write, clock)
        self._preface = PREFACE
        self._left = DEFAULT_WINDOW
        self._blocks = Blocks()
        self._before = EMPTY_TABLE
        self._resets = Budget("streams that are reset", 1000, 100)
        control = self.control
        self._taken = (
            self._take_data,
            self._take_headers,
            control.take_priority,
            self._take_reset,
            control.take_settings,
            control.take_push,
            control.take_ping,
            control.take_goaway,
            control.take_window_update,
            self._take_continuation,
        )

    # Bytes in.

    def greet(self) -> None:
        """Say what we take."""
        ours = {MAX_CONCURRENT_STREAMS: MOST_STREAMS, INITIAL_WINDOW_SIZE: WINDOW, MAX_HEADER_LIST_SIZE: LARGEST_LIST}
        self._write(settings_frame(ours) + number_frame(WINDOW_UPDATE, 0, WINDOW - self._left))
        self._left = WINDOW

    def feed(self, data: bytes) -> None:
        """Read on; what cannot be read ends the connection with a word about why."""
        try:
            if self._preface:
                data = self._after_preface(data)
            for kind, flags, number, payload in self._frames.read(data):
                if self._blocks.open or not self.greeted:
                    self._check_order(kind, flags, number)
                self._take(kind, flags, number, payload)
                if self.fault is not None:
                    return
        except ConnectionFault as fault:
            self.fail(fault)

    def _take(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        if kind > CONTINUATION:
            self.control.spend()
            return
        try:
            self._taken[kind](flags, number, payload)
        except StreamFault as fault:
            self._resets.spend(self._clock())
            self.reset(number, fault.code)

    def _after_preface(self, data: bytes) -> bytes:
        given, wanted = data[: len(self._preface)], self._preface
        if not wanted.startswith(given):
            raise ConnectionFault(Code.PROTOCOL_ERROR, "this is no HTTP/2 with prior knowledge")
        self._preface = wanted[len(given) :]
        return data[len(given) :]

    def _check_order(self, kind: int, flags: int, number: int) -> None:
        if not self.greeted:
            if kind != SETTINGS or flags & ACK:
                raise ConnectionFault(Code.PROTOCOL_ERROR, "the first frame is no SETTINGS")
            self.greeted = True
        self._blocks.check_next(kind, number)

    def fail(self, fault: ConnectionFault) -> None:
        """End the connection with a word about why."""
        if self.fault is None:
            self.fault = fault
            self._write(goaway_frame(self.streams.last, fault.code, str(fault)))
            self.lose()

    def lose(self) -> None:
        """Give up every stream."""
        for stream in tuple(self.streams.values()):
            self._forget(stream)
            self._calls.lost(stream)

    # Bodies.

    def _take_data(self, flags: int, number: int, payload: bytes) -> None:
        size = len(payload)
        self._left -= size
        if self._left < WINDOW // 2:
            if self._left < 0:
                raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "more DATA than the connection takes")
            self._write(number_frame(WINDOW_UPDATE, 0, WINDOW - self._left))
            self._left = WINDOW
        stream = self.streams.get(number)
        if stream is None:
            self.streams.check_late(number, ended=bool(flags & END_STREAM))
            self.control.spend()
            return
        if stream.ended:
            raise StreamFault(Code.STREAM_CLOSED, "DATA after the end of a stream")
        stream.left -= size
        if stream.left < 0:
            raise StreamFault(Code.FLOW_CONTROL_ERROR, "more DATA than the stream takes")
        if flags & PADDED:
            payload = unpadded(flags, payload)
        self._take_part(stream, payload, ended=bool(flags & END_STREAM))

    def _take_part(self, stream: Stream, part: bytes, *, ended: bool) -> None:
        if len(part) < LEAST_PART and not ended:
            self.control.spend()  # each is kept until the last has come
        if part:
            stream.received += len(part)
            self._calls.received(stream, part)
        if ended:
            self._end(stream)
        elif stream.left < WINDOW // 2 and stream.number in self.streams:
            self._write(number_frame(WINDOW_UPDATE, stream.number, WINDOW - stream.left))
            stream.left = WINDOW

    def _end(self, stream: Stream) -> None:
        stream.ended = True
        if stream.number not in self.streams:
            self.streams.ended(stream.number)
            return
        if stream.length is not None and stream.length != stream.received:
            raise StreamFault(Code.PROTOCOL_ERROR, "content-length is not the length of the body")
        self._calls.ended(stream)

    # Heads. What is wrong with one is said after it was unpacked: the next ones build on it.

    def _take_headers(self, flags: int, number: int, payload: bytes) -> None:
        block = self._blocks.begin(flags, number, payload)
        if block is not None:
            self._take_head(number, flags, block)

    def _take_continuation(self, flags: int, number: int, payload: bytes) -> None:
        whole = self._blocks.go_on(flags, payload)
        if whole is not None:
            self._take_head(number, *whole)

    def _take_head(self, number: int, flags: int, block: bytes) -> None:
        streams = self.streams
        if number <= streams.last:
            self._take_trailers(number, flags, block)
        elif streams.finished:
            self._heads.fields(block)
            self.control.spend()  # the client was told that this one is not answered (RFC 9113, 6.8)
        else:
            streams.last = number
            head = self._heads.read(block)
            if len(streams) >= MOST_STREAMS or self.sending.unsent > MOST_UNSENT:
                raise StreamFault(Code.REFUSED_STREAM, "too much is under way")
            stream = streams[number] = Stream(number, self._peer.window, head.length)
            self.control.idle.earn(_WORTH)
            self._calls.opened(stream, head)
            if flags & END_STREAM:
                self._end(stream)

    def _take_trailers(self, number: int, flags: int, block: bytes) -> None:
        fields = self._heads.fields(block)
        stream = self.streams.get(number)
        if stream is None:
            self.streams.check_late(number, ended=bool(flags & END_STREAM))
            self.control.spend()
            return
        if stream.ended:
            raise StreamFault(Code.STREAM_CLOSED, "a head after the end of a stream")
        if not flags & END_STREAM:
            raise StreamFault(Code.PROTOCOL_ERROR, "a second head that is not the last")
        check_trailers(fields)
        self._end(stream)

    # Ends of streams.

    def _take_reset(self, _: int, number: int, payload: bytes) -> None:
        read_number(payload)
        self.streams.check_known(number)
        self._resets.spend(self._clock())
        self.streams.ended(number)
        stream = self.streams.get(number)
        if stream is not None:
            self._forget(stream)
            self._calls.lost(stream)

    def answer(self, stream: Stream, head: bytes, body: bytes, trailers: bytes) -> None:
        """Send an answer, now or when the client takes it: the blocks of its head and trailers, and its body."""
        self.control.idle.earn(_WORTH * (1 + len(body) // LARGEST_FRAME))
        if self._before:
            head, self._before = self._before + head, b""
        self.sending.answer(stream, head, body, trailers, self._clock())

    def _sent(self, stream: Stream) -> None:
        self._resets.earn(1)
        del self.streams[stream.number]
        if not stream.ended:
            # What still comes is not needed (RFC 9113, 8.1).
            self._abandon(stream.number, Code.NO_ERROR)

    def reset(self, number: int, code: Code) -> None:
        """End a stream without an answer, or in the middle of one; whoever answers it is told."""
        stream = self.streams.get(number)
        self._abandon(number, code)
        if stream is not None:
            self._forget(stream)
            self._calls.lost(stream)

    def _abandon(self, number: int, code: Code) -> None:
        self.streams.abandon(number)
        self._write(number_frame(RST_STREAM, number, code))

    def _forget(self, stream: Stream) -> None:
        del self.streams[stream.number]
        self.sending.forget(stream)

    # The end of a connection that nobody misused.

    def ping(self, payload: bytes) -> None:
        """Ask whether the client is there; `control.answered` has the payload when it was."""
        self.control.answered.discard(payload)
        self._write(frame(PING, 0, 0, payload))

    def warn(self) -> None:
        """Ask the client to open no more streams; those that are on their way are answered yet (RFC 9113, 6.8)."""
        self._write(goaway_frame(LARGEST_NUMBER, Code.NO_ERROR))
        self.ping(LEAVING)

    def finish(self) -> None:
        """Take no more streams."""
        if not self.streams.finished and self.fault is None:
            self.streams.finished = True
            self._write(goaway_frame(self.streams.last, Code.NO_ERROR))
