"""What goes back: an answer and its head, most of which is written once and used for all answers of its kind."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from weirkeeper.api.names import HEADER_REVISION
from weirkeeper_server.correlation import REQUEST_ID_HEADER

JSON: Final = "application/json"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Response:
    """An answer; `fields` are lines of its head, each with its end, beside those that every answer has.

    `reason` is the name of the error that it tells, if it does.
    """

    __slots__ = ("body", "content_type", "fields", "reason", "status")

    def __init__(
        self, body: bytes, status: int = 200, content_type: str = JSON, fields: bytes = b"", reason: str = ""
    ) -> None:
        self.body = body
        self.status = status
        self.content_type = content_type
        self.fields = fields
        self.reason = reason


class Pending(NamedTuple):
    """An answer that is not there yet: `then` makes it of what is awaited, or raises."""

    awaited: Awaitable[Any]
    then: Callable[[Any], Answer]


Answer = Response | Pending


def field_line(name: str, value: str) -> bytes:
    """Write one line of a head."""
    return f"{name}: {value}\r\n".encode("latin-1")


class Heads:
    """Writes answers of one revision."""

    def __init__(self, revision: str) -> None:
        self._revision = field_line(HEADER_REVISION, revision)
        self._known: dict[tuple[int, str], bytes] = {}
        self._second = -1
        self._date = b""

    def written(self, response: Response, identifier: str, connection: bytes = b"", *, with_body: bool = True) -> bytes:
        """Give all bytes of an answer; `connection` is a line of its head."""
        body = response.body
        return b"%b%b%b%b\r\nContent-Length: %d\r\n%b%b\r\n%b" % (
            self._known.get((response.status, response.content_type)) or self._common(response),
            self._dated(),
            _IDENTIFIER,
            identifier.encode(),
            len(body),
            response.fields,
            connection,
            body if with_body else b"",
        )

    def _common(self, response: Response) -> bytes:
        status = HTTPStatus(response.status)
        line = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
        common = line + field_line("Content-Type", response.content_type) + self._revision
        self._known[response.status, response.content_type] = common
        return common

    def _dated(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second, self._date = second, field_line("Date", formatdate(second, usegmt=True))
        return self._date


_IDENTIFIER: Final = f"{REQUEST_ID_HEADER}: ".encode()
