"""Plans the Monitors of a Model: their statuses, Events at transitions, and the checkpoint of their windows."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from weirkeeper.api import names
from weirkeeper.api.conditions import condition_of, unix_seconds
from weirkeeper.api.monitor import State
from weirkeeper.api.monitor_actions import SHOWN_LIMIT
from weirkeeper.api.monitor_status import NAME_LIMIT, WORST_LIMIT
from weirkeeper.api.names import kept_name
from weirkeeper.plan.actions import actions_obstacle, last_actions
from weirkeeper.plan.assessed import WATCHING, Assessment
from weirkeeper.plan.assessment import assessments
from weirkeeper.plan.conditions.objectives import LOOK_SECONDS
from weirkeeper.plan.conditions.watched import ENDED, ConditionState
from weirkeeper.plan.cron_jobs import NOT_ALLOWED, NOT_FOUND
from weirkeeper.plan.monitor_status import status_write, waits
from weirkeeper.plan.result import Notice, StatusWrite
from weirkeeper.plan.windows import CHECKPOINT_KEY, CountedSlots, checkpoint_name, window_rules
from weirkeeper.render.owners import metadata

if TYPE_CHECKING:
    from weirkeeper.plan.snapshot import Object, Snapshot

REFRESH_SECONDS: Final = 3600
"""Numbers that change no state are written once in this time."""

NOTE_LIMIT: Final = 1024
CRON_JOB_REASONS: Final = (NOT_FOUND, NOT_ALLOWED)
ACTION: Final = "Watch"

SETTLE_SECONDS: Final = 3
"""A window is judged so long after its end: pods are asked at the end, and given two seconds."""

BEHIND_SLOTS: Final = 6
"""Objectives are looked at no oftener than every so many slots, also while no router answers."""

WORST_STATES: Final[tuple[State, ...]] = ("Drifting", "Error", "Insufficient", "OK")


@dataclass(frozen=True)
class MonitorPlan:
    """Merged into the Model's plan. `drift` is the worst state of its Monitors, empty where it has none."""

    applies: tuple[Mapping[str, Any], ...] = ()
    statuses: tuple[StatusWrite, ...] = ()
    notices: tuple[Notice, ...] = ()
    wake_at: float | None = None
    drift: str = ""


def plan_monitors(snapshot: Snapshot, now: float) -> MonitorPlan:
    """Plan for every Monitor of the snapshot's Model at `now` (Unix seconds); the Model may be missing."""
    found = [
        (monitor, _able(snapshot, monitor, one))
        for monitor, one in zip(snapshot.monitors, assessments(snapshot), strict=True)
    ]
    changed = [(monitor, one) for monitor, one in found if _worth_writing(monitor, one)]
    written = {monitor["metadata"]["name"]: status_write(monitor, one, now) for monitor, one in changed}
    return MonitorPlan(
        applies=_checkpoint(snapshot),
        statuses=tuple(
            write
            for monitor in snapshot.monitors
            if (write := _with_actions(snapshot, monitor, written.get(monitor["metadata"]["name"]))) is not None
        ),
        notices=tuple(notice for monitor, one in changed for notice in _notices(monitor, one)),
        wake_at=_wake_at(snapshot, now),
        drift=next((state for state in WORST_STATES if any(one.state == state for _, one in found)), ""),
    )


def _able(snapshot: Snapshot, monitor: Object, one: Assessment) -> Assessment:
    """What is said of a Monitor that watches well and could not act if it had to."""
    obstacle = actions_obstacle(snapshot, monitor, one) if one.reason == WATCHING else None
    return replace(one, reason=obstacle.reason, problem=obstacle.message) if obstacle else one


def _with_actions(snapshot: Snapshot, monitor: Object, write: StatusWrite | None) -> StatusWrite | None:
    """The status with what the Monitor did; None where it would say what it says already."""
    meta, kept = monitor["metadata"], _status(monitor)
    did = last_actions(snapshot.model, meta["name"], SHOWN_LIMIT)
    if write is None and (not kept or did == list(kept.get("lastActions") or ())):
        return None
    status = {key: value for key, value in (write.status if write else kept).items() if key != "lastActions"}
    place = (names.MONITOR_KIND, meta["namespace"], meta["name"], meta["resourceVersion"])
    return StatusWrite(*place, {**status, "lastActions": did} if did else status)


def _worth_writing(monitor: Object, one: Assessment) -> bool:
    """Whether the status says something else now, or rows or requests came in and its numbers are an hour old.

    The first window that ended is written with or without rows: that none had ended is not true any more.
    """
    status = _status(monitor)
    if waits(status, one) and not one.objectives:
        return False
    if _standing(status) != _wanted(monitor, one) or _requests_came(status, one):
        return True
    window, last = one.window, (status.get("lastWindow") or {}).get("end")
    if window is None or not last:
        return window is not None
    return window.rows > 0 and window.end >= unix_seconds(last) + REFRESH_SECONDS


def _requests_came(status: Mapping[str, Any], one: Assessment) -> bool:
    told = {item["objective"]: unix_seconds(item["until"]) for item in status.get("objectives") or ()}
    return any(
        found.kind not in told or (found.recent > 0 and found.until >= told[found.kind] + REFRESH_SECONDS)
        for found in one.objectives
    )


def _standing(status: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a status says, apart from its numbers."""
    reasons = {one.get("type"): one.get("reason") for one in status.get("conditions") or ()}
    states = {one.get("name"): one.get("state") for one in status.get("features") or ()}
    drifting = frozenset(name for name, state in states.items() if state == "Drifting")
    return status.get("observedGeneration"), reasons, _to_do(condition_of(status, "Ready") or {}), drifting


def _to_do(ready: Mapping[str, Any]) -> str:
    """What is to be done to a CronJob: that is in the message alone, and may become less under the same reason."""
    return str(ready.get("message", "")) if ready.get("reason") in CRON_JOB_REASONS else ""


def _wanted(monitor: Object, one: Assessment) -> tuple[Any, ...]:
    generation, *_, drifting = _standing(_status(monitor))
    if not waits(_status(monitor), one):
        generation = monitor["metadata"].get("generation")
        drifting = frozenset(
            kept_name(feature.name, NAME_LIMIT) for feature in one.features[:WORST_LIMIT] if feature.drifting
        )
    reasons: dict[str, str] = {"Ready": one.reason}
    reasons.update((said.type, said.state) for said in one.conditions)
    return generation, reasons, _to_do({"reason": one.reason, "message": one.problem}), drifting


def _notices(monitor: Object, one: Assessment) -> tuple[Notice, ...]:
    """Events where a condition becomes bad or well again, or where the Monitor cannot watch any more."""
    meta = monitor["metadata"]
    regarding = {
        "apiVersion": names.API_VERSION,
        "kind": names.MONITOR_KIND,
        "name": meta["name"],
        "namespace": meta["namespace"],
        "uid": meta["uid"],
    }
    told = [notice for said in one.conditions if (notice := _notice(monitor, said, regarding)) is not None]
    known = (condition_of(_status(monitor), "Ready") or {}).get("reason")
    if one.problem and one.reason not in (known, "ModelNotReady"):
        told.append(Notice(regarding, "Warning", one.reason, one.problem[:NOTE_LIMIT], ACTION))
    return tuple(told)


def _notice(monitor: Object, said: ConditionState, regarding: Mapping[str, Any]) -> Notice | None:
    before = (condition_of(_status(monitor), said.type) or {}).get("reason")
    if said.state == "Drifting" and before != "Drifting":
        return Notice(regarding, "Warning", said.type, said.message[:NOTE_LIMIT], ACTION)
    if said.state == "OK" and before == "Drifting":
        return Notice(regarding, "Normal", ENDED[said.type], said.message[:NOTE_LIMIT], ACTION)
    return None


def _checkpoint(snapshot: Snapshot) -> tuple[Mapping[str, Any], ...]:
    """The ConfigMap of the windows, where the collector has a newer checkpoint than it."""
    due = [one.checkpoint for one in snapshot.evidence.windows.values() if isinstance(one, CountedSlots)]
    packed = next((one for one in due if one is not None), None)
    if packed is None or snapshot.model is None:
        return ()
    name, encoded = checkpoint_name(snapshot.name), base64.b64encode(packed).decode()
    kept = snapshot.children.get(("ConfigMap", name)) or {}
    if (kept.get("binaryData") or {}).get(CHECKPOINT_KEY) == encoded:
        return ()
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(snapshot.model, name),
        "binaryData": {CHECKPOINT_KEY: encoded},
    }
    return (manifest,)


def _wake_at(snapshot: Snapshot, now: float) -> float | None:
    """When the next window has ended and is booked."""
    slot = snapshot.settings.slot_seconds
    moments: list[float] = [
        (slots.until // rule.size + 1) * rule.size + SETTLE_SECONDS
        for name, rule in window_rules(snapshot.monitors).items()
        if isinstance(slots := snapshot.evidence.windows.get(name), CountedSlots)
    ]
    served = snapshot.evidence.served
    if served is not None:
        moments.append(max(served.until + LOOK_SECONDS + SETTLE_SECONDS, now + BEHIND_SLOTS * slot))
    # Where the collector is behind, its next slot is awaited.
    return max(min(moments), now + slot) if moments else None


def _status(monitor: Object) -> Mapping[str, Any]:
    return monitor.get("status") or {}
