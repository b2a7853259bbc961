"""The operator's own gates over a stream, tick by tick as it would ask them; and its bare tests."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from bench.gates.rules import Ended
from bench.gates.scenarios import ALPHA, BETA, SLOT, Scenario
from bench.gates.streams import BEFORE, Arm, Stream
from weirkeeper.delivery import gates
from weirkeeper.delivery.errors_gate import TOLERATED_ODDS_RATIO
from weirkeeper.delivery.evidence import Evidence, LatencySlot, Outcomes, OutcomeSlot
from weirkeeper.delivery.latency_gate import LatencyMemory
from weirkeeper.statistics.sequential import UPPER_GRID, Block, Floats, log_e, log_sum_exp, relative_log_ratios

NAME = "weirkeeper"
STABLE, CANDIDATE = "m-1", "m-2"
ROUTE_TIMEOUT = 15.0
KEPT = 120
"""Slots of evidence that are looked at: ten minutes."""


class Seen:
    """A stream as evidence that a collector would have at a slot's end."""

    def __init__(self, stream: Stream) -> None:
        """Turn all slots into evidence."""
        both = zip(_outcomes(stream.candidate), _outcomes(stream.stable), strict=True)
        self._outcomes = [
            OutcomeSlot(SLOT * i, {CANDIDATE: candidate, STABLE: stable}) for i, (candidate, stable) in enumerate(both)
        ]
        arms = {CANDIDATE: stream.candidate, STABLE: stream.stable}
        self._latency = {name: list(_latency(arm)) for name, arm in arms.items()}

    def until(self, slots: int) -> Evidence:
        """Show the last of the first `slots` slots."""
        latency = {name: tuple(seen[max(0, slots - KEPT) : slots]) for name, seen in self._latency.items() if seen}
        return Evidence(outcomes=tuple(self._outcomes[max(0, slots - KEPT) : slots]), latency=latency)


def _outcomes(arm: Arm) -> Iterator[Outcomes]:
    return (Outcomes(*counts) for counts in zip(arm.requests.tolist(), arm.bad.tolist(), arm.bad.tolist(), strict=True))


def _latency(arm: Arm) -> Iterator[LatencySlot]:
    if arm.latency.shape[1]:
        for i, counts in enumerate(arm.latency):
            places = np.flatnonzero(counts)
            yield LatencySlot(SLOT * i, dict(zip(places.tolist(), counts[places].tolist(), strict=True)))


def begun(scenario: Scenario, seen: Seen) -> gates.GatesMemory:
    """Start an attempt with all that stable alone has told."""
    memory = gates.start(scenario.gates, ALPHA, BETA, steps=len(scenario.steps))
    return gates.freeze(memory, seen.until(BEFORE), STABLE, SLOT * (BEFORE + 1))


def judge(scenario: Scenario, stream: Stream) -> Ended:
    """Ask after every slot. A Pass ends the last step where candidates are at a limit; elsewhere all of it is watched.

    To be promoted takes a Pass of every gate in the last step, after a hold as long as the step before.
    """
    seen = Seen(stream)
    memory = begun(scenario, seen)
    played = 0
    for number, step in enumerate(scenario.steps, start=1):
        memory = gates.begin_step(memory)
        comparison = _comparison(scenario, SLOT * (BEFORE + played))
        hold = scenario.steps[max(0, number - 2)].slots
        for in_step in range(1, step.slots + 1):
            played += 1
            now = SLOT * (BEFORE + played) + 0.5
            evidence = seen.until(BEFORE + played)
            memory = gates.fold(memory, comparison, evidence, now)
            verdicts = {result.verdict for result in gates.results(memory, comparison)}
            if "Fail" in verdicts:
                return Ended("Fail", played)
            held = scenario.group == "limit" and number == len(scenario.steps) and in_step >= hold
            if held and verdicts == {"Pass"}:
                return Ended("Pass", played)
    return Ended("Inconclusive", played)


def _comparison(scenario: Scenario, start: int) -> gates.Comparison:
    sticky = scenario.client is not None and scenario.client.sticky
    return gates.Comparison(CANDIDATE, STABLE, "Weight", start, start, ROUTE_TIMEOUT, sticky=sticky)


def judge_bare(scenario: Scenario, stream: Stream) -> Ended:
    """One gate's process by itself, from the first slot, undivided: what the mathematics alone can do."""
    enough = math.log(1.0 / ALPHA)
    process = _bare_latency(scenario, stream) if stream.stable.latency.shape[1] else _bare_errors(stream)
    for played, evidence in enumerate(process, start=1):
        if evidence >= enough:
            return Ended("Fail", played)
    return Ended("Inconclusive", scenario.slots)


def _bare_errors(stream: Stream) -> Iterator[float]:
    arms = (counts.tolist() for arm in stream.during for counts in (arm.bad, arm.requests))
    gained = np.zeros(len(UPPER_GRID))
    for counts in zip(*arms, strict=True):
        gained = gained + relative_log_ratios(Block(*counts), TOLERATED_ODDS_RATIO, UPPER_GRID)
        yield log_e(gained)


def _bare_latency(scenario: Scenario, stream: Stream) -> Iterator[float]:
    (memory,) = (gate for gate in begun(scenario, Seen(stream)).gates if isinstance(gate, LatencyMemory))
    slots = [list(_latency(arm)) for arm in stream.during]
    gained: list[Floats] = [np.zeros(len(UPPER_GRID)) for _ in memory.thresholds]
    for candidate, stable in zip(*slots, strict=True):
        for place, threshold in enumerate(memory.thresholds):
            gained[place] = gained[place] + relative_log_ratios(threshold.block(candidate, stable), 1.0, UPPER_GRID)
        yield log_sum_exp([log_e(one) for one in gained]) - math.log(len(gained))
