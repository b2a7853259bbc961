"""The access log: a line of JSON for each request, and never anything of what it asked or was answered."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final, Protocol

import orjson

from weirkeeper_server.answer import Identity

FLUSH_SECONDS: Final = 0.1
"""Lines are written together after this time, so that no answer waits for its own."""
MOST_WAITING: Final = 4096
"""So many lines are written at once, however little time has passed."""
_LINE: Final = '{"time":"%s.%03d+00:00",%s,%s,"status":%d,"seconds":%.6f,"request":%s,%s,"reason":"%s"}\n'

log = logging.getLogger(__name__)


class Origin:
    """What is the same in the lines of all requests that have the same head; `trace` is empty without a trace."""

    __slots__ = ("about", "trace")

    def __init__(self, protocol: str, method: str, path: str, trace: str = "") -> None:
        self.about = _fields({"protocol": protocol, "method": method, "path": path})
        self.trace = _fields({"trace": trace})


class Lines(Protocol):
    """Where lines can be written."""

    def write(self, lines: str, /) -> object:
        """Write whole lines."""

    def flush(self) -> None:
        """Keep none back."""


class AccessLog:
    """Writes accesses to `target`, in the order in which they ended. It belongs to the event loop.

    Lines are made when they are written: an access costs its request little more than to be remembered.
    """

    def __init__(self, target: Lines, identity: Identity) -> None:
        self._target = target
        self._identity = _fields(asdict(identity))
        self._waiting: list[tuple[float, Origin, int, float, str, str]] = []
        self._second, self._seconds = -1, ""

    def add(self, origin: Origin, status: int, seconds: float, request: str, reason: str = "") -> None:
        """Take an access, with the id of its request and the name of the error that it was answered with."""
        waiting = self._waiting
        waiting.append((time.time(), origin, status, seconds, request, reason))
        if len(waiting) == 1:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        elif len(waiting) == MOST_WAITING:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            self._target.write("".join([self._line(*access) for access in waiting]))
            self._target.flush()
        except OSError as error:
            log.warning("%d accesses are lost, for they cannot be written: %s", len(waiting), error)

    def _line(self, ended: float, origin: Origin, status: int, seconds: float, request: str, reason: str) -> str:
        second, milliseconds = divmod(int(ended * 1000), 1000)
        if second != self._second:
            self._second, self._seconds = second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        told = orjson.dumps(request).decode()
        about, trace = origin.about, origin.trace
        return _LINE % (self._seconds, milliseconds, self._identity, about, status, seconds, told, trace, reason)


def _fields(told: dict[str, str]) -> str:
    """Write fields of an object, without what is around them."""
    return orjson.dumps(told).decode()[1:-1]
