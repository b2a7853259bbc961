"""What people read: the Model's status whole, and its projection into the statuses of its Rollouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from weirkeeper.api import names
from weirkeeper.api.conditions import timestamp
from weirkeeper.api.values import Duration
from weirkeeper.delivery.evidence_fold import blocking
from weirkeeper.delivery.gates import observed_slots
from weirkeeper.delivery.memory import Memory
from weirkeeper.delivery.turn import Obstacle
from weirkeeper.plan import standing
from weirkeeper.plan.attempt_records import attempt
from weirkeeper.plan.freezing import frozen
from weirkeeper.plan.projected import Projected
from weirkeeper.plan.result import StatusWrite
from weirkeeper.plan.wanted import governing
from weirkeeper.render.front import url

if TYPE_CHECKING:
    from weirkeeper.delivery.memory import RevisionRecord
    from weirkeeper.plan.snapshot import Object, Snapshot

WORST_FIRST = ("Fail", "Inconclusive", "Pass")


def model_status(view: Projected) -> dict[str, Any]:
    """The whole of Model.status."""
    memory, model = view.memory, view.model
    in_step = memory.phase == "Progressing"
    status: dict[str, Any] = {
        "observedGeneration": model["metadata"].get("generation", 0),
        **decided(memory),
        "memory": memory.to_json(),
        "phase": view.phase,
        "step": memory.step + 1 if in_step else None,
        "stepName": _step_name(view) if in_step else None,
        "attempt": memory.attempt,
        "heldFor": _held_for(view) if in_step else None,
        "message": memory.message,
        "stable": _stable(memory),
        "candidate": _candidate(memory),
        "gates": [_gate(item) for item in memory.results],
        "gatesDigest": memory.gates_digest,
        "exposedRequests": memory.exposed,
        "revisions": [_revision(item) for item in memory.revisions],
        "attempts": [attempt(item) for item in memory.attempts],
        "handled": list(memory.handled),
        "refused": [{"token": token, "why": why} for token, why in memory.refused.items()],
        "replicas": sum(view.seen.ready.values()),
        "selector": f"{names.LABEL_MODEL}={view.snapshot.name},{names.LABEL_COMPONENT}={names.COMPONENT_MODEL}",
        "url": url(model),
        "frozen": frozen(view.snapshot),
        "drift": view.drift,
        "conditions": standing.dated(model, standing.model_conditions(view), view.now),
    }
    return {key: value for key, value in status.items() if value not in (None, "", [])}


def decided(memory: Memory) -> dict[str, Any]:
    """What routers read of a status, which follows from the memory beside it alone."""
    return {
        "decision": memory.decision,
        "applied": memory.applied,
        "traffic": [_share(memory, name, weight) for name, weight in sorted(memory.traffic.items())],
        "sticky": _sticky(memory),
    }


def overwritten(model: Object, memory: Memory) -> list[str]:
    """Name the fields of `decided` in which somebody else wrote into the status that has this memory."""
    status = model.get("status", {})
    if not status.get("memory"):
        return []
    return [key for key, value in decided(memory).items() if (status.get(key) or None) != (value or None)]


def _share(memory: Memory, revision: str, weight: int) -> dict[str, Any]:
    found: dict[str, Any] = {"revision": revision, "weight": weight}
    if revision == memory.candidate and memory.beside.mirror:
        found["mirror"] = memory.beside.mirror
    if revision == memory.candidate and memory.beside.callers:
        found["match"] = [one.to_json() for one in memory.beside.callers]
    return found


def _sticky(memory: Memory) -> dict[str, Any] | None:
    sticky = memory.beside.sticky
    return sticky.to_json() | {"revision": memory.candidate} if sticky else None


def _step_name(view: Projected) -> str:
    return view.governed.policy.steps[view.memory.step].name


def _held_for(view: Projected) -> str:
    return str(Duration.of(observed_slots(view.memory.gates) * view.snapshot.settings.slot_seconds))


def _stable(memory: Memory) -> dict[str, Any] | None:
    if memory.stable is None:
        return None
    found = {
        "revision": memory.stable,
        "sha256": memory.pinned.get(memory.stable),
        "since": timestamp(memory.stable_since) if memory.stable_since else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _candidate(memory: Memory) -> dict[str, Any] | None:
    if memory.candidate is None:
        return None
    found = {"revision": memory.candidate, "sha256": memory.pinned.get(memory.candidate), "weight": memory.weight}
    return {key: value for key, value in found.items() if value is not None}


def _gate(result: Mapping[str, Any]) -> dict[str, Any]:
    effect, eta = result.get("effect"), result.get("eta")
    found = {
        "name": result["name"],
        "verdict": result["verdict"],
        "candidate": result.get("candidate"),
        "stable": result.get("stable"),
        "effect": None if effect is None else f"{effect:.3g}",
        "requests": result["candidate"]["requests"] if "candidate" in result else None,
        "requestsNeeded": result.get("requestsNeeded"),
        "eta": None if eta is None else timestamp(eta),
        "evidence": _evidence(result) if "failAt" in result else None,
        "message": result["message"],
    }
    return {key: value for key, value in found.items() if value is not None}


def _evidence(result: Mapping[str, Any]) -> dict[str, str]:
    return {
        "fail": f"{result['logEFail']:.2f}",
        "failAt": f"{result['failAt']:.2f}",
        "pass": f"{result['logEPass']:.2f}",
        "passAt": f"{result['passAt']:.2f}",
    }


def _revision(record: RevisionRecord) -> dict[str, Any]:
    found = {
        "name": record.name,
        "sha256": record.sha256,
        "created": timestamp(record.created),
        "stage": record.stage,
        "outcome": record.outcome,
        "reason": record.reason or None,
        "by": record.by or None,
    }
    return {key: value for key, value in found.items() if value is not None}


def rollout_writes(snapshot: Snapshot, view: Projected | None, now: float) -> tuple[StatusWrite, ...]:
    """The statuses of all Rollouts that name the Model: the oldest counts, the others are told so."""
    writes = []
    for index, rollout in enumerate(governing(snapshot.rollouts)):
        if view is None:
            missing = Obstacle("ModelNotFound", f"there is no Model {snapshot.name} in namespace {snapshot.namespace}")
            status = _idle_rollout(rollout, missing, now)
        elif index:
            first = governing(snapshot.rollouts)[0]["metadata"]["name"]
            message = f"Rollout {first} governs Model {snapshot.name} already: delete one of them"
            conflict = Obstacle("Conflict", message)
            status = _idle_rollout(rollout, conflict, now)
        else:
            status = _rollout_status(view, rollout)
        metadata = rollout["metadata"]
        writes.append(
            StatusWrite(
                names.ROLLOUT_KIND, metadata["namespace"], metadata["name"], metadata["resourceVersion"], status
            )
        )
    return tuple(writes)


def _idle_rollout(rollout: Object, obstacle: Obstacle, now: float) -> dict[str, Any]:
    return {
        "observedGeneration": rollout["metadata"].get("generation", 0),
        "phase": "Idle",
        "message": obstacle.message,
        "conditions": standing.dated(rollout, standing.stalled_rollout(rollout, obstacle), now),
    }


def _rollout_status(view: Projected, rollout: Object) -> dict[str, Any]:
    memory = view.memory
    steps = view.governed.policy.steps
    # Of an attempt that is complete nothing is awaited any more.
    verdicts = [item["verdict"] for item in blocking(memory)] if memory.phase != "Healthy" else []
    in_step = memory.phase == "Progressing"
    status: dict[str, Any] = {
        "observedGeneration": rollout["metadata"].get("generation", 0),
        "phase": view.phase,
        "step": f"{memory.step + 1}/{len(steps)} {steps[memory.step].name}" if in_step else None,
        "weight": memory.weight,
        "verdict": next((verdict for verdict in WORST_FIRST if verdict in verdicts), None),
        "gates": [
            {"name": item["name"], "verdict": item["verdict"], "message": item.get("message", "")}
            for item in memory.results
        ],
        "message": memory.message,
        "attempts": [attempt(item) for item in memory.attempts],
        "conditions": standing.dated(rollout, standing.rollout_conditions(view, rollout), view.now),
    }
    return {key: value for key, value in status.items() if value not in (None, "", [])}
