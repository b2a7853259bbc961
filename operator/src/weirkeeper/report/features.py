"""Sections about features that were judged: a table of all, and pictures of the worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from weirkeeper.report.chart import Bars, Columns, Tone
from weirkeeper.report.page import Badge, Cell, Column, Figure, Figures, Paragraph, Ratio, Section, Table
from weirkeeper.report.shares import OTHERS, UNSEEN, distribution
from weirkeeper.statistics import DriftState, FeatureDrift, FeatureProfile, change_of
from weirkeeper.statistics.feature_drift import rows_of
from weirkeeper.statistics.wording import percent

PICTURES: Final = 30
"""Features that get a picture; the table has all."""

WORTH_TELLING: Final = 0.005
"""The share of rows from which values of a kind are told."""

ROWS: Final = 500
"""Features in the table; a profile holds a few hundred."""

TONES: Final[Mapping[DriftState, Tone]] = {
    "OK": "good",
    "Drifting": "bad",
    "Insufficient": "unknown",
    "Error": "caution",
}

_JUDGED = (
    Column("Feature"),
    Column("State"),
    Column("Change"),
    Column("Index ÷ threshold", numeric=True),
    Column("PSI", numeric=True),
    Column("Threshold", numeric=True),
)
_QUALITY = (
    Column("Feature"),
    Column("Missing before", numeric=True),
    Column("Missing now", numeric=True),
    Column("New values", numeric=True),
    Column("Out of range", numeric=True),
    Column("Other type", numeric=True),
)


def state_badge(state: DriftState) -> Badge:
    """Show a state."""
    return Badge(state, TONES[state])


def judged_section(features: Sequence[FeatureDrift], title: str = "All features") -> Section:
    """Tell of every feature how far it moved, the worst first."""
    shown = features[:ROWS]
    table = Table("Features, the worst first", _JUDGED, tuple(_judged(feature) for feature in shown))
    more = len(features) - len(shown)
    left_out = (Paragraph(f"{more:,} more features, none of them worse, are left out here."),) if more else ()
    lead = (
        "A feature drifts where its index is above its threshold. The index is the population stability index (PSI) of"
        " its values, of a shift along their order, or of missing against present ones, whichever is furthest above."
    )
    return Section(title, (table, *left_out), lead)


def pictures_section(
    title: str, features: Sequence[FeatureDrift], most: int, legend: tuple[str, str]
) -> Section | None:
    """Draw up to `most` features; `legend` names the two sides. None where there are none."""
    if not features or most < 1:
        return None
    more = len(features) - most
    left_out = f" {more:,} more {'has' if more == 1 else 'have'} no picture." if more > 0 else ""
    return Section(title, tuple(_pictured(features[:most], legend)), f"Shares of the rows.{left_out}")


def quality_section(features: Sequence[FeatureDrift]) -> Section | None:
    """Tell which values were missing, new, out of range or of another type; None where there were hardly any."""
    rows = tuple(row for feature in features if not feature.joint and (row := _quality(feature)))
    if not rows:
        return None
    table = Table("Values that are missing, or are not like those of the reference", _QUALITY, rows)
    return Section(
        "Quality", (table,), f"Shares of the rows, of features with at least {percent(WORTH_TELLING)} of a kind."
    )


def _judged(feature: FeatureDrift) -> tuple[Cell, ...]:
    return (
        feature.name,
        state_badge(feature.state),
        changed(feature),
        Ratio(feature.severity, f"{feature.severity:.2f}") if feature.findings else "",
        _number(feature.psi),
        _number(feature.threshold),
    )


def changed(feature: FeatureDrift) -> str:
    """Say what changed in the feature's own unit, or why it was not judged."""
    if feature.source is None or feature.state == "Insufficient":
        return feature.message.removeprefix(f"{feature.name}: ")
    return change_of(*feature.source)


def _quality(feature: FeatureDrift) -> tuple[Cell, ...] | None:
    if feature.source is None:
        return None
    profile, counts = feature.source
    rows = max(1, rows_of(counts))
    before = profile.missing / max(1, profile.count + profile.missing + profile.invalid)
    odd = (counts["missing"], counts["unseen"], counts.get("outOfRange", 0), counts["invalid"])
    shares = (before, *(count / rows for count in odd))
    return (feature.name, *map(percent, shares)) if max(shares) >= WORTH_TELLING else None


def _pictured(features: Sequence[FeatureDrift], legend: tuple[str, str]) -> list[Figures | Paragraph]:
    figures, without = [], []
    for feature in features:
        chart = None if feature.source is None else distribution(*feature.source)
        if chart is None or feature.source is None:
            without.append(feature)
        else:
            figures.append(_figure(feature, feature.source[0], chart))
    told = [Paragraph(f"{feature.name} has no picture: {changed(feature)}.") for feature in without]
    return [*([Figures(tuple(figures), legend)] if figures else []), *told]


def _figure(feature: FeatureDrift, profile: FeatureProfile, chart: Columns | Bars) -> Figure:
    index = feature.findings[0].told if feature.findings else "not judged"
    return Figure(
        title=feature.name,
        told=changed(feature),
        chart=chart,
        caption=f"{_axis(profile, chart)}. {index}.",
        badge=state_badge(feature.state),
        numbers=_numbers(feature.name, chart),
    )


def _axis(profile: FeatureProfile, chart: Columns | Bars) -> str:
    if isinstance(chart, Bars):
        told = "Categories"
    else:
        told = "Values" if profile.enumerated else "Limits of bins"
        told += f" in {profile.unit}" if profile.unit else ""
    labels = {pair.label for pair in chart.pairs}
    notes = [f"{OTHERS}: values too rare for a bar of their own"] if OTHERS in labels else []
    notes += [f"{UNSEEN}: values that the reference never had"] if UNSEEN in labels else []
    return "; ".join([told, *notes])


def _numbers(name: str, chart: Columns | Bars) -> Table:
    columns = (Column("Values"), Column("Reference, %", numeric=True), Column("Current, %", numeric=True))
    pairs = (*chart.pairs, chart.rest) if isinstance(chart, Bars) and chart.rest else chart.pairs
    rows = tuple((pair.label, f"{100 * pair.reference:.1f}", f"{100 * pair.live:.1f}") for pair in pairs)
    return Table(f"Shares of rows: {name}", columns, rows)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
