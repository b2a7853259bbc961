"""Gates: slots of evidence are folded into sequential tests, and the tests say Pass, Fail or Inconclusive.

All of it is a memory (JSON, kept in the Model's status) and functions from one memory to the next:

    start -> freeze ... (until memory.frozen) -> begin_step -> fold ... -> results -> begin_step -> ...

Folding the same evidence again changes nothing: every slot is folded at most once, in order, and only when complete.
With K gates, gate k fails at an e-value of K / false_alarm and passes at 1 / false_promote.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from weirkeeper.delivery.errors_gate import NOTHING, ErrorsMemory, Tally
from weirkeeper.delivery.evidence import Evidence, Outcomes, OutcomeSlot
from weirkeeper.delivery.latency_gate import FREEZE_REQUESTS, LatencyMemory
from weirkeeper.delivery.verdict import ArmCounts, Comparison, GateResult, Mode, Verdict

if TYPE_CHECKING:
    from weirkeeper.api.rollout import Gate

__all__ = [
    "FREEZE_REQUESTS",
    "ArmCounts",
    "Comparison",
    "GateResult",
    "GatesMemory",
    "Mode",
    "Verdict",
    "begin_step",
    "fold",
    "freeze",
    "results",
    "start",
]

RECENT_SECONDS = 60
"""The candidate's rate, for the ETA, is that of so many seconds."""

NOTHING_SEEN = Tally()


@dataclass(frozen=True)
class GatesMemory:
    """What the gates of one attempt have learned.

    `gates` are in the Rollout's order. `cursor` is the start of the latest outcome slot that was folded or dropped,
    `learned` of the latest from which `freeze` took how errors cluster.
    `observed_slots` are those of the running step in which every router was seen and no weight changed.
    """

    false_alarm: float
    false_promote: float
    gates: tuple[ErrorsMemory | LatencyMemory, ...]
    tally: Tally = NOTHING_SEEN
    cursor: int = 0
    learned: int = 0
    observed_slots: int = 0

    @property
    def frozen(self) -> bool:
        """Whether every latency gate has its thresholds; without such a gate there is nothing to wait for."""
        return all(gate.thresholds for gate in self.gates if isinstance(gate, LatencyMemory))

    @property
    def collected(self) -> int:
        """How many of the FREEZE_REQUESTS requests that the thresholds take are there."""
        return min((gate.collected for gate in self.gates if isinstance(gate, LatencyMemory)), default=0)

    @property
    def step_requests(self) -> int:
        """Requests that the candidate answered in the running step."""
        return self.tally.step.requests

    def to_json(self) -> dict[str, Any]:
        """Write it for a status."""
        return {
            "v": 1,
            "rates": [self.false_alarm, self.false_promote],
            "errors": {str(i): gate.to_json() for i, gate in enumerate(self.gates) if isinstance(gate, ErrorsMemory)},
            "latency": {str(i): gate.to_json() for i, gate in enumerate(self.gates) if isinstance(gate, LatencyMemory)},
            "tally": [_written(arm) for arm in (self.tally.candidate, self.tally.stable, self.tally.step)],
            "at": [self.cursor, self.learned],
            "slots": self.observed_slots,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> GatesMemory:
        """Read what `to_json` wrote."""
        gates: dict[int, ErrorsMemory | LatencyMemory] = {
            int(i): ErrorsMemory.from_json(item) for i, item in found["errors"].items()
        }
        gates |= {int(i): LatencyMemory.from_json(item) for i, item in found["latency"].items()}
        false_alarm, false_promote = found["rates"]
        cursor, learned = found["at"]
        return cls(
            float(false_alarm),
            float(false_promote),
            tuple(gates[i] for i in sorted(gates)),
            Tally(*(Outcomes(*arm) for arm in found["tally"])),
            cursor,
            learned,
            found["slots"],
        )


def start(gates: Iterable[Gate], false_alarm: float, false_promote: float, steps: int = 4) -> GatesMemory:
    """Begin an attempt. `steps` is how many of its steps compare with stable: each starts a Fail process of its own."""
    memories: list[ErrorsMemory | LatencyMemory] = []
    for gate in gates:
        if gate.error_rate is not None:
            memories.append(ErrorsMemory.of(gate.name, gate.error_rate, steps))
        if gate.latency is not None:
            memories.append(LatencyMemory.of(gate.name, gate.latency, steps))
    return GatesMemory(false_alarm, false_promote, tuple(memories))


def freeze(memory: GatesMemory, evidence: Evidence, stable: str | None, now: float, slot: int = 5) -> GatesMemory:
    """Learn from stable alone, before the candidate gets traffic: latency thresholds, and how errors cluster.

    To be called until `memory.frozen`, also while errors are folded already where stable has too little traffic to
    wait for; `slot` is the length of a slot in seconds.
    """
    before = [item for item in evidence.outcomes if memory.learned < item.start <= now - slot * item.span]
    # Once folding has begun it learns from every slot itself, after having judged it.
    before = [] if memory.cursor else before
    outcomes = [item.revisions.get(stable or "", NOTHING) for item in before]
    latency = evidence.latency.get(stable or "", ())
    gates = tuple(
        _calibrated(gate, outcomes) if isinstance(gate, ErrorsMemory) else gate.freeze(latency, now, slot)
        for gate in memory.gates
    )
    return replace(memory, gates=gates, learned=before[-1].start if before else memory.learned)


def _calibrated(gate: ErrorsMemory, outcomes: Iterable[Outcomes]) -> ErrorsMemory:
    for stable in outcomes:
        gate = gate.calibrate(stable)
    return gate


def begin_step(memory: GatesMemory) -> GatesMemory:
    """Begin a step or the bake: a further Fail process, and counts from zero.

    A fault that begins late is then seen as fast as one that was there from the start.
    """
    gates = tuple(replace(gate, due=True) for gate in memory.gates)
    return replace(memory, gates=gates, tally=replace(memory.tally, step=NOTHING), observed_slots=0)


def fold(memory: GatesMemory, comparison: Comparison, evidence: Evidence, now: float) -> GatesMemory:
    """Add the complete slots that lie after those already folded."""
    for slot in evidence.outcomes:
        if memory.cursor < slot.start <= now - comparison.slot * slot.span:
            memory = _fold_outcomes(memory, comparison, slot)
    if not comparison.paired:
        return memory
    candidate, stable = (
        {slot.start: slot for slot in evidence.latency.get(arm or "", ())}
        for arm in (comparison.candidate, comparison.stable)
    )
    gates = tuple(
        gate.fold(candidate, stable, comparison, now) if isinstance(gate, LatencyMemory) else gate
        for gate in memory.gates
    )
    return replace(memory, gates=gates)


def _fold_outcomes(memory: GatesMemory, comparison: Comparison, slot: OutcomeSlot) -> GatesMemory:
    memory = replace(memory, cursor=slot.start)
    if slot.start < comparison.clean_from:
        return memory
    candidate = slot.revisions.get(comparison.candidate, NOTHING)
    stable = slot.revisions.get(comparison.stable or "", NOTHING) if comparison.paired else NOTHING
    unlearned = [stable] if slot.start > memory.learned else []
    gates = tuple(
        _calibrated(gate.fold(candidate, stable, paired=comparison.paired), unlearned)
        if isinstance(gate, ErrorsMemory)
        else gate
        for gate in memory.gates
    )
    tally = Tally(
        _sum(memory.tally.candidate, candidate), _sum(memory.tally.stable, stable), _sum(memory.tally.step, candidate)
    )
    observed = memory.observed_slots + (slot.span if slot.observed else 0)
    return replace(memory, gates=gates, tally=tally, observed_slots=observed)


def results(
    memory: GatesMemory, comparison: Comparison, evidence: Evidence | None = None, now: float | None = None
) -> tuple[GateResult, ...]:
    """Judge every gate; with evidence and `now` also tell when a Pass is to be expected."""
    fail_at = math.log(len(memory.gates) / memory.false_alarm) if memory.gates else 0.0
    pass_at = math.log(1.0 / memory.false_promote)
    rate = _rate(comparison, evidence, now) if evidence is not None and now is not None else 0.0
    return tuple(
        _worded(
            gate.result(comparison, memory.tally, fail_at, pass_at)
            if isinstance(gate, ErrorsMemory)
            else gate.result(comparison, fail_at, pass_at),
            rate,
            now,
        )
        for gate in memory.gates
    )


def _rate(comparison: Comparison, evidence: Evidence, now: float) -> float:
    recent = [slot for slot in evidence.outcomes if slot.start >= now - RECENT_SECONDS]
    seconds = sum(slot.span for slot in recent) * comparison.slot
    requests = sum(slot.revisions.get(comparison.candidate, NOTHING).requests for slot in recent)
    return requests / seconds if seconds else 0.0


def _worded(result: GateResult, rate: float, now: float | None) -> GateResult:
    """Add the evidence to the message, and the ETA."""
    needed = result.requests_needed
    eta = now + needed / rate if needed and rate > 0.0 and now is not None else None
    told = f"; evidence e^{result.log_e_fail:.1f} of e^{result.fail_at:.1f} needed to roll back"
    if result.verdict == "Pass":
        told = f"; evidence e^{result.log_e_pass:.1f} of e^{result.pass_at:.1f} needed to promote"
    elif result.verdict == "Inconclusive":
        told += f", e^{result.log_e_pass:.1f} of e^{result.pass_at:.1f} to promote"
        told += f"; about {needed} more candidate requests to a pass" if needed else ""
    return replace(result, message=result.message + told, eta=eta)


def _sum(counted: Outcomes, more: Outcomes) -> Outcomes:
    return Outcomes(counted.requests + more.requests, counted.bad + more.bad, counted.failed + more.failed)


def _written(arm: Outcomes) -> list[int]:
    return [arm.requests, arm.bad, arm.failed]
