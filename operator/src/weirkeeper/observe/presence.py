"""Which server processes are still there: one that has been away for long does not come back."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

from weirkeeper.observe.latencies import Process

SETTLED_SECONDS: Final = 900.0
"""After so long a pod that is no more will not come back: its counts are added to those of the others that are gone."""

SETTLED: Final = Process("", 0.0)
"""Stands for all processes that are no more."""


class Presence:
    """The processes that told something of one Model, and which of them are gone."""

    def __init__(self) -> None:
        self._seen: dict[Process, float | None] = {}
        self._gone: set[Process] = set()

    def takes(self, process: Process) -> bool:
        """Note a process that tells something; False where it was given up before: it counts no more."""
        if process in self._gone:
            return False
        if process != SETTLED:
            self._seen.setdefault(process, None)
        return True

    def settle(self, now: float, present: AbstractSet[str]) -> AbstractSet[Process]:
        """Give up and name the processes whose pods have not been `present` (UIDs) for long (`now`: Unix seconds)."""
        for process, seen in self._seen.items():
            if seen is None or process.pod in present:
                self._seen[process] = now
        gone = {process for process, seen in self._seen.items() if seen is not None and seen < now - SETTLED_SECONDS}
        for process in gone:
            del self._seen[process]
        self._gone |= gone
        return gone
