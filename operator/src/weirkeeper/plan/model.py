"""One Model's plan: what is wanted and seen goes through the rollout machine, and what it decided becomes manifests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from weirkeeper.api import names
from weirkeeper.delivery.gates import judged_sides
from weirkeeper.delivery.memory import Memory, RevisionRecord
from weirkeeper.delivery.revision import is_container
from weirkeeper.delivery.rollout import advance
from weirkeeper.delivery.turn import Clock, Desired, Note, Obstacle
from weirkeeper.plan.actions import causes, retrain_asked, retrain_seen, retrain_starts, scheduled, undo_wanted
from weirkeeper.plan.actions import wake_at as action_due
from weirkeeper.plan.children import plan_children
from weirkeeper.plan.freezing import frozen
from weirkeeper.plan.gate_jobs import asked, jobs_seen, looked_after, starts, stops
from weirkeeper.plan.gate_queries import answers_of, queries_of
from weirkeeper.plan.monitor import plan_monitors
from weirkeeper.plan.projected import Projected
from weirkeeper.plan.projection import model_status, overwritten, rollout_writes
from weirkeeper.plan.result import Notice, Plan, StatusWrite
from weirkeeper.plan.schedules import heeded, missed, noted
from weirkeeper.plan.seen import fetched_digest, observed, signature_change, signature_of
from weirkeeper.plan.training_notices import missed_notices, training_notices
from weirkeeper.plan.wanted import Governed, Wanted, governing, policy_in_force, records_of, verbs_of, wanted_revision

if TYPE_CHECKING:
    from weirkeeper.delivery.evidence import Evidence
    from weirkeeper.plan.monitor import MonitorPlan
    from weirkeeper.plan.snapshot import Object, Snapshot

WRITE_COUNTS_EVERY = 60.0
"""Seconds between two writes of evidence into the status, where no decision asks for one."""

DRAIN_MARGIN = 5.0
"""Seconds beyond the route's time-out before the pods of a revision without traffic go."""


def plan_model(snapshot: Snapshot, now: float) -> Plan:
    """Plan for the Model of `snapshot` at `now` (Unix seconds)."""
    monitors = plan_monitors(snapshot, now)
    if snapshot.model is None:
        return _merged(Plan(statuses=rollout_writes(snapshot, None, now)), monitors)
    return _merged(_plan(snapshot, snapshot.model, monitors.drift, now), monitors)


def _plan(snapshot: Snapshot, model: Object, drift: str, now: float) -> Plan:
    before = recall(snapshot, model)
    clock = clock_of(snapshot, now)
    timely = scheduled(snapshot)
    looked = retrain_seen(snapshot, looked_after(snapshot, before, now), now)
    looked = noted(looked, timely, now)
    found = causes(snapshot, looked, now)
    wanted, governed = wanted_revision(snapshot, model), policy_in_force(snapshot)
    seen = observed(snapshot, _held(snapshot, before))
    desired = replace(_desired(snapshot, model, wanted, governed), undo=undo_wanted(found, looked, now))
    result = advance(looked, desired, seen, _evidence(snapshot, looked, wanted, governed), clock)
    after = asked(snapshot, _pinned(snapshot, result.memory), governed.policy, now)
    after = retrain_asked(snapshot, after, found, now)
    given_up = missed(after, timely, now)
    after = heeded(after, {one.key: time for one, time in given_up})
    kept, wake_at = _worth_writing(before, after, now)
    children = plan_children(snapshot, model, kept, desired, wanted, clock)
    view = Projected(snapshot, model, kept, wanted, governed, seen, children, drift, now)
    return Plan(
        creates=children.creates,
        applies=children.applies,
        statuses=(_status_write(model, model_status(view)), *rollout_writes(snapshot, view, now)),
        starts=(*starts(snapshot, model, kept, governed.policy), *retrain_starts(snapshot, model, kept)),
        deletes=(*children.deletes, *stops(snapshot, kept)),
        notices=(
            *_notices(model, (*_foreign(model, before), *result.notes)),
            *training_notices(snapshot, before, kept),
            *missed_notices(snapshot, looked, given_up, now),
        ),
        wake_at=_earliest(result.wake_at, wake_at, action_due(found, timely, after, now)),
        list_pods_of=children.unready,
        fast=kept.applied != kept.decision,
        queries=tuple(sorted(set(queries_of(snapshot, kept, governed.policy).values()))),
        sides=judged_sides(kept.gates),
    )


def _earliest(*moments: float | None) -> float | None:
    return min((moment for moment in moments if moment is not None), default=None)


def clock_of(snapshot: Snapshot, now: float) -> Clock:
    """The lengths that time is cut into, from the platform's settings."""
    timeout = float(snapshot.settings.limits.request_timeout_seconds)
    return Clock(now, snapshot.settings.slot_seconds, timeout, timeout + DRAIN_MARGIN)


def recall(snapshot: Snapshot, model: Object) -> Memory:
    """The memory in the Model's status; where that is lost, what the revisions' records still tell."""
    kept = model.get("status", {}).get("memory")
    if kept:
        return Memory.model_validate(kept)
    records = records_of(snapshot)
    stable = next((record for record in records if record.stage == "Production"), None)
    if stable is None or ("Deployment", stable.name) not in snapshot.children:
        return Memory()
    known = tuple(
        RevisionRecord.model_validate(
            {"name": record.name, "created": float(record.number), "stage": record.stage or "Archived"}
            | ({"outcome": record.outcome} if record.outcome else {})
        )
        for record in sorted(records, key=lambda item: item.number)
    )
    highest = max((router.acknowledged or 0 for router in snapshot.evidence.routers), default=0)
    return Memory(
        decision=highest + 1,
        phase="Healthy",
        stable=stable.name,
        traffic={stable.name: 100},
        promoted=(stable.name,),
        revisions=known,
        message="the status was lost; the rollout goes on from the revisions' records",
    )


def _desired(snapshot: Snapshot, model: Object, wanted: Wanted, governed: Governed) -> Desired:
    rollouts = governing(snapshot.rollouts)
    return Desired(
        revision=wanted.record.name if wanted.record else None,
        policy=governed.policy,
        replicas=model["spec"].get("server", {}).get("replicas", 1),
        verbs=verbs_of((model, rollouts[0] if rollouts else None)),
        frozen=frozen(snapshot),
    )


def _held(snapshot: Snapshot, memory: Memory) -> dict[str, Obstacle]:
    """Candidates that may not get traffic however ready they are."""
    model, stable = snapshot.model or {}, memory.stable
    if stable is None or model["spec"].get("allowSignatureChange", False):
        return {}
    held = {}
    for revision in {memory.candidate} - {None, stable}:
        change = signature_change(signature_of(snapshot, stable), signature_of(snapshot, str(revision)))
        if change:
            message = f"clients of {stable} would break: {change}; set spec.allowSignatureChange: true if that is meant"
            held[str(revision)] = Obstacle("SignatureChanged", message)
    return held


def _evidence(snapshot: Snapshot, memory: Memory, wanted: Wanted, governed: Governed) -> Evidence:
    """The evidence with what the policy's gates asked for, and with both arms' latencies by one clock.

    The latencies are the routers' where either arm is no server of ours.
    """
    queries = answers_of(snapshot, queries_of(snapshot, memory, governed.policy))
    evidence = replace(snapshot.evidence, queries=queries, jobs=jobs_seen(memory))
    records = [*records_of(snapshot), *([wanted.record] if wanted.record else [])]
    arms = {memory.stable, memory.candidate, wanted.record.name if wanted.record else None}
    if any(record.name in arms and is_container(record.content) for record in records):
        return replace(evidence, latency=evidence.router_latency)
    return evidence


def _pinned(snapshot: Snapshot, memory: Memory) -> Memory:
    """The memory with every digest that became known; a digest once pinned never changes."""
    pinned = dict(memory.pinned)
    contents = {record.name: record.content for record in records_of(snapshot)}
    for revision in {memory.stable, memory.candidate, memory.previous} - {None, *pinned}:
        name = str(revision)
        digest = contents.get(name, {}).get("artifact", {}).get("sha256") or fetched_digest(snapshot, name)
        if digest:
            pinned[name] = digest
    known = {record.name for record in memory.revisions}
    pinned = {name: digest for name, digest in pinned.items() if name in known}
    if pinned == dict(memory.pinned):
        return memory
    revisions = tuple(
        record.model_copy(update={"sha256": pinned.get(record.name, record.sha256)}) for record in memory.revisions
    )
    return memory.model_copy(update={"pinned": pinned, "revisions": revisions})


def _worth_writing(before: Memory, after: Memory, now: float) -> tuple[Memory, float | None]:
    """The memory to keep, and when counts that are not worth a write yet will be.

    Decisions are written at once, evidence at most once a minute: until then it is folded again from the collector.
    """
    if after.without_counts() != before.without_counts():
        return after.model_copy(update={"folded_at": now}), None
    if after == before:
        return before, None
    due = before.folded_at + WRITE_COUNTS_EVERY
    return (after.model_copy(update={"folded_at": now}), None) if now >= due else (before, due)


def _status_write(model: Object, status: dict[str, object]) -> StatusWrite:
    metadata = model["metadata"]
    return StatusWrite(names.MODEL_KIND, metadata["namespace"], metadata["name"], metadata["resourceVersion"], status)


def _foreign(model: Object, memory: Memory) -> Iterator[Note]:
    """Tell that somebody else wrote into the status; what was decided is written again by this very plan."""
    fields = ", ".join(f"status.{name}" for name in overwritten(model, memory))
    if fields:
        yield Note("Warning", "StatusOverwritten", f"somebody else wrote {fields}: what was decided is put back")


def _notices(model: Object, notes: Iterable[Note]) -> tuple[Notice, ...]:
    metadata = model["metadata"]
    regarding = {
        "apiVersion": names.API_VERSION,
        "kind": names.MODEL_KIND,
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
    }
    return tuple(Notice(regarding, note.type, note.reason, note.message, "Rollout") for note in notes)


def _merged(plan: Plan, monitors: MonitorPlan) -> Plan:
    return replace(
        plan,
        applies=(*plan.applies, *monitors.applies),
        statuses=(*plan.statuses, *monitors.statuses),
        notices=(*plan.notices, *monitors.notices),
        wake_at=_earliest(plan.wake_at, monitors.wake_at),
    )
