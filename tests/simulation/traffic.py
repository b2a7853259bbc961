"""Random traffic for gates: two arms whose requests go wrong and take time as a test wants, slot by slot."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from weirkeeper.api.gates import DEFAULT_GATES, Gate
from weirkeeper.delivery import gates
from weirkeeper.delivery.evidence import Evidence, LatencySlot, Outcomes, OutcomeSlot
from weirkeeper.statistics import BINS, upper_edge_us

SLOT = 5
STABLE, CANDIDATE = "m-1", "m-2"
ROUTE_TIMEOUT = 15.0
KEPT = 120
"""Slots of evidence that stay visible: ten minutes."""

Floats = npt.NDArray[np.float64]
Bad = Callable[[int], float]
"""The probability that a request goes wrong, by seconds since the attempt began."""


def always(share: float) -> Bad:
    """The same at any time."""
    return lambda _: share


@dataclass(frozen=True)
class Arm:
    """How one revision behaves: `bad` by time, and log-normal latency with `median` in milliseconds.

    `busy` is by what factor everything takes longer, by seconds since the traffic began.
    """

    bad: Bad = field(default_factory=lambda: always(0.0))
    median: float = 4.0
    spread: float = 0.4
    busy: Callable[[int], float] = field(default_factory=lambda: always(1.0))

    @cache  # noqa: B019  arms are few and live as long as their test
    def latency_shares(self, busy: float) -> Floats:
        """The probability of each latency bin."""
        median = self.median * busy
        edges = [math.log(upper_edge_us(i) / 1000 / median) / self.spread for i in range(BINS - 1)]
        below = np.array([0.5 * math.erfc(-edge / math.sqrt(2)) for edge in edges] + [1.0])
        return np.diff(below, prepend=0.0)


@dataclass
class Traffic:
    """Requests at `rate` a second, split by weight between both arms, as evidence that a collector would have."""

    seed: int
    rate: float
    stable: Arm = field(default_factory=Arm)
    candidate: Arm = field(default_factory=Arm)
    latency: bool = True
    now: int = 0

    def __post_init__(self) -> None:
        """Set out with nothing seen."""
        self._rng = np.random.default_rng(self.seed)
        self._outcomes: list[OutcomeSlot] = []
        self._latency: dict[str, list[LatencySlot]] = {STABLE: [], CANDIDATE: []}
        self.exposed = 0

    def slot(self, weight: float) -> None:
        """Play one slot with the candidate's share of traffic."""
        requests = int(self._rng.poisson(self.rate * SLOT))
        candidate = int(self._rng.binomial(requests, weight))
        self.exposed += candidate
        arms = ((STABLE, self.stable, requests - candidate), (CANDIDATE, self.candidate, candidate))
        seen = {}
        for name, arm, count in arms:
            bad = int(self._rng.binomial(count, arm.bad(self.now)))
            seen[name] = Outcomes(count, bad, bad)
            if self.latency:
                self._latency[name].append(self._latency_slot(arm, count))
        self._outcomes.append(OutcomeSlot(self.now, seen))
        self.now += SLOT

    def _latency_slot(self, arm: Arm, count: int) -> LatencySlot:
        drawn = self._rng.multinomial(count, arm.latency_shares(arm.busy(self.now)))
        places = np.flatnonzero(drawn)
        return LatencySlot(self.now, dict(zip(places.tolist(), drawn[places].tolist(), strict=True)))

    def evidence(self) -> Evidence:
        """What is visible now."""
        latency = {name: tuple(slots[-KEPT:]) for name, slots in self._latency.items() if slots}
        return Evidence(outcomes=tuple(self._outcomes[-KEPT:]), latency=latency)


@dataclass(frozen=True)
class Ended:
    """How an attempt ended: Fail, Pass or (it was given up waiting) Inconclusive; after how long, at what price."""

    verdict: str
    seconds: int
    exposed: int
    results: tuple[gates.GateResult, ...]


def attempt(
    traffic: Traffic,
    weights: Sequence[float],
    slots_a_step: int,
    *,
    patience: int = 0,
    bake: int = 0,
    kinds: Sequence[Gate] = DEFAULT_GATES,
    false_alarm: float = 0.01,
) -> Ended:
    """Take a candidate through steps: Fail ends it at once, the last step waits `patience` more slots for a Pass.

    `bake` slots follow a Pass, in which the candidate answers everything and only the objective judges.
    """
    memory = gates.start(kinds, false_alarm, 0.05, steps=len(weights))
    for _ in range(KEPT):
        traffic.slot(0.0)
    memory = gates.freeze(memory, traffic.evidence(), STABLE, traffic.now + SLOT)
    began, traffic.exposed = traffic.now, 0
    results: tuple[gates.GateResult, ...] = ()
    stages = [(weight, slots_a_step + (patience if weight == weights[-1] else 0)) for weight in weights]
    for weight, slots in [*stages, (1.0, bake)]:
        memory = gates.begin_step(memory)
        comparison = comparison_at(traffic.now, paired=weight < 1.0)
        for played in range(slots):
            traffic.slot(weight)
            memory = gates.fold(memory, comparison, traffic.evidence(), traffic.now + 0.5)
            results = gates.results(memory, comparison, traffic.evidence(), traffic.now + 0.5)
            if any(result.verdict == "Fail" for result in results):
                return Ended("Fail", traffic.now - began, traffic.exposed, results)
            held = played + 1 >= slots_a_step
            if weight == weights[-1] and held and all(result.verdict == "Pass" for result in results):
                break
        else:
            if weight == weights[-1]:
                return Ended("Inconclusive", traffic.now - began, traffic.exposed, results)
    return Ended("Pass", traffic.now - began, traffic.exposed, results)


def comparison_at(start: int, *, paired: bool = True) -> gates.Comparison:
    """A comparison of slots from `start` on."""
    return gates.Comparison(
        CANDIDATE, STABLE if paired else None, "Weight" if paired else "Absolute", start, start, ROUTE_TIMEOUT
    )
