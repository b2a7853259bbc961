"""Merges the counts of labels that model pods keep: whichever pod a label came to, it counts to its revision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from weirkeeper.observe.label_readings import MOST_REVISIONS, MOST_SEGMENTS, Segments
from weirkeeper.observe.latencies import Process
from weirkeeper.observe.presence import SETTLED, Presence
from weirkeeper.statistics.labels import LabelCounts

MOST_ENTRIES: Final = 200_000
"""Counts that are kept of a Model: what pods tell beyond it is let be."""


class LabelBook:
    """The counts of labels of one Model."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[Process, Segments]] = {}
        self._size = 0
        self._totals: dict[str, Segments] | None = {}
        self._presence = Presence()

    def book(self, process: Process, totals: Mapping[str, Segments]) -> None:
        """Take what a process says now of some revisions."""
        if not totals or not self._presence.takes(process):
            return
        for revision, segments in totals.items():
            known = self._parts.get(revision, {})
            added = _size(segments) - _size(known.get(process, {}))
            full = revision not in self._parts and len(self._parts) >= MOST_REVISIONS
            if full or self._size + added > MOST_ENTRIES:
                continue
            self._size += added
            self._parts.setdefault(revision, {})[process] = segments
            self._totals = None

    def keep(self, now: float, present: AbstractSet[str]) -> None:
        """Settle the counts of pods that have not been `present` (UIDs) for long; they count no more, and once."""
        gone = self._presence.settle(now, present)
        if not gone:
            return
        for parts in self._parts.values():
            for process in gone & parts.keys():
                parts[SETTLED] = merged((parts.get(SETTLED, {}), parts.pop(process)))
        self._size = sum(_size(segments) for parts in self._parts.values() for segments in parts.values())

    def totals(self) -> Mapping[str, Segments]:
        """Everything counted, by revision and segment."""
        if self._totals is None:
            self._totals = {revision: merged(parts.values()) for revision, parts in self._parts.items()}
        return self._totals


def _size(segments: Segments) -> int:
    return sum(counts.size for counts in segments.values())


def merged(parts: Iterable[Segments]) -> Segments:
    """Add counts up by segment; of more segments than a pod may tell, the rest is let be."""
    found: dict[str, LabelCounts] = {}
    for segments in parts:
        for name, counts in segments.items():
            if name in found or len(found) <= MOST_SEGMENTS:
                found.setdefault(name, LabelCounts()).merge(counts)
    return found
