"""What the report of a comparison says: `weirkeeper drift --report`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from weirkeeper.comparison.names import CURRENT_ROWS
from weirkeeper.comparison.result import Comparison
from weirkeeper.comparison.rule import Rule
from weirkeeper.report.features import PICTURES, changed, judged_section, pictures_section, quality_section, state_badge
from weirkeeper.report.html import html
from weirkeeper.report.page import Facts, Page, Section, Verdict
from weirkeeper.statistics.wording import percent


def report(compared: Comparison, now: datetime) -> str:
    """Write the report of a comparison that was made `now` (with its time zone), as one page of HTML."""
    return html(page_of(compared, now))


def page_of(compared: Comparison, now: datetime) -> Page:
    """Say what the report says; a comparison without an answer has no features, and says so."""
    return Page(
        kind="Drift of one set of rows against another",
        title=_title(compared),
        made=now.strftime("%d %B %Y, %H:%M %Z"),
        verdict=Verdict(state_badge(compared.state), _sentence(compared)),
        facts=_facts(compared),
        sections=tuple(section for section in _sections(compared) if section),
        absent=tuple(compared.notes),
    )


def _title(compared: Comparison) -> str:
    told = f"{compared.current.name} against {compared.reference.name}"
    # The name of a file keeps its letters.
    return f"{told[:1].upper()}{told[1:]}" if compared.current.name == CURRENT_ROWS else told


def _sentence(compared: Comparison) -> str:
    told = f"{compared.message[:1].upper()}{compared.message[1:]}"
    if not compared.drifting:
        return f"{told}."
    worst = compared.drifting[0]
    return f"{told}; furthest {worst.name}: {changed(worst)}."


def _facts(compared: Comparison) -> Facts:
    reference, current, rule = compared.reference, compared.current, compared.rule
    items = [
        ("Reference", f"{reference.name}, {reference.rows:,} rows"),
        ("Current", f"{current.name}, {current.rows:,} rows"),
        ("Shift that does not matter", _delta(rule)),
        ("False alarms put up with", _budget(rule)),
        ("Rows needed on both sides", f"{rule.min_rows:,}"),
    ]
    return Facts(tuple([*items, ("Left out on request", ", ".join(rule.ignore))] if rule.ignore else items))


def _delta(rule: Rule) -> str:
    own = [f"{name} {delta:g}" for name, delta in rule.deltas.items()]
    return ", ".join([f"PSI up to {rule.delta:g}", *own])


def _budget(rule: Rule) -> str:
    if rule.false_alarms_per_month is None:
        return f"{percent(rule.false_alarm)} of comparisons"
    return f"{rule.false_alarms_per_month:g} a month, comparing every {rule.every}"


def _sections(compared: Comparison) -> Iterator[Section | None]:
    if not compared.features:
        return
    legend = "reference", "current rows"
    drifting = compared.drifting
    others = [feature for feature in compared.shown if not feature.drifting]
    yield pictures_section("Features that drift", drifting, PICTURES, legend)
    yield judged_section(compared.shown)
    yield quality_section(compared.shown)
    yield pictures_section("Features that do not drift", others, PICTURES - len(drifting), legend)
