"""Gates: slots of evidence are folded into sequential tests, and the tests say Pass, Fail or Inconclusive.

All of it is a memory (JSON, kept in the Model's status) and functions from one memory to the next:

    start -> freeze ... (until memory.frozen) -> begin_step -> fold ... -> results -> begin_step -> ...

Folding the same evidence again changes nothing: every slot is folded at most once, in order, and only when complete.
With K gates that count, each fails at an e-value of K / false_alarm; all pass at 1 / false_promote. A gate that blocks
nothing does not count, nor does one whose Fail is no e-value.

What a gate judges by is its own: KINDS maps each kind, named as in a Rollout, to its memory (delivery.gate_kind).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from weirkeeper.delivery import label_needs
from weirkeeper.delivery.errors_gate import ErrorsMemory
from weirkeeper.delivery.evidence import Evidence, Outcomes
from weirkeeper.delivery.feedback_gate import FeedbackMemory
from weirkeeper.delivery.gate_kind import NOTHING, Before, GateMemory, Look, Tally
from weirkeeper.delivery.inputs_gate import InputsMemory
from weirkeeper.delivery.job_gate import JobMemory
from weirkeeper.delivery.latency_gate import FREEZE_REQUESTS, LatencyMemory
from weirkeeper.delivery.outputs_gate import OutputsMemory
from weirkeeper.delivery.parity_gate import ParityMemory
from weirkeeper.delivery.query_gate import QueryMemory
from weirkeeper.delivery.verdict import ArmCounts, Comparison, GateResult, Levels, Mode, Verdict

if TYPE_CHECKING:
    from weirkeeper.api.gates import Gate

__all__ = [
    "FREEZE_REQUESTS",
    "KINDS",
    "ArmCounts",
    "Comparison",
    "GateResult",
    "GatesMemory",
    "Mode",
    "Verdict",
    "begin_step",
    "fold",
    "freeze",
    "judged_sides",
    "observed_slots",
    "results",
    "start",
]

KINDS: Final[Mapping[str, type[GateMemory]]] = {
    "errorRate": ErrorsMemory,
    "latency": LatencyMemory,
    "outputs": OutputsMemory,
    "inputs": InputsMemory,
    "feedback": FeedbackMemory,
    "parity": ParityMemory,
    "promQL": QueryMemory,
    "job": JobMemory,
}

SIDES: Final = frozenset({"inputs", "outputs"})
"""The sides of rows that gates judge, each by the kind of its name."""

FORMERLY: Final = {"errors": "errorRate", "latency": "latency"}
"""Where version 1 of a memory in a status has its gates, by their places, and what kind they are."""

RECENT_SECONDS = 60
"""The candidate's rate, for the ETA, is that of so many seconds."""

UNTOLD: Final[Mapping[Mode, str]] = {
    "Weight": "not judged against stable",
    "Mirror": "not judged by copies of requests",
    "Match": "not judged by chosen callers",
    "Absolute": "not judged without stable in the same slots",
}
"""What is said of a gate in a step in which it can prove nothing."""

OTHER_STEP: Final = "a step with a weight: leave this one with the verb skip, or edit the steps"
"""What such a gate needs where the step waits for it."""

NOTHING_SEEN = Tally()
NOT_AWAITED: Final[Mapping[str, float]] = MappingProxyType({})


@dataclass(frozen=True)
class GatesMemory:
    """What the gates of one attempt have learned.

    `gates` are in the Rollout's order, `free` the names of those that block nothing. `cursor` is the start of the
    latest outcome slot that was folded or dropped, `learned` of the latest that `freeze` gave them.
    `observed_slots` are those of the running step in which every router was seen and no weight changed.
    """

    false_alarm: float
    false_promote: float
    gates: tuple[GateMemory, ...]
    free: frozenset[str] = frozenset()
    tally: Tally = NOTHING_SEEN
    cursor: int = 0
    learned: int = 0
    observed_slots: int = 0

    @property
    def frozen(self) -> bool:
        """Whether every gate has what it compares with from before the candidate's traffic."""
        return all(gate.frozen for gate in self.gates)

    @property
    def step_requests(self) -> int:
        """Requests that the candidate answered in the running step."""
        return self.tally.step.requests

    @property
    def counting(self) -> int:
        """How many gates share the allowed false alarms."""
        return sum(gate.in_alpha and gate.name not in self.free for gate in self.gates)

    def levels(self, gate: GateMemory) -> Levels:
        """Where a gate fails and passes; one that takes no share is judged as if it were alone."""
        sharing = 1 if gate.name in self.free else max(1, self.counting)
        return Levels(math.log(sharing / self.false_alarm), math.log(1.0 / self.false_promote))

    def to_json(self) -> dict[str, Any]:
        """Write it for a status."""
        named = {memory: kind for kind, memory in KINDS.items()}
        return {
            "v": 2,
            "rates": [self.false_alarm, self.false_promote],
            "gates": [[named[type(gate)], gate.to_json()] for gate in self.gates],
            "free": sorted(self.free),
            "tally": [_written(arm) for arm in (self.tally.candidate, self.tally.stable, self.tally.step)],
            "at": [self.cursor, self.learned],
            "slots": self.observed_slots,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> GatesMemory:
        """Read what `to_json` wrote, or that of an operator before it."""
        false_alarm, false_promote = found["rates"]
        cursor, learned = found["at"]
        gates = found["gates"] if "gates" in found else _formerly(found)
        return cls(
            float(false_alarm),
            float(false_promote),
            tuple(KINDS[kind].from_json(item) for kind, item in gates),
            frozenset(found.get("free", ())),
            Tally(*(Outcomes(*arm) for arm in found["tally"])),
            cursor,
            learned,
            found["slots"],
        )


def judged_sides(kept: Mapping[str, Any] | None) -> frozenset[str]:
    """Tell from a memory as JSON which sides of the rows its gates judge, of "inputs" and "outputs"."""
    return frozenset(kind for kind, _ in (kept or {}).get("gates", ())) & SIDES


def observed_slots(kept: Mapping[str, Any] | None) -> int:
    """Tell from a memory as JSON how many slots of the running step were observed."""
    return int((kept or {}).get("slots", 0))


def _formerly(found: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    placed = {int(i): (kind, item) for key, kind in FORMERLY.items() for i, item in found[key].items()}
    return [placed[i] for i in sorted(placed)]


def start(gates: Iterable[Gate], false_alarm: float, false_promote: float, steps: int = 4) -> GatesMemory:
    """Begin an attempt. `steps` is how many of its steps compare with stable: each starts a Fail process of its own."""
    gates = tuple(gates)
    alike = Counter(gate.kind for gate in gates)
    memories = tuple(KINDS[gate.kind].of(gate.name, gate.settings, steps).sharing(alike[gate.kind]) for gate in gates)
    free = frozenset(gate.name for gate in gates if gate.blocks == "Nothing")
    return GatesMemory(false_alarm, false_promote, memories, free)


def freeze(memory: GatesMemory, evidence: Evidence, stable: str | None, now: float, slot: int = 5) -> GatesMemory:
    """Learn from stable alone, before the candidate gets traffic: latency thresholds, and how errors cluster.

    To be called until `memory.frozen`, also while errors are folded already where stable has too little traffic to
    wait for; `slot` is the length of a slot in seconds.
    """
    unlearned = [item for item in evidence.outcomes if memory.learned < item.start <= now - slot * item.span]
    # Once folding has begun it learns from every slot itself, after having judged it.
    unlearned = [] if memory.cursor else unlearned
    outcomes = tuple(item.revisions.get(stable or "", NOTHING) for item in unlearned)
    learned = max((item.start for item in unlearned), default=memory.learned)
    before = Before(stable, outcomes, evidence, now, slot)
    gates = tuple(gate.freeze(before) for gate in memory.gates)
    return replace(memory, gates=gates, learned=learned)


def begin_step(memory: GatesMemory) -> GatesMemory:
    """Begin a step or the bake: a further Fail process, and counts from zero.

    A fault that begins late is then seen as fast as one that was there from the start.
    """
    gates = tuple(gate.begin_step() for gate in memory.gates)
    return replace(memory, gates=gates, tally=replace(memory.tally, step=NOTHING), observed_slots=0)


def fold(memory: GatesMemory, comparison: Comparison, evidence: Evidence, now: float) -> GatesMemory:
    """Add what is complete and was not folded yet, to the gates that can prove something in this kind of step."""
    complete = [slot for slot in evidence.outcomes if memory.cursor < slot.start <= now - comparison.slot * slot.span]
    clean = tuple(slot for slot in complete if slot.start >= comparison.clean_from)
    look = Look(comparison, evidence, now, clean, memory.learned)
    gates = tuple(gate.fold(look) if comparison.mode in gate.modes else gate for gate in memory.gates)
    return replace(
        memory,
        gates=gates,
        tally=_tally(memory.tally, look),
        cursor=max((slot.start for slot in complete), default=memory.cursor),
        observed_slots=memory.observed_slots + sum(slot.span for slot in clean if slot.observed),
    )


def _tally(tally: Tally, look: Look) -> Tally:
    for slot in look.slots:
        candidate, stable = look.arms(slot)
        # Callers that match are not everyone: what they were answered is of their own step alone.
        compared = NOTHING if look.comparison.mode == "Match" else candidate
        tally = Tally(_sum(tally.candidate, compared), _sum(tally.stable, stable), _sum(tally.step, candidate))
    return tally


def results(
    memory: GatesMemory,
    comparison: Comparison,
    evidence: Evidence | None = None,
    now: float | None = None,
    until: Mapping[str, float] = NOT_AWAITED,
) -> tuple[GateResult, ...]:
    """Judge every gate; with evidence and `now` also tell when a Pass is to be expected, and which labels it takes.

    `until` has, by the names of the gates that the running step waits for, when it has waited as long as it may.
    """
    judged = tuple(_judged(memory, gate, comparison) for gate in memory.gates)
    if evidence is None or now is None:
        return tuple(_worded(one, 0.0, now) for one in judged)
    rate = _rate(comparison, evidence, now)
    told = (label_needs.told(one, comparison, evidence.labels, now, until.get(one.name)) for one in judged)
    return tuple(
        _worded(replace(one, message=one.message + needed), rate, now) for one, needed in zip(judged, told, strict=True)
    )


def _judged(memory: GatesMemory, gate: GateMemory, comparison: Comparison) -> GateResult:
    found = gate.result(comparison, memory.tally, memory.levels(gate))
    found = replace(
        found,
        in_alpha=gate.in_alpha,
        seen=gate.seen,
        blocks="Nothing" if gate.name in memory.free else "Promotion",
    )
    if comparison.mode in gate.modes:
        return found
    verdict: Verdict = "Inconclusive" if found.verdict == "Fail" else found.verdict
    message = f"{found.message}; {UNTOLD[comparison.mode]}"
    needs = OTHER_STEP if comparison.mode in {"Mirror", "Match"} else ""
    return replace(found, verdict=verdict, message=message, requests_needed=None, needs=needs)


def _rate(comparison: Comparison, evidence: Evidence, now: float) -> float:
    recent = [slot for slot in evidence.outcomes if slot.start >= now - RECENT_SECONDS]
    seconds = sum(slot.span for slot in recent) * comparison.slot
    requests = sum(slot.revisions.get(comparison.candidate, NOTHING).requests for slot in recent)
    return requests / seconds if seconds else 0.0


def _worded(result: GateResult, rate: float, now: float | None) -> GateResult:
    """Add the evidence to the message, and the ETA."""
    needed = result.requests_needed
    eta = now + needed / rate if needed and rate > 0.0 and now is not None else None
    told = _evidence_of(result) if result.in_alpha else "; outside of falseAlarm"
    told += "; blocks nothing" if result.blocks == "Nothing" else ""
    return replace(result, message=result.message + told, eta=eta)


def _evidence_of(result: GateResult) -> str:
    if result.verdict == "Pass":
        return f"; evidence {_power(result.log_e_pass)} of {_power(result.pass_at)} needed to promote"
    told = f"; evidence {_power(result.log_e_fail)} of {_power(result.fail_at)} needed to roll back"
    if result.verdict == "Fail":
        return told
    needed = result.requests_needed
    told += f", {_power(result.log_e_pass)} of {_power(result.pass_at)} to promote"
    return told + (f"; about {needed} more candidate requests to a pass" if needed else "")


def _power(exponent: float) -> str:
    """Evidence as a power of e; none is never -0.0."""
    return f"e^{round(exponent, 1) + 0.0:.1f}"


def _sum(counted: Outcomes, more: Outcomes) -> Outcomes:
    return Outcomes(counted.requests + more.requests, counted.bad + more.bad, counted.failed + more.failed)


def _written(arm: Outcomes) -> list[int]:
    return [arm.requests, arm.bad, arm.failed]
