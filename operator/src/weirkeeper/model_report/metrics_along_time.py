"""Metrics of the revisions in production along time: by labels that came back, and as the answers let expect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from weirkeeper.delivery.evidence import LabelSlots
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.performance import estimates_of
from weirkeeper.model_report.reigns import Reign, reigns
from weirkeeper.model_report.time_frame import TOGETHER, Frame, stretch_length
from weirkeeper.model_report.windows import Judged, Watch
from weirkeeper.model_report.wording import moment
from weirkeeper.observe.checkpoint import Checkpoint
from weirkeeper.observe.label_book import merged
from weirkeeper.observe.label_readings import Segments, rows_of
from weirkeeper.observe.label_slot_book import viewed
from weirkeeper.report.chart import Measured, Trace
from weirkeeper.report.page import Column, Figure, Table
from weirkeeper.statistics.expected import expected_performance
from weirkeeper.statistics.performance import Estimate

ENOUGH: Final = 100
"""Labels that a stretch should have: with fewer its interval says little."""

MOST_METRICS: Final = 4
USUAL: Final = ("Accuracy", "F1", "AUC", "MAE", "RMSE", "Value")
"""Metrics that are drawn where no Monitor names others."""

_NUMBERS: Final = (
    Column("From, UTC"),
    Column("Realised, 95 % interval"),
    Column("Labels", numeric=True),
    Column("Expected, 95 % interval"),
)


@dataclass(frozen=True)
class LabelStretch:
    """The labels of one revision's predictions from `start` to `end`, Unix seconds."""

    start: float
    end: float
    segments: Segments

    @property
    def rows(self) -> int:
        """Labelled rows."""
        return rows_of(self.segments)


def label_stretches(found: Found, checkpoint: Checkpoint) -> list[LabelStretch]:
    """Add up labels by stretches, of each revision while it was in production; the earliest first."""
    labels = viewed(checkpoint.labels)
    kept = [(reign, start) for reign in reigns(found) for start in _slots(reign, labels)]
    length = _length(kept, labels)
    stretches = []
    for (reign, first), slots in groupby(kept, key=lambda one: (one[0], one[1] // length * length)):
        segments = merged(labels.revisions[reign.revision][start] for _, start in slots)
        end = min(first + length, reign.until, checkpoint.end)
        stretches.append(LabelStretch(max(first, reign.since), end, segments))
    return [one for one in stretches if one.start < one.end]


def _slots(reign: Reign, labels: LabelSlots) -> list[int]:
    """The slots that hold predictions of the reign, of which labels came."""
    came = labels.revisions.get(reign.revision, {})
    return [start for start in came if reign.since < labels.end_of(start) and start < reign.until]


def _length(kept: Sequence[tuple[Reign, int]], labels: LabelSlots) -> int:
    """Stretches are as long as it takes for each to have enough labels, where they can."""
    slots = [labels.revisions[reign.revision][start] for reign, start in kept]
    rows = sum(map(rows_of, slots))
    parts = {(reign, start // labels.longest) for reign, start in kept}
    least = min(TOGETHER[-1], ENOUGH * len(parts) // max(1, rows))
    return stretch_length((start for _, start in kept), labels.longest, least)


def metric_figures(found: Found, stretches: Sequence[LabelStretch], watch: Watch | None, frame: Frame) -> list[Figure]:
    """Draw each metric as it was realised, beside what the answers let expect."""
    realised = [(one, estimates_of(one.segments)) for one in stretches]
    awaited = list(_expected(found, watch))
    known = {name for _, told in (*realised, *awaited) for name in told}
    bounds = _bounds(found)
    names = [name for name in dict.fromkeys([*bounds, *USUAL]) if name in known][:MOST_METRICS]
    return [_metric(name, realised, awaited, bounds.get(name), frame) for name in names]


def _expected(found: Found, watch: Watch | None) -> Iterator[tuple[Judged, Mapping[str, Estimate]]]:
    windows = watch.past if watch else ()
    profiles = {revision: found.profile(revision) for revision in {one.revision for one in windows}}
    for judged in windows:
        profile = profiles[judged.revision]
        told = expected_performance(profile.held_out if profile else None, judged.answers)
        yield judged, {str(name): one for name, one in told.estimates.items()}


def _bounds(found: Found) -> Mapping[str, float | None]:
    """What Monitors ask of metrics of all rows, by the metric."""
    told: dict[str, float | None] = {}
    for monitor in found.monitors:
        for one in (monitor.get("status") or {}).get("performance") or ():
            if not one.get("segment"):
                told.setdefault(str(one["metric"]), float(one["bound"]) if one.get("bound") else None)
    return told


Told = Sequence[tuple[LabelStretch | Judged, Mapping[str, Estimate]]]


def _metric(name: str, realised: Told, awaited: Told, bound: float | None, frame: Frame) -> Figure:
    sides = [
        Trace("realised", tuple(_measured(name, realised))),
        Trace("expected", tuple(_measured(name, awaited)), firm=False),
    ]
    limit = "" if bound is None else f" The line across is what a Monitor asks, {bound:.3f}."
    return Figure(
        title=f"{name} along time",
        told="; ".join(f"{side.name} {_went(side)}" for side in sides if side.measured),
        chart=frame.trend([side for side in sides if side.measured], bound),
        caption=f"Whole line: realised by labels. Dashed: expected by the answers. Pale: 95 % intervals.{limit}",
        numbers=Table(f"{name} along time", _NUMBERS, tuple(_rows(name, realised, awaited))),
    )


def _measured(name: str, told: Told) -> Iterator[Measured]:
    for one, found in told:
        if name in found:
            yield Measured(one.start, one.end, found[name].value, found[name].low, found[name].high)


def _went(side: Trace) -> str:
    first, last = (f"{one.value:.3f}" for one in (side.measured[0], side.measured[-1]))
    return first if first == last else f"{first}, then {last}"


def _rows(name: str, realised: Told, awaited: Told) -> Iterator[tuple[str, ...]]:
    sides = [{one.start: told[name] for one, told in side if name in told} for side in (realised, awaited)]
    for start in sorted({*sides[0], *sides[1]}):
        found, expected = (side.get(start) for side in sides)
        labels = f"{found.rows:,}" if found else ""
        yield (moment(start), _cell(found), labels, _cell(expected))


def _cell(found: Estimate | None) -> str:
    if found is None:
        return ""
    low, high = ("unbounded" if bound is None else f"{bound:.4g}" for bound in (found.low, found.high))
    return f"{found.value:.4g} ({low} to {high})"
