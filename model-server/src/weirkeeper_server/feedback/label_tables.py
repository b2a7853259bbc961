"""Counts of labels by revision, and by slot of the prediction, told by what changed since somebody looked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from weirkeeper.statistics.labels import LabelCounts
from weirkeeper_server.feedback.prediction import Prediction
from weirkeeper_server.feedback.refusals import Refused

MOST_TABLES: Final = 2_000
"""Pairs of revision and slot that are kept: the oldest slots go first."""

MOST_REVISIONS: Final = 50
MOST_SEGMENTS: Final = 200
MOST_TOLD: Final = 500_000
"""Bytes in one look; the rest is told by the next. The operator reads no answer of more than 2 MiB."""

_CURSOR: Final = re.compile(r"([0-9]{1,20})-([0-9]{1,20})")


@dataclass
class Table:
    """The counts of one revision, or of one revision in one slot: for all rows and by segment."""

    whole: LabelCounts = field(default_factory=LabelCounts)
    segments: dict[str, LabelCounts] = field(default_factory=dict)
    changed: int = 0

    def counts_of(self, segments: Iterable[str]) -> list[LabelCounts]:
        """The counts of its segments to which a row in `segments` belongs."""
        known = [name for name in segments if name in self.segments or len(self.segments) < MOST_SEGMENTS]
        return [self.segments.setdefault(name, LabelCounts()) for name in known]

    def to_json(self) -> dict[str, Any]:
        """Write it."""
        told = self.whole.to_json()
        if self.segments:
            told["segments"] = {name: counts.to_json() for name, counts in sorted(self.segments.items())}
        return told

    def in_short(self) -> dict[str, Any]:
        """Write it without what can be long: segments, and pairs of classes, which count as unlisted."""
        whole = self.whole.to_json()
        whole.pop("confusion", None)
        return {**whole, "unlisted": self.whole.rows}


class Tallies(NamedTuple):
    """The counts that one row belongs to: of `all_rows`, and of its `segments`."""

    all_rows: list[LabelCounts]
    segments: list[LabelCounts]


class LabelTables:
    """Every table of this process, since `started` (Unix seconds)."""

    def __init__(self, slot_seconds: int, started: float) -> None:
        self._slot_seconds = slot_seconds
        self._process = int(started * 1000)
        self._changes = 0
        self._totals: dict[str, Table] = {}
        self._slots: dict[tuple[str, int], Table] = {}
        self._dropped_until = -1

    def counts_of(self, prediction: Prediction, row: int) -> Tallies:
        """The counts that a labelled row of a prediction belongs to; they are told as changed.

        Raises:
            Refused: Expired, where the counts of so old a slot had to make room: begun anew they would count less; or
                where labels of too many revisions came.
        """
        slot = prediction.slot // self._slot_seconds * self._slot_seconds
        key, segments = (prediction.revision, slot), prediction.segments_of(row)
        if prediction.revision not in self._totals and len(self._totals) >= MOST_REVISIONS:
            raise Refused("Expired", f"labels of {MOST_REVISIONS} other revisions are counted here; no more are")
        in_slot = self._slots.get(key) or self._made(key)
        total = self._totals.setdefault(prediction.revision, Table())
        tables = (in_slot, total)
        for table in tables:
            self._changes += 1
            table.changed = self._changes
        by_segment = [counts for table in tables for counts in table.counts_of(segments)]
        return Tallies([table.whole for table in tables], by_segment)

    def count_post(self, prediction: Prediction) -> None:
        """Count a post once for a revision, in the slot of its first row that was counted: posts add up over slots."""
        slot = prediction.slot // self._slot_seconds * self._slot_seconds
        for table in (self._slots[prediction.revision, slot], self._totals[prediction.revision]):
            table.whole.posts += 1

    def _made(self, key: tuple[str, int]) -> Table:
        if len(self._slots) >= MOST_TABLES:
            oldest = min(self._slots, key=lambda one: one[1])
            self._dropped_until = max(self._dropped_until, min(key[1], oldest[1]))
            if key[1] > oldest[1]:
                del self._slots[oldest]
        if key[1] <= self._dropped_until:
            raise Refused("Expired", f"predictions as old are not counted any more: {MOST_TABLES} slots are counted")
        return self._slots.setdefault(key, Table())

    def told(self, cursor: str = "") -> dict[str, Any]:
        """List as `totals` `[revision, counts]` and as `slots` `[revision, slot, counts]` what changed since `cursor`.

        With it comes the cursor for the next look, which is also needed where one look cannot tell everything.

        A cursor of another process, or of no form that is known, tells everything.
        """
        since, size = self._since(cursor), 0
        found: dict[str, list[list[Any]]] = {"totals": [], "slots": []}
        for where, key, table in self._by_change(since):
            written = table.to_json()
            length = len(json.dumps(written))
            if length > MOST_TOLD:
                written, length = table.in_short(), 0
            size += length
            if size > MOST_TOLD:
                break
            since = table.changed
            found[where].append([*key, written])
        return {"slotSeconds": self._slot_seconds, "cursor": f"{self._process}-{since}", **found}

    def _by_change(self, since: int) -> list[tuple[str, tuple[str | int, ...], Table]]:
        every: list[tuple[str, tuple[str | int, ...], Table]] = [
            *(("totals", (revision,), table) for revision, table in self._totals.items()),
            *(("slots", key, table) for key, table in self._slots.items()),
        ]
        return sorted((one for one in every if one[2].changed > since), key=lambda one: one[2].changed)

    def _since(self, cursor: str) -> int:
        found = _CURSOR.fullmatch(cursor)
        return int(found[2]) if found and int(found[1]) == self._process else 0
