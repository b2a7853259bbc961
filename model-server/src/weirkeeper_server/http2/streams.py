"""Streams of one connection: those under way, and what is known of those that were."""

from __future__ import annotations

from typing import Any, Final

from weirkeeper_server.http2.faults import Code, ConnectionFault

WINDOW: Final = 2**20
"""Bytes that a client may send ahead, on a stream and on a connection."""
DEFAULT_WINDOW: Final = 65_535
MOST_STREAMS: Final = 1000


class Stream:
    """A request that is under way; `call` is of whoever answers it.

    `left` is what the client may send yet, `window` what it takes. `length` is what its body says to have, `received`
    what it has. `ended` says that nothing more comes. `unsent` and `trailers` wait for the client to take more, since
    `since` without any progress.
    """

    __slots__ = ("call", "ended", "left", "length", "number", "received", "since", "trailers", "unsent", "window")

    def __init__(self, number: int, window: int, length: int | None) -> None:
        self.number = number
        self.window = window
        self.length = length
        self.left = WINDOW
        self.received = 0
        self.ended = False
        self.call: Any = None
        self.unsent: memoryview | None = None
        self.trailers = b""
        self.since = 0.0


class Streams(dict[int, Stream]):
    """Those under way, by number. `last` is the last one that was taken; after `finished` no other is."""

    def __init__(self) -> None:
        super().__init__()
        self.last = 0
        self.finished = False
        self._abandoned: dict[int, None] = {}

    def check_known(self, number: int) -> None:
        """Check that a stream was opened, lately or long ago.

        Raises:
            ConnectionFault: it was not.
        """
        if not number & 1 or (number > self.last and not self.finished):
            raise ConnectionFault(Code.PROTOCOL_ERROR, f"a frame on stream {number}, which was not opened")

    def abandon(self, number: int) -> None:
        """Remember that we ended a stream of which more may come yet."""
        self._abandoned[number] = None
        if len(self._abandoned) > MOST_STREAMS:
            del self._abandoned[next(iter(self._abandoned))]

    def check_late(self, number: int, *, ended: bool) -> None:
        """Check that something may come on a stream that is not under way; `ended` says that it is the last thing.

        Raises:
            ConnectionFault: its client has ended it before.
        """
        self.check_known(number)
        if number in self._abandoned:
            if ended:
                del self._abandoned[number]
        elif number <= self.last:
            raise ConnectionFault(Code.STREAM_CLOSED, f"more of stream {number}, which has ended")

    def ended(self, number: int) -> None:
        """Know that nothing more comes of a stream."""
        self._abandoned.pop(number, None)
