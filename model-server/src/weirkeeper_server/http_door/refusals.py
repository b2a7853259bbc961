"""What is refused before a request means anything to the server behind the door.

Refusal                    `status` is its status over HTTP; those marked * leave the connection in an unknown state
├── HTTPBadRequest         * 400: the bytes are no request, or one whose end is in doubt
├── HTTPNotFound           404
├── HTTPMethodNotAllowed   405, with Allow
├── HTTPHeadTooSlow        * 408
├── HTTPTargetTooLong      * 414
├── HTTPExpectationFailed  417
├── HTTPHeadTooLarge       * 431
├── HTTPNotImplemented     * 501: a coding of the transfer that is not known
└── HTTPVersionNotKnown    * 505
"""

from __future__ import annotations

from typing import ClassVar

from weirkeeper_server.errors import InvalidRequest


class Refusal(InvalidRequest):
    """A request that does not get as far as its meaning; its caller corrects it."""

    status: ClassVar[int] = 400


class HTTPBadRequest(Refusal):
    """The bytes are no request of HTTP/1.1, or two servers could disagree about where it ends."""

    status = 400


class HTTPNotFound(Refusal):
    """The path is none of the server's."""

    status = 404


class HTTPMethodNotAllowed(Refusal):
    """The path does not know the method; `allow` is the line of a head that says which it knows."""

    status = 405

    def __init__(self, message: str, allow: bytes) -> None:
        self.allow = allow
        super().__init__(message)


class HTTPHeadTooSlow(Refusal):
    """The head of a request began, and its end did not arrive in time."""

    status = 408


class HTTPTargetTooLong(Refusal):
    """The target in the first line is too long."""

    status = 414


class HTTPExpectationFailed(Refusal):
    """The request expects something else than `100-continue`."""

    status = 417


class HTTPHeadTooLarge(Refusal):
    """The head has too many fields, or too many bytes."""

    status = 431


class HTTPNotImplemented(Refusal):
    """The transfer is coded in a way that is not known here."""

    status = 501


class HTTPVersionNotKnown(Refusal):
    """The request is neither of HTTP/1.1 nor of HTTP/1.0."""

    status = 505
