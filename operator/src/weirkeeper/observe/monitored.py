"""What is kept of one Model for its Monitors, and when enough of it is new to be written down."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from weirkeeper.delivery.evidence import LabelSlots
from weirkeeper.observe.checkpoint import Checkpoint, pack
from weirkeeper.observe.label_slot_book import LabelSlotBook
from weirkeeper.observe.windows import WindowBook
from weirkeeper.plan.windows import CountedSlots

CHECKPOINT_SECONDS: Final = 300
"""A checkpoint is written no oftener."""


class MonitoredModel:
    """The windows of one Model, and its checkpoints; `labels` are kept by the collector whether there are Monitors."""

    def __init__(self, since: int, kept: Checkpoint | None, labels: LabelSlotBook) -> None:
        self.windows = WindowBook(since, kept)
        self._labels = labels
        if kept is not None:
            labels.restore(kept.labels, kept.label_seconds)
        self._kept_at = kept.end if kept else since
        self._changes = self._changed()
        self._checkpoint: bytes | None = None

    def close(self, end: int, present: AbstractSet[str]) -> bool:
        """Everything up to `end` is told now; tells whether a checkpoint has come due, which takes something new."""
        settled = self.windows.close(end, present)
        if not settled or self._changed() == self._changes or end - self._kept_at < CHECKPOINT_SECONDS:
            return False
        self._kept_at, self._changes = end, self._changed()
        kept = self.windows.kept(end)
        self._checkpoint = pack(replace(kept, labels=self._labels.slots(), label_seconds=self._labels.slot_seconds))
        return self._checkpoint is not None

    def views(self) -> Mapping[str, CountedSlots]:
        """What the planner sees, by Monitor."""
        return self.windows.views(self._checkpoint, LabelSlots(self._labels.slot_seconds, self._labels.view()))

    def _changed(self) -> tuple[int, int]:
        return self.windows.changes, self._labels.changes
