"""What every call over gRPC gets: its message read within limits, a status even where it fails, and the revision."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from weirkeeper.api.names import HEADER_REVISION
from weirkeeper_server.access_log import Access, AccessLog
from weirkeeper_server.core import ModelServer
from weirkeeper_server.correlation import REQUEST_ID_HEADER, TRACE_HEADER, current_request, request_id, trace_id
from weirkeeper_server.errors import InvalidRequest, RequestError, RequestTooLarge, RequestTooSlow
from weirkeeper_server.settings import Limits

STATUSES: Final = {
    HTTPStatus.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.TOO_MANY_REQUESTS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT: grpc.StatusCode.DEADLINE_EXCEEDED,
}
"""The codes of errors by their status over HTTP; of the others, the caller's are INVALID_ARGUMENT, ours INTERNAL."""

current_trace: Final[ContextVar[str]] = ContextVar("current_trace", default="")
"""The trace that the call belongs to which is being answered, if any."""

_PROBES: Final = ("/ServerLive", "/ServerReady", "/ModelReady")

Asked = TypeVar("Asked", bound=Message)
Handler = Callable[[Any, Any], Awaitable[Any]]

log = logging.getLogger(__name__)


class Exchange:
    """Makes handlers; `last_call` is when the latest call came, by the monotonic clock."""

    def __init__(self, server: ModelServer, access_log: AccessLog | None = None) -> None:
        self.last_call = 0.0
        self._revision = (HEADER_REVISION, server.identity.revision)
        self._access_log = access_log

    def handler(self, name: str, answer: Callable[[Any], Awaitable[Message]]) -> Handler:
        """Handle a call by its name: what `answer` gives is sent, what it raises becomes a status."""

        async def handle(_: Any, context: Any) -> Any:
            self.last_call, start = time.monotonic(), time.perf_counter()
            _correlate(context)
            content, code, message, reason = b"", grpc.StatusCode.CANCELLED, "", "ClientGone"
            try:
                content = (await answer(context)).SerializeToString()
                code, reason = grpc.StatusCode.OK, ""
            except RequestError as error:
                code, message, reason = status_of(error), str(error), type(error).__name__
            except Exception as error:
                log.exception("a bug: in %s, request %s", name, current_request.get())
                code, message = grpc.StatusCode.INTERNAL, "the server failed on this call; the details are in its log"
                reason = type(error).__name__
            finally:
                self._log(name, code, reason, time.perf_counter() - start)
            await context.send_initial_metadata((self._revision, (REQUEST_ID_HEADER, current_request.get())))
            if code is grpc.StatusCode.OK:
                return content
            if code is grpc.StatusCode.INTERNAL:
                message = f"{message}, under request {current_request.get()}"
            return await context.abort(code, message)

        return handle

    def _log(self, path: str, code: grpc.StatusCode, reason: str, seconds: float) -> None:
        if self._access_log is None or (code is grpc.StatusCode.OK and path.endswith(_PROBES)):
            return
        request, trace = current_request.get(), current_trace.get()
        self._access_log.add(Access("grpc", "POST", path, code.value[0], seconds, request, trace, reason))


def _correlate(context: Any) -> None:
    metadata = dict(context.invocation_metadata() or ())
    current_request.set(request_id(metadata.get(REQUEST_ID_HEADER)))
    current_trace.set(trace_id(metadata.get(TRACE_HEADER)))


async def read_message(kind: type[Asked], context: Any, limits: Limits) -> Asked:
    """Read the one message of a call.

    Raises:
        RequestTooSlow: it does not come in time.
        InvalidRequest: it is none of its `kind`.
        RequestTooLarge: it is beyond the limit; that the library has answered already.
    """
    try:
        async with asyncio.timeout(limits.request_timeout_seconds):
            body = await context.read()
    except TimeoutError:
        raise RequestTooSlow(f"the message did not arrive within {limits.request_timeout_seconds:g} s") from None
    if body is grpc.aio.EOF:
        raise RequestTooLarge(f"no message, or one larger than {limits.max_body_bytes} bytes; split the request")
    try:
        return kind.FromString(body)
    except DecodeError:
        raise InvalidRequest(f"the message is no {kind.DESCRIPTOR.full_name}; see open_inference.proto") from None


def status_of(error: RequestError) -> grpc.StatusCode:
    """Give the code of an error."""
    other = grpc.StatusCode.INTERNAL if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR else None
    return STATUSES.get(HTTPStatus(error.status)) or other or grpc.StatusCode.INVALID_ARGUMENT
