"""What the client says about itself in SETTINGS, and how it changes what is under way. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from weirkeeper_server.http2.faults import Code, ConnectionFault
from weirkeeper_server.http2.frames import LARGEST_FRAME, LARGEST_NUMBER
from weirkeeper_server.http2.streams import DEFAULT_WINDOW, Stream

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = (
    1, 2, 3, 4, 5, 6,
)  # fmt: skip
_MOST_FRAME: Final = 2**24 - 1


class Peer:
    """`window` is how much a client takes on a new stream, `frame` in one frame."""

    def __init__(self) -> None:
        self.window = DEFAULT_WINDOW
        self.frame = LARGEST_FRAME

    def take(self, settings: Iterable[tuple[int, int]], streams: Iterable[Stream]) -> None:
        """Take settings one after the other; those that concern what we do not do, or do not know, change nothing.

        Raises:
            ConnectionFault: one has a value that it cannot have, or makes a window too large.
        """
        window = self.window
        for number, value in settings:
            if number == ENABLE_PUSH and value > 1:
                raise ConnectionFault(Code.PROTOCOL_ERROR, f"ENABLE_PUSH is {value}")
            if number == INITIAL_WINDOW_SIZE:
                window = value
                if window > LARGEST_NUMBER:
                    raise ConnectionFault(Code.FLOW_CONTROL_ERROR, f"INITIAL_WINDOW_SIZE is {window}")
            elif number == MAX_FRAME_SIZE:
                if not LARGEST_FRAME <= value <= _MOST_FRAME:
                    raise ConnectionFault(Code.PROTOCOL_ERROR, f"MAX_FRAME_SIZE is {value}")
                self.frame = value
        if window != self.window:
            self._resize(window, streams)

    def _resize(self, window: int, streams: Iterable[Stream]) -> None:
        more, self.window = window - self.window, window
        for stream in streams:
            stream.window += more  # below zero too (RFC 9113, 6.9.2)
            if stream.window > LARGEST_NUMBER:
                raise ConnectionFault(Code.FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE makes a window too large")
