"""What every call gets: its message within limits, a status even where it fails, the revision, a line in the log."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from weirkeeper_server.access_log import AccessLog, Origin
from weirkeeper_server.answer import Identity
from weirkeeper_server.correlation import new_id
from weirkeeper_server.errors import RequestError, RequestTooSlow
from weirkeeper_server.grpc_door.answers import DONE, HeadsOfAnswers, failed, no_call
from weirkeeper_server.grpc_door.calls import Answer, Call, Method, Pending
from weirkeeper_server.grpc_door.envelope import framed, message_of
from weirkeeper_server.grpc_door.heads import HeadsOfCalls
from weirkeeper_server.grpc_door.statuses import CallerGone, NoCall, Status, status_of
from weirkeeper_server.promise import Awaited
from weirkeeper_server.raised import log_raised
from weirkeeper_server.settings import Limits
from weirkeeper_server.unpacking import ASIDE, Unpacking

_BUG: Final = "the server failed on this call; the details are in its log"
_MISMATCH: Final = "the message is not packed as grpc-encoding says"

log = logging.getLogger(__name__)


class Sent(NamedTuple):
    """What goes back: blocks of HPACK before and after a message that is framed, or empty."""

    head: bytes
    message: bytes
    trailers: bytes


class Served(Protocol):
    """The server behind the door."""

    @property
    def identity(self) -> Identity:
        """Who answers."""

    @property
    def reticent(self) -> bool:
        """Whether the log must not have the words of what is raised on a request."""


class Door:
    """Begins, answers and books calls; it knows nothing of sockets, and nothing of what the methods do.

    `last_call` is when the latest call came, by the monotonic clock.
    """

    def __init__(
        self, server: Served, limits: Limits, methods: Mapping[str, Method], access_log: AccessLog | None = None
    ) -> None:
        self.limits = limits
        self.heads = HeadsOfCalls(methods)
        self.last_call = 0.0
        self._written = HeadsOfAnswers(server.identity.revision).written
        self._access_log = access_log
        self._server = server

    def begin(self, call: Call) -> None:
        """Take a call whose head is there: from now on its time is measured."""
        head = call.head
        call.started = time.perf_counter()
        self.last_call = time.monotonic()
        call.identifier = head.request or new_id()
        if head.method is not None and head.method.opened is not None:
            try:
                head.method.opened(call)
            except RequestError as refused:
                call.refused = refused

    def answer(self, call: Call) -> Sent | Pending:
        """Answer a call that has sent all, or is refused."""
        if call.refused is not None:
            return self.refusal(call, call.refused)
        return self._tried(call, self._read, call)

    def go_on(self, call: Call, then: Callable[[Any], Answer], arrived: Awaited[Any]) -> Sent | Pending:
        """Answer a call with what it has awaited."""
        return self._tried(call, _gone_on, then, arrived)

    def too_slow(self, call: Call) -> Sent:
        """Answer a call whose message does not come."""
        seconds = self.limits.request_timeout_seconds
        return self.refusal(call, RequestTooSlow(f"the message did not arrive within {seconds:g} s"))

    def too_late(self, call: Call) -> Sent:
        """Answer a call whose caller waits no longer."""
        return self.refusal(call, CallerGone(f"no answer within the {call.head.seconds:g} s of grpc-timeout"))

    def _tried(self, call: Call, act: Callable[..., Answer], *given: Any) -> Sent | Pending:
        try:
            answer = act(*given)
        except RequestError as error:
            return self.refusal(call, _untraced(error))
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  a bug concerns this request alone
            asked = (call.head.path, call.identifier)
            log_raised(log, error, "a bug: in %s, request %s", *asked, reticent=self._server.reticent)
            return self._failed(call, _untraced(error), Status.INTERNAL, _BUG)
        if isinstance(answer, Pending):
            return answer
        self._close(call, None, Status.OK)
        return Sent(self._written(call.identifier), framed(answer), DONE)

    def _read(self, call: Call) -> Answer:
        message, is_packed = message_of(call)
        method = call.head.method
        if method is None:
            raise AssertionError(call.head.path)
        if not is_packed:
            return method.answer(call, message)
        unpacking = Unpacking(message, call.head.packing, method.largest, _MISMATCH)
        unpacked = unpacking.step(ASIDE)
        if unpacked is None:
            rest = asyncio.get_running_loop().run_in_executor(None, unpacking.rest)
            return Pending(rest, partial(method.answer, call))
        return method.answer(call, unpacked)

    def refusal(self, call: Call, error: RequestError) -> Sent:
        """Answer a call that cannot be answered as it asks."""
        if isinstance(error, NoCall):
            self._close(call, error, Status.INVALID_ARGUMENT)
            return Sent(no_call(error.http), b"", b"")
        return self._failed(call, error, status_of(error), str(error))

    def _failed(self, call: Call, error: BaseException, status: Status, message: str) -> Sent:
        self._close(call, error, status)
        if status is Status.INTERNAL:
            message = f"{message}, under request {call.identifier}"
        return Sent(self._written(call.identifier), b"", failed(status, message))

    def lost(self, call: Call) -> None:
        """Book a call that nobody waits for."""
        self._close(call, asyncio.CancelledError(), Status.CANCELLED)

    def _close(self, call: Call, error: BaseException | None, status: Status) -> None:
        ticket, call.ticket = call.ticket, None
        if ticket is not None:
            kept = asyncio.CancelledError() if isinstance(error, CallerGone) else error
            ticket.__exit__(None if kept is None else type(kept), kept, None)
        method = call.head.method
        if self._access_log is not None and not (error is None and method is not None and method.quiet):
            reason = "" if error is None else "ClientGone" if status is Status.CANCELLED else type(error).__name__
            origin = Origin("grpc", "POST", call.head.path, call.head.trace)
            self._access_log.add(origin, int(status), time.perf_counter() - call.started, call.identifier, reason)


_Failure = TypeVar("_Failure", bound=BaseException)


def _untraced(error: _Failure) -> _Failure:
    """Let go of the frames that an error came through: they hold the future that holds it, and a whole message."""
    return error.with_traceback(None)


def _gone_on(then: Callable[[Any], Answer], arrived: Awaited[Any]) -> Answer:
    return then(arrived.result())
