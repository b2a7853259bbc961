"""What goes back before and after a message (gRPC over HTTP/2: Responses), as blocks of HPACK. Pure."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

from weirkeeper.api.names import HEADER_REVISION
from weirkeeper_server.correlation import REQUEST_ID_HEADER
from weirkeeper_server.grpc_door.heads import PACKINGS
from weirkeeper_server.grpc_door.statuses import Status
from weirkeeper_server.http2.heads import literal

_OK: Final = b"\x88"
"""`:status` 200, by its place in the table that everybody has (RFC 7541, appendix A)."""
_KIND: Final = literal(b"content-type", b"application/grpc")
_PACKINGS: Final = literal(b"grpc-accept-encoding", ",".join(PACKINGS).encode())
_PLAIN: Final = re.compile(r"[^\x20-\x24\x26-\x7e]")
_LONGEST_MESSAGE: Final = 1000
"""Characters; clients refuse trailers beyond 16 KiB, and then tell nothing of what is in them."""

DONE: Final = literal(b"grpc-status", b"0")
"""The trailers of an answer that is one."""


class HeadsOfAnswers:
    """Writes heads of answers of one revision."""

    def __init__(self, revision: str) -> None:
        constant = _OK + _KIND + literal(HEADER_REVISION.encode(), revision.encode("latin-1", "replace"))
        # The name of the id, after which its value stands.
        self._before = constant + literal(REQUEST_ID_HEADER.encode(), b"")[:-1]

    def written(self, identifier: str) -> bytes:
        """Give the block of an answer's head; ids are of printable ASCII, and at most 128 characters."""
        if (length := len(identifier)) < 0x7F:  # noqa: PLR2004  what fits into seven bits and is no mark of more
            return b"%b%c%b" % (self._before, length, identifier.encode())
        return b"%b\x7f%c%b" % (self._before, length - 0x7F, identifier.encode())


def no_call(status: HTTPStatus) -> bytes:
    """Write the only head of an answer to what is no call."""
    return literal(b":status", str(status.value).encode())


def failed(status: Status, message: str) -> bytes:
    """Write the trailers of an answer that is an error."""
    told = literal(b"grpc-status", str(status.value).encode()) + literal(b"grpc-message", _escaped(message))
    return told + _PACKINGS if status is Status.UNIMPLEMENTED else told


def _escaped(message: str) -> bytes:
    """Write what is neither printable ASCII nor is `%` as bytes of UTF-8 in percent-encoding."""
    plain = message[:_LONGEST_MESSAGE]
    return _PLAIN.sub(
        lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode(errors="replace")), plain
    ).encode()
