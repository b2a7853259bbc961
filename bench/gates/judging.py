"""From runs to rates, delays and goals. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bench.gates.ours import NAME
from bench.gates.scenarios import ALPHA, BETA, SLOT, Scenario
from bench.gates.simulating import BARE, Run, Runs
from bench.verdicts import Goal

ERRORS_OF_MEAN = 2.0
"""A simulated share may exceed what is allowed by so many standard errors."""

REQUESTS = {"tenfold": 600, "half-slower": 150}
"""Within how many candidate requests, in the median, the bare test sees a fault."""


class Share(NamedTuple):
    """A simulated share and its standard error."""

    value: float
    error: float

    def __str__(self) -> str:
        """Read like `1.2 ± 0.3 %`."""
        return f"{100 * self.value:.1f} ± {100 * self.error:.1f} %"


class Delay(NamedTuple):
    """Median and 90 % quantile of what it took to see a fault; infinite where too few runs saw it."""

    requests: tuple[float, float]
    bad: tuple[float, float]
    seconds: tuple[float, float]
    seen: float


def share(runs: Sequence[Run], verdict: str) -> Share:
    """Count runs that ended so. The error is that of a share of one in so many runs where there was none."""
    value = sum(run.verdict == verdict for run in runs) / len(runs)
    counted = min(max(value, 1.0 / len(runs)), 1.0 - 1.0 / len(runs)) if len(runs) > 1 else 0.5
    return Share(value, math.sqrt(counted * (1.0 - counted) / len(runs)))


def delay(runs: Sequence[Run]) -> Delay:
    """Tell how long it took, over all runs: one that never saw it took for ever."""
    seen = np.array([run.verdict == "Fail" for run in runs])

    def quantiles(values: Sequence[int]) -> tuple[float, float]:
        taken = np.where(seen, np.asarray(values, dtype=np.float64), np.inf)
        median, ninety = np.quantile(taken, (0.5, 0.9), method="higher").tolist()
        return median, ninety

    return Delay(
        quantiles([run.requests for run in runs]),
        quantiles([run.bad for run in runs]),
        quantiles([SLOT * run.slots for run in runs]),
        float(seen.mean()),
    )


def goals(found: Mapping[str, Runs], chosen: Sequence[Scenario]) -> list[Goal]:
    """Everything that was to be reached."""
    of_group = {
        group: [one for one in chosen if one.group == group and one.judged and one.name in found]
        for group in ("healthy", "limit", "fault")
    }
    return [
        *(_within(one, found[one.name], "Fail", ALPHA, "rolled back") for one in of_group["healthy"]),
        *(_within(one, found[one.name], "Pass", BETA, "promoted") for one in of_group["limit"]),
        *(_detected(one, found[one.name]) for one in of_group["fault"] if one.name in REQUESTS),
    ]


def _within(scenario: Scenario, runs: Runs, verdict: str, allowed: float, word: str) -> Goal:
    found = share(runs[NAME], verdict)
    most = allowed + ERRORS_OF_MEAN * math.sqrt(allowed * (1.0 - allowed) / len(runs[NAME]))
    told = f"{found} {word}, {100 * allowed:g} % allowed and {100 * (most - allowed):.1f} % simulation error"
    return Goal(scenario.title, found.value <= most, told)


def _detected(scenario: Scenario, runs: Runs) -> Goal:
    median, _ = delay(runs[BARE]).requests
    allowed = REQUESTS[scenario.name]
    told = f"{median:.0f} candidate requests in the median, goal {allowed}"
    return Goal(f"{scenario.title}, {BARE}", median <= allowed, told)
