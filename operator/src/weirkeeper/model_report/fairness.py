"""How groups fare by labels that came back, as far as Monitors ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from weirkeeper.api.errors import InvalidSpec
from weirkeeper.api.monitor import parse_monitor
from weirkeeper.api.monitor_labels import FairnessWatch
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.performance import labels_of
from weirkeeper.observe.label_readings import Segments
from weirkeeper.report.page import Block, Cell, Column, Paragraph, Section, Table
from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.fairness import Disparity, FairnessRule, disparity, groups_of

_GROUPS: Final = (
    Column("Group"),
    Column("Share", numeric=True),
    Column("95 % interval", numeric=True),
    Column("Labels", numeric=True),
    Column("Compared"),
)
_LEAD: Final = (
    "Demographic parity: the share that is given the favourable class. Equal opportunity: the share of those that have"
    " it. By all labels of the stable revision that are kept; a Monitor judges those of its windows, at its own level."
)


def fairness_section(found: Found) -> Section | None:
    """Tell each segment and metric that a Monitor names; None where none does, or no label is kept."""
    segments = labels_of(found, found.stable)
    watches = {(watch.segment, watch.metric): watch for watch in _watches(found)}
    blocks = tuple(block for watch in watches.values() for block in _told(watch, segments)) if segments else ()
    return Section("Fairness", blocks, _LEAD) if blocks else None


def _watches(found: Found) -> Iterator[FairnessWatch]:
    for monitor in found.monitors:
        try:
            yield from parse_monitor(monitor).fairness
        except InvalidSpec:
            # The Monitor's own conditions say so.
            continue


def _told(watch: FairnessWatch, segments: Segments) -> Iterator[Block]:
    try:
        rule = FairnessRule(least_ratio=watch.min.number)
        found = disparity(groups_of(segments, watch.segment), watch.metric, rule, watch.favourable)
    except StatisticsError as error:
        yield Paragraph(f"{watch.metric} by {watch.segment}: {error}.")
        return
    yield Table(f"{watch.metric} by {watch.segment}", _GROUPS, tuple(_groups(found)))
    ratio = "" if found.ratio is None else f" The ratio is {found.ratio:.2f}; at least {watch.min.number:.2f} is asked."
    yield Paragraph(f"{found.message}.{ratio}")


def _groups(found: Disparity) -> Iterator[tuple[Cell, ...]]:
    for one in found.groups:
        interval = f"{one.low:.3f} to {one.high:.3f}"
        yield (one.group, f"{one.share:.3f}", interval, f"{one.rows:,}", "yes" if one.compared else "too few")
