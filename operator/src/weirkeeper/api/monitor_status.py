"""What a Monitor's status says."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from weirkeeper.api.conditions import Condition, ObservedGeneration
from weirkeeper.api.monitor import State
from weirkeeper.api.monitor_actions import SHOWN_LIMIT, ActionStatus
from weirkeeper.api.monitor_objectives import ObjectiveStatus
from weirkeeper.api.record import ATOMIC_LIST, DATE_TIME, Record, list_map

WORST_LIMIT: Final = 10
NAME_LIMIT: Final = 256


class WatchedCondition(Condition):
    """One thing that is watched, and until when it was well before it became bad."""

    well_until: str | None = Field(
        default=None,
        description="Of one that is bad: the end of the last window known to be well before.",
        json_schema_extra=DATE_TIME,
    )


class ReferenceStatus(Record):
    """Live rows that windows are compared with."""

    start: str = Field(description="From when on they are gathered.", json_schema_extra=DATE_TIME)
    end: str | None = Field(default=None, description="Until when they were.", json_schema_extra=DATE_TIME)
    rows: int = Field(description="How many there are.", ge=0)


class FeatureStatus(Record):
    """How far one input has moved."""

    name: str = Field(description="Name of the input.", max_length=NAME_LIMIT)
    state: State | None = Field(default=None, description="What follows from it.")
    psi: str = Field(default="", description="Its population stability index in the last window.", max_length=32)
    threshold: str = Field(default="", description="The index above which it drifts, at this many rows.", max_length=32)
    message: str = Field(default="", description="The numbers behind it.", max_length=1024)


def _number(what: str) -> Any:
    return Field(default=None, description=what, max_length=32)


class PerformanceStatus(Record):
    """One metric of the labelled predictions."""

    metric: str = Field(description="What is measured.", max_length=32)
    segment: str = Field(default="", description="Of which segment, such as region=north; of all where empty.")
    state: State | None = Field(default=None, description="What follows from it.")
    rows: int = Field(default=0, description="Labelled rows.", ge=0)
    realised: str | None = _number("Its value.")
    low: str | None = _number("Lower end of its 95 % interval.")
    high: str | None = _number("Upper end of it.")
    bound: str | None = _number("What is asked.")
    expected: str | None = _number("What the model's answers alone let expect.")
    offline: str | None = _number("What it was offline.")


class LabelsStatus(Record):
    """The labels that were judged."""

    start: str = Field(
        description="Their predictions began here, and ended with the window.", json_schema_extra=DATE_TIME
    )
    rows: int = Field(description="Labelled rows.", ge=0)
    predictions: int | None = Field(default=None, description="Rows predicted, where they are known.", ge=0)


class WindowStatus(Record):
    """A window that was judged."""

    start: str = Field(description="When it began.", json_schema_extra=DATE_TIME)
    end: str = Field(description="When it ended.", json_schema_extra=DATE_TIME)
    rows: int = Field(description="Rows in it.", ge=0)


class MonitorStatus(Record):
    """What was found; written when the state changes and at most hourly."""

    state: State | None = Field(default=None, description="What the last window said.")
    message: str = Field(default="", description="What was found, for people.", max_length=4096)
    features: tuple[FeatureStatus, ...] = Field(
        default=(),
        description="The ten inputs that moved furthest, the worst first; all of them are in the metrics.",
        max_length=WORST_LIMIT,
        json_schema_extra=list_map("name"),
    )
    reference: ReferenceStatus | None = Field(default=None, description="The live reference, where one is asked for.")
    performance: tuple[PerformanceStatus, ...] = Field(
        default=(),
        description="Metrics of labelled predictions, the worst ten.",
        max_length=WORST_LIMIT,
        json_schema_extra=ATOMIC_LIST,
    )
    objectives: tuple[ObjectiveStatus, ...] = Field(
        default=(),
        description="Where the objectives stand.",
        max_length=2,
        json_schema_extra=list_map("objective"),
    )
    labels: LabelsStatus | None = Field(default=None, description="The labels that were judged last.")
    last_window: WindowStatus | None = Field(default=None, description="The window that was judged last.")
    last_actions: tuple[ActionStatus, ...] = Field(
        default=(), description="What it did, the latest last.", max_length=SHOWN_LIMIT, json_schema_extra=ATOMIC_LIST
    )
    conditions: tuple[WatchedCondition, ...] = Field(
        default=(),
        description="One for each thing watched (True is bad), and Ready.",
        max_length=16,
        json_schema_extra=list_map("type"),
    )
    observed_generation: ObservedGeneration = None
