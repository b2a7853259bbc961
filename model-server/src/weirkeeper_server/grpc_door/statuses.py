"""How calls end: the codes of gRPC, and what is refused before a call means anything to the server behind the door.

Refusal            `code` is its code over gRPC
├── UnknownCall    UNIMPLEMENTED: no such service or method
├── UnknownPacking UNIMPLEMENTED: a compression that is not read here
├── HeadTooLarge   RESOURCE_EXHAUSTED
├── CallerGone     DEADLINE_EXCEEDED: its caller waits no longer, by its own word
└── NoCall         no call of gRPC at all; `http` is its status over HTTP
"""

from __future__ import annotations

from enum import IntEnum
from http import HTTPStatus
from typing import ClassVar, Final

from weirkeeper_server.errors import InvalidRequest, RequestError


class Status(IntEnum):
    """The codes that a server of ours gives."""

    OK = 0
    CANCELLED = 1
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


STATUSES: Final = {
    HTTPStatus.NOT_FOUND: Status.NOT_FOUND,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Status.RESOURCE_EXHAUSTED,
    HTTPStatus.TOO_MANY_REQUESTS: Status.RESOURCE_EXHAUSTED,
    HTTPStatus.SERVICE_UNAVAILABLE: Status.UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT: Status.DEADLINE_EXCEEDED,
}
"""The codes of errors by their status over HTTP; of the others, the caller's are INVALID_ARGUMENT, ours INTERNAL."""


class Refusal(InvalidRequest):
    """A call that does not get as far as its meaning; its caller corrects it."""

    code: ClassVar[Status] = Status.INVALID_ARGUMENT


class UnknownCall(Refusal):
    """The path is none of the server's calls."""

    code = Status.UNIMPLEMENTED


class UnknownPacking(Refusal):
    """The message is packed in a way that is not read here."""

    code = Status.UNIMPLEMENTED


class HeadTooLarge(Refusal):
    """The metadata are too many bytes."""

    code = Status.RESOURCE_EXHAUSTED


class CallerGone(Refusal):
    """The time that the caller gave is over."""

    code = Status.DEADLINE_EXCEEDED


class NoCall(Refusal):
    """The request is none of gRPC."""

    def __init__(self, message: str, http: HTTPStatus) -> None:
        self.http = http
        super().__init__(message)


def status_of(error: RequestError) -> Status:
    """Give the code of an error."""
    if isinstance(error, Refusal):
        return error.code
    other = Status.INTERNAL if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else None
    return STATUSES.get(HTTPStatus(error.status)) or other or Status.INVALID_ARGUMENT
