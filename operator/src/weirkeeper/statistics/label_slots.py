"""Labels by the slot of their prediction: how many came, and from when on a slot is complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.intervals import LEVEL, Share, wilson
from weirkeeper.statistics.labels import LabelCounts


@dataclass(frozen=True)
class LabelledWindow:
    """The labels of the predictions in a window.

    `coverage` is the share of its `predictions` whose label came, with the bounds of the share that would come of ever
    more predictions like these. `frozen` says whether every slot is behind the watermark: labels that come still later
    are not counted, so that the window's numbers stay.
    """

    counts: LabelCounts
    predictions: int
    coverage: float
    coverage_bounds: tuple[float, float]
    frozen: bool


def watermark(now: float, delay: float, slot_seconds: int) -> int:
    """Tell the start of the first slot that still takes labels (Unix seconds, as `now`); earlier ones are frozen.

    `delay` is after how many seconds a label is no longer waited for, such as the 95th percentile of its delay.

    Raises:
        StatisticsError: a negative delay, or slots of no length.
    """
    if delay < 0.0 or slot_seconds <= 0:
        raise StatisticsError(
            f"a delay of {delay} s and slots of {slot_seconds} s were given; expected 0 or more, and 1"
        )
    return int((now - delay) // slot_seconds) * slot_seconds


def booked(
    known: Mapping[int, LabelCounts], told: Mapping[int, LabelCounts], frozen_until: int
) -> dict[int, LabelCounts]:
    """Take the cumulative counts that are told of slots, by their start, except of slots before `frozen_until`.

    Those stay as they are known, and what was never known of them is let be: `frozen_until` is the watermark of the
    look before, so that each slot takes in what is told at the first look after it has passed.
    """
    return {**known, **{slot: counts for slot, counts in told.items() if slot >= frozen_until}}


def labelled_window(
    slots: Mapping[int, LabelCounts], predictions: Mapping[int, int], window: Sequence[int], frozen_until: int
) -> LabelledWindow:
    """Add up the slots of a `window`, which are named by their starts, in order.

    `predictions` are all predictions by slot; there cannot be fewer of them than labels, so where a restart lost some,
    the labels count.
    """
    counts = LabelCounts()
    made = 0
    for slot in window:
        found = slots.get(slot, LabelCounts())
        counts.merge(found)
        made += max(predictions.get(slot, 0), found.rows)
    share = Share(counts.rows, made)
    return LabelledWindow(
        counts, made, share.value, wilson(share, LEVEL), len(window) > 0 and window[-1] < frozen_until
    )
