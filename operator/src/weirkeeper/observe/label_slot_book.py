"""Labels by the slot of their prediction: late ones find it, whichever pod they came to, until the slot is too old."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import Any, Final

from weirkeeper.observe.label_book import merged
from weirkeeper.observe.label_readings import LabelReading, Segments, SlotKey
from weirkeeper.observe.latencies import Process
from weirkeeper.observe.presence import SETTLED, Presence
from weirkeeper.statistics.labels import LabelCounts

LONGEST_WAIT: Final = 31 * 86_400
"""Seconds for which labels of a prediction are waited for: what comes later is counted in the totals alone."""

MOST_BYTES: Final = 8 * 1024 * 1024
"""Bytes that the packed counts of one Model may take: its oldest slots go first."""

SLOT_SECONDS: Final = 3_600
"""Length of a slot as servers have it, until one says otherwise."""


def pack_segments(segments: Segments) -> bytes:
    """Write counts small: most slots are looked at once or never again."""
    return zlib.compress(json.dumps(written(segments), separators=(",", ":")).encode(), 1)


def unpack_segments(packed: bytes) -> Segments:
    """Read what `pack_segments` wrote."""
    return read(json.loads(zlib.decompress(packed)))


def written(segments: Segments) -> dict[str, Any]:
    """Write counts as JSON, by segment."""
    return {name: counts.to_json() for name, counts in segments.items()}


def read(given: Mapping[str, Any]) -> Segments:
    """Read what `written` wrote."""
    return {name: LabelCounts.from_json(counts) for name, counts in given.items()}


class LabelSlot:
    """The labels of one revision's predictions in one slot, as processes told them; it does not change."""

    def __init__(self, parts: Mapping[Process, bytes]) -> None:
        self.parts = parts
        self.size = sum(map(len, parts.values()))

    @cached_property
    def segments(self) -> Segments:
        """The counts of all processes together, by segment; to the last bit the same in whatever order they came."""
        return merged(unpack_segments(part) for part in self.parts.values())

    def with_part(self, process: Process, part: bytes) -> LabelSlot:
        """The same slot after a process told more."""
        return LabelSlot({**self.parts, process: part})

    def settled(self, gone: AbstractSet[Process]) -> LabelSlot:
        """The same counts, those of processes that are gone as one part."""
        old = [part for process, part in self.parts.items() if process in gone or process == SETTLED]
        rest = {process: part for process, part in self.parts.items() if process not in gone and process != SETTLED}
        return LabelSlot({**rest, SETTLED: pack_segments(merged(map(unpack_segments, old)))})


class SlotsOfRevision(Mapping[int, Segments]):
    """The slots of one revision by their start, each merged when somebody looks at it."""

    def __init__(self, slots: Mapping[int, LabelSlot]) -> None:
        self._slots = dict(sorted(slots.items()))

    def __getitem__(self, start: int) -> Segments:
        return self._slots[start].segments

    def __iter__(self) -> Iterator[int]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)


class LabelSlotBook:
    """The labels of one Model by revision and slot. Pure: told what processes count, cumulatively."""

    def __init__(self) -> None:
        self.slot_seconds = SLOT_SECONDS
        self._slots: dict[SlotKey, LabelSlot] = {}
        self._size = 0
        self._presence = Presence()
        self.changes = 0
        self._view: Mapping[str, Mapping[int, Segments]] | None = None

    def book(self, end: int, process: Process, reading: LabelReading) -> bool:
        """Take what a process says now of some slots; tells whether anything is new.

        Slots in which nothing can have been predicted yet, as of `end` (Unix seconds), and those that are too old are
        let be; so are those of another length than the others'.
        """
        if not reading.slots or not self._presence.takes(process):
            return False
        if not self._slots:
            self.slot_seconds = reading.slot_seconds
        if reading.slot_seconds != self.slot_seconds:
            return False
        changed = False
        for key, segments in reading.slots.items():
            if end - LONGEST_WAIT <= key[1] < end and key[1] % self.slot_seconds == 0:
                changed |= self._put(key, process, pack_segments(segments))
        return changed

    def restore(self, slots: Mapping[SlotKey, LabelSlot], slot_seconds: int) -> None:
        """Take what a former operator kept; what a process told since is newer."""
        if self._slots and slot_seconds != self.slot_seconds:
            return
        self.slot_seconds = slot_seconds
        for key, kept in slots.items():
            for process, part in kept.parts.items():
                told = self._slots[key].parts if key in self._slots else {}
                if process not in told and self._presence.takes(process):
                    self._put(key, process, part)

    def keep(self, now: float, present: AbstractSet[str]) -> None:
        """Add up what processes left behind that are gone, and drop slots that are too old."""
        for key in [key for key in self._slots if key[1] < now - LONGEST_WAIT]:
            self._drop(key)
        gone = self._presence.settle(now, present)
        if not gone:
            return
        for key, slot in list(self._slots.items()):
            if not gone.isdisjoint(slot.parts):
                self._replace(key, slot.settled(gone))

    def view(self) -> Mapping[str, Mapping[int, Segments]]:
        """Everything by revision and slot; the same object until something changes."""
        if self._view is None:
            found: dict[str, dict[int, LabelSlot]] = {}
            for (revision, start), slot in self._slots.items():
                found.setdefault(revision, {})[start] = slot
            self._view = {revision: SlotsOfRevision(slots) for revision, slots in found.items()}
        return self._view

    def slots(self) -> Mapping[SlotKey, LabelSlot]:
        """Everything as it is kept, for a checkpoint."""
        return dict(self._slots)

    def _put(self, key: SlotKey, process: Process, part: bytes) -> bool:
        slot = self._slots.get(key, LabelSlot({}))
        if slot.parts.get(process) == part:
            return False
        self._replace(key, slot.with_part(process, part))
        while self._size > MOST_BYTES:
            self._drop(min(self._slots, key=lambda one: one[1]))
        return True

    def _replace(self, key: SlotKey, slot: LabelSlot) -> None:
        self._drop(key)
        self._slots[key] = slot
        self._size += slot.size

    def _drop(self, key: SlotKey) -> None:
        dropped = self._slots.pop(key, None)
        self._size -= dropped.size if dropped else 0
        self._view = None
        self.changes += 1
