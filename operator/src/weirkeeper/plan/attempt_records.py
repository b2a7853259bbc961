"""Attempts as people read them, in statuses and in the records of revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weirkeeper.api.conditions import timestamp

if TYPE_CHECKING:
    from weirkeeper.delivery.memory import AttemptRecord, StepRecord


def attempt(record: AttemptRecord) -> dict[str, Any]:
    """One attempt as people read it, in a status and in its revision's record."""
    found = {
        "attempt": record.attempt,
        "revision": record.revision,
        "started": timestamp(record.started),
        "ended": timestamp(record.ended) if record.ended else None,
        "outcome": record.outcome,
        "reason": record.reason or None,
        "by": record.by or None,
        "exposedRequests": record.exposed_requests,
        "gates": [dict(item) for item in record.gates],
        "steps": [_step(item) for item in record.steps] or None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _step(record: StepRecord) -> dict[str, Any]:
    return {**record.model_dump(), "started": timestamp(record.started)}
