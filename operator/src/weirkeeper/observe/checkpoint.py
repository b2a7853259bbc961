"""Windows over a restart of the operator: slots, and up to where each pod was counted, small enough for a ConfigMap."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from weirkeeper.observe.errors import BrokenCheckpoint, BrokenEvidence
from weirkeeper.observe.kept_numbers import count_of
from weirkeeper.observe.label_readings import Segments, read_tables
from weirkeeper.observe.label_slot_book import LabelSlot, SlotKey, pack_segments, unpack_segments, written
from weirkeeper.observe.latencies import Process
from weirkeeper.observe.objective_book import KeptObjectives
from weirkeeper.observe.objective_memory import read_objectives, written_objectives
from weirkeeper.plan.windows import CHECKPOINT_KEY, CountedSlot, WarmUp, WarmUpRule
from weirkeeper.statistics.errors import ProfileMismatch
from weirkeeper.statistics.packed import Column, PackedCounts, checked

VERSION: Final = 2
PACKED_LIMIT: Final = 256 * 1024 * 3 // 4
"""Bytes; a ConfigMap's binary data grows by a third in base64, and all of it stays below 256 KiB."""

UNPACKED_LIMIT: Final = 16 * 1024 * 1024
MOST_BINS: Final = 1_024

UNREADABLE: Final = (
    zlib.error, ValueError, RecursionError, KeyError, TypeError, AttributeError, IndexError, OverflowError,
    BrokenEvidence, ProfileMismatch,
)  # fmt: skip

Lane = dict[str, list[CountedSlot]]
"""Slots of one length, by revision, oldest first."""


@dataclass(frozen=True)
class Counted:
    """Up to where a process was booked: its counts as of `seen` (Unix seconds)."""

    counts: PackedCounts
    seen: int

    def at(self, end: int) -> Counted:
        """The same counts, seen again."""
        return replace(self, seen=end)


@dataclass(frozen=True)
class Checkpoint:
    """Everything that a restart of the operator must not lose, as of `end` (Unix seconds).

    Processes that began at or after `since`, and of which nothing is known, have not been counted at all. `lanes` are
    by the length of their slots, `past` sums of whole windows by their size, both in seconds. `labels` are by revision
    and slot. `objectives` are what became of requests, where a Monitor has objectives, `warm_ups` live rows to compare
    with, where one asks for them.
    """

    end: int
    since: int = 0
    counted: Mapping[Process, Counted] = field(default_factory=dict)
    profiles: Mapping[str, str] = field(default_factory=dict)
    lanes: Mapping[int, Lane] = field(default_factory=dict)
    past: Mapping[int, Lane] = field(default_factory=dict)
    labels: Mapping[SlotKey, LabelSlot] = field(default_factory=dict)
    objectives: KeptObjectives | None = None
    warm_ups: Mapping[WarmUpRule, WarmUp] = field(default_factory=dict)


def pack(checkpoint: Checkpoint) -> bytes | None:
    """Write a checkpoint; where it is too large, without its oldest slots. None where even none of them helps."""
    kept = (*checkpoint.lanes.values(), *checkpoint.past.values())
    longest = max([len(slots) for lane in kept for slots in lane.values()] + [len(checkpoint.labels)], default=0)
    while True:
        packed = zlib.compress(json.dumps(_written(checkpoint, longest), separators=(",", ":")).encode())
        if len(packed) <= PACKED_LIMIT:
            return packed
        if longest == 0:
            return None
        longest //= 2


def unpack(packed: bytes) -> Checkpoint:
    """Read a checkpoint; anybody may have written it.

    Raises:
        BrokenCheckpoint: it is none.
    """
    inflate = zlib.decompressobj()
    try:
        written = inflate.decompress(packed, UNPACKED_LIMIT)
        if inflate.unconsumed_tail:
            raise BrokenCheckpoint(f"a checkpoint has more than {UNPACKED_LIMIT} bytes when unpacked")
        return _read(json.loads(written))
    except UNREADABLE as error:
        raise BrokenCheckpoint(f"a checkpoint of {len(packed)} bytes cannot be read: {error!s:.120}") from error


def unpack_config_map(config_map: Mapping[str, Any]) -> Checkpoint:
    """Read the checkpoint in a ConfigMap (raw object).

    Raises:
        BrokenCheckpoint: there is none in it.
    """
    encoded = (config_map.get("binaryData") or {}).get(CHECKPOINT_KEY)
    if not isinstance(encoded, str):
        raise BrokenCheckpoint(f"the ConfigMap has no binary data {CHECKPOINT_KEY}")
    try:
        return unpack(base64.b64decode(encoded, validate=True))
    except binascii.Error as error:
        raise BrokenCheckpoint(f"the ConfigMap's {CHECKPOINT_KEY} is not base64: {error}") from error


class _Layouts:
    """Layouts by number: most vectors of a checkpoint have the same."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[Column, ...], int] = {}

    def written(self, counts: PackedCounts) -> list[Any]:
        """Write counts as the number of their layout, and themselves."""
        columns = counts.layout.columns
        return [self._numbers.setdefault(columns, len(self._numbers)), counts.numbers.tolist()]

    def to_json(self) -> list[Any]:
        """Write the layouts."""
        return [[[*column] for column in columns] for columns in self._numbers]


def _written(checkpoint: Checkpoint, longest: int) -> dict[str, Any]:
    layouts = _Layouts()
    labels = sorted(checkpoint.labels.items(), key=lambda one: one[0].start)[max(0, len(checkpoint.labels) - longest) :]
    return {
        "version": VERSION,
        "end": checkpoint.end,
        "since": checkpoint.since,
        "counted": [[*process, *layouts.written(one.counts), one.seen] for process, one in checkpoint.counted.items()],
        "profiles": dict(checkpoint.profiles),
        "lanes": _written_lanes(checkpoint.lanes, longest, layouts),
        "past": _written_lanes(checkpoint.past, longest, layouts),
        "labels": [
            [
                key.revision,
                key.start,
                [[*process, written(unpack_segments(part))] for process, part in slot.parts.items()],
            ]
            for key, slot in labels
        ],
        "labelSeconds": [key.seconds for key, _ in labels],
        "warmUps": [
            [*rule, one.revision, one.since, one.start, one.end, one.rows, *layouts.written(one.counts)]
            for rule, one in checkpoint.warm_ups.items()
        ],
        "layouts": layouts.to_json(),
        "objectives": None if checkpoint.objectives is None else written_objectives(checkpoint.objectives),
    }


def _written_lanes(lanes: Mapping[int, Lane], longest: int, layouts: _Layouts) -> dict[str, Any]:
    return {
        str(length): {
            revision: [
                [slot.start, slot.rows, *layouts.written(slot.counts)] for slot in slots[max(0, len(slots) - longest) :]
            ]
            for revision, slots in lane.items()
        }
        for length, lane in lanes.items()
    }


def _read(found: Any) -> Checkpoint:
    if found["version"] != VERSION:
        raise ValueError(f"version {found['version']!r:.20}; expected {VERSION}")
    layouts = [tuple(map(_column, columns)) for columns in found["layouts"]]
    return Checkpoint(
        end=count_of(found["end"]),
        since=count_of(found["since"]),
        counted={
            Process(str(pod), float(started)): Counted(checked(layouts[layout], numbers), count_of(seen))
            for pod, started, layout, numbers, seen in found["counted"]
        },
        profiles={str(revision): str(sha256) for revision, sha256 in found["profiles"].items()},
        lanes=_lanes(found["lanes"], layouts),
        past=_lanes(found["past"], layouts),
        labels=_labels(found["labels"], found["labelSeconds"]),
        warm_ups=dict(_warm_up(one, layouts) for one in found.get("warmUps", ())),
        objectives=read_objectives(found["objectives"]) if found.get("objectives") else None,
    )


def _column(given: Any) -> Column:
    side, name, bins, ranged = given
    if side not in ("inputs", "outputs") or type(name) is not str or type(ranged) is not bool:
        raise ValueError(f"{given!r:.80} is no column")
    if not 0 <= count_of(bins) <= MOST_BINS:
        raise ValueError(f"{bins} bins; at most {MOST_BINS}")
    return Column(side, name, bins, ranged)


def _lanes(found: Any, layouts: list[tuple[Column, ...]]) -> dict[int, Lane]:
    return {
        int(length): {revision: _slots(slots, layouts) for revision, slots in lane.items()}
        for length, lane in found.items()
    }


def _slots(found: Any, layouts: list[tuple[Column, ...]]) -> list[CountedSlot]:
    slots = [
        CountedSlot(count_of(start), count_of(rows), checked(layouts[layout], numbers))
        for start, rows, layout, numbers in found
    ]
    return sorted(slots, key=lambda slot: slot.start)


def _warm_up(found: Any, layouts: list[tuple[Column, ...]]) -> tuple[WarmUpRule, WarmUp]:
    slot, seconds, least, revision, since, start, end, rows, layout, numbers = found
    rule = WarmUpRule(max(1, count_of(slot)), count_of(seconds), count_of(least))
    since, start, end, rows = map(count_of, (since, start, end, rows))
    return rule, WarmUp(str(revision), since, start, end, rows, checked(layouts[layout], numbers))


def _labels(found: Any, lengths: Any) -> dict[SlotKey, LabelSlot]:
    """Slots of labels and their lengths; former checkpoints have one length for all."""
    each = [*map(count_of, lengths)] if isinstance(lengths, list) else [count_of(lengths)] * len(found)
    return {
        SlotKey(str(revision), count_of(start), max(1, seconds)): _label_slot(parts)
        for (revision, start, parts), seconds in zip(found, each, strict=True)
    }


def _label_slot(parts: Any) -> LabelSlot:
    return LabelSlot({Process(str(pod), float(started)): _packed(segments) for pod, started, segments in parts})


def _packed(segments: Any) -> bytes:
    read: Segments = read_tables(segments)
    return pack_segments(read)
