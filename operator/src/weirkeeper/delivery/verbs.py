"""The verbs: each acts once, at the right time, or is refused in so many words and never acts later."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from weirkeeper.delivery.attempt import begin, end_bake, revert, withdraw
from weirkeeper.delivery.history import noted
from weirkeeper.delivery.progress import leave_step

if TYPE_CHECKING:
    from weirkeeper.delivery.memory import Memory
    from weirkeeper.delivery.turn import Turn, Verb

ATTEMPT = ("Starting", "Progressing", "Promoting")
"""Phases in which there is a candidate."""


def obey(turn: Turn) -> Turn:
    """Act on the verbs that were not handled yet; an abort beats every other."""
    asked = [verb for verb in turn.desired.verbs if verb.token not in turn.memory.handled]
    handled = tuple(verb.token for verb in turn.desired.verbs)
    if handled != turn.memory.handled:
        refused = {token: why for token, why in turn.memory.refused.items() if token in handled}
        turn = turn.to(handled=handled, refused=refused)
    aborted = False
    for verb in sorted(asked, key=lambda item: item.name != "abort"):
        if aborted:
            turn = _refused(turn, verb, "an abort beats it")
            continue
        turn = _VERBS[verb.name](turn, verb)
        aborted = verb.name == "abort"
    return turn


def _refused(turn: Turn, verb: Verb, why: str) -> Turn:
    told = turn.note("VerbRefused", f"{verb.name} by {verb.actor} refused: {why}", "Warning")
    by_annotation = verb.token in turn.memory.handled
    return told.to(refused={**turn.memory.refused, verb.token: why}) if by_annotation else told


def _abort(turn: Turn, verb: Verb) -> Turn:
    memory = turn.memory
    if memory.phase == "Baking" and memory.previous:
        return revert(turn, "Aborted", "Aborted", f"aborted {verb.by}", verb.actor)
    if memory.phase in ATTEMPT and memory.stable:
        return withdraw(turn, "Aborted", "Aborted", f"aborted {verb.by}", verb.actor)
    return _refused(turn, verb, "no attempt is running that could be aborted")


def _pause(turn: Turn, verb: Verb) -> Turn:
    memory = turn.memory
    if memory.phase not in ATTEMPT or not memory.stable:
        return _refused(turn, verb, "no attempt is running that could be paused")
    if memory.paused_at is not None:
        return _refused(turn, verb, "it is paused already")
    return turn.to(paused_at=turn.now).note("Paused", f"paused {verb.by}")


def _resume(turn: Turn, verb: Verb) -> Turn:
    if turn.memory.paused_at is None:
        return _refused(turn, verb, "nothing is paused")
    return resumed(turn).note("Resumed", f"resumed {verb.by}")


def resumed(turn: Turn) -> Turn:
    """The turn after a pause: deadlines stood still in it."""
    memory = turn.memory
    if memory.paused_at is None:
        return turn
    stood = turn.now - memory.paused_at
    return turn.to(
        paused_at=None,
        wait=memory.wait.model_copy(update={"since": memory.wait.since + stood}) if memory.wait else None,
        step_started=memory.step_started + stood if memory.step_started is not None else None,
    )


def _promote(turn: Turn, verb: Verb) -> Turn:
    memory = turn.memory
    if memory.phase not in ("Starting", "Progressing") or not memory.stable:
        return _refused(turn, verb, "no attempt is running that could be promoted")
    steps = turn.desired.policy.steps
    waits = memory.phase == "Progressing" and steps[memory.step].manual and not memory.approved
    if waits:
        turn = turn.to(approved=True, approved_by=verb.actor)
        return turn.note("StepApproved", f"step {steps[memory.step].name} approved {verb.by}")
    turn = resumed(turn).to(approved_by=verb.actor, direct=True)
    return turn.note("PromoteRequested", f"steps and gates are passed over: full promotion {verb.by}")


def _skip(turn: Turn, verb: Verb) -> Turn:
    """Leave the step that is in force: neither its hold nor its gates are waited for."""
    memory, steps = turn.memory, turn.desired.policy.steps
    if memory.phase != "Progressing" or memory.direct:
        return _refused(turn, verb, "no step is in force that could be skipped")
    name, last = steps[memory.step].name, memory.step + 1 == len(steps)
    turn = turn.to(approved_by=verb.actor).note("StepSkipped", f"step {name} skipped {verb.by}")
    return leave_step(turn, last=last)


def undo(turn: Turn, verb: Verb) -> Turn:
    """Go back to the revision promoted before: at once while it is warm, else as soon as its pods are ready."""
    memory = turn.memory
    if memory.phase in ATTEMPT:
        return _refused(turn, verb, "an attempt is running; abort ends it")
    if memory.phase == "Baking" and memory.previous and turn.ready(memory.previous):
        return revert(turn, "RolledBack", "RolledBack", f"undone {verb.by}", verb.actor)
    former = former_revision(memory)
    if former is None:
        return _refused(turn, verb, "there is no revision promoted before that could be gone back to")
    if memory.phase == "Baking":
        turn = end_bake(turn)
    if not turn.settled:
        return _refused(turn, verb, "a router does not have the split in force yet; ask again with another nonce")
    undone = turn.stable
    reason = f"undone {verb.by}"
    kept = noted(turn.memory, undone, turn.now, outcome="RolledBack", reason=reason, by=verb.actor)
    turn = begin(turn.to(revisions=kept), former, direct=True).to(undo=True, approved_by=verb.actor)
    return turn.note("UndoRequested", f"{undone} {reason}: {former} serves again once its pods are ready", "Warning")


def former_revision(memory: Memory) -> str | None:
    """The revision that an undo goes back to, None where there is none."""
    former = next((name for name in reversed(memory.promoted) if _may_serve_again(memory, name)), None)
    return former if former and memory.record(former) else None


def _may_serve_again(memory: Memory, revision: str) -> bool:
    """Whether `undo` may go there: what was rejected since it was promoted waits for `retry`."""
    return revision != memory.stable and memory.rejected(revision) is None


def _retry(turn: Turn, verb: Verb) -> Turn:
    wanted = turn.desired.revision
    if wanted is None or not turn.memory.rejected(wanted):
        return _refused(turn, verb, "the spec does not name a rejected revision")
    turn = turn.to(revisions=noted(turn.memory, wanted, turn.now, outcome=None, reason="", by=verb.actor))
    return turn.note("RetryRequested", f"{wanted} gets another attempt, asked for {verb.by}")


_VERBS: dict[str, Callable[[Turn, Verb], Turn]] = {
    "abort": _abort,
    "undo": undo,
    "pause": _pause,
    "resume": _resume,
    "promote": _promote,
    "skip": _skip,
    "retry": _retry,
}
