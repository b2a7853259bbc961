"""How many of the predictions have a label, along time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final, NamedTuple

from weirkeeper.delivery.evidence import LabelSlots
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.reigns import Reign, reigns
from weirkeeper.model_report.time_frame import Frame, stretch_length
from weirkeeper.model_report.windows import Watch
from weirkeeper.model_report.wording import moment
from weirkeeper.observe.checkpoint import Checkpoint
from weirkeeper.observe.label_readings import rows_of
from weirkeeper.observe.label_slot_book import viewed
from weirkeeper.plan.labelled import predictions_by_slot
from weirkeeper.plan.windows import CountedSlot
from weirkeeper.report.chart import Measured, Trace
from weirkeeper.report.page import Column, Figure, Table
from weirkeeper.statistics.packed import NOTHING
from weirkeeper.statistics.wording import percent

_NUMBERS: Final = (Column("From, UTC"), Column("Labels", numeric=True), Column("Predictions", numeric=True))


class Covered(NamedTuple):
    """Predictions from `start` to `end` (Unix seconds), and how many of them have a label."""

    start: int
    end: int
    labels: int
    predictions: int

    @property
    def share(self) -> float:
        """The share that has one; labels may be counted twice over a restart of a server."""
        return min(1.0, self.labels / self.predictions) if self.predictions else 0.0


def coverage_figure(found: Found, checkpoint: Checkpoint, watch: Watch | None, frame: Frame) -> Figure | None:
    """Draw it for the windows that are kept; None where none of them had predictions, or no label ever came."""
    labels = viewed(checkpoint.labels)
    slots = [one for reign in reigns(found) for one in _of_reign(reign, labels, watch)] if watch else []
    if not any(one.labels for one in slots):
        return None
    length = stretch_length([one.start for one in slots], labels.longest)
    told = [_added(list(group)) for _, group in groupby(slots, key=lambda one: one.start // length)]
    whole = _added(slots)
    trace = Trace("labels", tuple(Measured(one.start, one.end, one.share) for one in told))
    return Figure(
        title="Labels along time",
        told=f"{whole.labels:,} of {whole.predictions:,} predictions have a label, {percent(whole.share)}",
        chart=frame.trend([trace], share=True),
        caption="Part of the predictions whose label came, in the windows that are kept. Later labels may still come.",
        numbers=Table(
            "Labels along time",
            _NUMBERS,
            tuple((moment(one.start), f"{one.labels:,}", f"{one.predictions:,}") for one in told),
        ),
    )


def _of_reign(reign: Reign, labels: LabelSlots, watch: Watch) -> Iterator[Covered]:
    """Count by slots of labels of which all predictions are known."""
    windows = [one for one in watch.past if one.revision == reign.revision and reign.since <= one.start < reign.until]
    if not windows:
        return
    first, last, came = windows[0].start, windows[-1].end, labels.revisions.get(reign.revision, {})
    counted = ((CountedSlot(int(one.start), one.inputs.rows, NOTHING), int(one.end - one.start)) for one in windows)
    for start, predictions in sorted(predictions_by_slot(counted, labels).items()):
        end = labels.end_of(start)
        if first <= start and end <= last and predictions:
            yield Covered(start, end, rows_of(came.get(start, {})), predictions)


def _added(parts: list[Covered]) -> Covered:
    labels, predictions = sum(one.labels for one in parts), sum(one.predictions for one in parts)
    return Covered(parts[0].start, parts[-1].end, labels, predictions)
