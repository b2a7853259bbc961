"""Labels of a window's predictions, and of those before it as far as it takes to have enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from weirkeeper.delivery.evidence import LabelSlots
from weirkeeper.plan.windows import PAST, CountedSlot, WindowRule
from weirkeeper.statistics.label_slots import LabelledWindow, labelled_window
from weirkeeper.statistics.labels import LabelCounts

ALL_ROWS: Final = ""
"""The name under which the counts of all rows stand among those of segments."""


@dataclass(frozen=True)
class LabelRule:
    """What a Monitor asks of labels: rows, and how long they are waited for, in seconds."""

    min_rows: int
    max_age: int


@dataclass(frozen=True)
class Predicted:
    """Predictions of a revision by the slots of labels.

    The revision `began` not before this and is stable `since`, and all that it predicted was counted from
    `counted_since` on (Unix seconds).
    """

    by_slot: Mapping[int, int]
    since: float = 0.0
    began: float = 0.0
    counted_since: float = 0.0


@dataclass(frozen=True)
class Labelled:
    """The labels that are judged: of predictions in `[start, end)`, by segment, and by slot the counts of all rows.

    `window` has what all of them say together, with how many of the predictions have a label; `known` tells whether
    all of these predictions were counted, so that this share can be told.
    """

    start: int
    end: int
    window: LabelledWindow
    segments: Mapping[str, LabelCounts] = field(default_factory=dict)
    slots: tuple[LabelCounts, ...] = ()
    known: bool = True

    @property
    def rows(self) -> int:
        """Labelled rows."""
        return self.window.counts.rows


def labels_of(
    labels: LabelSlots, revision: str, rule: LabelRule, windows: WindowRule, end: int, since: float
) -> dict[int, Mapping[str, LabelCounts]]:
    """Pick the slots that are judged at a window's `end`, by their start, the newest first.

    They reach back over the window, and further until there are enough rows; never behind the watermark, nor to before
    `since` (the revision's promotion).
    """
    slots = labels.revisions.get(revision, {})
    oldest = max(end - rule.max_age, since)
    picked: dict[int, Mapping[str, LabelCounts]] = {}
    rows = 0
    for start in sorted((one for one in slots if labels.end_of(one) > oldest and one < end), reverse=True):
        if labels.end_of(start) <= end - windows.size and rows >= rule.min_rows:
            break
        picked[start] = slots[start]
        rows += slots[start][ALL_ROWS].rows if ALL_ROWS in slots[start] else 0
    return picked


def labelled(
    picked: Mapping[int, Mapping[str, LabelCounts]],
    predicted: Predicted,
    windows: WindowRule,
    end: int,
    rule: LabelRule,
    labels: LabelSlots,
) -> Labelled:
    """Add up what was picked of `labels`, beside what was `predicted`."""
    first = labels.start_of(min(picked, default=min(max(end - windows.size, predicted.since), end)))
    slots = {start: segments.get(ALL_ROWS, LabelCounts()) for start, segments in picked.items()}
    window = labelled_window(slots, predicted.by_slot, labels.starts(first, end), labels.start_of(end - rule.max_age))
    known = max(first, predicted.began) >= max(end - PAST * windows.size, predicted.counted_since)
    return Labelled(first, end, window, added(picked.values()), tuple(slots[start] for start in sorted(slots)), known)


def added(parts: Iterable[Mapping[str, LabelCounts]]) -> dict[str, LabelCounts]:
    """Add counts up by segment, to the last bit."""
    found: dict[str, LabelCounts] = {}
    for segments in parts:
        for name, counts in segments.items():
            found.setdefault(name, LabelCounts()).merge(counts)
    return found


def predictions_by_slot(counted: Iterable[tuple[CountedSlot, int]], labels: LabelSlots) -> dict[int, int]:
    """Count predictions by the slots of labels; rows are `counted` in so many seconds, over which they are spread."""
    found: dict[int, int] = {}
    for one, seconds in counted:
        before = 0
        for start in labels.starts(one.start, one.start + seconds):
            until = one.rows * min(labels.end_of(start) - one.start, seconds) // seconds
            found[start] = found.get(start, 0) + until - before
            before = until
    return found
