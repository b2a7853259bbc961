"""The access log: a line of JSON for each request, and never anything of what it asked or was answered."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final, TextIO

from weirkeeper_server.answer import Identity

FLUSH_SECONDS: Final = 0.1
"""Lines are written together after this time: a system call for each would cost more than the line."""


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
        self._lines: list[str] = []

    def add(self, access: Access) -> None:
        """Take an access; it is written a moment later."""
        line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **self._identity, **vars(access)}
        line["seconds"] = round(access.seconds, 6)
        self._lines.append(json.dumps(line, separators=(",", ":")))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        lines, self._lines = self._lines, []
        if lines:
            self._target.write("\n".join(lines) + "\n")
            self._target.flush()
