"""Every attempt that is on record: the steps that it went through, and how the evidence of its gates grew."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from weirkeeper.api.conditions import unix_seconds
from weirkeeper.api.names import ATTEMPTS_ANNOTATION
from weirkeeper.delivery.curve import Curve
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.wording import moment
from weirkeeper.report.chart import Line, Lines
from weirkeeper.report.page import Block, Cell, Column, Figure, Figures, Paragraph, Section, Table
from weirkeeper.statistics.wording import lasted

_STEPS: Final = (
    Column("Step"),
    Column("Weight at first, %", numeric=True),
    Column("Began, UTC"),
    Column("Lasted", numeric=True),
    Column("Requests", numeric=True),
)
_NUMBERS: Final = (
    Column("After"),
    Column("Fail, %", numeric=True),
    Column("Pass, %", numeric=True),
)

Attempt = Mapping[str, Any]


def evidence_sections(found: Found, now: float) -> Iterator[Section]:
    """Tell each attempt of which steps or evidence are known, the latest first."""
    for attempt in recorded(found):
        blocks: list[Block] = []
        steps = _counted(attempt)
        if steps:
            end = unix_seconds(attempt["ended"]) if attempt.get("ended") else now
            blocks.append(Table(f"Steps of attempt {attempt['attempt']}", _STEPS, tuple(_steps(steps, end))))
        curve = _curve_of(found, attempt)
        if curve is not None and curve.points:
            blocks += _drawn(attempt, curve)
        if blocks:
            parts = (attempt.get("outcome") or "Running", attempt.get("reason"))
            told = f"{attempt['revision']}: {', '.join(str(part) for part in parts if part)}"
            yield Section(f"Attempt {attempt['attempt']}", tuple(blocks), told.strip())


def recorded(found: Found) -> list[Attempt]:
    """Every attempt that the status or a revision's record tells of, the latest first."""
    known = {item["attempt"]: item for item in found.attempts}
    for record in found.records:
        annotations = record["metadata"].get("annotations") or {}
        # What is on record is whole, the status shortens what is older.
        known |= {item["attempt"]: item for item in json.loads(annotations.get(ATTEMPTS_ANNOTATION) or "[]")}
    return [known[number] for number in sorted(known, reverse=True)]


def _curve_of(found: Found, attempt: Attempt) -> Curve | None:
    """How its evidence grew: by its record or, of the last ones, by the operator's memory."""
    memory = found.status.get("memory") or {}
    kept = {one["attempt"]: one for one in memory.get("attempts") or ()}.get(attempt["attempt"], {})
    running = memory.get("curve") if not attempt.get("outcome") else None
    told = attempt.get("curve") or kept.get("curve") or running
    return Curve.model_validate(told) if told else None


def _counted(attempt: Attempt) -> Sequence[Mapping[str, Any]]:
    """Its steps; what the running one exposed, which its record says at its end, is what the others leave."""
    steps = attempt.get("steps") or ()
    if attempt.get("ended") or not steps:
        return steps
    *former, running = steps
    rest = attempt.get("exposedRequests", 0) - sum(step.get("requests", 0) for step in former)
    return [*former, {**running, "requests": max(rest, running.get("requests", 0))}]


def _steps(steps: Sequence[Mapping[str, Any]], end: float) -> Iterator[tuple[Cell, ...]]:
    begins = [unix_seconds(step["started"]) for step in steps]
    for step, began, ended in zip(steps, begins, [*begins[1:], end], strict=True):
        requests = f"{step.get('requests', 0):,}"
        yield (step["name"], str(step["weight"]), moment(began), lasted(max(0.0, ended - began)), requests)


def _percent(points: tuple[tuple[float, float], ...]) -> str:
    return f"{100.0 * max(0.0, points[-1][1]):.0f}"


def _drawn(attempt: Attempt, curve: Curve) -> list[Block]:
    """Draw the evidence of gates that had some, and name the others: their pictures would be empty."""
    sides = [[point[place] for point in curve.points] for place in range(1, 1 + 2 * len(curve.gates))]
    silent = [gate for place, gate in enumerate(curve.gates) if max(*sides[2 * place], *sides[2 * place + 1]) <= 0]
    figures = tuple(figure for figure in _figures(attempt, curve) if figure.title not in silent)
    told = [Paragraph(f"No evidence came for {', '.join(silent)}.")] if silent else []
    return [*([Figures(figures)] if figures else []), *told]


def _figures(attempt: Attempt, curve: Curve) -> Iterator[Figure]:
    """Draw the evidence of each gate along the attempt."""
    began = unix_seconds(attempt["started"])
    end = began + max(1, curve.points[-1][0])
    for place, gate in enumerate(curve.gates):
        fail, passing = (
            tuple((began + point[0], point[1 + 2 * place + side] / 100.0) for point in curve.points) for side in (0, 1)
        )
        told = f"at its end {_percent(fail)} % of what Fail takes, {_percent(passing)} % of what Pass takes"
        yield Figure(
            title=gate,
            told=told,
            chart=Lines(began, end, (Line("for Fail", fail, "bad"), Line("for Pass", passing, "good"))),
            caption=(
                "Time in UTC. Dashed line: evidence that the candidate is worse than it may be. Whole line: that it is"
                " good enough. Above the mark it suffices; below none there is no evidence."
            ),
            numbers=Table(
                "Evidence, of what suffices",
                _NUMBERS,
                tuple(
                    (lasted(point[0]), str(point[1 + 2 * place]), str(point[2 + 2 * place])) for point in curve.points
                ),
            ),
        )
