"""How the Model served along time: predictions by window and, where Monitors have objectives, bad requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from weirkeeper.api.errors import InvalidSpec
from weirkeeper.api.monitor import parse_monitor
from weirkeeper.api.monitor_objectives import Objectives
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.time_frame import MOST_STRETCHES, Frame, stretch_length
from weirkeeper.model_report.windows import Watch
from weirkeeper.model_report.wording import moment
from weirkeeper.observe.checkpoint import Checkpoint
from weirkeeper.observe.objective_book import FAILED, HOUR, REQUESTS, Hour, hours_of, timed_of
from weirkeeper.plan.conditions.objectives import slow_bin
from weirkeeper.report.chart import Measured, Trace
from weirkeeper.report.page import Column, Figure, Table
from weirkeeper.statistics.error_budget import Tally
from weirkeeper.statistics.intervals import Share, wilson
from weirkeeper.statistics.wording import percent

_BAD: Final = (Column("From, UTC"), Column("Bad", numeric=True), Column("Requests", numeric=True))
_ROWS: Final = (Column("From, UTC"), Column("Rows", numeric=True), Column("Revision"))

Stretches = Sequence[tuple[float, float, Tally]]


def served_hours(checkpoint: Checkpoint) -> Sequence[Hour]:
    """Give what became of requests by the hour, the earliest first; nothing where no Monitor has objectives."""
    return hours_of(checkpoint.objectives) if checkpoint.objectives else ()


def bad_figures(found: Found, checkpoint: Checkpoint, frame: Frame) -> Iterator[Figure]:
    """Draw the share of bad requests against each objective of the Monitors."""
    hours = served_hours(checkpoint)
    asked = tuple(_asked(found))
    availability = next((one.availability for one in asked if one.availability), None)
    latency = next((one.latency for one in asked if one.latency), None)
    if availability:
        yield from _bad(
            "Failed requests", _tallies(hours, REQUESTS, FAILED, checkpoint.end), availability.target.number, frame
        )
    if latency:
        columns = timed_of(slow_bin(latency))
        title = f"Requests of more than {latency.below}"
        yield from _bad(title, _tallies(hours, *columns, checkpoint.end), latency.target.number, frame)


def _asked(found: Found) -> Iterator[Objectives]:
    for monitor in found.monitors:
        try:
            asked = parse_monitor(monitor).objectives
        except InvalidSpec:
            # The Monitor's own conditions say so.
            continue
        if asked:
            yield asked


def _tallies(hours: Sequence[Hour], requests: str, bad: str, end: int) -> Stretches:
    """Add hours up by stretches in which there were requests."""
    length = stretch_length([start for start, _ in hours], HOUR)
    found = []
    for first, group in groupby(hours, key=lambda one: one[0] // length * length):
        inside = [counts for _, counts in group]
        whole = Tally(*(sum(counts.get(name, 0) for counts in inside) for name in (requests, bad)))
        if whole.requests:
            found.append((float(first), float(max(first + 1, min(first + length, end))), whole))
    return found


def _bad(title: str, stretches: Stretches, target: float, frame: Frame) -> Iterator[Figure]:
    if not stretches:
        return
    limit = 1.0 - target / 100.0
    requests, bad = (sum(one[2][place] for one in stretches) for place in (0, 1))
    measured = tuple(
        Measured(start, end, one.bad / one.requests, *wilson(Share(one.bad, one.requests)))
        for start, end, one in stretches
    )
    yield Figure(
        title=f"{title} along time",
        told=f"{bad:,} of {requests:,}, {percent(bad / requests)}; {100.0 * limit:.4g} % may be",
        chart=frame.trend([Trace("bad requests", measured)], limit, share=True),
        caption="Whole line: their part of all requests. Pale: its 95 % interval. The line across: what may be.",
        numbers=Table(
            f"{title} along time",
            _BAD,
            tuple((moment(start), f"{one.bad:,}", f"{one.requests:,}") for start, _, one in stretches),
        ),
    )


def rows_figure(watch: Watch, frame: Frame) -> Figure | None:
    """Draw how many rows the revisions in production answered in each window; None where no window is kept."""
    windows = watch.past[-MOST_STRETCHES:]
    if not windows:
        return None
    rows = tuple(Measured(one.start, one.end, float(one.inputs.rows)) for one in windows)
    values = [one.inputs.rows for one in windows]
    each = f"{values[0]:,}" if len(set(values)) == 1 else f"{min(values):,} to {max(values):,}"
    return Figure(
        title="Rows along time",
        told=f"{sum(values):,} in {len(values)} windows, {each} in each",
        chart=frame.trend([Trace("rows", rows)]),
        caption="Rows that the revision in production answered, by window.",
        numbers=Table(
            "Rows along time",
            _ROWS,
            tuple((moment(one.start), f"{one.inputs.rows:,}", one.revision) for one in windows),
        ),
    )
