"""The access log: a line of JSON for each request, and never anything of what it asked or was answered."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final, TextIO

from weirkeeper_server.answer import Identity

FLUSH_SECONDS: Final = 0.1
"""Lines are written together after this time, so that no answer waits for its own."""
_LINE: Final = json.JSONEncoder(separators=(",", ":"))

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Access:
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
        when = datetime.fromtimestamp(ended, UTC).isoformat(timespec="milliseconds")
        line = {"time": when, **self._identity, **vars(access), "seconds": round(access.seconds, 6)}
        return _LINE.encode(line) + "\n"
