"""What every request over HTTP gets: an id, an answer in JSON even where it fails, and a line in the access log."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from weirkeeper_server.access_log import AccessLog, Origin
from weirkeeper_server.answer import Identity
from weirkeeper_server.correlation import REQUEST_ID_HEADER, TRACE_HEADER, given_id, new_id, trace_id
from weirkeeper_server.errors import Overloaded, RequestError
from weirkeeper_server.http_door.answers import Answer, Heads, Pending, Response, field_line
from weirkeeper_server.http_door.bodies import check_encoding
from weirkeeper_server.http_door.refusals import (
    HTTPExpectationFailed,
    HTTPMethodNotAllowed,
    HTTPNotFound,
    Refusal,
)
from weirkeeper_server.http_door.request import Head, HttpRequest
from weirkeeper_server.http_door.routing import SERVER_WIDE, Endpoint, Match, Routes
from weirkeeper_server.promise import Awaited
from weirkeeper_server.raised import log_raised
from weirkeeper_server.settings import Limits
from weirkeeper_server.unpacking import ASIDE, Unpacking

CLIENT_GONE: Final = 499
"""The status in the access log of a request whose client left; nginx made the number known."""
RETRY_AFTER: Final = field_line("Retry-After", "1")
_REQUEST_ID: Final = REQUEST_ID_HEADER.encode()
_TRACE: Final = TRACE_HEADER.encode()
_CLOSE: Final = field_line("Connection", "close")
_KEEP: Final = field_line("Connection", "keep-alive")
_MISMATCH: Final = "the body does not match its Content-Encoding or Content-Length"
_LONGEST_PATH: Final = 120
_PROBES: Final = ("/ready", "/live")
_OK: Final = 200
_FAILED: Final = 500

log = logging.getLogger(__name__)


class Served(Protocol):
    """The server behind the door."""

    @property
    def state(self) -> str:
        """`Draining` where connections are to be left."""

    @property
    def identity(self) -> Identity:
        """Who answers."""

    @property
    def reticent(self) -> bool:
        """Whether the log must not have the words of what is raised on a request."""


class Door:
    """Begins, answers and books requests; it knows nothing of sockets, and nothing of what the routes do."""

    def __init__(self, server: Served, limits: Limits, routes: Routes, access_log: AccessLog | None = None) -> None:
        self.limits = limits
        self._server = server
        self._routes = routes
        self._heads = Heads(server.identity.revision)
        self._access_log = access_log

    @property
    def leaving(self) -> bool:
        """Whether clients are asked to leave their connections."""
        return self._server.state == "Draining"

    def begin(self, request: HttpRequest) -> None:
        """Take a request whose head is there and whose turn it is: from now on its time is measured."""
        request.started = time.perf_counter()
        head = request.head
        if head.endpoint is None:
            head.identifier = given_id(head.field(_REQUEST_ID))
            head.trace = trace_id(head.field(_TRACE))
        request.identifier = request.identifier or head.identifier or new_id()
        if isinstance(request.refused, Refusal):
            return
        try:
            endpoint = head.endpoint or self._found(head)
            if endpoint.opened is not None:
                endpoint.opened(request)
            if not _CHECKED.isdisjoint(head.fields):
                _check(head)
        except RequestError as refused:
            request.refused = refused

    def _found(self, head: Head) -> Endpoint:
        match = head.match = self._routes.find(head.target)
        head.endpoint = match.endpoints.get(head.method) or self._other(head)
        return head.endpoint

    def _other(self, head: Head) -> Endpoint:
        match = self._routes.server_wide if head.target == SERVER_WIDE else head.match
        path = f"{head.method.decode()} {match.path[:80]}"
        if not match.endpoints:
            raise HTTPNotFound(f"{path}: Not Found; see GET /v2/openapi.json")
        if head.method != b"OPTIONS":
            raise HTTPMethodNotAllowed(f"{path}: Method Not Allowed; see GET /v2/openapi.json", _allowing(match))
        return Endpoint(lambda _: Response(b"", fields=_allowing(match)))

    def answer(self, request: HttpRequest) -> Answer:
        """Answer a request that is complete, or refused."""
        if request.refused is not None:
            return self._told(request, request.refused)
        head = request.head
        if b"content-encoding" in head.fields and head.content_encoding != "identity" and request.body:
            return self._tried(request, self._unpack, request)
        return self._tried(request, _answered, request)

    def go_on(self, request: HttpRequest, then: Callable[[Any], Answer], arrived: Awaited[Any]) -> Answer:
        """Answer a request with what it has awaited."""
        return self._tried(request, _gone_on, then, arrived)

    def _tried(self, request: HttpRequest, act: Callable[..., Answer], *given: Any) -> Answer:
        try:
            answer = act(*given)
        except RequestError as error:
            return self._told(request, _untraced(error))
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  a bug concerns this request alone
            asked = (request.method.decode(), request.match.path, request.identifier)
            log_raised(log, error, "a bug: %s %s, request %s", *asked, reticent=self._server.reticent)
            message = "the server failed on this request; the details are in its log"
            return self._failed(request, _untraced(error), message, _FAILED)
        if type(answer) is Response:
            _close(request, None)
        return answer

    def _unpack(self, request: HttpRequest) -> Answer:
        limit = self.limits.max_body_bytes
        unpacking = Unpacking(request.body, request.head.content_encoding, limit, _MISMATCH)
        body = unpacking.step(ASIDE)
        if body is None:
            rest = asyncio.get_running_loop().run_in_executor(None, unpacking.rest)
            return Pending(rest, partial(self._unpacked, request))
        return self._unpacked(request, body)

    def _unpacked(self, request: HttpRequest, body: bytes) -> Answer:
        request.body = body
        return _answered(request)

    def _told(self, request: HttpRequest, error: RequestError) -> Response:
        fields = b""
        if isinstance(error, Overloaded):
            fields = RETRY_AFTER
        elif isinstance(error, HTTPMethodNotAllowed):
            fields = error.allow
        return self._failed(request, error, str(error), error.status, fields)

    def _failed(
        self, request: HttpRequest, error: BaseException, message: str, status: int, fields: bytes = b""
    ) -> Response:
        _close(request, error)
        if status == _FAILED:
            message = f"{message}, under request {request.identifier}"
        return Response(json.dumps({"error": message}).encode(), status, fields=fields, reason=type(error).__name__)

    def written(self, request: HttpRequest, response: Response, *, last: bool) -> bytes:
        """Give all bytes of an answer; `last` where the connection is left after it."""
        head = request.head
        connection = _CLOSE if last else _KEEP if head.old else b""
        return self._heads.written(response, request.identifier, connection, with_body=head.method != b"HEAD")

    def ended(self, request: HttpRequest, response: Response) -> None:
        """Book an answer that was given."""
        if not (response.status == _OK and request.head.match.path.endswith(_PROBES)):
            self._log(request, response.status, response.reason)

    def lost(self, request: HttpRequest) -> None:
        """Book a request whose client left."""
        _close(request, asyncio.CancelledError())
        self._log(request, CLIENT_GONE, "ClientGone")

    def _log(self, request: HttpRequest, status: int, reason: str) -> None:
        if self._access_log is None:
            return
        origin = request.head.origin
        if origin is None:
            origin = request.head.origin = _origin(request.head)
        seconds = time.perf_counter() - request.started
        self._access_log.add(origin, status, seconds, request.identifier, reason)


_CHECKED: Final = frozenset({b"content-encoding", b"expect"})


_Failure = TypeVar("_Failure", bound=BaseException)


def _untraced(error: _Failure) -> _Failure:
    """Let go of the frames that an error came through: they hold the future that holds it, and a whole body.

    Such a circle stays until the garbage collector has looked at all objects, which it does rarely beside many.
    """
    return error.with_traceback(None)


def _answered(request: HttpRequest) -> Answer:
    endpoint = request.head.endpoint
    if endpoint is None:
        raise AssertionError(request.head.target)
    return endpoint.answer(request)


def _gone_on(then: Callable[[Any], Answer], arrived: Awaited[Any]) -> Answer:
    return then(arrived.result())


def _allowing(match: Match) -> bytes:
    return b"Allow: %b\r\n" % b", ".join(sorted(match.endpoints))


def _check(head: Head) -> None:
    check_encoding(head.content_encoding)
    expected = head.field(b"expect") if head.expects_continue else None
    if expected is not None and expected.lower() != "100-continue":
        raise HTTPExpectationFailed(f"Expect is {expected[:40]!r}; 100-continue alone is known")


def _close(request: HttpRequest, error: BaseException | None) -> None:
    ticket, request.ticket = request.ticket, None
    if ticket is not None:
        ticket.__exit__(None if error is None else type(error), error, None)


def _origin(head: Head) -> Origin:
    return Origin("http", head.method.decode(), head.match.path[:_LONGEST_PATH], head.trace)
