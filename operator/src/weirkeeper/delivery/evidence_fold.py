"""Evidence enters the machine: what the gates have seen so far, and how many requests were exposed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from weirkeeper.api import names
from weirkeeper.delivery import gates
from weirkeeper.delivery.curve import grown
from weirkeeper.delivery.sizes import ALL

if TYPE_CHECKING:
    from weirkeeper.delivery.curve import Curve
    from weirkeeper.delivery.memory import Memory
    from weirkeeper.delivery.turn import Turn


def fold(turn: Turn) -> Turn:
    """Count what the candidate answered, and let the gates take in the slots in which the split stood still."""
    comparison = comparison_of(turn)
    if comparison is None or turn.memory.gates is None or turn.judged == (turn.memory.gates, comparison):
        return turn
    turn = _exposed(turn, names.revision_of(comparison.candidate))
    if not turn.settled or turn.memory.clean_from is None:
        return turn
    turn = freeze(turn) if comparison.paired else turn
    after = gates.fold(gates_memory(turn), comparison, turn.evidence, turn.now)
    judged = gates.results(after, comparison, turn.evidence, turn.now, awaited_until(turn))
    results = tuple(item.to_json() for item in judged)
    curve = _curve(turn, results)
    turn = with_gates(turn, after).to(results=results, cursors=turn.evidence.cursors, curve=curve)
    return replace(turn, judged=(turn.memory.gates, comparison))


def awaited_until(turn: Turn) -> dict[str, float]:
    """The gates that the running step waits for, and when it has waited for each as long as it may (Unix seconds).

    A step without a weight has none: what cannot be judged in it does not come with time.
    """
    memory, policy = turn.memory, turn.desired.policy
    steps, began = policy.steps, memory.step_started
    if memory.phase != "Progressing" or began is None or memory.step >= len(steps):
        return {}
    step = steps[memory.step]
    if not step.weight or (not step.require_pass and memory.step + 1 < len(steps)):
        return {}
    waited = (gate.name for gate in policy.gates if gate.blocks != "Nothing")
    return {name: began + step.hold + policy.patience(name) for name in waited}


def _curve(turn: Turn, results: tuple[Mapping[str, Any], ...]) -> Curve | None:
    """How the evidence of the running attempt grew; in the bake it is over."""
    memory = turn.memory
    if memory.phase == "Baking" or memory.attempt_started is None:
        return memory.curve
    return grown(memory.curve, results, turn.now - memory.attempt_started)


def comparison_of(turn: Turn) -> gates.Comparison | None:
    """Which revision is judged against which: nothing is while a candidate has no traffic yet."""
    memory = turn.memory
    common: dict[str, Any] = {
        "sticky": memory.beside.sticky is not None,
        "clean_from": memory.clean_from or 0,
        "latency_from": _latency_from(turn),
        "route_timeout": turn.clock.route_timeout,
        "slot": turn.clock.slot,
    }
    if memory.phase == "Baking" and memory.stable:
        return gates.Comparison(candidate=memory.stable, stable=None, mode="Absolute", **common)
    if memory.phase in ("Progressing", "Promoting") and memory.candidate and memory.weight < ALL:
        return gates.Comparison(stable=memory.stable, **_judged(turn, memory.candidate), **common)
    return None


def _judged(turn: Turn, candidate: str) -> dict[str, Any]:
    """What of the candidate the running step judges, and how."""
    steps, index = turn.desired.policy.steps, turn.memory.step
    step = steps[index] if index < len(steps) else None
    if step and step.mirror:
        return {"candidate": names.arm(candidate, names.MIRROR), "mode": "Mirror"}
    if step and step.match:
        return {"candidate": names.arm(candidate, names.MATCH), "mode": "Match"}
    return {"candidate": candidate, "mode": "Weight"}


def _latency_from(turn: Turn) -> int:
    memory = turn.memory
    warm = turn.next_slot(memory.ready_changed + turn.clock.warm_up) if memory.ready_changed is not None else 0
    return max(memory.clean_from or 0, warm)


def _exposed(turn: Turn, candidate: str) -> Turn:
    memory = turn.memory
    slots = [slot for slot in turn.evidence.outcomes if slot.start > memory.exposed_slot]
    if not slots:
        return turn
    answering = (candidate, names.arm(candidate, names.MATCH))
    seen = sum(slot.revisions[arm].requests for slot in slots for arm in answering if arm in slot.revisions)
    return turn.to(exposed=memory.exposed + seen, exposed_slot=max(slot.start for slot in slots))


def blocking(memory: Memory) -> list[Mapping[str, Any]]:
    """The results of the gates that may roll back and are waited for."""
    return [item for item in memory.results if item.get("blocks") != "Nothing"]


def gates_memory(turn: Turn) -> gates.GatesMemory:
    """What the gates remember of the running attempt: read once, however many stages ask."""
    kept = turn.memory.gates or {}
    if id(kept) not in turn.read:
        turn.read[id(kept)] = kept, gates.GatesMemory.from_json(kept)
    read: gates.GatesMemory = turn.read[id(kept)][1]
    return read


def with_gates(turn: Turn, memory: gates.GatesMemory) -> Turn:
    """The turn with another memory of the gates."""
    kept = memory.to_json()
    turn.read[id(kept)] = kept, memory
    return turn.to(gates=kept)


def freeze(turn: Turn) -> Turn:
    """Freeze what the latency gate compares with, as soon as stable answered enough requests."""
    if frozen(turn) or turn.memory.stable is None:
        return turn
    learned = gates.freeze(gates_memory(turn), turn.evidence, turn.memory.stable, turn.now, turn.clock.slot)
    return with_gates(turn, learned)


def frozen(turn: Turn) -> bool:
    """Whether the gates have everything to compare with."""
    return gates_memory(turn).frozen


def held_seconds(turn: Turn) -> float:
    """How long the current step was observed, in seconds: an outage neither skips nor repeats a hold."""
    return gates_memory(turn).observed_slots * turn.clock.slot


def step_requests(turn: Turn) -> int:
    """Requests that the candidate answered in the current step."""
    return gates_memory(turn).step_requests
