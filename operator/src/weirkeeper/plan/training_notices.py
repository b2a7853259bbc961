"""Events of trainings that Monitors ask for: that one begins, how it ended, and that one was missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from weirkeeper.api import names
from weirkeeper.api.conditions import timestamp
from weirkeeper.plan.actions import waits_for
from weirkeeper.plan.result import Notice

if TYPE_CHECKING:
    from weirkeeper.delivery.memory import ActionRun, Memory
    from weirkeeper.plan.schedules import Scheduled
    from weirkeeper.plan.snapshot import Snapshot

NOTE_LIMIT: Final = 1024
ACTION: Final = "Retrain"


def training_notices(snapshot: Snapshot, before: Memory, after: Memory) -> tuple[Notice, ...]:
    """Tell what `after`, which is written with them, has of trainings and `before` had not."""
    known = {run.job: run for run in before.actions if run.kind == "Retrain"}
    found = []
    for run in after.actions:
        if run.kind != "Retrain":
            continue
        if run.job not in known:
            found.append(
                _notice(snapshot, run, "Normal", "RetrainingStarted", f"Job {run.job} trains anew: {run.reason}")
            )
        if run.ended is not None and (run.job not in known or known[run.job].ended is None):
            failed = run.outcome == "Failed"
            reason = "RetrainingFailed" if failed else "RetrainingSucceeded"
            found.append(_notice(snapshot, run, "Warning" if failed else "Normal", reason, run.message))
    return tuple(found)


def missed_notices(
    snapshot: Snapshot, memory: Memory, given_up: tuple[tuple[Scheduled, float], ...], now: float
) -> tuple[Notice, ...]:
    """Tell which times of schedules were given up."""
    return tuple(
        Notice(
            _regarding(snapshot, one.monitor),
            "Warning",
            "RetrainingMissed",
            f"the training of {timestamp(time)} ({one.expression}) could not begin within an hour and is left out:"
            f" {waits_for(snapshot, memory, one.action, now)}"[:NOTE_LIMIT],
            ACTION,
        )
        for one, time in given_up
    )


def _notice(snapshot: Snapshot, run: ActionRun, kind: Any, reason: str, message: str) -> Notice:
    return Notice(_regarding(snapshot, run.monitor), kind, reason, message[:NOTE_LIMIT], ACTION)


def _regarding(snapshot: Snapshot, monitor: str) -> dict[str, str]:
    """The Monitor; where it is no more, the Model."""
    found = next((one for one in snapshot.monitors if one["metadata"]["name"] == monitor), None)
    kind, item = (names.MODEL_KIND, snapshot.model or {}) if found is None else (names.MONITOR_KIND, found)
    metadata = item["metadata"]
    place = {key: metadata[key] for key in ("name", "namespace", "uid")}
    return {"apiVersion": names.API_VERSION, "kind": kind, **place}
