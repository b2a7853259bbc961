"""The conditions of Models and Rollouts: what is so, and why, so that people and pipelines can wait for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from weirkeeper.api.conditions import Condition, transition
from weirkeeper.delivery.progress import held_by_freeze
from weirkeeper.delivery.turn import Obstacle
from weirkeeper.delivery.verbs import ATTEMPT
from weirkeeper.plan.freezing import frozen
from weirkeeper.plan.gate_jobs import jobs_obstacle
from weirkeeper.plan.gate_queries import queries_obstacle

if TYPE_CHECKING:
    from weirkeeper.plan.projected import Projected
    from weirkeeper.plan.snapshot import Object

EVIDENCE_PATIENCE = 15.0
"""Seconds without any router's answer, in an attempt, until people are told."""

LONGEST_MESSAGE = 1024

TURNED_DOWN = frozenset({"Aborted", "RolledBack"})
"""Why a spec is not served that nobody works on any more."""


def dated(item: Object, conditions: Iterable[Condition], now: float) -> list[dict[str, Any]]:
    """Conditions as JSON; the time of each changes only with its status."""
    previous = item.get("status", {}).get("conditions", ())
    found = transition(previous, conditions, now)
    return [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in found]


def model_conditions(view: Projected) -> tuple[Condition, ...]:
    """Ready, Current, Progressing, Reconciling, Stalled and ArtifactPinned of a Model."""
    generation = view.model["metadata"].get("generation", 0)
    return tuple(
        _condition(kind, generation, *found)
        for kind, found in (
            ("Ready", _ready(view)),
            ("Current", _current(view)),
            ("Progressing", _progressing(view)),
            # kstatus goes by the first of these two that is true: what may still come right by itself is no failure.
            ("Reconciling", _reconciling(view)),
            ("Stalled", _stalled_or_out(view)),
            ("ArtifactPinned", _pinned(view)),
        )
    )


def rollout_conditions(view: Projected, rollout: Object) -> tuple[Condition, ...]:
    """Progressing, Paused, Stalled and Healthy of the Rollout that counts."""
    generation = rollout["metadata"].get("generation", 0)
    paused = view.memory.paused_at is not None
    healthy = view.memory.phase == "Healthy"
    return (
        _condition("Progressing", generation, *_progressing(view)),
        _condition("Paused", generation, str(paused), "Paused" if paused else "NotPaused", ""),
        _condition("Stalled", generation, *_stalled(view)),
        _condition("Healthy", generation, str(healthy), view.stage, view.memory.message),
    )


def stalled_rollout(rollout: Object, obstacle: Obstacle) -> tuple[Condition, ...]:
    """The conditions of a Rollout that governs nothing."""
    generation = rollout["metadata"].get("generation", 0)
    return (
        _condition("Progressing", generation, "False", obstacle.reason, obstacle.message),
        _condition("Stalled", generation, "True", obstacle.reason, obstacle.message),
    )


def _condition(kind: str, generation: int, status: str, reason: str, message: str) -> Condition:
    return Condition.model_validate(
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message[:LONGEST_MESSAGE],
            "observedGeneration": generation,
        }
    )


def _ready(view: Projected) -> tuple[str, str, str]:
    memory, name = view.memory, view.snapshot.name
    if view.children.name_taken:
        message = f"there is a Service {name} that is not ours: delete it, or give the Model another name"
        return "False", "NameTaken", message
    if memory.stable is None:
        obstacle = _obstacle(view)
        return ("False", obstacle.reason, obstacle.message) if obstacle else ("False", "Starting", memory.message)
    if not view.seen.ready.get(memory.stable):
        if memory.applied and _bridged(view):
            return "True", "FormerServes", memory.message
        found = view.seen.obstacles.get(memory.stable)
        why = found or Obstacle("NoReadyPods", f"no pod of {memory.stable} is ready")
        return "False", why.reason, why.message
    if not memory.applied:
        return "False", "RouteNotAcknowledged", "the routers do not have the Model's route yet"
    return "True", "Serving", "; ".join([f"{memory.stable} serves", *_remarks(view, memory.stable)])


def _bridged(view: Projected) -> bool:
    """Whether the former revision answers everything, because the promoted one lost its pods while it bakes."""
    memory, former = view.memory, view.memory.previous
    if former is None or not view.seen.ready.get(former):
        return False
    return {name: weight for name, weight in memory.traffic.items() if weight} == {former: 100}


def _remarks(view: Projected, revision: str) -> list[str]:
    """What ready servers say, such as that the bundle was made with other versions and still answers as it did."""
    pods = view.snapshot.evidence.pods.get(revision, ())
    return sorted({pod.message for pod in pods if pod.state == "Ready" and pod.message})


def _current(view: Projected) -> tuple[str, str, str]:
    memory, record = view.memory, view.wanted.record
    if record is None:
        obstacle = view.wanted.obstacle or Obstacle("Unknown", "")
        return "False", obstacle.reason, obstacle.message
    if record.name == memory.stable:
        return "True", "Promoted", f"the spec's revision {record.name} is the stable one"
    rejected = memory.rejected(record.name)
    if rejected:
        return "False", str(rejected.outcome), memory.message
    return "False", "RolloutInProgress", memory.message


def _progressing(view: Projected) -> tuple[str, str, str]:
    memory = view.memory
    if memory.paused_at is not None:
        return "False", "Paused", memory.message
    if held_by_freeze(memory, frozen(view.snapshot)):
        return "False", "Frozen", memory.message
    if memory.phase in ATTEMPT or memory.phase == "Baking":
        return "True", view.stage, memory.message
    return "False", view.stage, memory.message


def _reconciling(view: Projected) -> tuple[str, str, str]:
    """Whether an attempt is under way, also one that is paused or frozen: not what is applied serves, or not surely."""
    memory = view.memory
    under_way = memory.phase in ATTEMPT or memory.phase == "Baking"
    return str(under_way), view.stage, memory.message if under_way else ""


def _stalled_or_out(view: Projected) -> tuple[str, str, str]:
    """As `_stalled`; of a Model also where its spec asks for a revision that was turned down."""
    stalled, (_, reason, message) = _stalled(view), _current(view)
    return ("True", reason, message) if stalled[0] == "False" and reason in TURNED_DOWN else stalled


def _stalled(view: Projected) -> tuple[str, str, str]:
    obstacle = _obstacle(view)
    return ("True", obstacle.reason, obstacle.message) if obstacle else ("False", "AsExpected", "")


def _obstacle(view: Projected) -> Obstacle | None:
    """What keeps the Model from what its spec asks for, the nearest cause first."""
    memory = view.memory
    if view.wanted.obstacle or view.governed.obstacle:
        return view.wanted.obstacle or view.governed.obstacle
    if memory.candidate and memory.candidate in view.seen.held:
        return view.seen.held[memory.candidate]
    if memory.candidate and memory.wait and memory.candidate in view.seen.obstacles:
        return view.seen.obstacles[memory.candidate]
    if memory.first_failing:
        return Obstacle("FirstDeployFailing", memory.message)
    return _silent_routers(view) or _stable_obstacle(view) or _gates_obstacle(view)


def _silent_routers(view: Projected) -> Obstacle | None:
    since, phase = view.snapshot.evidence.unavailable_since, view.memory.phase
    if phase in ("Progressing", "Promoting", "Baking") and since and view.now - since > EVIDENCE_PATIENCE:
        return Obstacle("EvidenceUnavailable", "no router answers: the rollout holds until one does")
    return None


def _gates_obstacle(view: Projected) -> Obstacle | None:
    """What keeps a gate that asks somebody else from its verdict."""
    snapshot, policy = view.snapshot, view.governed.policy
    return queries_obstacle(snapshot, view.memory, policy, view.now) or jobs_obstacle(snapshot, policy)


def _stable_obstacle(view: Projected) -> Obstacle | None:
    """What keeps stable from having as many pods as it should, though some may serve."""
    stable = view.memory.stable
    if stable is None or stable not in view.children.unready or stable not in view.seen.obstacles:
        return None
    found = view.seen.obstacles[stable]
    serve = view.seen.ready.get(stable, 0)
    return Obstacle(found.reason, f"{found.message} (ready pods of {stable}: {serve})")


def _pinned(view: Projected) -> tuple[str, str, str]:
    record, pinned = view.wanted.record, view.memory.pinned
    if record and "artifact" not in record.content:
        image = record.content["server"]["image"]
        return "True", "NoArtifact", f"{record.name} is its image {image}; a name with @sha256:… never changes"
    revision = record.name if record and record.name in pinned else view.memory.stable
    if revision and revision in pinned:
        return "True", "Pinned", f"{revision} is pinned to sha256 {pinned[revision]}"
    return "False", "NotFetched", "the artifact's digest is not known yet"
