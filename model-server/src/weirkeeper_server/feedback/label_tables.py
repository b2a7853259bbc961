"""Counts of labels by revision and slot of the prediction, told by what changed since somebody looked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from weirkeeper.statistics.labels import LabelCounts
from weirkeeper_server.feedback.prediction import Prediction
from weirkeeper_server.feedback.refusals import Refused

MOST_TABLES: Final = 2_000
"""Pairs of revision and slot that are kept: the oldest slots go first."""

MOST_SEGMENTS: Final = 200
MOST_TOLD: Final = 20_000
"""Entries in one look; the rest is told by the next."""

_CURSOR: Final = re.compile(r"([0-9]{1,20})-([0-9]{1,20})")


@dataclass
class Table:
    """The counts of one revision and slot, for all rows and by segment."""

    whole: LabelCounts = field(default_factory=LabelCounts)
    segments: dict[str, LabelCounts] = field(default_factory=dict)
    changed: int = 0

    def counts_of(self, segments: Iterable[str]) -> list[LabelCounts]:
        """The counts to which a row in `segments` belongs."""
        known = [name for name in segments if name in self.segments or len(self.segments) < MOST_SEGMENTS]
        return [self.whole, *(self.segments.setdefault(name, LabelCounts()) for name in known)]

    @property
    def size(self) -> int:
        """How many entries it takes when it is told."""
        return self.whole.size + sum(counts.size for counts in self.segments.values())

    def to_json(self) -> dict[str, Any]:
        """Write it."""
        told = self.whole.to_json()
        if self.segments:
            told["segments"] = {name: counts.to_json() for name, counts in sorted(self.segments.items())}
        return told


class LabelTables:
    """Every table of this process, since `started` (Unix seconds)."""

    def __init__(self, slot_seconds: int, started: float) -> None:
        self._slot_seconds = slot_seconds
        self._process = int(started * 1000)
        self._changes = 0
        self._tables: dict[tuple[str, int], Table] = {}
        self._dropped_until = -1

    def counts_of(self, prediction: Prediction, row: int) -> list[LabelCounts]:
        """The counts that a labelled row of a prediction belongs to; they are told as changed.

        Raises:
            Refused: Expired, where the counts of so old a slot had to make room: begun anew they would count less.
        """
        slot = prediction.slot // self._slot_seconds * self._slot_seconds
        key = (prediction.revision, slot)
        table = self._tables.get(key) or self._made(key)
        self._changes += 1
        table.changed = self._changes
        return table.counts_of(prediction.segments_of(row))

    def _made(self, key: tuple[str, int]) -> Table:
        if key[1] <= self._dropped_until:
            raise Refused("Expired", f"predictions as old are not counted any more: {MOST_TABLES} slots are counted")
        if len(self._tables) >= MOST_TABLES:
            oldest = min(self._tables, key=lambda one: one[1])
            self._dropped_until = max(self._dropped_until, oldest[1])
            del self._tables[oldest]
        return self._tables.setdefault(key, Table())

    def told(self, cursor: str = "") -> dict[str, Any]:
        """List `[revision, slot, counts]` of what changed since `cursor`, with the cursor for the next look.

        A cursor of another process, or of no form that is known, tells everything.
        """
        since = self._since(cursor)
        changed = sorted((one.changed, key) for key, one in self._tables.items() if one.changed > since)
        tables: list[list[Any]] = []
        size = 0
        for change, key in changed:
            table = self._tables[key]
            size += table.size
            if tables and size > MOST_TOLD:
                break
            since = change
            tables.append([*key, table.to_json()])
        return {"slotSeconds": self._slot_seconds, "cursor": f"{self._process}-{since}", "tables": tables}

    def _since(self, cursor: str) -> int:
        found = _CURSOR.fullmatch(cursor)
        return int(found[2]) if found and int(found[1]) == self._process else 0
