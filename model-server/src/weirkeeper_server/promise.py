"""An answer that comes later in the same loop, and tells those who wait for it in the moment in which it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Promise(Generic[T]):
    """What an asyncio.Future is, but what waits is called at once, not in another turn of the loop with a context.

    One callback can wait for it, or a task.
    """

    __slots__ = ("_done", "_error", "_result", "_then", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._done = False
        self._error: BaseException | None = None
        self._result: T
        self._then: Callable[[Promise[T]], object] | None = None

    def done(self) -> bool:
        """Say whether it was given, failed, or is not wanted any more."""
        return self._done

    def cancelled(self) -> bool:
        """Say whether nobody wants it."""
        return isinstance(self._error, asyncio.CancelledError)

    def result(self) -> T:
        """Give what came, or raise it; only when it is done."""
        if self._error is not None:
            raise self._error
        return self._result

    def exception(self) -> BaseException | None:
        """Give the error that came instead, if one did."""
        return self._error

    def set_result(self, result: T) -> None:
        """Keep the promise."""
        self._result = result
        self._settle()

    def set_exception(self, error: BaseException) -> None:
        """Break it."""
        self._error = error
        self._settle()

    def cancel(self) -> bool:
        """Want it no more; says whether it was still to come."""
        if self._done:
            return False
        self.set_exception(asyncio.CancelledError())
        return True

    def add_done_callback(self, then: Callable[[Promise[T]], object]) -> None:
        """Let `then` be called when it is done, now if it is."""
        self._then = then
        if self._done:
            self._tell(then)

    def _settle(self) -> None:
        self._done = True
        if self._then is not None:
            self._tell(self._then)

    def _tell(self, then: Callable[[Promise[T]], object]) -> None:
        try:
            then(self)
        except Exception as error:  # noqa: BLE001  a bug of who waits is none of who answers others next
            told = {"message": "a bug: a callback of an answer failed", "exception": error}
            self.loop.call_exception_handler(told)

    def __await__(self) -> Generator[Any, None, T]:
        """Wait for it in a task; who is cancelled meanwhile wants it no more."""
        future: asyncio.Future[None] = self.loop.create_future()

        def wake(_: Promise[T]) -> None:
            if not future.done():
                future.set_result(None)

        self.add_done_callback(wake)
        try:
            yield from future
        finally:
            self.cancel()
        return self.result()


Awaited = asyncio.Future[T] | Promise[T]


def begun(awaited: Awaitable[T]) -> Awaited[T]:
    """Let an awaitable begin; give what tells when it is done."""
    return awaited if isinstance(awaited, Promise) else asyncio.ensure_future(awaited)
