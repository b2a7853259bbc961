"""Writes down what is to be said of a Monitor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from weirkeeper.api import names
from weirkeeper.api.conditions import ConditionStatus, timestamp, transition
from weirkeeper.api.monitor_objectives import ObjectiveStatus
from weirkeeper.api.monitor_status import (
    NAME_LIMIT,
    WORST_LIMIT,
    FeatureStatus,
    LabelsStatus,
    MonitorStatus,
    PerformanceStatus,
    ReferenceStatus,
    WatchedCondition,
    WindowStatus,
)
from weirkeeper.api.names import kept_name
from weirkeeper.plan.assessed import WATCHING, Assessment
from weirkeeper.plan.cause import well_until
from weirkeeper.plan.conditions.objectives import ObjectiveFinding
from weirkeeper.plan.conditions.performance import PerformanceFinding
from weirkeeper.plan.conditions.watched import STATUSES
from weirkeeper.plan.labelled import Labelled
from weirkeeper.plan.result import StatusWrite
from weirkeeper.plan.windows import WarmUp
from weirkeeper.statistics.drift import FeatureDrift
from weirkeeper.statistics.error_budget import ALARMS

if TYPE_CHECKING:
    from weirkeeper.plan.snapshot import Object

MESSAGE_LIMIT: Final = 4096
FEATURE_MESSAGE_LIMIT: Final = 1024

OF_WINDOWS: Final = ("features", "reference", "performance", "labels", "lastWindow", "observedGeneration")
"""Fields of the status that a window alone changes."""


def waits(status: Mapping[str, Any], one: Assessment) -> bool:
    """Whether what the status says of windows holds, since none has ended since the operator began."""
    return not one.settled and bool(status.get("state"))


def status_write(monitor: Object, one: Assessment, now: float) -> StatusWrite:
    """Write the whole status; what no window has ended for since the operator began stays as it was."""
    meta, former = monitor["metadata"], (monitor.get("status") or {})
    window = one.window
    status = MonitorStatus(
        state=one.state,
        message=one.message[:MESSAGE_LIMIT],
        features=tuple(_feature_status(feature) for feature in one.features[:WORST_LIMIT]),
        performance=tuple(_performance_status(finding) for finding in one.performance[:WORST_LIMIT]),
        reference=_reference_status(one.warm_up) if one.warm_up else None,
        objectives=tuple(_objective_status(found) for found in one.objectives),
        labels=_labels_status(one.labelled) if one.labelled and one.performance + one.fairness else None,
        last_window=WindowStatus(start=timestamp(window.start), end=timestamp(window.end), rows=window.rows)
        if window
        else None,
        conditions=_conditions(monitor, one, now),
        observed_generation=meta.get("generation"),
    )
    written = status.to_json()
    if waits(former, one):
        written |= {key: former[key] for key in OF_WINDOWS if key in former}
    return StatusWrite(names.MONITOR_KIND, meta["namespace"], meta["name"], meta["resourceVersion"], written)


def _feature_status(feature: FeatureDrift) -> FeatureStatus:
    return FeatureStatus(
        name=kept_name(feature.name, NAME_LIMIT),
        state=feature.state,
        psi=_written(feature.psi),
        threshold=_written(feature.threshold),
        message=feature.message[:FEATURE_MESSAGE_LIMIT],
    )


def _performance_status(found: PerformanceFinding) -> PerformanceStatus:
    numbers = {
        name: _written(number)
        for name in ("realised", "low", "high", "bound", "expected", "offline")
        if (number := getattr(found, name)) is not None
    }
    return PerformanceStatus(metric=found.metric, segment=found.group, state=found.state, rows=found.rows, **numbers)


def _reference_status(warm_up: WarmUp) -> ReferenceStatus:
    end = timestamp(warm_up.end) if warm_up.end else None
    return ReferenceStatus(start=timestamp(warm_up.start), end=end, rows=warm_up.rows)


def _objective_status(found: ObjectiveFinding) -> ObjectiveStatus:
    return ObjectiveStatus(
        objective=found.kind,
        target=f"{found.target:g}",
        since=timestamp(found.since),
        until=timestamp(found.until),
        requests=found.tally.requests,
        bad=found.tally.bad,
        budget_left=f"{100.0 * found.left:.1f}",
        burn1h=f"{found.burn[ALARMS[0].long]:.2f}",
        burn6h=f"{found.burn[ALARMS[1].long]:.2f}",
        burn3d=f"{found.burn[ALARMS[2].long]:.2f}",
    )


def _labels_status(labelled: Labelled) -> LabelsStatus:
    return LabelsStatus(
        start=timestamp(labelled.start),
        rows=labelled.rows,
        predictions=labelled.window.predictions if labelled.known else None,
    )


def _written(number: float | None) -> str:
    return "" if number is None else f"{number:.4f}"


def _conditions(monitor: Object, one: Assessment, now: float) -> tuple[WatchedCondition, ...]:
    status = monitor.get("status") or {}
    generation = monitor["metadata"].get("generation")
    watching = one.reason == WATCHING
    ready: ConditionStatus = "True" if watching else "Unknown" if one.reason == "ModelNotReady" else "False"
    wanted = (
        *(
            WatchedCondition(
                type=said.type,
                status=STATUSES[said.state],
                reason=said.state,
                message=said.message[:MESSAGE_LIMIT],
                observed_generation=generation,
                well_until=well_until(status, said),
            )
            for said in one.conditions
        ),
        WatchedCondition(
            type="Ready",
            status=ready,
            reason=one.reason,
            message="the Model is watched" if watching else one.problem[:MESSAGE_LIMIT],
            observed_generation=generation,
        ),
    )
    return transition(status.get("conditions") or (), wanted, now)
