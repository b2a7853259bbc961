"""Answers of revisions by the slot in which they were counted, while an attempt is running."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from weirkeeper.delivery.evidence import AnswerSlot
from weirkeeper.observe.latencies import Process
from weirkeeper.statistics.counters import add, subtract
from weirkeeper.statistics.errors import ProfileMismatch
from weirkeeper.statistics.feature import Counts

SLOT_SECONDS: Final = 60
KEPT_SECONDS: Final = 6 * 3600


class AnswerBook:
    """The answers of one Model's revisions. Pure: told what processes count, cumulatively.

    What a process counted before it was first seen belongs to no slot. Slots of a revision that count by unlike
    profiles keep what came first.
    """

    def __init__(self) -> None:
        self._counted: dict[tuple[str, Process], Mapping[str, Counts]] = {}
        self._slots: dict[str, dict[int, Mapping[str, Counts]]] = {}
        self._until = 0

    def book(self, end: int, revision: str, process: Process, outputs: Mapping[str, Counts]) -> None:
        """Take what a process has counted of a revision, or of an arm of it, as of `end` (a tick's end)."""
        before = self._counted.get((revision, process))
        self._counted[revision, process] = outputs
        if before is None or before == outputs:
            return
        slots = self._slots.setdefault(revision, {})
        start = (end - 1) // SLOT_SECONDS * SLOT_SECONDS
        try:
            slots[start] = add(slots.get(start, {}), subtract(outputs, before))
        except ProfileMismatch:
            return

    def close(self, end: int, present: AbstractSet[str]) -> None:
        """Everything up to `end` is booked; forget what is old, and pods that are no more."""
        self._until = end
        self._counted = {key: counts for key, counts in self._counted.items() if key[1].pod in present}
        for slots in self._slots.values():
            for start in [start for start in slots if start < end - KEPT_SECONDS]:
                del slots[start]

    def slots(self) -> Mapping[str, tuple[AnswerSlot, ...]]:
        """The slots that are over, by revision, oldest first."""
        return {
            revision: tuple(
                AnswerSlot(start, start + SLOT_SECONDS, outputs)
                for start, outputs in sorted(slots.items())
                if start + SLOT_SECONDS <= self._until
            )
            for revision, slots in self._slots.items()
        }
