"""One call: what its head means, its message as it arrives, and what is known of its answer so far."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, NamedTuple, Protocol

from weirkeeper_server.arms import Arm
from weirkeeper_server.errors import RequestError
from weirkeeper_server.http2.streams import Stream
from weirkeeper_server.promise import Awaited

PREFIX: Final = 5
"""Bytes before a message: whether it is packed, and its length."""


class Ticket(Protocol):
    """Books a call by its end, and by the rows that it asks about."""

    rows: int

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...


class Pending(NamedTuple):
    """A message that is not there yet: `then` makes it of what is awaited, or raises."""

    awaited: Awaitable[Any]
    then: Callable[[Any], Answer]


Answer = bytes | Pending


class Method(NamedTuple):
    """What answers a call: `opened` is called when the head has arrived, `answer` with the message, unpacked.

    `largest` is how many bytes the message may have. A `quiet` call is logged where it fails alone.
    """

    path: str
    answer: Callable[[Call, bytes], Answer]
    largest: int
    opened: Callable[[Call], None] | None = None
    quiet: bool = False


class CallHead(NamedTuple):
    """What a head means. It is the same for all calls that have the same head.

    `length` is what the body says to have; `request` is the caller's id of the call, None where it gives none that can
    be logged. `seconds` is how long the caller waits, None where it does not say.
    """

    length: int | None
    path: str
    method: Method | None
    refused: RequestError | None
    arm: Arm = ""
    request: str | None = None
    trace: str = ""
    packing: str = "identity"
    seconds: float | None = None


class Call:
    """A call under way; `ticket` is open from the head to the answer, where the method books its calls.

    `refused` is why it will not be answered as it asks. `size` counts the bytes of `parts`, `whole` is how many there
    will be, -1 as long as that is not known. `timer` ends it when its caller waits no longer, `patience` when its
    message does not come.
    """

    __slots__ = (
        "awaited",
        "head",
        "identifier",
        "parts",
        "patience",
        "refused",
        "size",
        "started",
        "stream",
        "ticket",
        "timer",
        "whole",
    )

    def __init__(self, stream: Stream, head: CallHead) -> None:
        self.stream = stream
        self.head = head
        self.refused = head.refused
        self.parts: list[bytes] = []
        self.size = 0
        self.whole = -1
        self.ticket: Ticket | None = None
        self.started = 0.0
        self.identifier = ""
        self.awaited: Awaited[Any] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.patience: asyncio.TimerHandle | None = None
