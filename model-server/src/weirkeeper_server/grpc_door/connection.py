"""One connection: which calls are under way on it, what is written when, and how long is waited for what."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

from weirkeeper_server.grpc_door.calls import Answer, Call, CallHead, Pending
from weirkeeper_server.grpc_door.door import Door, Sent
from weirkeeper_server.grpc_door.envelope import take
from weirkeeper_server.http2.control import ALIVE, LEAVING
from weirkeeper_server.http2.faults import Code
from weirkeeper_server.http2.frames import LARGEST_NUMBER
from weirkeeper_server.http2.session import Session
from weirkeeper_server.http2.streams import Stream
from weirkeeper_server.promise import Awaited, begun

AGE_SECONDS: Final = 10
"""After so long a connection is changed for another, without a lost call: so clients spread over pods that are new,
and leave one that goes."""
SPREAD: Final = 0.1
"""Part of the age by which connections differ, so that clients that came together do not all come again together."""
GREETING_SECONDS: Final = 10.0
SILENT_SECONDS: Final = 20.0
"""Time after which a client that sends nothing is asked whether it is there, as it may without being asked."""
PING_SECONDS: Final = 10.0
LEAVE_SECONDS: Final = 5.0
"""Time after which a client that was asked to leave is answered no new call, whether it has heard or not."""
LINGER_SECONDS: Final = 2.0
"""Time in which a client can take the last answer before what it still sends is answered with a reset."""
WATCH_SECONDS: Final = 1.0


class Connection(asyncio.Protocol):
    """Answers the calls of one client. `done` is called when it is over."""

    def __init__(self, door: Door, done: Callable[[Connection], None], age: float = AGE_SECONDS) -> None:
        self._age = age
        self._door = door
        self._done = done
        self._loop = asyncio.get_running_loop()
        self._session: Session[CallHead]
        self._transport: asyncio.Transport
        self._began: list[Call] = []
        self._writable = True
        self._leaving = False
        self._over = False
        self._watching: asyncio.TimerHandle
        self._greeted_by = 0.0
        self._leave_at = 0.0
        self._heard = 0.0
        self._asked = 0.0
        self._stuck = (0.0, 0)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._session = Session(self, self._door.heads.understand, self._transport.write, self._loop.time)
        self._heard = self._loop.time()
        self._greeted_by = self._heard + GREETING_SECONDS
        spread = random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311  no secret
        self._leave_at = self._heard + self._age * spread
        self._session.greet()
        self._watching = self._loop.call_later(WATCH_SECONDS, self._watch)

    def data_received(self, data: bytes) -> None:
        """Read on, and answer what is there."""
        if self._over:
            return
        self._heard, self._asked = self._loop.time(), 0.0
        self._session.feed(data)
        if self._began:
            self._settle()
        if self._leaving or self._session.fault is not None:
            self._see_about_leaving()

    def pause_writing(self) -> None:
        """Read nothing more from a client that does not take its answers."""
        self._writable = self._session.sending.flowing = False
        self._stuck = (self._loop.time(), self._transport.get_write_buffer_size())
        if not self._over and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self._writable = self._session.sending.flowing = True
        if not self._over and not self._transport.is_closing():
            self._transport.resume_reading()
            self._session.sending.flush(self._loop.time())
            self._see_about_leaving()

    def connection_lost(self, _: Exception | None) -> None:
        """Give up what nobody waits for any more."""
        self._over = True
        self._watching.cancel()
        self._session.lose()
        self._done(self)

    # What the session calls.

    def opened(self, stream: Stream, head: CallHead) -> None:
        """Take a call whose head is there."""
        call = stream.call = Call(stream, head)
        self._door.begin(call)
        self._began.append(call)
        if head.seconds is not None:
            call.timer = self._loop.call_later(head.seconds, self._too_late, call)

    def received(self, stream: Stream, part: bytes) -> None:
        """Take a part of its message."""
        call: Call = stream.call
        method = call.head.method
        if call.refused is None and method is not None and not take(call, part, method.largest):
            self._began.append(call)

    def ended(self, stream: Stream) -> None:
        """Answer a call that has sent all."""
        call: Call = stream.call
        if call.patience is not None:
            call.patience.cancel()
            call.patience = None
        self._proceed(call, self._door.answer(call))

    def lost(self, stream: Stream) -> None:
        """Give up a call that nobody waits for."""
        call: Call | None = stream.call
        if call is not None:
            self._forget(call)
            self._door.lost(call)

    # Calls.

    def _settle(self) -> None:
        """See to calls that have not sent all: some will not be answered anyway, the others have limited time."""
        began, self._began = self._began, []
        for call in began:
            if call.stream.ended or call.stream.call is not call:
                continue
            if call.refused is not None:
                self._send(call, self._door.refusal(call, call.refused))
            elif call.patience is None:
                seconds = self._door.limits.request_timeout_seconds
                call.patience = self._loop.call_later(seconds, self._too_slow, call)

    def _proceed(self, call: Call, answer: Sent | Pending) -> None:
        if isinstance(answer, Sent):
            self._send(call, answer)
        else:
            call.awaited = begun(answer.awaited)
            call.awaited.add_done_callback(partial(self._go_on, call, answer.then))

    def _go_on(self, call: Call, then: Callable[[Any], Answer], awaited: Awaited[Any]) -> None:
        if call.stream.call is not call:
            # Nobody waits for it. An error is fetched, lest it be told as one that nobody has seen.
            _ = awaited.cancelled() or awaited.exception()
            return
        call.awaited = None
        self._proceed(call, self._door.go_on(call, then, awaited))
        if self._leaving:
            self._see_about_leaving()

    def _send(self, call: Call, sent: Sent) -> None:
        self._forget(call)
        self._session.answer(call.stream, *sent)

    def _forget(self, call: Call) -> None:
        call.stream.call = None
        if call.timer is not None:
            call.timer.cancel()
        if call.patience is not None:
            call.patience.cancel()
        awaited, call.awaited = call.awaited, None
        if awaited is not None:
            awaited.cancel()

    def _too_slow(self, call: Call) -> None:
        if call.stream.call is call and not call.stream.ended:
            self._send(call, self._door.too_slow(call))

    def _too_late(self, call: Call) -> None:
        if call.stream.call is call:
            self._send(call, self._door.too_late(call))

    # Ends.

    def leave(self) -> None:
        """Let the client go elsewhere: first ask it to, then take no more calls, and end with the last answer."""
        if not self._leaving and not self._over:
            self._leaving = True
            self._leave_at = self._loop.time() + LEAVE_SECONDS
            self._session.warn()

    def abort(self) -> None:
        """End now."""
        self._transport.abort()

    def _see_about_leaving(self) -> None:
        session = self._session
        if self._leaving and LEAVING in session.control.answered:
            session.finish()
        if session.fault is not None or (session.streams.finished and not session.streams):
            self._part()

    def _part(self) -> None:
        """Say that this was all, and wait for the client to see it: what it sends is not read."""
        if self._over:
            return
        self._over = True
        if self._transport.is_closing():
            return
        if not self._writable:
            self._transport.resume_reading()
        self._transport.write_eof()
        self._watching.cancel()
        self._watching = self._loop.call_later(LINGER_SECONDS, self._end, LARGEST_NUMBER)

    def _end(self, unsent: int) -> None:
        left = self._transport.get_write_buffer_size()
        if 0 < left < unsent:
            self._watching = self._loop.call_later(self._door.limits.idle_timeout_seconds, self._end, left)
        else:
            self._transport.abort()

    def _watch(self) -> None:
        """Look from time to time for what does not happen."""
        now, session = self._loop.time(), self._session
        if not session.greeted and now > self._greeted_by:
            self._transport.abort()
            return
        for stream in session.sending.stuck(now - self._door.limits.idle_timeout_seconds) if self._writable else ():
            session.reset(stream.number, Code.CANCEL)
        if now >= self._leave_at:
            if self._leaving:
                session.finish()
            else:
                self.leave()
        if not self._is_there(now):
            self._transport.abort()
            return
        self._see_about_leaving()
        if not self._over:
            self._watching = self._loop.call_later(WATCH_SECONDS, self._watch)

    def _is_there(self, now: float) -> bool:
        """Say whether the client takes what it gets, or answers when it is asked."""
        if not self._writable:
            since, unsent = self._stuck
            left = self._transport.get_write_buffer_size()
            if left < unsent:
                self._stuck = (now, left)
            return left < unsent or now - since < self._door.limits.idle_timeout_seconds
        if self._asked:
            return now - self._asked < PING_SECONDS
        if now - self._heard > SILENT_SECONDS:
            self._asked = now
            self._session.ping(ALIVE)
        return True
