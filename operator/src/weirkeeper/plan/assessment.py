"""What is to be said of every Monitor of a Model: by its last window, and by its objectives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from weirkeeper.api.conditions import condition_of
from weirkeeper.api.errors import InvalidSpec
from weirkeeper.api.monitor import MonitorSpec, parse_monitor
from weirkeeper.plan.assessed import WATCHING, Assessment, alike
from weirkeeper.plan.cause import cause_of
from weirkeeper.plan.conditions.objectives import judge_objectives, objective_states
from weirkeeper.plan.conditions.watched import (
    CONDITIONS,
    PROMISED,
    said_before,
)
from weirkeeper.plan.window_assessment import of_window, stable_of

if TYPE_CHECKING:
    from weirkeeper.plan.snapshot import Object, Snapshot


def assessments(snapshot: Snapshot) -> tuple[Assessment, ...]:
    """Judge the last window of every Monitor of the Model; also what its series are made of."""
    return tuple(assessment_of(snapshot, monitor) for monitor in snapshot.monitors)


def assessment_of(snapshot: Snapshot, monitor: Object) -> Assessment:
    """Judge one Monitor's last window, and its objectives."""
    name = monitor["metadata"]["name"]
    try:
        spec = parse_monitor(monitor)
    except InvalidSpec as error:
        return alike(name, None, "Error", str(error), "InvalidSpec")
    found = of_window(snapshot, monitor, spec)
    found = _with_objectives(found if found.settled else _as_before(found, monitor), snapshot, monitor, spec)
    return _with_cause(found, snapshot, monitor)


def _as_before(found: Assessment, monitor: Object) -> Assessment:
    """What was said when the status was written, while no window has ended since."""
    status = monitor.get("status") or {}
    conditions = tuple(said_before(status, one.type) or one for one in found.conditions)
    ready = condition_of(status, "Ready")
    if ready is None or ready["reason"] == WATCHING:
        return replace(found, conditions=conditions)
    return replace(found, conditions=conditions, reason=ready["reason"], problem=ready.get("message", ""))


def _with_cause(found: Assessment, snapshot: Snapshot, monitor: Object) -> Assessment:
    """The same with what it comes to; what began now began at the end of what was counted last."""
    stable, served = stable_of(snapshot.model or {}), snapshot.evidence.served
    end = max(found.window.end if found.window else 0, served.until if served and found.objectives else 0)
    cause = cause_of(found.conditions, monitor.get("status") or {}, end, stable.since if stable else 0.0)
    return replace(found, cause=cause)


def _with_objectives(found: Assessment, snapshot: Snapshot, monitor: Object, spec: MonitorSpec) -> Assessment:
    """The same with what is to be said of objectives, which need neither profile nor window."""
    if spec.objectives is None or snapshot.model is None:
        return found
    status = monitor.get("status") or {}
    bad = frozenset(one for one in PROMISED if (condition_of(status, one) or {}).get("status") == "True")
    judged = judge_objectives(spec, snapshot.evidence.served, bad)
    said = objective_states(spec, snapshot.evidence.served, judged)
    every = {one.type: one for one in (*found.conditions, *said)}
    return replace(found, conditions=tuple(every[one] for one in CONDITIONS if one in every), objectives=judged)
