"""One connection: whose turn it is, what is written when, and how long is waited for what.

Requests that a client sends ahead are answered one after the other (RFC 9112, 9.3.2). Meanwhile nothing more is read
than what came with them; and nothing at all is read from a client that does not read.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

from weirkeeper_server.errors import RequestTooSlow
from weirkeeper_server.http_door.answers import CONTINUE, Answer, Pending, Response
from weirkeeper_server.http_door.door import Door
from weirkeeper_server.http_door.reader import RequestReader
from weirkeeper_server.http_door.refusals import HTTPHeadTooSlow, Refusal
from weirkeeper_server.http_door.request import Head, HttpRequest
from weirkeeper_server.promise import Awaited, begun

LINGER_SECONDS: Final = 2.0
"""Time in which a client can take the last answer before what it still sends is answered with a reset."""


class Connection(asyncio.Protocol):
    """Answers what one client asks. `done` is called when it is over."""

    def __init__(self, door: Door, done: Callable[[Connection], None]) -> None:
        self._door = door
        self._done = done
        self._loop = asyncio.get_running_loop()
        self._idle_seconds = door.limits.idle_timeout_seconds
        self._reader = RequestReader(self, door.limits.max_body_bytes)
        self._transport: asyncio.Transport
        self._current: HttpRequest | None = None
        self._waiting: deque[HttpRequest] = deque()
        self._awaited: Awaited[Any] | None = None
        self._body_timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle
        self._since = 0.0
        self._writable = True
        self._unsent = 0
        self._reading = True
        self._last = False
        self._leaving = False

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a request."""
        self._transport = cast("asyncio.Transport", transport)
        self._since = self._loop.time()
        self._idle_timer = self._loop.call_later(self._idle_seconds, self._watch)

    def data_received(self, data: bytes) -> None:
        """Read on, and answer what is there."""
        if self._leaving:
            return
        try:
            self._reader.feed(data)
        except Refusal as refusal:
            self._refuse(refusal)
        self._settle()

    def pause_writing(self) -> None:
        """Do nothing more for a client that does not take its answers."""
        self._writable = False
        self._unsent = self._transport.get_write_buffer_size()
        self._since = self._loop.time()

    def resume_writing(self) -> None:
        """Go on."""
        self._writable = True
        self._since = self._loop.time()
        self._advance()

    def connection_lost(self, _: Exception | None) -> None:
        """Give up what nobody waits for any more."""
        self._leaving = True
        self._idle_timer.cancel()
        current, self._current = self._current, None
        if current is not None:
            self._stop_body_timer()
            self._door.lost(current)
        if self._awaited is not None:
            self._awaited.cancel()
        self._waiting.clear()
        self._done(self)

    # What the reader calls.

    def arrived(self, request: HttpRequest) -> None:
        """Take a request whose head is there."""
        if self._leaving:
            return
        if self._current is None and self._writable and not self._waiting:
            self._current = request
            self._door.begin(request)
        else:
            self._waiting.append(request)

    def completed(self, request: HttpRequest) -> None:
        """Take a request that is there as a whole; it is answered if it is its turn."""
        if request is self._current:
            self._proceed(request, self._door.answer(request))

    # Turns.

    def _proceed(self, request: HttpRequest, answer: Answer) -> None:
        if isinstance(answer, Pending):
            self._awaited = awaited = begun(answer.awaited)
            awaited.add_done_callback(partial(self._go_on, request, answer.then))
        else:
            self._finish(request, answer)

    def _go_on(self, request: HttpRequest, then: Callable[[Any], Answer], awaited: Awaited[Any]) -> None:
        if request is not self._current:
            # Nobody waits for it. An error is fetched, lest it be told as one that nobody has seen.
            _ = awaited.cancelled() or awaited.exception()
            return
        self._awaited = None
        self._proceed(request, self._door.go_on(request, then, awaited))
        self._advance()

    def _finish(self, request: HttpRequest, response: Response) -> None:
        last = self._last or not request.keep_alive or not request.complete or self._door.leaving
        self._transport.write(self._door.written(request, response, last=last))
        self._door.ended(request, response)
        self._current = None
        if self._body_timer is not None:
            self._stop_body_timer()
        if last:
            self._leave()
        else:
            self._since = self._loop.time()

    def _advance(self) -> None:
        """Answer what waits, as far as it can be."""
        while self._waiting and self._current is None and self._writable and not self._leaving:
            self._current = request = self._waiting.popleft()
            self._door.begin(request)
            if request.complete:
                self._proceed(request, self._door.answer(request))
        self._settle()

    def _settle(self) -> None:
        """See after each event what the current request lacks, and whether more may be read."""
        if self._leaving:
            return
        current = self._current
        if current is not None and not current.complete:
            self._wait_for_body(current)
        reading = self._writable and not self._waiting
        if reading is not self._reading and not self._leaving:
            self._reading = reading
            if reading:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _wait_for_body(self, request: HttpRequest) -> None:
        if request.refused is not None:
            # Its client is told before it has sent all of a body that nobody reads.
            self._proceed(request, self._door.answer(request))
            return
        if self._body_timer is None:
            seconds = self._door.limits.request_timeout_seconds
            self._body_timer = self._loop.call_later(seconds, self._body_is_late, request)
            if request.head.expects_continue and not request.size:
                self._transport.write(CONTINUE)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what cannot be read, after all that was read before; it is the last answer."""
        request = self._reader.request
        if request is None:
            request = HttpRequest(Head(b"-", b"", {}, keep_alive=False))
            request.refused = refusal
            self.arrived(request)
        request.refused, request.keep_alive, request.complete = refusal, False, True
        self.completed(request)

    # Ends.

    def leave(self) -> None:
        """Answer what is under way, and end."""
        self._last = True
        if self._current is None and not self._waiting and not self._reader.in_head and not self._leaving:
            self._leave()

    def abort(self) -> None:
        """End now."""
        self._transport.abort()

    def _leave(self) -> None:
        """Say that this was all, and wait for the client to see it (RFC 9112, 9.6): what it sends is not read."""
        self._leaving = True
        self._waiting.clear()
        if self._transport.is_closing():
            return
        if not self._reading:
            self._transport.resume_reading()
        self._transport.write_eof()
        self._idle_timer.cancel()
        self._idle_timer = self._loop.call_later(LINGER_SECONDS, self._part)

    def _part(self) -> None:
        if self._transport.get_write_buffer_size():
            self._unsent = self._transport.get_write_buffer_size()
            self._idle_timer = self._loop.call_later(self._idle_seconds, self._part_if_stuck)
        else:
            self._transport.abort()

    def _part_if_stuck(self) -> None:
        if 0 < self._transport.get_write_buffer_size() < self._unsent:
            self._part()
        else:
            self._transport.abort()

    def _watch(self) -> None:
        """Look from time to time for a client that neither asks nor reads."""
        now, wait = self._loop.time(), self._idle_seconds
        if not self._writable:
            unsent = self._transport.get_write_buffer_size()
            if now - self._since >= wait and unsent >= self._unsent:
                self._transport.abort()
                return
            if unsent < self._unsent:
                self._since, self._unsent = now, unsent
        elif self._current is None:
            wait -= now - self._since
            if wait <= 0:
                self._end_idle()
                return
        self._idle_timer = self._loop.call_later(wait, self._watch)

    def _end_idle(self) -> None:
        if self._reader.in_head:
            self._refuse(HTTPHeadTooSlow(f"the head did not arrive within {self._idle_seconds:g} s"))
        else:
            # A client that asks for nothing would take an answer for that of its next request.
            self._leave()

    def _body_is_late(self, request: HttpRequest) -> None:
        self._body_timer = None
        if request is self._current and not request.complete:
            seconds = self._door.limits.request_timeout_seconds
            request.refused = RequestTooSlow(f"the body did not arrive within {seconds:g} s")
            self._proceed(request, self._door.answer(request))

    def _stop_body_timer(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None
