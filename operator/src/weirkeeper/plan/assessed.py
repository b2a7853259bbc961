"""What is to be said of one Monitor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from weirkeeper.api.monitor import MonitorSpec, State
from weirkeeper.plan.conditions.fairness import FairnessFinding
from weirkeeper.plan.conditions.objectives import ObjectiveFinding
from weirkeeper.plan.conditions.performance import (
    PerformanceFinding,
)
from weirkeeper.plan.conditions.watched import (
    COUNTED,
    ConditionState,
    conditions_of,
)
from weirkeeper.plan.labelled import Labelled
from weirkeeper.plan.windows import WarmUp, Window
from weirkeeper.statistics.drift import FeatureDrift
from weirkeeper.statistics.quality import QualityFinding

WATCHING: Final = "Watching"
STATES: Final[tuple[State, ...]] = ("Drifting", "Error", "OK", "Insufficient")
"""A Monitor's state is the first of these that one of its conditions has."""


@dataclass(frozen=True)
class Assessment:
    """What is to be said of one Monitor.

    `reason` is that of its Ready condition, Watching where all is well, and `problem` says why it is another. `window`
    is None where none has ended yet that could be judged, `settled` False where the collector has not read up to any
    window's end since it began: what was said before holds then, but for objectives, which need no window. `features`
    are all inputs that were judged, the worst first, `outputs` and `quality` likewise. `cause` says in a few words what
    it comes to, where something is bad. `warm_up` are the live rows that the window is compared with, if it is.
    """

    monitor: str
    conditions: tuple[ConditionState, ...]
    reason: str = WATCHING
    problem: str = ""
    window: Window | None = None
    features: tuple[FeatureDrift, ...] = ()
    outputs: tuple[FeatureDrift, ...] = ()
    quality: tuple[QualityFinding, ...] = ()
    performance: tuple[PerformanceFinding, ...] = ()
    fairness: tuple[FairnessFinding, ...] = ()
    labelled: Labelled | None = None
    objectives: tuple[ObjectiveFinding, ...] = ()
    warm_up: WarmUp | None = None
    settled: bool = True
    cause: str = ""

    @property
    def state(self) -> State:
        """The worst that a condition says; Insufficient only where all are."""
        states = {one.state for one in self.conditions}
        return next(state for state in STATES if state in states)

    @property
    def message(self) -> str:
        """What the conditions in that state say; where all is well, what the first one says."""
        told = [one for one in self.conditions if one.state == self.state]
        if self.state != "Drifting":
            return told[0].message
        said = told[0].message if len(told) == 1 else "; ".join(f"{one.type}: {one.message}" for one in told)
        return f"{self.cause}: {said}" if self.cause else said


def alike(monitor: str, spec: MonitorSpec | None, state: State, message: str, reason: str = WATCHING) -> Assessment:
    """The same is to be said of all conditions."""
    problem = "" if reason == WATCHING else message
    conditions = conditions_of(spec) if spec else COUNTED
    return Assessment(monitor, tuple(ConditionState(one, state, message) for one in conditions), reason, problem)
