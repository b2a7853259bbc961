"""Labels by the slot of their prediction: late ones find it, whichever pod they came to, until the slot is too old."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cached_property
from typing import Any, Final, NamedTuple

from weirkeeper.delivery.evidence import LabelSlots
from weirkeeper.observe.label_book import merged
from weirkeeper.observe.label_readings import LabelReading, Segments
from weirkeeper.observe.latencies import Process
from weirkeeper.observe.presence import SETTLED, Presence
from weirkeeper.statistics.labels import LabelCounts

LONGEST_WAIT: Final = 31 * 86_400
"""Seconds for which labels of a prediction are waited for: what comes later is counted in the totals alone."""

MOST_BYTES: Final = 8 * 1024 * 1024
"""Bytes that the packed counts of one Model may take: its oldest slots go first."""


class SlotKey(NamedTuple):
    """A revision, and a slot of its predictions: its start in Unix seconds, its length in seconds."""

    revision: str
    start: int
    seconds: int


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
    """The slots of one revision by their start, each merged when somebody looks at it, with the shorter ones in it."""

    def __init__(self, slots: Mapping[int, Sequence[LabelSlot]]) -> None:
        self._slots = dict(sorted(slots.items()))
        self._added: dict[int, Segments] = {}

    def __getitem__(self, start: int) -> Segments:
        slots = self._slots[start]
        if len(slots) == 1:
            return slots[0].segments
        if start not in self._added:
            self._added[start] = merged(slot.segments for slot in slots)
        return self._added[start]

    def __iter__(self) -> Iterator[int]:
        return iter(self._slots)

    def __len__(self) -> int:
        return len(self._slots)


def viewed(slots: Mapping[SlotKey, LabelSlot]) -> LabelSlots:
    """Show slots by revision, the shorter ones within a longer one as part of it."""
    if not slots:
        return LabelSlots()
    shortest = min(key.seconds for key in slots)
    by_length = sorted((key.seconds, key.start) for key in slots if key.seconds > shortest)
    grid = LabelSlots(shortest, longer={start: seconds for seconds, start in by_length})
    found: dict[str, dict[int, list[LabelSlot]]] = {}
    for key, slot in slots.items():
        found.setdefault(key.revision, {}).setdefault(grid.start_of(key.start), []).append(slot)
    return replace(grid, revisions={revision: SlotsOfRevision(of_one) for revision, of_one in found.items()})


class LabelSlotBook:
    """The labels of one Model by revision and slot. Pure: told what processes count, cumulatively.

    Servers say how long their slots are; where some have longer ones, as after a change of the setting, the slots of
    the others within these are added up to them.
    """

    def __init__(self) -> None:
        self._slots: dict[SlotKey, LabelSlot] = {}
        self._size = 0
        self._lengths: Counter[int] = Counter()
        self._presence = Presence()
        self.changes = 0
        self._view: LabelSlots | None = None

    def book(self, end: int, process: Process, reading: LabelReading) -> bool:
        """Take what a process says now of some slots; tells whether anything is new.

        Slots in which nothing can have been predicted yet, as of `end` (Unix seconds), and those that are too old are
        let be; so are those of a length that neither divides the others' nor is a multiple of them.
        """
        if not reading.slots or not self._presence.takes(process) or not self._fits(reading.slot_seconds):
            return False
        changed = False
        for (revision, start), segments in reading.slots.items():
            if end - LONGEST_WAIT <= start < end and start % reading.slot_seconds == 0:
                key = SlotKey(revision, start, reading.slot_seconds)
                changed |= self._put(key, process, pack_segments(segments))
        return changed

    def restore(self, slots: Mapping[SlotKey, LabelSlot]) -> None:
        """Take what a former operator kept; what a process told since is newer."""
        for key, kept in slots.items():
            if not self._fits(key.seconds):
                continue
            for process, part in kept.parts.items():
                told = self._slots[key].parts if key in self._slots else {}
                if process not in told and self._presence.takes(process):
                    self._put(key, process, part)

    def keep(self, now: float, present: AbstractSet[str]) -> None:
        """Add up what processes left behind that are gone, and drop slots that are too old."""
        for key in [key for key in self._slots if key.start < now - LONGEST_WAIT]:
            self._drop(key)
        gone = self._presence.settle(now, present)
        if not gone:
            return
        for key, slot in list(self._slots.items()):
            if not gone.isdisjoint(slot.parts):
                self._replace(key, slot.settled(gone))

    def view(self) -> LabelSlots:
        """Everything by revision and slot; the same object until something changes."""
        if self._view is None:
            self._view = viewed(self._slots)
        return self._view

    def slots(self) -> Mapping[SlotKey, LabelSlot]:
        """Everything as it is kept, for a checkpoint."""
        return dict(self._slots)

    def _fits(self, seconds: int) -> bool:
        return all(max(seconds, length) % min(seconds, length) == 0 for length in self._lengths)

    def _put(self, key: SlotKey, process: Process, part: bytes) -> bool:
        slot = self._slots.get(key, LabelSlot({}))
        if slot.parts.get(process) == part:
            return False
        self._replace(key, slot.with_part(process, part))
        while self._size > MOST_BYTES:
            self._drop(min(self._slots, key=lambda one: one.start))
        return True

    def _replace(self, key: SlotKey, slot: LabelSlot) -> None:
        self._drop(key)
        self._slots[key] = slot
        self._size += slot.size
        self._lengths[key.seconds] += 1

    def _drop(self, key: SlotKey) -> None:
        dropped = self._slots.pop(key, None)
        if dropped is not None:
            self._size -= dropped.size
            self._lengths -= Counter((key.seconds,))
        self._view = None
        self.changes += 1
