"""From bytes to requests: llhttp reads them in its strict mode, and what it leaves to its users is checked here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

import httptools

from weirkeeper_server.http_door.known_head import KnownHead
from weirkeeper_server.http_door.refusals import (
    HTTPBadRequest,
    HTTPHeadTooLarge,
    HTTPNotImplemented,
    HTTPTargetTooLong,
    HTTPVersionNotKnown,
    Refusal,
)
from weirkeeper_server.http_door.request import Head, HttpRequest
from weirkeeper_server.unpacking import too_large

MOST_FIELDS: Final = 128
LONGEST_TARGET: Final = 8 * 2**10
LARGEST_HEAD: Final = 32 * 2**10
"""Bytes of all fields of a head, and of what belongs to the chunks of a body without being body."""
_SURROUND: Final = 8
"""A chunk of one byte has five bytes around it; more around each byte of a body than this is no use to anyone."""
_KNOWN_CODING: Final = b"chunked"
CONNECT: Final = b"CONNECT"


class Turns(Protocol):
    """Takes requests in the order in which they come."""

    def arrived(self, request: HttpRequest) -> None:
        """Take a request whose head is there."""

    def completed(self, request: HttpRequest) -> None:
        """Take a request whose body is there too."""


class RequestReader:
    """Reads one connection. Methods named `on_…` are called by the parser, with what `feed` was given."""

    def __init__(self, turns: Turns, largest_body: int) -> None:
        self._turns = turns
        self._largest_body = largest_body
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._known = KnownHead()
        self._begun = 0
        """Requests that began in what is fed now."""
        self._feeding = 0
        self._before = 0
        """Bytes of the head, or around the chunks of the body, that came before those of now."""
        self.in_head = False
        self.request: HttpRequest | None = None
        """The request whose head is complete and whose body is not."""
        self._whole: HttpRequest | None = None
        """The latest request of what is fed now, if it is there as a whole."""

    def feed(self, data: bytes) -> None:
        """Read on.

        Raises:
            Refusal: what follows cannot be read as requests; the connection is of no more use.
        """
        growing, is_between = self.request, self.request is None and not self.in_head
        if is_between and (again := self._known.again(data)) is not None:
            self._turns.arrived(again)
            again.complete = True
            self._turns.completed(again)
            return
        self._feeding, self._begun = len(data), 0
        before = growing.size if growing else 0
        try:
            self._read(data)
        except httptools.HttpParserCallbackError as error:
            raise (error.__context__ or error) from None
        except httptools.HttpParserError as error:
            raise HTTPBadRequest(f"this is no request of HTTP/1.1: {error}") from None
        self._measure(growing, before)
        whole, self._whole = self._whole, None
        if is_between and self._begun == 1 and whole is not None and whole.size <= self._largest_body:
            self._known.keep(data, whole)

    def _read(self, data: bytes | memoryview) -> None:
        while data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if self._parser.get_method() == CONNECT:
                    return
                data = memoryview(data)[upgrade.args[0] :]
                self._stay()
            else:
                return

    def _measure(self, growing: HttpRequest | None, before: int) -> None:
        """Bound what the parser keeps for itself: a head, or what surrounds the chunks of a body."""
        if self.in_head:
            self._before += self._feeding
            if self._before > LARGEST_HEAD + self._feeding:
                raise _head_too_large()
        elif growing is not None and growing is self.request:
            self._before += self._feeding - (growing.size - before)
            if self._before > LARGEST_HEAD + _SURROUND * growing.size:
                raise HTTPBadRequest("the body has more around its chunks than in them; send it in larger chunks")

    def on_message_begin(self) -> None:
        """Begin with a head."""
        self.in_head, self._before = True, 0
        self._target, self._fields = b"", []
        self._begun += 1
        self._whole = None

    def on_url(self, part: bytes) -> None:
        """Take a part of the target."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head; those after a body mean nothing here."""
        if self.in_head:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Check the head and hand it on."""
        if self._parser.should_upgrade() and self._parser.get_method() != CONNECT:
            return  # it is read again, without the field that says so
        self.in_head, self._before = False, 0
        fields = {name.lower(): value for name, value in self._fields}
        if len(fields) != len(self._fields):
            fields = _joined(self._fields)
        self._check(fields)
        method, version = self._parser.get_method(), self._parser.get_http_version()
        keep = self._parser.should_keep_alive() and method != CONNECT
        request = HttpRequest(Head(method, self._target, fields, keep_alive=keep, old=version == "1.0"))
        _check_version(version, fields)
        if b"content-length" in fields and int(fields[b"content-length"]) > self._largest_body:
            request.refused = too_large(self._largest_body)
        self.request = request
        self._turns.arrived(request)

    def _check(self, fields: Mapping[bytes, bytes]) -> None:
        if len(self._target) > LONGEST_TARGET:
            raise HTTPTargetTooLong(f"the target has {len(self._target)} bytes; at most {LONGEST_TARGET}")
        if len(self._fields) > MOST_FIELDS:
            raise HTTPHeadTooLarge(f"the head has {len(self._fields)} fields; give at most {MOST_FIELDS}")
        if self._feeding + self._before > LARGEST_HEAD and _size(self._fields) > LARGEST_HEAD:
            raise _head_too_large()
        coding = fields.get(b"transfer-encoding")
        if coding is not None and coding.strip().lower() != _KNOWN_CODING:
            raise _unknown_coding(coding)

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        request = self.request
        if request is None:
            return
        request.size += len(part)
        if request.refused is not None:
            return
        if request.size > self._largest_body:
            request.parts.clear()
            request.refused = too_large(self._largest_body)
        else:
            request.parts.append(part)

    def on_message_complete(self) -> None:
        """Hand on a request that is there as a whole."""
        request, self.request = self.request, None
        if request is None:
            return
        parts, request.parts = request.parts, []
        request.body = parts[0] if len(parts) == 1 else b"".join(parts)
        request.complete = True
        self._whole = request
        self._turns.completed(request)

    def _stay(self) -> None:
        """Stay with HTTP/1.1, as a server may (RFC 9110, 7.8): read the head again without the field Upgrade.

        The parser takes all that follows such a head for another protocol, and the body of the request with it.
        """
        line = b"%b %b HTTP/%b" % (self._parser.get_method(), self._target, self._parser.get_http_version().encode())
        kept = [b"%b: %b" % (name, value) for name, value in self._fields if name.lower() != b"upgrade"]
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(b"\r\n".join([line, *kept, b"", b""]))


def _check_version(version: str, fields: Mapping[bytes, bytes]) -> None:
    if version not in {"1.1", "1.0"}:
        raise HTTPVersionNotKnown(f"the request is of HTTP/{version}; send HTTP/1.1")
    if version == "1.1" and b"host" not in fields:
        raise HTTPBadRequest("the request has no Host; give one (RFC 9112, 3.2)")
    if version == "1.0" and b"transfer-encoding" in fields:
        raise HTTPBadRequest("HTTP/1.0 has no Transfer-Encoding; give a Content-Length (RFC 9112, 6.1)")


def _joined(given: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Join fields that came several times, as a list is written (RFC 9110, 5.3)."""
    fields: dict[bytes, bytes] = {}
    for name, value in given:
        lower = name.lower()
        if lower == b"host" and lower in fields:
            raise HTTPBadRequest("the request has Host twice; give it once (RFC 9112, 3.2)")
        fields[lower] = b"%b, %b" % (fields[lower], value) if lower in fields else value
    return fields


def _unknown_coding(coding: bytes) -> Refusal:
    """Say so; without chunked as the last coding, nobody knows where the body ends (RFC 9112, 6.3)."""
    is_bounded = coding.lower().split(b",")[-1].strip() == _KNOWN_CODING
    kind = HTTPNotImplemented if is_bounded else HTTPBadRequest
    return kind(f"Transfer-Encoding is {coding[:40].decode('latin-1')!r}; send it as chunked")


def _size(fields: list[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) for name, value in fields)


def _head_too_large() -> Refusal:
    return HTTPHeadTooLarge(f"the head has more than {LARGEST_HEAD} bytes; send less in its fields")
