"""What every call over gRPC gets: its message read within limits, a status even where it fails, and the revision."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from weirkeeper.api.names import HEADER_REVISION
from weirkeeper_server.core import ModelServer
from weirkeeper_server.errors import InvalidRequest, RequestError, RequestTooLarge
from weirkeeper_server.settings import Limits

STATUSES: Final = {
    HTTPStatus.NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: grpc.StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.TOO_MANY_REQUESTS: grpc.StatusCode.RESOURCE_EXHAUSTED,
    HTTPStatus.SERVICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT: grpc.StatusCode.DEADLINE_EXCEEDED,
}
"""The codes of errors by their status over HTTP; of the others, the caller's are INVALID_ARGUMENT, ours INTERNAL."""

Asked = TypeVar("Asked", bound=Message)
Handler = Callable[[Any, Any], Awaitable[Any]]

log = logging.getLogger(__name__)


class Exchange:
    """Makes handlers; `last_call` is when the latest call came, by the monotonic clock."""

    def __init__(self, server: ModelServer) -> None:
        self.last_call = 0.0
        self._metadata = ((HEADER_REVISION, server.identity.revision),)

    def handler(self, answer: Callable[[Any], Awaitable[Message]]) -> Handler:
        """Handle a call: what `answer` gives is sent, what it raises becomes a status."""

        async def handle(_: Any, context: Any) -> Any:
            self.last_call = time.monotonic()
            try:
                content = (await answer(context)).SerializeToString()
            except RequestError as error:
                code, message = status_of(error), str(error)
            except Exception:
                log.exception("a bug: in a call of gRPC")
                code, message = grpc.StatusCode.INTERNAL, "the server failed on this call; the details are in its log"
            else:
                await context.send_initial_metadata(self._metadata)
                return content
            await context.send_initial_metadata(self._metadata)
            return await context.abort(code, message)

        return handle


async def read_message(kind: type[Asked], context: Any, limits: Limits) -> Asked:
    """Read the one message of a call.

    Raises:
        InvalidRequest: it does not come in time, or is none of its `kind`.
        RequestTooLarge: it is beyond the limit; that the library has answered already.
    """
    try:
        async with asyncio.timeout(limits.request_timeout_seconds):
            body = await context.read()
    except TimeoutError:
        raise InvalidRequest(f"the message did not arrive within {limits.request_timeout_seconds:g} s") from None
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
