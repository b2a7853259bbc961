"""Merges the counts of labels that model pods keep: whichever pod a label came to, it counts to its revision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from weirkeeper.observe.label_readings import Segments
from weirkeeper.observe.latencies import Process
from weirkeeper.statistics.labels import LabelCounts

MOST_TABLES: Final = 4_000
"""Pairs of revision and slot that are kept of a Model; of older slots the totals alone."""

SETTLED_SECONDS: Final = 900.0
"""After so long a pod that is no more will not come back: its counts are added to those of the others that are gone."""

_SETTLED: Final = Process("", 0.0)
"""Stands for all processes that are no more."""


class LabelBook:
    """The counts of labels of one Model."""

    def __init__(self) -> None:
        self._tables: dict[tuple[str, int], dict[Process, Segments]] = {}
        self._folded: dict[str, Segments] = {}
        self._folded_until = 0
        self._totals: dict[str, Segments] | None = {}
        self._seen: dict[Process, float] = {}
        self._gone: set[Process] = set()

    def book(self, process: Process, tables: Mapping[tuple[str, int], Segments]) -> None:
        """Take what a process says of some tables now; slots of which only totals are kept take nothing any more."""
        if process in self._gone:
            return
        for key, segments in tables.items():
            if key[1] >= self._folded_until:
                self._tables.setdefault(key, {})[process] = segments
                self._totals = None
        while len(self._tables) > MOST_TABLES:
            self._fold(min(self._tables, key=lambda one: one[1]))

    def keep(self, now: float, present: AbstractSet[str]) -> None:
        """Settle the counts of pods that have not been `present` (UIDs) for long; they count no more, and once."""
        known = {process for parts in self._tables.values() for process in parts if process != _SETTLED}
        self._seen |= {process: now for process in known if process.pod in present or process not in self._seen}
        gone = {process for process in known if self._seen[process] < now - SETTLED_SECONDS}
        for parts in self._tables.values() if gone else ():
            for process in gone & parts.keys():
                parts[_SETTLED] = merged((parts.get(_SETTLED, {}), parts.pop(process)))
        self._gone |= gone
        self._seen = {process: at for process, at in self._seen.items() if process in known - gone}

    def totals(self) -> Mapping[str, Segments]:
        """Everything counted, by revision and segment."""
        if self._totals is None:
            parts: dict[str, list[Segments]] = {revision: [one] for revision, one in self._folded.items()}
            for (revision, _), processes in sorted(self._tables.items()):
                parts.setdefault(revision, []).extend(processes.values())
            self._totals = {revision: merged(found) for revision, found in parts.items()}
        return self._totals

    def _fold(self, key: tuple[str, int]) -> None:
        revision, slot = key
        parts = self._tables.pop(key)
        self._folded[revision] = merged((self._folded.get(revision, {}), *parts.values()))
        self._folded_until = max(self._folded_until, slot + 1)


def merged(parts: Iterable[Segments]) -> Segments:
    """Add counts up by segment."""
    found: dict[str, LabelCounts] = {}
    for segments in parts:
        for name, counts in segments.items():
            found.setdefault(name, LabelCounts()).merge(counts)
    return found
