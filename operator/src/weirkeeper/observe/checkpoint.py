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
from weirkeeper.observe.latencies import Process
from weirkeeper.observe.readings import read_inputs
from weirkeeper.plan.windows import CHECKPOINT_KEY, CountedSlot
from weirkeeper.statistics.feature import Counts

VERSION: Final = 1
PACKED_LIMIT: Final = 256 * 1024 * 3 // 4
"""Bytes; a ConfigMap's binary data grows by a third in base64, and all of it stays below 256 KiB."""

UNPACKED_LIMIT: Final = 16 * 1024 * 1024

Lane = dict[str, list[CountedSlot]]
"""Slots of one length, by revision, oldest first."""


@dataclass(frozen=True)
class Counted:
    """Up to where a process was booked: its counts of inputs as of `seen` (Unix seconds)."""

    inputs: Mapping[str, Counts]
    seen: int

    def at(self, end: int) -> Counted:
        """The same counts, seen again."""
        return replace(self, seen=end)


@dataclass(frozen=True)
class Checkpoint:
    """Everything that a restart of the operator must not lose, as of `end` (Unix seconds).

    `lanes` are by the length of their slots, `past` sums of whole windows by their size, both in seconds.
    """

    end: int
    counted: Mapping[Process, Counted] = field(default_factory=dict)
    profiles: Mapping[str, str] = field(default_factory=dict)
    lanes: Mapping[int, Lane] = field(default_factory=dict)
    past: Mapping[int, Lane] = field(default_factory=dict)


def pack(checkpoint: Checkpoint) -> bytes | None:
    """Write a checkpoint; where it is too large, without its oldest slots. None where even none of them helps."""
    kept = (*checkpoint.lanes.values(), *checkpoint.past.values())
    longest = max((len(slots) for lane in kept for slots in lane.values()), default=0)
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
    except (zlib.error, ValueError, RecursionError, KeyError, TypeError, AttributeError, BrokenEvidence) as error:
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


def _written(checkpoint: Checkpoint, longest: int) -> dict[str, Any]:
    return {
        "version": VERSION,
        "end": checkpoint.end,
        "counted": [[*process, one.inputs, one.seen] for process, one in checkpoint.counted.items()],
        "profiles": dict(checkpoint.profiles),
        "lanes": _written_lanes(checkpoint.lanes, longest),
        "past": _written_lanes(checkpoint.past, longest),
    }


def _written_lanes(lanes: Mapping[int, Lane], longest: int) -> dict[str, Any]:
    return {
        str(length): {
            revision: [[slot.start, slot.rows, slot.inputs] for slot in slots[max(0, len(slots) - longest) :]]
            for revision, slots in lane.items()
        }
        for length, lane in lanes.items()
    }


def _read(written: Any) -> Checkpoint:
    if written["version"] != VERSION:
        raise ValueError(f"version {written['version']!r:.20}; expected {VERSION}")
    return Checkpoint(
        end=_count(written["end"]),
        counted={
            Process(str(pod), float(started)): Counted(read_inputs(inputs), _count(seen))
            for pod, started, inputs, seen in written["counted"]
        },
        profiles={str(revision): str(sha256) for revision, sha256 in written["profiles"].items()},
        lanes=_lanes(written["lanes"]),
        # Checkpoints of operators before this one have none.
        past=_lanes(written.get("past", {})),
    )


def _lanes(written: Any) -> dict[int, Lane]:
    return {
        int(length): {revision: _slots(slots) for revision, slots in lane.items()} for length, lane in written.items()
    }


def _slots(written: Any) -> list[CountedSlot]:
    slots = [CountedSlot(_count(start), _count(rows), read_inputs(inputs)) for start, rows, inputs in written]
    return sorted(slots, key=lambda slot: slot.start)


def _count(given: Any) -> int:
    if type(given) is not int or given < 0:
        raise ValueError(f"{given!r:.40} is no count")
    return given
