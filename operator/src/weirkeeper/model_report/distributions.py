"""Windows along time with promotions marked, and the inputs of the last one against their reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from weirkeeper.model_report.attempts import promotions
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.windows import Judged, Watch
from weirkeeper.model_report.wording import STATES, hash_of, moment, stretch
from weirkeeper.report.chart import Lane, Mark, Span, Timeline
from weirkeeper.report.features import PICTURES, judged_section, pictures_section
from weirkeeper.report.page import Badge, Column, Figure, Figures, Ratio, Section, Table
from weirkeeper.statistics import DriftState, FeatureDrift, WindowReport
from weirkeeper.statistics.quality import TOLD, QualityFinding
from weirkeeper.statistics.wording import percent

LANES: Final = 5
"""Features that have a lane of their own beneath that of all inputs."""

MOST_FINDINGS: Final = 30
"""Shares of odd values that are listed."""

_QUALITY: Final = (
    Column("Column"),
    Column("State"),
    Column("Values that are"),
    Column("Share", numeric=True),
    Column("Limit", numeric=True),
)

WORST: Final = 12
"""Features that are drawn of each Monitor where none drifts."""


def distribution_sections(found: Found, watched: Sequence[Watch]) -> Iterator[Section | None]:
    """Draw the windows of each Monitor of which counts are kept, see `watches`."""
    for watch in watched:
        title = f" ({watch.name})" if len(watched) > 1 else ""
        yield _windows(found, watch, title)
        for side, report in (("inputs", watch.last.inputs), ("outputs", watch.last.outputs)):
            features = [one for one in report.features if one.drifting or not one.joint]
            legend = "reference", f"window to {moment(watch.last.end)} UTC"
            most = min(PICTURES, max(WORST, sum(feature.drifting for feature in features)))
            yield pictures_section(f"Worst {side}{title}", features, most, legend)
            yield judged_section(features, f"All {side}{title}") if features else None
        yield _quality(watch, title)


def _windows(found: Found, watch: Watch, title: str) -> Section:
    """Draw the state of each window along time, of all inputs together, of those that are worst now, and of outputs."""
    judged = sorted({one.start: one for one in (*watch.past, watch.last)}.values(), key=lambda one: one.start)
    start, end = judged[0].start, judged[-1].end
    worst = [feature.name for feature in watch.last.inputs.features if not feature.joint][:LANES]
    marks = tuple(Mark(at, hash_of(revision)) for at, revision in promotions(found) if start <= at <= end)
    lanes = (
        Lane("all inputs", tuple(_whole(one, one.inputs) for one in judged)),
        *(Lane(name, tuple(_one(judged, name))) for name in worst),
        *([Lane("outputs", tuple(_whole(one, one.outputs) for one in judged))] if watch.last.outputs.features else []),
        Lane("data quality", tuple(map(_kept_well, judged))),
    )
    bad = sum(one.inputs.state == "Drifting" for one in judged)
    figure = Figure(
        title="Windows along time",
        told=f"inputs drift in {bad} of {len(judged)} windows",
        chart=Timeline(start, end, lanes, marks),
        caption=(
            "Time in UTC. Low: OK. Tall: drifting, or above a limit. A thin line: too few rows. Dashed: a revision was"
            " promoted, and its reference with it. Each window is judged by itself here; the Monitor also knows the"
            " ones before it."
        ),
    )
    return Section(f"Windows{title}", (Figures((figure,), wide=True),))


def _whole(judged: Judged, report: WindowReport) -> Span:
    return _span(judged, report.state, f"{report.state}, {report.rows:,} rows of {judged.revision}")


def _one(judged: Sequence[Judged], name: str) -> Iterator[Span]:
    for one in judged:
        feature = next((feature for feature in one.inputs.features if feature.name == name), None)
        if feature is None:
            yield _span(one, "Insufficient", "not judged")
        else:
            yield _span(one, feature.state, _told(feature))


def _kept_well(judged: Judged) -> Span:
    above = [finding.told for finding in judged.quality if finding.above]
    if judged.inputs.state == "Insufficient":
        return _span(judged, "Insufficient", "not judged")
    return _span(judged, "Drifting" if above else "OK", "; ".join(above) or "no column is above its limits")


def _told(feature: FeatureDrift) -> str:
    return f"{feature.state}, {feature.severity:.2f} of its threshold"


def _span(judged: Judged, state: DriftState, told: str) -> Span:
    return Span(judged.start, judged.end, STATES[state], f"{stretch(judged.start, judged.end)}: {told}")


def _above(finding: QualityFinding) -> Badge:
    if finding.above:
        return Badge("Above", "bad")
    return Badge("Not sure", "unknown") if finding.share > finding.limit else Badge("OK", "good")


def _quality(watch: Watch, title: str) -> Section | None:
    """Tell the shares of odd values of the last window against the limits that the Monitor puts up with."""
    findings = [one for one in watch.last.quality if one.above or one.share > 0.0]
    if not findings:
        return None
    rows = tuple(
        (
            one.name,
            _above(one),
            TOLD[one.kind],
            Ratio(one.share / one.limit, percent(one.share)) if one.limit else percent(one.share),
            percent(one.limit),
        )
        for one in findings[:MOST_FINDINGS]
    )
    lead = "Shares of the last window's rows. The mark in a bar's middle is the limit, with what the reference had."
    return Section(f"Quality{title}", (Table("Odd values, the worst first", _QUALITY, rows),), lead)
