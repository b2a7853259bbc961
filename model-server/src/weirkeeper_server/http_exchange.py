"""What every request over HTTP gets: an id, an answer in JSON even where it fails, and a line in the access log."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from weirkeeper.api.names import HEADER_REVISION
from weirkeeper_server.access_log import Access, AccessLog
from weirkeeper_server.core import ModelServer
from weirkeeper_server.correlation import REQUEST_ID_HEADER, TRACE_HEADER, current_request, request_id, trace_id
from weirkeeper_server.errors import Overloaded, RequestError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

RETRY_AFTER_SECONDS: Final = 1
CLIENT_GONE: Final = 499
"""The status in the access log of a request whose client left; nginx made the number known."""
TRACE: Final = web.RequestKey("trace", str)
_LONGEST_PATH: Final = 120
_PROBES: Final = ("/ready", "/live")
_OK: Final = 200
_TOO_SLOW: Final = 408
_FAILED: Final = 500

log = logging.getLogger(__name__)


def respond(server: ModelServer, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Make a response that names revision and request; a draining server asks for the connection to be closed."""
    named = {HEADER_REVISION: server.identity.revision, REQUEST_ID_HEADER: current_request.get()}
    given = {"Content-Type": "application/json", **named, **(headers or {})}
    response = web.Response(body=body, status=status, headers=given)
    if server.state == "Draining":
        response.force_close()
    return response


def exchange(server: ModelServer, access_log: AccessLog | None) -> Any:
    """Make the middleware around all handlers."""

    @web.middleware
    async def exchanged(request: web.Request, handler: Handler) -> web.StreamResponse:
        start = time.perf_counter()
        current_request.set(request_id(request.headers.get(REQUEST_ID_HEADER)))
        request[TRACE] = trace_id(request.headers.get(TRACE_HEADER))
        status, reason = CLIENT_GONE, "ClientGone"
        try:
            response, reason = await _answered(server, request, handler)
            status = response.status
            if not request.content.is_eof() and (status == _TOO_SLOW or "Content-Encoding" in request.headers):
                await _cut_off(request, response)
            return response
        finally:
            if access_log and not (status == _OK and request.path.endswith(_PROBES)):
                access_log.add(_access(request, status, reason, time.perf_counter() - start))

    return exchanged


async def _answered(server: ModelServer, request: web.Request, handler: Handler) -> tuple[web.StreamResponse, str]:
    try:
        return await handler(request), ""
    except RequestError as error:
        return _refused(server, error), type(error).__name__
    except web.HTTPException as error:
        message = f"{request.method} {request.path[:80]}: {error.reason}; see GET /v2/openapi.json"
        allowed = {name: value for name, value in error.headers.items() if name == "Allow"}
        return _failed(server, message, error.status, allowed), type(error).__name__
    except Exception as error:
        log.exception("a bug: %s %s, request %s", request.method, request.path, current_request.get())
        message = "the server failed on this request; the details are in its log"
        return _failed(server, message, _FAILED), type(error).__name__


async def _cut_off(request: web.Request, response: web.StreamResponse) -> None:
    """Answer and close at once, for aiohttp would wait for the rest of the body, and unpack it."""
    response.force_close()
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        await response.write_eof()
    request.protocol.force_close()


def _refused(server: ModelServer, error: RequestError) -> web.Response:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if isinstance(error, Overloaded) else {}
    return _failed(server, str(error), error.status, headers)


def _failed(server: ModelServer, message: str, status: int, headers: dict[str, str] | None = None) -> web.Response:
    if status == _FAILED:
        message = f"{message}, under request {current_request.get()}"
    return respond(server, json.dumps({"error": message}).encode(), status, headers)


def _access(request: web.Request, status: int, reason: str, seconds: float) -> Access:
    return Access(
        protocol="http",
        method=request.method,
        path=request.path[:_LONGEST_PATH],
        status=status,
        seconds=seconds,
        request=current_request.get(),
        trace=request[TRACE],
        reason=reason,
    )
