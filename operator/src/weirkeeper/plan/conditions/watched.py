"""What every condition is given, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias, get_args

from weirkeeper.api.conditions import ConditionStatus, condition_of
from weirkeeper.api.monitor import MonitorSpec, State
from weirkeeper.api.monitor_actions import Cause
from weirkeeper.plan.labelled import LabelRule
from weirkeeper.plan.windows import Window, WindowRule
from weirkeeper.statistics.budget import alarm_share
from weirkeeper.statistics.profile import ReferenceProfile

ConditionType: TypeAlias = Cause
"""What a Monitor may be asked to act on is all that it watches."""

COUNTED: Final[tuple[ConditionType, ...]] = ("InputDrift", "OutputDrift", "DataQualityDegraded")
"""Conditions that every Monitor has."""

LABELLED: Final[tuple[ConditionType, ...]] = ("PerformanceDegraded", "ConceptDrift", "FairnessDegraded")
"""Conditions that labels are needed for."""

PROMISED: Final[tuple[ConditionType, ...]] = ("AvailabilityAtRisk", "LatencyAtRisk")
"""Conditions of objectives: judged every five minutes, whatever windows there are."""

CONDITIONS: Final = (*COUNTED, *PROMISED, *LABELLED)

ENDED: Final[Mapping[ConditionType, str]] = {
    "InputDrift": "InputDriftEnded",
    "OutputDrift": "OutputDriftEnded",
    "DataQualityDegraded": "DataQualityDegradedEnded",
    "AvailabilityAtRisk": "AvailabilityAtRiskEnded",
    "LatencyAtRisk": "LatencyAtRiskEnded",
    "PerformanceDegraded": "PerformanceDegradedEnded",
    "ConceptDrift": "ConceptDriftEnded",
    "FairnessDegraded": "FairnessDegradedEnded",
}
"""What the Event is called where a condition is well again."""

STATUSES: Final[Mapping[State, ConditionStatus]] = {
    "Drifting": "True",
    "OK": "False",
    "Insufficient": "Unknown",
    "Error": "Unknown",
}
"""True is bad."""


@dataclass(frozen=True)
class ConditionState:
    """What is to be said of one condition."""

    type: ConditionType
    state: State
    message: str


@dataclass(frozen=True)
class Watched:
    """One window of the stable revision, and what its Monitor asks; rows are counted `since` then (Unix seconds)."""

    spec: MonitorSpec
    rule: WindowRule
    profile: ReferenceProfile
    window: Window
    since: float = 0.0

    @property
    def labels(self) -> LabelRule:
        """Which labels are judged."""
        return LabelRule(self.spec.labels.min_rows, int(self.spec.labels.max_age.seconds))

    def share(self, items: int) -> float:
        """The probability with which one of a condition's `items` may raise a false alarm in one window.

        The budget is the whole Monitor's: each condition that it watches has the same part of it.
        """
        return alarm_share(self.spec.false_alarms_per_month.number, self.rule.size, items, len(self.conditions))

    @cached_property
    def conditions(self) -> tuple[ConditionType, ...]:
        """The conditions that share the budget."""
        return conditions_of(self.spec)


def conditions_of(spec: MonitorSpec) -> tuple[ConditionType, ...]:
    """The conditions that a Monitor watches."""
    performance: tuple[ConditionType, ...] = ("PerformanceDegraded", "ConceptDrift") if spec.performance else ()
    fairness: tuple[ConditionType, ...] = ("FairnessDegraded",) if spec.fairness else ()
    return (*COUNTED, *promised(spec), *performance, *fairness)


def promised(spec: MonitorSpec) -> tuple[ConditionType, ...]:
    """The conditions of a Monitor's objectives."""
    asked = spec.objectives
    pairs = zip(PROMISED, (asked.availability, asked.latency) if asked else (), strict=False)
    return tuple(condition for condition, objective in pairs if objective)


def said_before(status: Mapping[str, Any], kind: ConditionType) -> ConditionState | None:
    """What a status says of a condition; None where it says nothing."""
    found = condition_of(status, kind)
    state: State | None = next((one for one in get_args(State) if found and one == found.get("reason")), None)
    return ConditionState(kind, state, found.get("message", "")) if found and state else None
