"""Frames of HTTP/2 (RFC 9113, 4 and 6): out of bytes as they come, and into bytes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

from weirkeeper_server.http2.faults import Code, ConnectionFault

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LARGEST_FRAME: Final = 2**14
"""Bytes of a payload up to which every peer has to take frames, and up to which we do."""
LARGEST_NUMBER: Final = 2**31 - 1
MOST_SETTINGS: Final = 64

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
ACK: Final = 0x1
END_STREAM: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
WITH_PRIORITY: Final = 0x20
PRIORITY_BYTES: Final = 5

HEADER_BYTES: Final = 9
_HEADER: Final = Struct(">BHBBL")
_NUMBER: Final = Struct(">L")
_SETTING: Final = Struct(">HL")


class FrameReader:
    """Cuts what comes into frames; the beginning of one waits for its end."""

    def __init__(self) -> None:
        self._rest = b""

    def read(self, data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
        """Give kind, flags, stream and payload of each frame that is there as a whole.

        Raises:
            ConnectionFault: a frame is larger than agreed.
        """
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        while end - at >= HEADER_BYTES:
            high, low, kind, flags, stream = _HEADER.unpack_from(data, at)
            start, length = at + HEADER_BYTES, high << 16 | low
            if length > LARGEST_FRAME:
                raise ConnectionFault(Code.FRAME_SIZE_ERROR, f"a frame of {length} bytes; at most {LARGEST_FRAME}")
            if end - start < length:
                break
            at = start + length
            yield kind, flags, stream & LARGEST_NUMBER, data[start:at]
        self._rest = data[at:]


def unpadded(flags: int, payload: bytes) -> bytes:
    """Take the padding off a payload (RFC 9113, 6.1).

    Raises:
        ConnectionFault: there is more padding than payload.
    """
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ConnectionFault(Code.PROTOCOL_ERROR, "a frame has more padding than payload")
    return payload[1 : len(payload) - payload[0]]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Write a frame."""
    length = len(payload)
    return _HEADER.pack(length >> 16, length & 0xFFFF, kind, flags, stream) + payload


def frame_header(length: int, kind: int, flags: int, stream: int) -> bytes:
    """Write what stands before a payload of `length` bytes."""
    return _HEADER.pack(length >> 16, length & 0xFFFF, kind, flags, stream)


def settings_frame(values: dict[int, int]) -> bytes:
    """Write our settings."""
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(*value) for value in values.items()))


def read_settings(payload: bytes) -> list[tuple[int, int]]:
    """Give settings in the order in which they are to be taken.

    Raises:
        ConnectionFault: the payload is cut short, or has more settings than anybody knows.
    """
    if len(payload) % _SETTING.size:
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, "SETTINGS is cut short")
    if len(payload) > MOST_SETTINGS * _SETTING.size:
        raise ConnectionFault(Code.ENHANCE_YOUR_CALM, f"more than {MOST_SETTINGS} settings at once")
    return [(number, value) for number, value in _SETTING.iter_unpack(payload)]


def number_frame(kind: int, stream: int, number: int) -> bytes:
    """Write WINDOW_UPDATE or RST_STREAM."""
    return frame(kind, 0, stream, _NUMBER.pack(number))


def read_number(payload: bytes) -> int:
    """Read the number that is a whole payload.

    Raises:
        ConnectionFault: the payload has another size.
    """
    if len(payload) != _NUMBER.size:
        raise ConnectionFault(Code.FRAME_SIZE_ERROR, f"a frame of {len(payload)} bytes where 4 belong")
    number: int = _NUMBER.unpack(payload)[0]
    return number


def goaway_frame(last: int, code: Code, message: str = "") -> bytes:
    """Write GOAWAY; `last` is the last stream that is answered."""
    return frame(GOAWAY, 0, 0, _NUMBER.pack(last) + _NUMBER.pack(code) + message.encode())
