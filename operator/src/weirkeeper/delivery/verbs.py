"""The verbs: each acts once, at the right time, or is refused in so many words and never acts later."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from weirkeeper.delivery.attempt import revert, withdraw
from weirkeeper.delivery.history import noted

if TYPE_CHECKING:
    from weirkeeper.delivery.turn import Turn, Verb

ATTEMPT = ("Starting", "Progressing", "Promoting")
"""Phases in which there is a candidate."""


def obey(turn: Turn) -> Turn:
    """Act on the verbs that were not handled yet; an abort beats every other."""
    asked = [verb for verb in turn.desired.verbs if verb.token not in turn.memory.handled]
    handled = tuple(verb.token for verb in turn.desired.verbs)
    if handled != turn.memory.handled:
        turn = turn.to(handled=handled)
    aborted = False
    for verb in sorted(asked, key=lambda item: item.name != "abort"):
        if aborted:
            turn = _refused(turn, verb, "an abort beats it")
            continue
        turn = _VERBS[verb.name](turn, verb)
        aborted = verb.name == "abort"
    return turn


def _refused(turn: Turn, verb: Verb, why: str) -> Turn:
    return turn.note("VerbRefused", f"{verb.name} by {verb.actor} refused: {why}", "Warning")


def _abort(turn: Turn, verb: Verb) -> Turn:
    memory = turn.memory
    if memory.phase == "Baking" and memory.previous:
        return revert(turn, "Aborted", "Aborted", f"aborted by {verb.actor}", verb.actor)
    if memory.phase in ATTEMPT and memory.stable:
        return withdraw(turn, "Aborted", "Aborted", f"aborted by {verb.actor}", verb.actor)
    return _refused(turn, verb, "no attempt is running that could be aborted")


def _pause(turn: Turn, verb: Verb) -> Turn:
    memory = turn.memory
    if memory.phase not in ATTEMPT or not memory.stable:
        return _refused(turn, verb, "no attempt is running that could be paused")
    if memory.paused_at is not None:
        return _refused(turn, verb, "it is paused already")
    return turn.to(paused_at=turn.now).note("Paused", f"paused by {verb.actor}")


def _resume(turn: Turn, verb: Verb) -> Turn:
    if turn.memory.paused_at is None:
        return _refused(turn, verb, "nothing is paused")
    return resumed(turn).note("Resumed", f"resumed by {verb.actor}")


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
        return turn.note("StepApproved", f"step {steps[memory.step].name} approved by {verb.actor}")
    turn = resumed(turn).to(approved_by=verb.actor, direct=True)
    return turn.note("PromoteRequested", f"full promotion by {verb.actor}: steps and gates are passed over")


def _retry(turn: Turn, verb: Verb) -> Turn:
    wanted = turn.desired.revision
    if wanted is None or not turn.memory.rejected(wanted):
        return _refused(turn, verb, "the spec does not name a rejected revision")
    turn = turn.to(revisions=noted(turn.memory, wanted, turn.now, outcome=None, reason="", by=verb.actor))
    return turn.note("RetryRequested", f"{wanted} gets another attempt, asked for by {verb.actor}")


_VERBS: dict[str, Callable[[Turn, Verb], Turn]] = {
    "abort": _abort,
    "pause": _pause,
    "resume": _resume,
    "promote": _promote,
    "retry": _retry,
}
