"""The access log: a line of JSON for each request, and never anything of what it asked or was answered."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final, NamedTuple, TextIO

import orjson

from weirkeeper_server.answer import Identity

FLUSH_SECONDS: Final = 0.1
"""Lines are written together after this time, so that no answer waits for its own."""

log = logging.getLogger(__name__)


class Access(NamedTuple):
    """One request: `reason` is the name of the error that it was answered with, `trace` is empty without a trace."""

    protocol: str
    method: str
    path: str
    status: int
    seconds: float
    request: str
    trace: str = ""
    reason: str = ""


class AccessLog:
    """Writes accesses to `target`, in the order in which they ended. It belongs to the event loop."""

    def __init__(self, target: TextIO, identity: Identity) -> None:
        self._target = target
        self._identity = asdict(identity)
        self._waiting: list[tuple[float, Access]] = []
        self._second, self._seconds = -1, ""

    def add(self, access: Access) -> None:
        """Take an access; it is written a moment later."""
        self._waiting.append((time.time(), access))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            self._target.writelines(self._line(ended, access) for ended, access in waiting)
            self._target.flush()
        except OSError as error:
            log.warning("%d accesses are lost, for they cannot be written: %s", len(waiting), error)

    def _line(self, ended: float, access: Access) -> str:
        line = {"time": self._when(ended), **self._identity, **access._asdict(), "seconds": round(access.seconds, 6)}
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE).decode()

    def _when(self, ended: float) -> str:
        milliseconds = int(ended * 1000)
        second, rest = divmod(milliseconds, 1000)
        if second != self._second:
            self._second, self._seconds = second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._seconds}.{rest:03d}+00:00"
