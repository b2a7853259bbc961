"""Undo as a Monitor asks for it: once per promotion, and only where nothing else is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from weirkeeper.delivery.memory import ActionRun, with_action
from weirkeeper.delivery.verbs import ATTEMPT, former_revision, undo

if TYPE_CHECKING:
    from weirkeeper.delivery.memory import Memory
    from weirkeeper.delivery.turn import Turn

MONITOR: Final = "monitor/"
"""Before a Monitor's name, where it acts as people do."""


def undo_obstacle(memory: Memory, frozen: str) -> str:
    """Why a Monitor cannot have the stable revision undone now; empty where it can."""
    obstacles = (
        (memory.promoted_at is None, "the stable revision was gone back to: there is no promotion to undo"),
        (memory.undo_asked == memory.promoted_at, "this promotion was undone once, or that was tried"),
        (former_revision(memory) is None, "there is no revision promoted before"),
        (bool(frozen), f"it is frozen: {frozen}"),
        (memory.phase in ATTEMPT, "an attempt is running"),
        (memory.applied != memory.decision, "a router does not have the split in force yet"),
    )
    return next((why for holds, why in obstacles if holds), "")


def heed_monitor(turn: Turn) -> Turn:
    """Begin the undo that a Monitor asks for, and remember it in the same decision."""
    verb, memory = turn.desired.undo, turn.memory
    if verb is None or memory.stable is None or undo_obstacle(memory, turn.desired.frozen):
        return turn
    run = ActionRun(
        kind="Undo",
        monitor=verb.actor.removeprefix(MONITOR),
        revision=memory.stable,
        asked=turn.now,
        reason=verb.reason,
        message=f"goes back to {former_revision(memory)}",
    )
    return undo(turn.to(undo_asked=memory.promoted_at, actions=with_action(memory.actions, run)), verb)


def see_undo(turn: Turn) -> Turn:
    """Remember how an undo that a Monitor asked for came out."""
    ended = tuple(_ended(turn, run) for run in turn.memory.actions)
    return turn if ended == turn.memory.actions else turn.to(actions=ended)


def _ended(turn: Turn, run: ActionRun) -> ActionRun:
    memory = turn.memory
    if run.kind != "Undo" or run.ended is not None or memory.undo:
        return run
    if memory.stable == run.revision:
        told = f"it came to nothing: {run.revision} still serves"
        return run.model_copy(update={"ended": turn.now, "outcome": "Failed", "message": told})
    return run.model_copy(
        update={"ended": turn.now, "outcome": "Succeeded", "message": f"{memory.stable} serves again"}
    )
