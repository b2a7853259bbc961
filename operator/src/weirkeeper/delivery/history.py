"""What a Model remembers of its revisions and attempts, newest last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from weirkeeper.delivery.curve import Curve, closed
from weirkeeper.delivery.evidence_fold import step_requests
from weirkeeper.delivery.memory import HISTORY, STEPS, WHOLE, AttemptRecord, Memory, RevisionRecord, StepRecord

if TYPE_CHECKING:
    from weirkeeper.delivery.turn import Turn

LONGEST = 256
"""Characters that are kept of a reason, and of what a gate said."""


def noted(memory: Memory, name: str, now: float, **changes: Any) -> tuple[RevisionRecord, ...]:
    """The revisions with `name` changed or added; the oldest archived ones beyond the limit are forgotten."""
    known = memory.record(name) or RevisionRecord(name=name, created=now)
    changed = known.model_copy(update=changes)
    others = tuple(item for item in memory.revisions if item.name != name)
    revisions = tuple(sorted((*others, changed), key=lambda item: item.created))
    while len(revisions) > HISTORY:
        forgotten = next((item for item in revisions if item.stage == "Archived"), revisions[0])
        revisions = tuple(item for item in revisions if item is not forgotten)
    return revisions


def begun(turn: Turn, revision: str) -> Turn:
    """The turn with a new attempt for `revision` in its history."""
    memory = turn.memory
    attempt = AttemptRecord(attempt=memory.attempt + 1, revision=revision, started=turn.now)
    older = memory.attempts[: 1 - WHOLE]
    # How evidence grew is on the revision's record by now.
    whole = tuple(item.model_copy(update={"curve": None}) for item in memory.attempts[1 - WHOLE :])
    return turn.to(
        attempt=attempt.attempt,
        attempt_started=turn.now,
        curve=None,
        attempts=(*(item.shortened() for item in older), *whole, attempt)[-HISTORY:],
        revisions=noted(memory, revision, turn.now, stage="Candidate", outcome=None, reason="", by=""),
    )


def ended(turn: Turn, outcome: str, reason: str, by: str = "") -> Turn:
    """The turn with the running attempt ended, its verdicts and its exposed requests kept."""
    turn = counted(turn)
    memory = turn.memory
    if not memory.attempts:
        return turn
    last = memory.attempts[-1]
    closed = last.model_copy(
        update={
            "ended": turn.now,
            "outcome": outcome,
            "reason": reason[:LONGEST],
            "exposed_requests": memory.exposed,
            "by": by,
            "gates": tuple(_judged(item) for item in memory.results),
            "curve": _closed(memory, turn.now),
        }
    )
    stage = "Production" if outcome == "Promoted" else "Archived"
    return turn.to(
        attempts=(*memory.attempts[:-1], closed),
        revisions=noted(memory, last.revision, turn.now, stage=stage, outcome=outcome, reason=reason[:LONGEST], by=by),
    )


def _closed(memory: Memory, now: float) -> Curve | None:
    """How the evidence grew, up to what the gates said when the attempt ended; what a bake says is no part of it."""
    if memory.phase == "Baking" or memory.attempt_started is None:
        return memory.curve
    return closed(memory.curve, memory.results, now - memory.attempt_started)


def _judged(result: Mapping[str, Any]) -> Mapping[str, Any]:
    kept = {"name": result["name"], "verdict": result["verdict"]}
    return {**kept, "message": result["message"][:LONGEST]} if result.get("message") else kept


def step_begun(turn: Turn, name: str, weight: int) -> Turn:
    """The turn with a further step in the running attempt's record."""
    step = StepRecord(name=name, weight=weight, started=turn.now)
    return _recorded(turn, lambda steps: (*steps, step)[-STEPS:])


def counted(turn: Turn) -> Turn:
    """The turn with what the candidate answered in the step that ends now."""
    if turn.memory.phase != "Progressing" or not turn.memory.entered:
        return turn
    requests = step_requests(turn)
    return _recorded(
        turn, lambda steps: (*steps[:-1], *(item.model_copy(update={"requests": requests}) for item in steps[-1:]))
    )


def _recorded(turn: Turn, change: Callable[[tuple[StepRecord, ...]], tuple[StepRecord, ...]]) -> Turn:
    attempts = turn.memory.attempts
    if not attempts:
        return turn
    last = attempts[-1]
    return turn.to(attempts=(*attempts[:-1], last.model_copy(update={"steps": change(last.steps)})))
