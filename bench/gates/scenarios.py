"""What happens to a candidate and to stable, minute by minute, before chance comes in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from weirkeeper.api.gates import DEFAULT_GATES, Gate

Floats = npt.NDArray[np.float64]
Shape = Callable[[Floats], Floats]
"""A value by seconds since the attempt began; before it, seconds are negative."""

Group = Literal["healthy", "limit", "fault"]

SLOT = 5
MINUTE = 60 // SLOT
HOUR = 60 * MINUTE
ALPHA, BETA = 0.01, 0.05

ERRORS = tuple(gate for gate in DEFAULT_GATES if gate.error_rate is not None)
LATENCY = tuple(gate for gate in DEFAULT_GATES if gate.latency is not None)


class Step(NamedTuple):
    """The candidate's share of requests, for so many slots."""

    weight: float
    slots: int


class Client(NamedTuple):
    """One client with so much of all requests, always on the same revision where it is `sticky`, else by chance.

    It sends for `on` seconds in every `period`. In every `spell` seconds (0: never) half of what it sends goes wrong
    for twenty seconds.
    """

    share: float = 0.2
    on: int = 120
    period: int = 300
    spell: int = 0
    sticky: bool = True


def always(value: float) -> Shape:
    """The same at any time."""
    return lambda seconds: np.full(seconds.shape, value)


def rising(first: float, last: float, seconds: float) -> Shape:
    """Rise evenly."""
    return lambda at: first + (last - first) * np.clip(at / seconds, 0.0, 1.0)


def daily(low: float, high: float, period: float = 1800.0) -> Shape:
    """Go from low to high and back, in a day that is shorter than others."""
    return lambda at: low + (high - low) * (0.5 - 0.5 * np.cos(2.0 * np.pi * at / period))


FIFTY_A_SECOND, FEW_ERRORS, SAME_PACE = always(50.0), always(0.002), always(1.0)


@dataclass(frozen=True)
class Scenario:
    """Traffic of both arms.

    `rate` is in requests a second. `bad` are shares of requests that go wrong; where `cluster` is above 1 they come in
    clusters of one client on one revision. `medians` are milliseconds of log-normal durations (stable, candidate),
    which `pace` multiplies for both. `judged` says whether a goal is set for it.
    """

    name: str
    title: str
    group: Group
    steps: tuple[Step, ...]
    rate: Shape = FIFTY_A_SECOND
    stable_bad: Shape = FEW_ERRORS
    candidate_bad: Shape | None = None
    cluster: int = 1
    client: Client | None = None
    medians: tuple[float, float] | None = None
    pace: Shape = SAME_PACE
    gates: tuple[Gate, ...] = ERRORS
    judged: bool = True
    runs: int = 600
    quick_runs: int = 40

    @property
    def slots(self) -> int:
        """How many slots the attempt has."""
        return sum(step.slots for step in self.steps)

    @property
    def weights(self) -> Floats:
        """The candidate's share of requests, by slot."""
        return np.repeat([step.weight for step in self.steps], [step.slots for step in self.steps])


HOLD = (Step(0.05, 5 * MINUTE), Step(0.25, 15 * MINUTE), Step(0.5, 40 * MINUTE))
RAMP = tuple(Step(weight, 15 * MINUTE) for weight in (0.05, 0.1, 0.25, 0.5))
PATIENT = (Step(0.05, 5 * MINUTE), Step(0.25, 5 * MINUTE), Step(0.5, HOUR))
TENTH = (Step(0.1, 2 * HOUR),)

TWICE_THE_ODDS = 0.02 * 2.0 / (1.0 + 0.02)
SLOWER_AT_THE_LIMIT = 40.0 * 1.1 * float(np.exp(0.4307 * 0.4))
"""A median at which the odds of exceeding 1.1 times stable's own median, 40 ms, are two to one."""

HEALTHY = (
    Scenario("iid", "independent errors", "healthy", HOLD),
    Scenario("ramp", "weight and errors rise", "healthy", RAMP, stable_bad=rising(0.002, 0.01, 3600.0)),
    Scenario("diurnal", "traffic and errors of a day", "healthy", HOLD, daily(10.0, 90.0), daily(0.002, 0.02)),
    Scenario("client", "one heavy sticky client", "healthy", HOLD, stable_bad=daily(0.002, 0.02), client=Client()),
    Scenario(
        "latency", "durations alone", "healthy", HOLD, medians=(40.0, 40.0), gates=LATENCY, runs=200, quick_runs=10
    ),
    Scenario(
        "latency-diurnal", "durations of a day", "healthy", HOLD, daily(10.0, 90.0), medians=(40.0, 40.0),
        pace=daily(1.0, 3.0), gates=LATENCY, runs=200, quick_runs=10,
    ),
    Scenario("burst-3", "bursts of 3 errors", "healthy", HOLD, cluster=3, judged=False, runs=300),
    Scenario("burst-5", "bursts of 5 errors", "healthy", HOLD, cluster=5, judged=False, runs=300),
    Scenario(
        "client-spells", "a heavy client that errs at times", "healthy", HOLD, client=Client(spell=300, sticky=False),
        runs=300,
    ),
    Scenario(
        "sticky-spells", "the same client, sticky", "healthy", HOLD, client=Client(spell=300), judged=False, runs=300,
    ),
)  # fmt: skip

LIMIT = (
    Scenario(
        "twice", "twice the odds of an error (2 %)", "limit", PATIENT,
        stable_bad=always(0.02), candidate_bad=always(TWICE_THE_ODDS),
    ),
    Scenario(
        "objective", "at the objective (1 %), twice stable", "limit", PATIENT,
        stable_bad=always(0.005), candidate_bad=always(0.01),
    ),
    Scenario(
        "slower", "odds of two of exceeding p50", "limit", PATIENT,
        medians=(40.0, SLOWER_AT_THE_LIMIT), gates=LATENCY, runs=200, quick_runs=10,
    ),
)  # fmt: skip

FAULTS = (
    Scenario(
        "tenfold", "0.1 % to 1 % errors", "fault", TENTH, always(20.0), always(0.001), always(0.01), runs=1500,
    ),
    Scenario(
        "twentieth", "one in twenty wrong", "fault", TENTH, always(20.0), always(0.0), always(0.05), runs=300,
    ),
    Scenario("everything", "everything wrong", "fault", TENTH, always(20.0), always(0.0), always(1.0), runs=300),
    Scenario(
        "half-slower", "1.5 times the durations", "fault", TENTH, always(20.0), always(0.0), medians=(40.0, 60.0),
        gates=LATENCY, runs=300, quick_runs=20,
    ),
)  # fmt: skip

SCENARIOS = HEALTHY + LIMIT + FAULTS
