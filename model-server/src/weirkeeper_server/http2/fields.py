"""What the fields of a request may be over HTTP/2 (RFC 9113, 8.2 and 8.3). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from weirkeeper_server.http2.faults import Code, StreamFault

Field = tuple[bytes, bytes]

_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_VALUE: Final = re.compile(rb"(?:[^\x00\r\n\t ](?:[^\x00\r\n]*[^\x00\r\n\t ])?)?")
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
_OF_CONNECTIONS: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
_PSEUDO: Final = frozenset({b":method", b":scheme", b":path", b":authority"})
_NEEDED: Final = (b":method", b":scheme", b":path")


class RequestFields(NamedTuple):
    """Method and path of a request, its fields by name, and the bytes that its body says to have, if it says so."""

    method: bytes
    path: bytes
    regular: dict[bytes, bytes]
    length: int | None


def read_request(fields: Iterable[Field]) -> RequestFields:
    """Check the fields at the head of a request; of one that came several times, make a list.

    Raises:
        StreamFault: they are malformed.
    """
    pseudo: dict[bytes, bytes] = {}
    regular: dict[bytes, bytes] = {}
    for name, value in fields:
        if name[:1] == b":":
            if regular or name in pseudo or name not in _PSEUDO:
                raise _malformed(f"the field {name[:40]!r} is none of a request, comes twice or too late")
            pseudo[name] = value
        else:
            _check(name, value)
            regular[name] = b"%b,%b" % (regular[name], value) if name in regular else value
    if missing := [name for name in _NEEDED if not pseudo.get(name)]:
        raise _malformed(f"the request has no {missing[0].decode()}")
    return RequestFields(pseudo[b":method"], pseudo[b":path"], regular, _length(regular.get(b"content-length")))


def check_trailers(fields: Iterable[Field]) -> None:
    """Check the fields after a body.

    Raises:
        StreamFault: they are malformed.
    """
    for name, value in fields:
        if name[:1] == b":":
            raise _malformed(f"the field {name[:40]!r} comes after the body")
        _check(name, value)


def _check(name: bytes, value: bytes) -> None:
    if not _NAME.fullmatch(name):
        raise _malformed(f"{name[:40]!r} is no name of a field")
    if not _VALUE.fullmatch(value):
        raise _malformed(f"the field {name[:40]!r} has a line end, NUL or a blank at an end of its value")
    if name in _OF_CONNECTIONS or (name == b"te" and value != b"trailers"):
        raise _malformed(f"the field {name[:40]!r} is none of HTTP/2")


def _length(given: bytes | None) -> int | None:
    if given is None:
        return None
    if not _LENGTH.fullmatch(given):
        raise _malformed("content-length is no number")
    return int(given)


def _malformed(message: str) -> StreamFault:
    return StreamFault(Code.PROTOCOL_ERROR, message)
