"""Merges the latency slots that model pods keep, by revision: absolute slots, so that nothing needs a cursor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from weirkeeper.delivery.evidence import LatencySlot
from weirkeeper.statistics.latency import merge

RING_SECONDS = 900


class Process(NamedTuple):
    """One run of a model server: a restarted container is another."""

    pod: str
    started: float


@dataclass
class _Slot:
    """One slot of one revision: what each process said of it last, and the sum once somebody asked."""

    parts: dict[Process, tuple[Mapping[int, int], int]] = field(default_factory=dict)
    merged: LatencySlot | None = None


class LatencyBook:
    """Latency slots of one Model's revisions."""

    def __init__(self) -> None:
        self._revisions: dict[str, dict[int, _Slot]] = {}

    def book(
        self, end: int, revision: str, process: Process, slots: Mapping[int, tuple[Mapping[int, int], int]]
    ) -> None:
        """Take what a process says of its slots now; slots out of the ring, or in the future, are let be."""
        known = self._revisions.setdefault(revision, {})
        for start, said in slots.items():
            if not end - RING_SECONDS <= start <= end:
                continue
            slot = known.setdefault(start, _Slot())
            if slot.parts.get(process) != said:
                slot.parts[process] = said
                slot.merged = None

    def gone(self, pod: str) -> None:
        """A pod is no more: what was active there will not end, and its errors count elsewhere."""
        for slots in self._revisions.values():
            for slot in slots.values():
                for process, (counts, active) in slot.parts.items():
                    if process.pod == pod and active:
                        slot.parts[process] = (counts, 0)
                        slot.merged = None

    def forget(self, end: int) -> bool:
        """Drop slots that left the ring, or are in the future since a clock went back; tells whether any is left."""
        for revision, slots in list(self._revisions.items()):
            for start in [one for one in slots if not end - RING_SECONDS <= one <= end]:
                del slots[start]
            if not slots:
                del self._revisions[revision]
        return bool(self._revisions)

    def slots(self) -> dict[str, tuple[LatencySlot, ...]]:
        """The merged slots by revision, oldest first."""
        return {
            revision: tuple(_merged(start, slots[start]) for start in sorted(slots))
            for revision, slots in self._revisions.items()
        }


def _merged(start: int, slot: _Slot) -> LatencySlot:
    if slot.merged is None:
        counts = merge(counts for counts, _ in slot.parts.values())
        slot.merged = LatencySlot(start, counts, sum(active for _, active in slot.parts.values()))
    return slot.merged
