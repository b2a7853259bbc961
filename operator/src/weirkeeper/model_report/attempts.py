"""Attempts: when they were, how they ended, and the gates of the last one with their evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from weirkeeper.api.attempts import HISTORY_LIMIT
from weirkeeper.api.conditions import unix_seconds
from weirkeeper.api.errors import InvalidSpec
from weirkeeper.api.rollout import RolloutPolicy, parse_rollout
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.wording import OUTCOMES, hash_of, moment, outcome_badge, verdict_badge
from weirkeeper.report.chart import Lane, Mark, Span, Timeline
from weirkeeper.report.page import Block, Cell, Column, Figure, Figures, Paragraph, Ratio, Section, Table
from weirkeeper.statistics.wording import lasted

_GATES: Final = (
    Column("Gate"),
    Column("Verdict"),
    Column("Candidate", numeric=True),
    Column("Stable", numeric=True),
    Column("Evidence for Fail", numeric=True),
    Column("Evidence for Pass", numeric=True),
    Column("In words"),
)
_STEPS: Final = (
    Column("Step"),
    Column("Traffic, %", numeric=True),
    Column("Hold", numeric=True),
    Column("Ends with"),
    Column("Now"),
)
_ATTEMPTS: Final = (
    Column("Attempt"),
    Column("Outcome"),
    Column("Revision"),
    Column("Started, UTC"),
    Column("Lasted", numeric=True),
    Column("Requests exposed", numeric=True),
    Column("Gates at its end"),
    Column("Reason"),
)


def attempts_section(found: Found, now: float) -> Section | None:
    """Draw the attempts along time, and list them, the latest first."""
    if not found.attempts:
        return None
    rows = tuple(_attempt(one, now) for one in reversed(found.attempts))
    blocks = (Figures((_along_time(found, now),), wide=True), Table("Attempts, the latest first", _ATTEMPTS, rows))
    return Section(
        "Attempts", blocks, f"The last {HISTORY_LIMIT} at most. A promotion is marked with the hash of its revision."
    )


def gates_section(found: Found) -> Section | None:
    """Tell the steps, and the gates of the last attempt; None where there was none."""
    gates = found.status.get("gates") or ()
    if not gates:
        return None
    told = Table(f"Gates of attempt {found.status.get('attempt', '?')}", _GATES, tuple(_gate(one) for one in gates))
    lead = (
        "Evidence is the logarithm of an e-value. At the mark in the middle of a bar it suffices: for Fail the"
        " candidate is worse than it may be, for Pass it is good enough, at the error rates that the Rollout asks for."
    )
    return Section("Steps and gates", (*_steps(found), told), lead)


def promotions(found: Found) -> Iterator[tuple[float, str]]:
    """Give when which revision was promoted, Unix seconds."""
    for one in found.attempts:
        if one.get("outcome") == "Promoted" and one.get("ended"):
            yield unix_seconds(one["ended"]), str(one["revision"])


def _along_time(found: Found, now: float) -> Figure:
    spans = [_span(one, now) for one in found.attempts]
    timeline = Timeline(
        min(span.start for span in spans),
        max(span.end for span in spans),
        (Lane("", tuple(spans)),),
        tuple(Mark(at, hash_of(revision)) for at, revision in promotions(found)),
    )
    promoted = sum(1 for _ in promotions(found))
    told = f"{len(spans)} attempt{'s' if len(spans) > 1 else ''}, {promoted} promoted"
    return Figure("Attempts along time", told, timeline, "Time in UTC. Tall: rolled back or aborted. Low: promoted.")


def _span(attempt: Mapping[str, Any], now: float) -> Span:
    start = unix_seconds(attempt["started"])
    end = unix_seconds(attempt["ended"]) if attempt.get("ended") else now
    outcome = str(attempt.get("outcome") or "Running")
    label = f"attempt {attempt['attempt']}, {attempt['revision']}: {outcome}"
    return Span(start, max(start, end), OUTCOMES.get(outcome, "plain"), label)


def _attempt(attempt: Mapping[str, Any], now: float) -> tuple[Cell, ...]:
    span = _span(attempt, now)
    gates = ", ".join(f"{gate['name']} {gate['verdict']}" for gate in attempt.get("gates") or ())
    return (
        str(attempt["attempt"]),
        outcome_badge(attempt),
        str(attempt["revision"]),
        moment(attempt["started"]),
        lasted(span.end - span.start),
        f"{attempt.get('exposedRequests', 0):,}",
        gates,
        str(attempt.get("reason", "")),
    )


def _steps(found: Found) -> list[Block]:
    policy = _policy(found)
    if policy is None:
        return [Paragraph("No Rollout names this Model: the platform's default policy applies.")]
    current = found.status.get("step")
    rows = tuple(
        (
            step.label,
            str(step.weight),
            str(step.hold),
            _ends(step.approval, require_pass=step.require_pass),
            "in force" if place == current else "",
        )
        for place, step in enumerate(policy.steps, start=1)
    )
    return [Table("Steps of the Rollout", _STEPS, rows)]


def _policy(found: Found) -> RolloutPolicy | None:
    try:
        return parse_rollout(found.rollout) if found.rollout else None
    except InvalidSpec:
        return None


def _ends(approval: str | None, *, require_pass: bool) -> str:
    parts = ["a person's promote"] if approval else []
    return " and ".join([*parts, "all gates at Pass"] if require_pass else parts) or "its hold"


def _gate(gate: Mapping[str, Any]) -> tuple[Cell, ...]:
    evidence = gate.get("evidence") or {}
    return (
        str(gate["name"]),
        verdict_badge(gate["verdict"]),
        _arm(gate.get("candidate")),
        _arm(gate.get("stable")),
        _evidence(evidence.get("fail"), evidence.get("failAt"), good=False),
        _evidence(evidence.get("pass"), evidence.get("passAt"), good=True),
        str(gate.get("message", "")).removeprefix(f"{gate['name']}: "),
    )


def _arm(arm: Mapping[str, int] | None) -> str:
    return f"{arm['bad']:,} of {arm['requests']:,}" if arm else ""


def _evidence(reached: str | None, needed: str | None, *, good: bool) -> Cell:
    if not reached or not needed or float(needed) <= 0.0:
        return ""
    return Ratio(
        float(reached) / float(needed), f"{float(reached):.1f} of {float(needed):.1f}", "good" if good else "bad"
    )
