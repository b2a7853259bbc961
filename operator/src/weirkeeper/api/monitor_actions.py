"""What a Monitor does when a condition stays bad, or by the clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from weirkeeper.api.cron_job import CronJobReference
from weirkeeper.api.record import ATOMIC_LIST, DATE_TIME, SET_LIST, Record, checked, rule, rules
from weirkeeper.api.values import Duration, HourDuration

ACTIONS_LIMIT: Final = 4
SHOWN_LIMIT: Final = 5
ONE_KIND: Final = "an action does one thing: give undo or retrain"
ONE_CAUSE: Final = "an action begins by conditions or by the clock: give when or schedule"
SCHEDULED_UNDO: Final = "undo answers a condition: give it a when; a schedule is for retrain"
NOT_LASTING: Final = "for is how long a condition has lasted: leave it out beside schedule"
NOT_MENDED: Final = (
    "a training mends neither availability nor latency: give that action undo, or take AvailabilityAtRisk and"
    " LatencyAtRisk out of its when"
)
SCHEDULE: Final = 'schedule is a cron expression of five fields in UTC that comes about, such as "0 3 * * 1"'
ONE_UNDO: Final = "one action at most has undo: put all its conditions into its when"
ONE_RETRAIN: Final = (
    "a CronJob stands in one action with when and in one with schedule at most: put all its conditions into one when"
)

SCHEDULE_PATTERN: Final = "^[0-9A-Za-z*,/#-]+( [0-9A-Za-z*,/#-]+){4}$"

ActionKind = Literal["Undo", "Retrain"]
Cause = Literal[
    "InputDrift",
    "OutputDrift",
    "DataQualityDegraded",
    "AvailabilityAtRisk",
    "LatencyAtRisk",
    "PerformanceDegraded",
    "ConceptDrift",
    "FairnessDegraded",
]
PROMISED: Final = frozenset({"AvailabilityAtRisk", "LatencyAtRisk"})
WATCHED_BY: Final[Mapping[str, tuple[Cause, ...]]] = {
    "performance": ("PerformanceDegraded", "ConceptDrift"),
    "fairness": ("FairnessDegraded",),
    "objectives.availability": ("AvailabilityAtRisk",),
    "objectives.latency": ("LatencyAtRisk",),
}
"""Conditions that a Monitor has only with a field of its spec."""


def not_watched(field: str) -> str:
    """What is said of an action whose condition would never come about."""
    return (
        f"actions name {' or '.join(WATCHED_BY[field])}, which is watched with {field} only: give it, or leave them out"
    )


def _comes_about(schedule: str) -> bool:
    from cronsim import CronSim, CronSimError  # noqa: PLC0415  few have a schedule, and servers have no CronSim

    if not re.fullmatch(SCHEDULE_PATTERN, schedule):
        return False
    try:
        next(CronSim(schedule, datetime(2000, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration):
        return False
    return True


class Undo(Record):
    """Going back to the revision promoted before."""

    within: Duration = Field(
        default=Duration("7d"), description="Only so long after a promotion; later, the cause is another."
    )


class Retrain(Record):
    """A Job made of a suspended CronJob."""

    cron_job_ref: CronJobReference = Field(
        description="A suspended CronJob with the label weirkeeper.dev/retrain=true."
    )
    cooldown: Duration = Field(default=Duration("24h"), description="The least time between two starts of it.")


class Action(Record):
    """One thing to do."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("has(self.undo) != has(self.retrain)", ONE_KIND),
            rule("(has(self.when) && self.when.size() > 0) != has(self.schedule)", ONE_CAUSE),
            rule("!has(self.schedule) || !has(self.undo)", SCHEDULED_UNDO, ".schedule"),
            rule("!has(self.schedule) || duration(self.__for__) == duration('0s')", NOT_LASTING, ".schedule"),
            rule(
                "!has(self.retrain) || !has(self.when)"
                " || self.when.all(kind, !(kind in ['AvailabilityAtRisk', 'LatencyAtRisk']))",
                NOT_MENDED,
                ".when",
            ),
            rule(f"!has(self.schedule) || self.schedule.matches('{SCHEDULE_PATTERN}')", SCHEDULE, ".schedule"),
        )
    )

    when: tuple[Cause, ...] = Field(
        default=(),
        description="Conditions of which one has to be True.",
        max_length=8,
        json_schema_extra=SET_LIST,
    )
    schedule: Annotated[str, checked(_comes_about, SCHEDULE)] | None = Field(
        default=None, description="When it begins, as a cron expression in UTC, instead of when.", max_length=100
    )
    lasting: HourDuration = Field(
        alias="for", default=HourDuration("0s"), description="How long it has to be True without a break."
    )
    undo: Undo | None = Field(default=None, description="Go back to the revision promoted before, once per promotion.")
    retrain: Retrain | None = Field(default=None, description="Start a training.")
    suspend: bool = Field(default=False, description="Do nothing for now.")

    @model_validator(mode="after")
    def _is_no_contradiction(self) -> Self:
        wrong = (
            ((self.undo is None) == (self.retrain is None), ONE_KIND),
            (bool(self.when) == (self.schedule is not None), ONE_CAUSE),
            (self.schedule is not None and self.undo is not None, SCHEDULED_UNDO),
            (self.schedule is not None and self.lasting.seconds > 0, NOT_LASTING),
            (self.retrain is not None and not PROMISED.isdisjoint(self.when), NOT_MENDED),
        )
        if told := next((message for holds, message in wrong if holds), ""):
            raise ValueError(told)
        return self


def _consistent(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    if sum(action.undo is not None for action in actions) > 1:
        raise ValueError(ONE_UNDO)
    named = [(action.retrain.cron_job_ref.name, action.schedule is None) for action in actions if action.retrain]
    if len(set(named)) < len(named):
        raise ValueError(ONE_RETRAIN)
    return actions


Actions = Annotated[
    tuple[Action, ...],
    Field(
        max_length=ACTIONS_LIMIT,
        description="What is done when a condition stays bad, or by the clock.",
        json_schema_extra={
            **ATOMIC_LIST,
            **rules(
                rule("self.filter(a, has(a.undo)).size() <= 1", ONE_UNDO),
                rule(
                    "self.all(a, !has(a.retrain) || self.filter(b, has(b.retrain) && has(b.schedule) =="
                    " has(a.schedule) && b.retrain.cronJobRef.name == a.retrain.cronJobRef.name).size() == 1)",
                    ONE_RETRAIN,
                ),
            ),
        },
    ),
    AfterValidator(_consistent),
]


class ActionStatus(Record):
    """Something that was done."""

    action: ActionKind = Field(description="What.")
    time: str = Field(description="When it was decided.", json_schema_extra=DATE_TIME)
    revision: str = Field(description="The revision that was stable then.", max_length=63)
    reason: str = Field(default="", description="Why.", max_length=256)
    job: str = Field(default="", description="The Job of a retraining.", max_length=63)
    ended: str | None = Field(default=None, description="When it ended.", json_schema_extra=DATE_TIME)
    outcome: Literal["Succeeded", "Failed"] | None = Field(default=None, description="How it ended.")
    message: str = Field(default="", description="Where it stands.", max_length=512)
