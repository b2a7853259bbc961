"""How the stable revision did by labels that came back, beside what was expected and what was measured offline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from weirkeeper.model_report.found import Found
from weirkeeper.model_report.windows import Watch
from weirkeeper.observe.label_book import merged
from weirkeeper.observe.label_readings import WHOLE, Segments, rows_of
from weirkeeper.report.page import Block, Cell, Column, Paragraph, Section, Table
from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.expected import ExpectedPerformance, expected_performance
from weirkeeper.statistics.offline import OfflineMetric
from weirkeeper.statistics.performance import Estimate, estimates
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.wording import percent

_METRICS: Final = (
    Column("Metric"),
    Column("Realised", numeric=True),
    Column("Realised, 95 % interval", numeric=True),
    Column("Labels", numeric=True),
    Column("Expected", numeric=True),
    Column("Expected, 95 % interval", numeric=True),
    Column("Offline", numeric=True),
)
_SEGMENTS: Final = (
    Column("Segment"),
    Column("Metric"),
    Column("Realised", numeric=True),
    Column("Realised, 95 % interval", numeric=True),
    Column("Labels", numeric=True),
)
_MAIN: Final = ("Accuracy", "MAE")
"""The metric by which segments are compared: the first of these that there is."""


def performance_section(found: Found, watch: Watch | None) -> Section | None:
    """Tell realised metrics by labels in the slots that are kept, and those expected of the last window's answers.

    Without labels and without an expectation there is nothing to tell: None.
    """
    profile, segments = found.profile(found.stable), labels_of(found, found.stable)
    realised = estimates_of(segments)
    expected = _expected(profile, watch)
    if profile is None or not (realised or expected.estimates):
        return None
    offline = {str(metric.metric): metric for metric in profile.performance}
    rows = tuple(_row(name, realised, expected, offline) for name in dict.fromkeys([*realised, *expected.estimates]))
    blocks: list[Block] = [
        Table("Metrics of the stable revision", _METRICS, rows),
        Paragraph(_coverage(segments, watch)),
    ]
    groups = tuple(row for name in sorted(segments) if name != WHOLE for row in _segment(name, segments))
    if groups:
        blocks.append(Table("By segment", _SEGMENTS, groups))
    return Section("Performance", tuple(blocks), _LEAD)


_LEAD: Final = (
    "Realised: by the labels that came back. Expected: by the answers alone, as if rows of one score still had the"
    " labels that held-out rows of that score had. Offline: as the bundle measured it. Realised below expected is a"
    " change of the concept, expected below offline one of the inputs."
)


def labels_of(found: Found, revision: str) -> Segments:
    """Add up the labels of a revision's predictions, by segment; empty where there are none."""
    checkpoint = found.checkpoint()
    if checkpoint is None:
        return {}
    return merged(slot.segments for key, slot in checkpoint.labels.items() if key.revision == revision)


def estimates_of(segments: Segments) -> Mapping[str, Estimate]:
    """Tell the realised metrics of all rows; none where there are no labels."""
    counts = segments.get(WHOLE)
    try:
        return {} if counts is None else {str(name): one for name, one in estimates(counts).items()}
    except StatisticsError:
        return {}


def _expected(profile: ReferenceProfile | None, watch: Watch | None) -> ExpectedPerformance:
    outputs = watch.last.answers if watch else {}
    return expected_performance(profile.held_out if profile else None, outputs)


def _row(
    name: str, realised: Mapping[str, Estimate], expected: ExpectedPerformance, offline: Mapping[str, OfflineMetric]
) -> tuple[Cell, ...]:
    found, awaited = realised.get(name), {str(key): one for key, one in expected.estimates.items()}.get(name)
    known = offline.get(name)
    labels = f"{found.rows:,}" if found else ""
    return (name, *_told(found), labels, *_told(awaited), f"{known.value:.3f}" if known else "")


def _told(estimate: Estimate | None) -> tuple[str, str]:
    if estimate is None:
        return "", ""
    low, high = ("" if bound is None else f"{bound:.3f}" for bound in (estimate.low, estimate.high))
    return f"{estimate.value:.3f}", f"{low or 'unbounded'} to {high or 'unbounded'}"


def _segment(name: str, segments: Segments) -> list[tuple[Cell, ...]]:
    found = estimates_of({WHOLE: segments[name]})
    metric = next((one for one in _MAIN if one in found), None)
    return [] if metric is None else [(name, metric, *_told(found[metric]), f"{found[metric].rows:,}")]


def _coverage(segments: Segments, watch: Watch | None) -> str:
    """Say how many of the predictions have a label; windows are kept for a shorter time than labels are."""
    labels = rows_of(segments)
    rows = watch.rows if watch else 0
    if not rows:
        return f"{labels:,} labels came back."
    told = f"{labels:,} labels came back; the windows that are kept hold {rows:,} predictions of this revision"
    return f"{told}, so at most {percent(min(1.0, labels / rows))} of those have one."
