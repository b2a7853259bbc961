"""From scores to rates, power and delays, and whether the goals are reached. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bench.drift.ours import BUDGET, METHOD, TOOL
from bench.drift.scenarios import Scenario
from bench.drift.scores import Scores
from bench.verdicts import Goal, Rate, rate

Said = Mapping[str, Mapping[str, Mapping[str, Scores]]]
"""What was said, by tool, scenario and method."""

EQUAL = 0.02
"""Power is compared where every method raises so many false alarms a unit and window."""

TOLERANCE = 0.03
DEFAULTS = {TOOL: METHOD, "evidently": "default", "nannyml": "jensen_shannon", "dummy": "default"}
PROMISES = {TOOL: f"{BUDGET:.0%}", "evidently": "none", "nannyml": "mean ± 3 sd", "dummy": f"{BUDGET:.0%}"}
CAR_LOAN_DRIFT = 25
"""The window of 1,000 rows with which the set's known drift begins."""

SECONDS = 1.0
CHECK_SECONDS = 1e-3
FIT_SECONDS = 4.0
CHECKPOINT_BYTES = 64 * 1024


class Power(NamedTuple):
    """The share of changed windows that are seen, and the mean number of windows until the first one is."""

    method: str
    share: float
    delay: float


def powers(said: Mapping[str, Scores], null: Mapping[str, Scores]) -> list[Power]:
    """Compare every method's changed windows with its own identical ones; the best first, of equal ones by name."""
    found = [_power(method, scores, null[method]) for method, scores in said.items() if method in null]
    return sorted(found, key=lambda one: (-one.share, one.method))


def _power(method: str, changed: Scores, null: Scores) -> Power:
    threshold = np.quantile(np.nan_to_num(null.values, nan=-np.inf), 1.0 - EQUAL, method="higher")
    seen = np.nan_to_num(changed.values, nan=-np.inf) > threshold
    first = np.where(seen.any(axis=0), seen.argmax(axis=0) + 1, seen.shape[0] + 1)
    return Power(method, float(seen.mean()), float(first.mean()))


def null_of(scenario: Scenario) -> str:
    """The scenario without a change that belongs to one with."""
    return f"null-{scenario.kind}"


def false_alarms(said: Said, chosen: Sequence[Scenario]) -> dict[str, dict[str, Rate]]:
    """By scenario and tool, of the tools' defaults."""
    return {
        scenario.name: {
            tool: rate(found[scenario.name][DEFAULTS[tool]].alarms)
            for tool, found in said.items()
            if DEFAULTS[tool] in found.get(scenario.name, {})
        }
        for scenario in chosen
        if scenario.group in ("size", "burst")
    }


def all_powers(said: Said, chosen: Sequence[Scenario]) -> dict[str, dict[str, list[Power]]]:
    """By scenario and tool, the best method first."""
    return {
        scenario.name: {
            tool: powers(found[scenario.name], found[null_of(scenario)])
            for tool, found in said.items()
            if scenario.name in found and null_of(scenario) in found
        }
        for scenario in chosen
        if scenario.group == "power"
    }


def budget_goals(rates: Mapping[str, Mapping[str, Rate]]) -> list[Goal]:
    """False alarms within the budget at every size, and within twice the budget under bursts."""
    goals = []
    for group, name, allowed in (("size", "false alarms at every size", 1), ("burst", "false alarms under bursts", 2)):
        worst = max(found[TOOL].upper for scenario, found in rates.items() if scenario.startswith(group))
        told = f"upper bound at most {worst:.2%}, budget {allowed * BUDGET:.0%}"
        goals.append(Goal(name, worst <= allowed * BUDGET, told))
    return goals


def power_goals(found: Mapping[str, Mapping[str, list[Power]]]) -> list[Goal]:
    """Nowhere below the best of the others by more than three points, and above each of them on the whole."""
    behind = {scenario: _best_of_others(tools) - tools[TOOL][0].share for scenario, tools in found.items()}
    worst = max(behind, key=lambda scenario: behind[scenario])
    means = {tool: float(np.mean([tools[tool][0].share for tools in found.values()])) for tool in _everywhere(found)}
    others = {tool: mean for tool, mean in means.items() if tool != TOOL}
    told = ", ".join(f"{tool} {mean:.1%}" for tool, mean in means.items())
    return [
        Goal("power anywhere", behind[worst] <= TOLERANCE, f"{worst}: {100 * behind[worst]:+.1f} points to the best"),
        Goal("power on the whole", all(means[TOOL] > mean for mean in others.values()), told),
    ]


def _best_of_others(tools: Mapping[str, list[Power]]) -> float:
    return max(methods[0].share for tool, methods in tools.items() if tool != TOOL)


def _everywhere(found: Mapping[str, Mapping[str, list[Power]]]) -> list[str]:
    every = list(found.values())
    return [tool for tool in every[0] if all(tools.get(tool) for tools in every)]


def car_loan_goal(said: Said) -> Goal:
    """No false alarm before the known drift, and seen in the first window after it began."""
    name = "car_loan"
    found = said[TOOL].get(name, {}).get(METHOD)
    if found is None:
        return Goal(name, None, "NannyML, which brings the set, is missing")
    windows = [bool(alarms.any()) for alarms in found.alarms]
    before, first = sum(windows[:CAR_LOAN_DRIFT]), windows[CAR_LOAN_DRIFT]
    told = f"{before} false alarms before, {'seen' if first else 'not seen'} in the first window after"
    return Goal(name, before == 0 and first, told)


def speed_goals(speeds: Mapping[str, Mapping[str, float]]) -> list[Goal]:
    """A million rows in 30 columns: profiled in four seconds, counted and checked in one, checked in a millisecond.

    And what a restart of the operator must not lose of a window of twelve slots is 64 KiB at most.
    """
    ours = speeds.get(TOOL)
    if not ours:
        return [Goal("seconds", None, "the measurement did not end")]
    return [
        Goal("seconds to profile", ours["fit"] <= FIT_SECONDS, f"{ours['fit']:.2f} s, goal {FIT_SECONDS:.0f} s"),
        Goal("seconds with counting", ours["seconds"] <= SECONDS, f"{ours['seconds']:.2f} s, goal {SECONDS:.0f} s"),
        Goal("seconds from counters", ours["check"] <= CHECK_SECONDS, f"{1e3 * ours['check']:.2f} ms, goal 1 ms"),
        Goal(
            "checkpoint of twelve slots",
            ours["checkpoint"] <= CHECKPOINT_BYTES,
            f"{ours['checkpoint'] / 1024:.0f} KiB, goal {CHECKPOINT_BYTES // 1024} KiB",
        ),
    ]
