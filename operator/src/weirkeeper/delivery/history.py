"""What a Model remembers of its revisions and attempts, newest last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weirkeeper.delivery.memory import HISTORY, AttemptRecord, Memory, RevisionRecord

if TYPE_CHECKING:
    from weirkeeper.delivery.turn import Turn


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
    return turn.to(
        attempt=attempt.attempt,
        attempt_started=turn.now,
        attempts=(*memory.attempts, attempt)[-HISTORY:],
        revisions=noted(memory, revision, turn.now, stage="Candidate", outcome=None, reason="", by=""),
    )


def ended(turn: Turn, outcome: str, reason: str, by: str = "") -> Turn:
    """The turn with the running attempt ended, its verdicts and its exposed requests kept."""
    memory = turn.memory
    if not memory.attempts:
        return turn
    last = memory.attempts[-1]
    closed = last.model_copy(
        update={
            "ended": turn.now,
            "outcome": outcome,
            "reason": reason[:256],
            "exposed_requests": memory.exposed,
            "gates": tuple({"name": item["name"], "verdict": item["verdict"]} for item in memory.results),
        }
    )
    stage = "Production" if outcome == "Promoted" else "Archived"
    return turn.to(
        attempts=(*memory.attempts[:-1], closed),
        revisions=noted(memory, last.revision, turn.now, stage=stage, outcome=outcome, reason=reason[:256], by=by),
    )
