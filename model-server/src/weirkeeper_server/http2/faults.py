"""What ends a stream or a connection of HTTP/2 before its time.

Fault
├── ConnectionFault   nothing that follows can be understood, or the peer misuses it: GOAWAY, and the end
└── StreamFault       one stream is of no more use: RST_STREAM
"""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """Why it ends (RFC 9113, 7)."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD


class Fault(Exception):
    """Something that the protocol forbids, or that is more than anybody needs; `code` is what the peer is told."""

    def __init__(self, code: Code, message: str) -> None:
        self.code = code
        super().__init__(message)


class ConnectionFault(Fault):
    """The connection ends."""


class StreamFault(Fault):
    """The stream ends, the others go on."""
