"""The rollout machine: `(memory, desired, observed, evidence, clock) -> (memory, notes, wake-up)`.

It reads as the specification (rollout-cases.md): the stages below are passed in their order, each doing one thing.
Nothing here knows a client or a clock; running it again on its own result changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weirkeeper.delivery.attempt import begin, end_bake, fresh_evidence, revert, withdraw
from weirkeeper.delivery.evidence_fold import blocking, fold
from weirkeeper.delivery.exposure import reached
from weirkeeper.delivery.progress import move
from weirkeeper.delivery.turn import Clock, Desired, Note, Observed, Turn
from weirkeeper.delivery.undoing import heed_monitor, see_undo
from weirkeeper.delivery.verbs import ATTEMPT, obey

if TYPE_CHECKING:
    from weirkeeper.delivery.evidence import Evidence
    from weirkeeper.delivery.memory import Memory

MOST_MOVES = 16
"""Moves that one planning may make in a row; far more than any real sequence needs."""


@dataclass(frozen=True)
class Result:
    """The memory to keep, what to tell people, and when to plan again if nothing happens (Unix seconds)."""

    memory: Memory
    notes: tuple[Note, ...] = ()
    wake_at: float | None = None


def advance(memory: Memory, desired: Desired, observed: Observed, evidence: Evidence, clock: Clock) -> Result:
    """Plan as far as the conditions of this moment allow."""
    turn = Turn(memory, desired, observed, evidence, clock)
    for stage in STAGES:
        turn = stage(turn)
    return Result(turn.memory, turn.notes, _wake_at(turn))


def _see_routers(turn: Turn) -> Turn:
    """A decision is applied when every router that counts has it in force."""
    memory = turn.memory
    acknowledged = turn.observed.acknowledged
    if turn.settled or acknowledged is None or acknowledged < memory.decision:
        return turn
    return turn.to(applied=memory.decision, applied_at=turn.now, clean_from=turn.next_slot(turn.now))


def _see_pods(turn: Turn) -> Turn:
    """A change in the ready set of the judged revision: latency warms up anew."""
    memory = turn.memory
    judged = memory.candidate or memory.stable
    ready = turn.ready(judged)
    if ready == memory.ready:
        return turn
    return turn.to(ready=ready, ready_changed=turn.now)


def _judge(turn: Turn) -> Turn:
    """A Fail that blocks rolls back, in a pause too; in the bake it reverts, a first revision is only reported."""
    memory = turn.memory
    failed = next((item for item in blocking(memory) if item["verdict"] == "Fail"), None)
    if failed is None:
        return turn
    said = failed["message"].removeprefix(f"{failed['name']}: ")
    reason = f"gate {failed['name']} failed: {said}"
    if memory.phase in ("Progressing", "Promoting") and memory.candidate:
        return withdraw(turn, "RolledBack", "RolledBack", reason)
    if memory.phase == "Baking" and memory.previous and turn.ready(memory.previous):
        return revert(turn, "RolledBack", "RolledBack", reason)
    if memory.phase == "Baking" and not memory.previous and not memory.first_failing:
        return turn.to(first_failing=True).note("FirstDeployFailing", reason, "Warning")
    return turn


def _follow_spec(turn: Turn) -> Turn:
    """Bring the attempt in line with the revision that the spec asks for."""
    wanted = turn.desired.revision
    if wanted is None:
        return _follow_policy(turn) if turn.memory.candidate else turn
    if turn.memory.stable is None:
        return _follow_first(turn, wanted)
    if wanted != turn.memory.stable and turn.memory.phase == "Baking":
        turn = end_bake(turn)
    if wanted == turn.memory.stable:
        return _follow_stable(turn)
    if wanted == turn.memory.candidate:
        return _follow_policy(turn)
    if turn.memory.candidate:
        turn = withdraw(turn, "Superseded", "Healthy", f"the spec asks for {wanted} now")
    return _begin_if_allowed(turn, wanted)


def _follow_first(turn: Turn, wanted: str) -> Turn:
    """Before anything serves, the newest spec is what is waited for."""
    if turn.memory.candidate == wanted:
        return turn
    if turn.memory.candidate:
        turn = withdraw(turn, "Superseded", "Idle", f"the spec asks for {wanted} now")
    return begin(turn, wanted, direct=False)


def _follow_stable(turn: Turn) -> Turn:
    if turn.memory.undo and turn.memory.rejected(turn.stable):
        return _follow_policy(turn)
    if turn.memory.candidate:
        return withdraw(turn, "Superseded", "Healthy", "the spec asks for the stable revision again")
    if turn.memory.phase in ("Aborted", "RolledBack"):
        return turn.to(phase="Healthy").say(f"{turn.memory.stable} serves, as the spec asks")
    return turn


def _begin_if_allowed(turn: Turn, wanted: str) -> Turn:
    """A rejected revision stays out until `retry`; an attempt begins once no router sends to another candidate."""
    memory = turn.memory
    rejected = memory.rejected(wanted)
    if rejected:
        how = "aborted" if rejected.outcome == "Aborted" else "rolled back"
        return turn.say(f"{wanted} was {how} ({rejected.reason}); change the spec, or ask for it with the verb retry")
    if not turn.settled:
        return turn.say(f"{wanted} begins when every router has the split in force")
    window = turn.desired.policy.rollback_window
    recent = [name for name in memory.promoted if name != memory.stable]
    return begin(turn, wanted, direct=wanted in recent[len(recent) - window :] if window else False)


def _follow_policy(turn: Turn) -> Turn:
    """Changed steps keep the weight; changed gates start their evidence again."""
    memory, policy = turn.memory, turn.desired.policy
    if memory.steps_digest != policy.steps_digest:
        turn = turn.to(steps_digest=policy.steps_digest, step=reached(memory, policy.steps))
        turn = turn.to(entered=False, floor=memory.weight)
        turn = turn.note("StepsChanged", f"the steps were edited; {memory.candidate} goes on at {memory.weight} %")
    if memory.gates_digest != policy.gates_digest:
        turn = fresh_evidence(turn).note("GatesChanged", "the gates were edited; their evidence starts again")
    return turn


def _drain(turn: Turn) -> Turn:
    """Pods of a revision without traffic go once no router can have a request under way to them."""
    memory = turn.memory
    kept = {memory.stable, memory.candidate, memory.previous}
    stray = {name: None for name in turn.observed.deployed if name not in kept and name not in memory.draining}
    since = {**memory.draining, **stray}
    settled = {
        name: (memory.applied_at or turn.now) if moment is None and turn.settled else moment
        for name, moment in since.items()
        if name not in kept and (name in turn.observed.deployed or moment is None)
    }
    settled = {name: moment for name, moment in settled.items() if name in turn.observed.deployed}
    return turn if settled == dict(memory.draining) else turn.to(draining=settled)


def drained(memory: Memory, clock: Clock) -> frozenset[str]:
    """The revisions whose pods may go now."""
    return frozenset(
        name for name, since in memory.draining.items() if since is not None and clock.now >= since + clock.drain
    )


def _settle(turn: Turn) -> Turn:
    """Pass the inner stages until nothing changes: planning again on the result then changes nothing either."""
    for _ in range(MOST_MOVES):
        moved = turn
        for stage in SETTLED:
            moved = stage(moved)
        if moved.memory == turn.memory:
            break
        turn = moved
    return turn


SETTLED: tuple[Callable[[Turn], Turn], ...] = (_follow_spec, _see_pods, fold, _judge, move)
STAGES: tuple[Callable[[Turn], Turn], ...] = (
    _see_routers,
    obey,
    heed_monitor,
    _settle,
    see_undo,
    _drain,
)


def _patience(turn: Turn) -> set[float]:
    """After how many seconds of a step its gates may have had their time; the machine looks again then."""
    policy = turn.desired.policy
    hold = policy.steps[turn.memory.step].hold if turn.memory.step < len(policy.steps) else 0.0
    return {hold + policy.patience(gate.name) for gate in policy.gates}


def _wake_at(turn: Turn) -> float | None:
    memory, policy = turn.memory, turn.desired.policy
    waits = memory.wait.since + policy.progress_deadline if memory.wait else None
    moments = [memory.bake_until, waits if memory.phase == "Baking" else None]
    if memory.phase in ATTEMPT and memory.paused_at is None:
        moments += [
            waits,
            *(memory.step_started + waited for waited in _patience(turn) if memory.step_started is not None),
        ]
    moments += [since + turn.clock.drain for since in memory.draining.values() if since is not None]
    future = [moment for moment in moments if moment is not None and moment > turn.now]
    return min(future, default=None)
