"""How an attempt begins and the ways in which it ends: promoted, withdrawn, reverted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weirkeeper.delivery import gates
from weirkeeper.delivery.evidence_fold import gates_memory, with_gates
from weirkeeper.delivery.history import begun, ended, noted
from weirkeeper.delivery.memory import HISTORY
from weirkeeper.delivery.sizes import ALL

if TYPE_CHECKING:
    from weirkeeper.delivery.memory import Outcome, Phase
    from weirkeeper.delivery.turn import Turn


def fresh_evidence(turn: Turn) -> Turn:
    """The turn with nothing folded yet, under the gates in force."""
    policy = turn.desired.policy
    memory = gates.start(policy.gates, policy.false_alarm, policy.false_promote, max(1, policy.comparing))
    return with_gates(turn, memory).to(gates_digest=policy.gates_digest, results=())


def begin(turn: Turn, revision: str, *, direct: bool) -> Turn:
    """Begin an attempt for `revision`; `direct` goes without steps, for one that was in production lately."""
    draining = {name: since for name, since in turn.memory.draining.items() if name != revision}
    turn = begun(turn, revision).to(
        candidate=revision,
        phase="Starting",
        direct=direct,
        undo=False,
        size=turn.desired.replicas,
        step=0,
        floor=0,
        entered=False,
        approved=False,
        approved_by="",
        step_started=None,
        paused_at=None,
        wait=None,
        exposed=0,
        exposed_slot=turn.next_slot(turn.now) - turn.clock.slot,
        steps_digest=turn.desired.policy.steps_digest,
        draining=draining,
        bake_until=None,
        first_failing=False,
    )
    turn = fresh_evidence(turn).wait_for("Pods")
    return turn.note("AttemptStarted", f"attempt {turn.memory.attempt} for {revision}: waiting for its pods")


def serve_first(turn: Turn) -> Turn:
    """Give the first revision all traffic: there is nothing else that could serve."""
    first = turn.candidate
    turn = turn.to(candidate=None).route({first: ALL})
    turn = _to_production(turn, first)
    return turn.note("InitialDeploy", f"{first} is the first revision and serves all traffic; it bakes now")


def promote(turn: Turn) -> Turn:
    """Make the candidate stable: all routers send it everything. Its pods stay as they are."""
    candidate, former = turn.candidate, turn.stable
    if turn.memory.undo:
        return _gone_back(turn, candidate, former)
    turn = _to_production(turn.to(candidate=None, previous=former), candidate)
    turn = turn.to(revisions=noted(turn.memory, former, turn.now, stage="Archived"))
    return turn.note("Promoted", f"{candidate} serves all traffic; {former} stays warm while it bakes")


def _gone_back(turn: Turn, former: str, undone: str) -> Turn:
    """The end of an undo: what it went back to was in production before and needs no bake."""
    memory = turn.memory
    turn = ended(turn, "Promoted", f"{undone} was undone", memory.approved_by)
    turn = turn.to(
        stable=former,
        stable_since=turn.now,
        promoted_at=None,
        candidate=None,
        phase="RolledBack",
        direct=False,
        undo=False,
        wait=None,
        draining={**memory.draining, undone: None},
        promoted=(*(name for name in memory.promoted if name not in {undone, former}), former),
    )
    turn = turn.to(revisions=noted(turn.memory, undone, turn.now, stage="Archived")).route({former: ALL})
    return turn.note("Undone", f"{former} serves all traffic again; {undone} is out", "Warning")


def _to_production(turn: Turn, revision: str) -> Turn:
    memory = turn.memory
    promoted = (*(name for name in memory.promoted if name != revision), revision)[-HISTORY:]
    turn = turn.to(
        stable=revision,
        stable_since=turn.now,
        promoted_at=turn.now,
        phase="Baking",
        bake_until=turn.now + turn.desired.policy.bake_time,
        wait=None,
        promoted=promoted,
        revisions=noted(memory, revision, turn.now, stage="Production"),
    )
    return _judge_anew(turn)


def _judge_anew(turn: Turn) -> Turn:
    if turn.memory.gates is None:
        return fresh_evidence(turn)
    return with_gates(turn, gates.begin_step(gates_memory(turn)))


def end_bake(turn: Turn) -> Turn:
    """The promoted revision stays; the one before it may go once no router sends to it."""
    memory = turn.memory
    draining = dict(memory.draining)
    if memory.previous:
        draining[memory.previous] = None
    passed, failed = "no gate failed in its bake", "failed while it baked; there is nothing to go back to"
    turn = ended(turn, "Promoted", failed if memory.first_failing else passed, memory.approved_by)
    turn = turn.to(phase="Healthy", previous=None, bake_until=None, draining=draining)
    turn = turn.route({memory.stable: ALL}) if memory.stable else turn
    return turn.note("Baked", f"{memory.stable} is healthy; the rollout is complete")


def withdraw(turn: Turn, outcome: Outcome, phase: Phase, reason: str, by: str = "") -> Turn:
    """Take the candidate's traffic away at once and end its attempt; its pods go after they have drained."""
    memory, candidate = turn.memory, turn.candidate
    turn = ended(turn, outcome, reason, by)
    if memory.undo and outcome != "Superseded":
        turn, phase = _undo_dropped(turn, candidate, aborted=outcome == "Aborted"), "Healthy"
    turn = turn.to(
        draining={**memory.draining, candidate: None},
        phase=phase,
        candidate=None,
        wait=None,
        paused_at=None,
        direct=False,
        undo=False,
    )
    turn = turn.route({memory.stable: ALL}) if memory.stable else turn.to(traffic={})
    message = f"{candidate}: {reason}"
    return turn.note(outcome, message) if outcome == "Superseded" else turn.note(outcome, message, "Warning")


def _undo_dropped(turn: Turn, former: str, *, aborted: bool) -> Turn:
    """An undo that came to nothing is not held against stable; nor, where somebody stopped it, against `former`."""
    for revision in (turn.stable, former) if aborted else (turn.stable,):
        turn = turn.to(revisions=noted(turn.memory, revision, turn.now, outcome="Promoted", reason="", by=""))
    return turn


def revert(turn: Turn, outcome: Outcome, phase: Phase, reason: str, by: str = "") -> Turn:
    """Go back, within the bake, to the revision that is still warm."""
    memory, failed, former = turn.memory, turn.stable, turn.former
    turn = ended(turn, outcome, reason, by)
    turn = turn.to(
        stable=former,
        stable_since=turn.now,
        promoted_at=None,
        previous=None,
        phase=phase,
        bake_until=None,
        draining={**memory.draining, failed: None},
        promoted=tuple(name for name in memory.promoted if name != failed),
        revisions=noted(turn.memory, former, turn.now, stage="Production"),
    ).route({former: ALL})
    return turn.note(outcome, f"{failed}: {reason}; {former} serves again", "Warning")
