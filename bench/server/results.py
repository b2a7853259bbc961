"""What was measured, as it stands in the table and in JSON."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from bench.server.cases import Bound, Case
from bench.server.contenders import CEILING, OURS
from bench.server.load import Run
from bench.server.measure import Spread, ratio, spread

SURE: Final = 1.96
"""Standard deviations of 95 % certainty."""


@dataclass(frozen=True)
class Goal:
    """What was wanted of a figure, and whether it was reached; `met` is None where it could not be measured."""

    wanted: str
    met: bool | None


@dataclass(frozen=True)
class Measured:
    """One contender in one case."""

    rate: Spread
    p50: Spread
    p99: Spread
    cpu: Spread


@dataclass(frozen=True)
class CaseResult:
    """A case: every contender's figures, our rate and p99 by each of the others', and goals.

    `cpus` is their CPU time of a request by ours: what the rates would be if nothing else ran on the machine.
    """

    case: Case
    measured: Mapping[str, Measured]
    rates: Mapping[str, Spread]
    p99s: Mapping[str, Spread]
    cpus: Mapping[str, Spread]
    goals: Sequence[Goal]


@dataclass(frozen=True)
class BoundResult:
    """A figure of its own, with the peers' beside it where there are such."""

    bound: Bound
    figures: Mapping[str, float]
    ratio: float | None
    goal: Goal
    remark: str = ""


@dataclass(frozen=True)
class Report:
    """Everything of one run."""

    versions: Mapping[str, str]
    machine: str
    cases: Sequence[CaseResult]
    bounds: Sequence[BoundResult]
    router: Mapping[str, Any] = field(default_factory=dict)
    missing: Sequence[str] = ()

    @property
    def goals(self) -> list[tuple[str, Goal]]:
        """List all goals with what they are about."""
        found = [(f"{result.case.name}: {goal.wanted}", goal) for result in self.cases for goal in result.goals]
        return found + [(f"{result.bound.name}: {result.goal.wanted}", result.goal) for result in self.bounds]

    def document(self) -> dict[str, Any]:
        """Give it for JSON."""
        return asdict(self)


def judge(case: Case, runs: Mapping[str, Sequence[Run]]) -> CaseResult:
    """Sum up the runs of one case and hold them against its goals."""
    others = [name for name in runs if name != OURS]
    rates = {name: ratio(runs[OURS], runs[name], "rate") for name in others}
    p99s = {name: ratio(runs[OURS], runs[name], "p99") for name in others if name != CEILING}
    cpus = {name: ratio(runs[name], runs[OURS], "cpu") for name in others}
    measured = {
        name: Measured(*(spread(found, figure) for figure in ("rate", "p50", "p99", "cpu")))
        for name, found in runs.items()
    }
    return CaseResult(case, measured, rates, p99s, cpus, _goals(case, rates, p99s))


def _goals(case: Case, rates: Mapping[str, Spread], p99s: Mapping[str, Spread]) -> list[Goal]:
    rate, p99 = rates.get(case.peer), p99s.get(case.peer)
    goals = [Goal(f"≥ {case.goal:g}x {case.peer}", rate.median >= case.goal if rate else None)]
    if case.p99 is not None:
        goals.append(Goal(f"p99 ≤ {case.p99:.2f}x {case.peer}'s", p99.median <= case.p99 if p99 else None))
    return goals


def hold(bound: Bound, figures: Mapping[str, float], remark: str = "") -> BoundResult:
    """Hold a figure of ours against its bound."""
    found = figures.get(OURS)
    if bound.peer is None:
        wanted, by, judged = f"≤ {bound.most:g} {bound.unit}", None, found
    else:
        theirs = figures.get(bound.peer)
        by = found / theirs if found is not None and theirs else None
        wanted, judged = f"≤ {bound.most:.0%} of {bound.peer}", by
    return BoundResult(bound, figures, by, Goal(wanted, None if judged is None else judged <= bound.most), remark)


def within(bound: Bound, name: str, figures: Sequence[float], beside: str = "") -> BoundResult:
    """Hold the median of noisy figures against a bound; where it may lie on either side, nothing is said."""
    median, error = median_and_error(figures)
    met = None if abs(bound.most - median) < error else median < bound.most
    goal = Goal(f"≤ {bound.most:g} {bound.unit}", met)
    remark = "; ".join(text for text in (f"give or take {error:.2g} {bound.unit}", beside) if text)
    return BoundResult(bound, {name: median}, None, goal, remark)


def median_and_error(figures: Sequence[float]) -> tuple[float, float]:
    """Give the median of two or more figures and, at 95 % certainty, how far it may be off.

    The error of the median is that of a normal distribution's: 1.253 standard deviations by the root of the number.
    """
    return statistics.median(figures), SURE * 1.253 * statistics.stdev(figures) / len(figures) ** 0.5
