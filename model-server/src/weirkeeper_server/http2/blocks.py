"""Blocks of heads, put together of HEADERS and of what continues them."""

from __future__ import annotations

from typing import Final

from weirkeeper_server.http2.control import check_priority
from weirkeeper_server.http2.faults import Code, ConnectionFault
from weirkeeper_server.http2.frames import CONTINUATION, END_HEADERS, PADDED, PRIORITY_BYTES, WITH_PRIORITY, unpadded
from weirkeeper_server.http2.heads import LARGEST_BLOCK

MOST_PARTS: Final = 16
"""Frames in which a head may come."""


class Blocks:
    """`open` says that a head has begun and not ended: nothing but more of it may come then (RFC 9113, 4.3)."""

    def __init__(self) -> None:
        self.open = False
        self._number = 0
        self._flags = 0
        self._parts: list[bytes] = []

    def begin(self, flags: int, number: int, payload: bytes) -> bytes | None:
        """Take HEADERS; the block, where it is there as a whole.

        Raises:
            ConnectionFault: the stream is no client's, or padding or priority are not as they must be.
            StreamFault: the stream depends on itself.
        """
        if not number & 1:
            raise ConnectionFault(Code.PROTOCOL_ERROR, f"a head on stream {number}, which is no client's")
        if flags & (PADDED | WITH_PRIORITY):
            payload = unpadded(flags, payload)
            if flags & WITH_PRIORITY:
                check_priority(number, payload[:PRIORITY_BYTES])
                payload = payload[PRIORITY_BYTES:]
        if flags & END_HEADERS:
            return payload
        self.open, self._number, self._flags, self._parts = True, number, flags, [payload]
        return None

    def check_next(self, kind: int, number: int) -> None:
        """Check that a frame goes on with a head that has begun.

        Raises:
            ConnectionFault: it does not.
        """
        if self.open and (kind != CONTINUATION or number != self._number):
            raise ConnectionFault(Code.PROTOCOL_ERROR, "a head is not continued where it breaks off")

    def go_on(self, flags: int, payload: bytes) -> tuple[int, bytes] | None:
        """Take CONTINUATION; the flags with which the head began and its block, where that is its end.

        Raises:
            ConnectionFault: no head has begun, or it does not end.
        """
        if not self.open:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "CONTINUATION of nothing")
        self._parts.append(payload)
        if len(self._parts) > MOST_PARTS or sum(map(len, self._parts)) > LARGEST_BLOCK:
            raise ConnectionFault(Code.ENHANCE_YOUR_CALM, "a head without an end")
        if not flags & END_HEADERS:
            return None
        self.open = False
        return self._flags, b"".join(self._parts)
