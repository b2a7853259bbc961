"""Frames that carry nothing of a request: what the client says of itself, asks, and takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from weirkeeper_server.http2.budget import Budget
from weirkeeper_server.http2.faults import Code, ConnectionFault
from weirkeeper_server.http2.frames import (
    ACK,
    LARGEST_NUMBER,
    PING,
    PRIORITY_BYTES,
    SETTINGS,
    frame,
    read_number,
    read_settings,
)
from weirkeeper_server.http2.peer import Peer
from weirkeeper_server.http2.sending import Sending, widen
from weirkeeper_server.http2.streams import Streams

LEAVING: Final = b"leaving?"
ALIVE: Final = b"still on"
"""What our PINGs carry."""
_PING_BYTES: Final = 8


class Control:
    """Takes such frames; each costs of what a client may do `idle`. `answered` has the payloads of our PINGs."""

    def __init__(
        self,
        streams: Streams,
        peer: Peer,
        sending: Sending,
        write: Callable[[bytes], None],
        clock: Callable[[], float],
    ) -> None:
        self.answered: set[bytes] = set()
        self.idle = Budget("frames that bring nothing forward", 1000, 100)
        self._streams = streams
        self._peer = peer
        self._sending = sending
        self._write = write
        self._clock = clock

    def spend(self) -> None:
        """Book a frame that brings nothing forward.

        Raises:
            ConnectionFault: there have been too many.
        """
        self.idle.spend(self._clock())

    def take_priority(self, _: int, number: int, payload: bytes) -> None:
        """Check a priority, which then changes nothing (RFC 9113, 5.3.2)."""
        self.spend()
        if not number:
            raise ConnectionFault(Code.PROTOCOL_ERROR, "PRIORITY of stream 0")
        check_priority(number, payload)

    def take_settings(self, flags: int, number: int, payload: bytes) -> None:
        """Take settings, and say so."""
        self.spend()
        if number:
            raise ConnectionFault(Code.PROTOCOL_ERROR, f"SETTINGS of stream {number}")
        if flags & ACK:
            if payload:
                raise ConnectionFault(Code.FRAME_SIZE_ERROR, "an ACK with settings")
            return
        self._peer.take(read_settings(payload), self._streams.values())
        self._write(frame(SETTINGS, ACK, 0))
        self._sending.flush(self._clock())

    def take_push(self, _: int, number: int, __: bytes) -> None:
        """Refuse what no client may send."""
        raise ConnectionFault(Code.PROTOCOL_ERROR, f"a client promises to push on stream {number}")

    def take_ping(self, flags: int, number: int, payload: bytes) -> None:
        """Answer, or take an answer."""
        if number:
            raise ConnectionFault(Code.PROTOCOL_ERROR, f"PING of stream {number}")
        if len(payload) != _PING_BYTES:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, f"a PING of {len(payload)} bytes")
        self.spend()
        if not flags & ACK:
            self._write(frame(PING, ACK, 0, payload))
        elif payload in (LEAVING, ALIVE):
            self.answered.add(payload)

    def take_goaway(self, _: int, number: int, payload: bytes) -> None:
        """Let the client leave when it likes; it is answered as before."""
        self.spend()
        if number:
            raise ConnectionFault(Code.PROTOCOL_ERROR, f"GOAWAY of stream {number}")
        if len(payload) < _PING_BYTES:
            raise ConnectionFault(Code.FRAME_SIZE_ERROR, "GOAWAY is cut short")

    def take_window_update(self, _: int, number: int, payload: bytes) -> None:
        """Send on what waited for the client to take more."""
        self.spend()
        more = read_number(payload) & LARGEST_NUMBER
        if not number:
            self._sending.widen(more)
        else:
            self._streams.check_known(number)
            stream = self._streams.get(number)
            if stream is None:
                return
            widen(stream, more)
        self._sending.flush(self._clock())


def check_priority(number: int, payload: bytes) -> None:
    """Check a priority.

    Raises:
        ConnectionFault: it is cut short, or of a stream that depends on itself.
    """
    if len(payload) != PRIORITY_BYTES:
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, f"a priority of {len(payload)} bytes")
    if int.from_bytes(payload[:4], "big") & LARGEST_NUMBER == number:
        raise ConnectionFault(Code.PROTOCOL_ERROR, f"stream {number} depends on itself")
