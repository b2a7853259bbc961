"""Research and engineering metrics along the same time, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from weirkeeper.model_report.attempts import promotions
from weirkeeper.model_report.coverage_along_time import coverage_figure
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.metrics_along_time import LabelStretch, label_stretches, metric_figures
from weirkeeper.model_report.served_along_time import bad_figures, rows_figure, served_hours
from weirkeeper.model_report.time_frame import Frame
from weirkeeper.model_report.windows import Watch
from weirkeeper.model_report.wording import hash_of
from weirkeeper.observe.checkpoint import Checkpoint
from weirkeeper.report.chart import Mark
from weirkeeper.report.page import Figure, Figures, Section, Sides

_LEAD: Final = (
    "Research beside engineering: how good the answers are, and how they are given. All pictures have the same time,"
    " UTC; an upright dashed line is a promotion, with the hash of its revision."
)


def along_time_section(found: Found, watch: Watch | None) -> Section | None:
    """Draw what the operator keeps of metrics along time; `watch` is the Monitor whose windows are shown."""
    checkpoint = found.checkpoint()
    if checkpoint is None:
        return None
    labels = label_stretches(found, checkpoint)
    frame = _frame(found, checkpoint, watch, labels)
    if frame is None:
        return None
    coverage = coverage_figure(found, checkpoint, watch, frame)
    rows = rows_figure(watch, frame) if watch else None
    research = [*metric_figures(found, labels, watch, frame), *([coverage] if coverage else [])]
    engineering = [*bad_figures(found, checkpoint, frame), *([rows] if rows else [])]
    sides = tuple(_side(figures) for figures in (research, engineering) if figures)
    return Section("Along time", (Sides(sides),), _LEAD) if sides else None


def _side(figures: Sequence[Figure]) -> Figures:
    return Figures(tuple(figures), wide=True)


def _frame(found: Found, checkpoint: Checkpoint, watch: Watch | None, labels: Sequence[LabelStretch]) -> Frame | None:
    starts = tuple(_starts(checkpoint, watch, labels))
    if not starts:
        return None
    start, end = min(starts), float(checkpoint.end)
    marks = tuple(Mark(at, hash_of(revision)) for at, revision in promotions(found) if start <= at <= end)
    return Frame(start, end, marks)


def _starts(checkpoint: Checkpoint, watch: Watch | None, labels: Sequence[LabelStretch]) -> Iterator[float]:
    yield from (one.start for one in labels)
    yield from (one.start for one in (watch.past if watch else ()))
    yield from (float(start) for start, _ in served_hours(checkpoint)[:1])
