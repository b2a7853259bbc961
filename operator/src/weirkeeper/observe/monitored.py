"""What is kept of one Model for its Monitors, and when enough of it is new to be written down."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from weirkeeper.observe.checkpoint import Checkpoint, pack
from weirkeeper.observe.label_slot_book import LabelSlotBook
from weirkeeper.observe.objective_book import ObjectiveBook
from weirkeeper.observe.windows import WindowBook
from weirkeeper.plan.windows import CountedSlots

CHECKPOINT_SECONDS: Final = 300
"""A checkpoint is written no oftener."""


class MonitoredModel:
    """The windows and objectives of one Model, and its checkpoints.

    `labels` are kept by the collector whether there are Monitors. `objectives` are None while no Monitor has any.
    """

    def __init__(self, since: int, kept: Checkpoint | None, labels: LabelSlotBook) -> None:
        self.windows = WindowBook(since, kept)
        self.objectives: ObjectiveBook | None = None
        self._kept_objectives = kept.objectives if kept else None
        self._labels = labels
        if kept is not None:
            labels.restore(kept.labels)
        self._kept_at = kept.end if kept else since
        self._changes = self._changed()
        self._settled_at = 0
        self._checkpoint: bytes | None = None

    def set_slow(self, bins: AbstractSet[int] | None, since: int) -> None:
        """Count requests against objectives, slow ones above these latency bins; not at all where there are none."""
        if bins is None:
            self.objectives = self._kept_objectives = None
            return
        if self.objectives is None:
            self.objectives = ObjectiveBook(since, self._kept_objectives)
        self.objectives.set_slow(bins)

    def close(self, end: int, present: AbstractSet[str]) -> bool:
        """Pods have told everything up to `end`; tells whether a checkpoint has come due, which takes something new."""
        if self.windows.close(end, present):
            self._settled_at = end
        return self.due()

    def due(self) -> bool:
        """Make the checkpoint that has come due, once pods and routers have told everything up to its end."""
        end = self._settled_at
        behind = self.objectives is not None and self.objectives.asked < end
        if behind or self._changed() == self._changes or end - self._kept_at < CHECKPOINT_SECONDS:
            return False
        self._kept_at, self._changes = end, self._changed()
        self._checkpoint = pack(
            replace(
                self.windows.kept(end),
                labels=self._labels.slots(),
                objectives=self.objectives.kept() if self.objectives else None,
            )
        )
        return self._checkpoint is not None

    def views(self) -> Mapping[str, CountedSlots]:
        """What the planner sees, by Monitor."""
        return self.windows.views(self._checkpoint, self._labels.view())

    def _changed(self) -> tuple[int, int, int]:
        return self.windows.changes, self._labels.changes, self.objectives.changes if self.objectives else 0
