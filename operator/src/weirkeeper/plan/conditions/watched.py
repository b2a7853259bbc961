"""What every condition is given, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from weirkeeper.api.conditions import ConditionStatus
from weirkeeper.api.monitor import MonitorSpec, State
from weirkeeper.plan.windows import Window, WindowRule
from weirkeeper.statistics.budget import alarm_share
from weirkeeper.statistics.profile import ReferenceProfile

ConditionType = Literal["InputDrift", "OutputDrift", "DataQualityDegraded"]
CONDITIONS: Final[tuple[ConditionType, ...]] = ("InputDrift", "OutputDrift", "DataQualityDegraded")

ENDED: Final[Mapping[ConditionType, str]] = {
    "InputDrift": "InputDriftEnded",
    "OutputDrift": "OutputDriftEnded",
    "DataQualityDegraded": "DataQualityDegradedEnded",
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
    """One window of the stable revision, and what its Monitor asks."""

    spec: MonitorSpec
    rule: WindowRule
    profile: ReferenceProfile
    window: Window

    def share(self, items: int) -> float:
        """The probability with which one of a condition's `items` may raise a false alarm in one window.

        The budget is the whole Monitor's: each condition that it watches has the same part of it.
        """
        return alarm_share(self.spec.false_alarms_per_month.number, self.rule.size, items, len(self.conditions))

    @cached_property
    def conditions(self) -> tuple[ConditionType, ...]:
        """The conditions that share the budget."""
        return CONDITIONS
