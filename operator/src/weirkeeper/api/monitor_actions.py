"""What a Monitor does when a condition stays bad."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field

from weirkeeper.api.cron_job import CronJobReference
from weirkeeper.api.record import ATOMIC_LIST, DATE_TIME, SET_LIST, Record, rule, rules
from weirkeeper.api.values import Duration, HourDuration

ACTIONS_LIMIT: Final = 4
SHOWN_LIMIT: Final = 5
ONE_KIND: Final = "an action does one thing: give undo or retrain"
ONE_UNDO: Final = "one action at most has undo: put all its conditions into its when"
ONE_RETRAIN: Final = "a CronJob stands in one action at most: put all its conditions into that one's when"

ActionKind = Literal["Undo", "Retrain"]


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

    model_config = ConfigDict(json_schema_extra=rules(rule("has(self.undo) != has(self.retrain)", ONE_KIND)))

    when: tuple[Literal["InputDrift", "OutputDrift", "DataQualityDegraded"], ...] = Field(
        description="Conditions of which one has to be True.",
        min_length=1,
        max_length=8,
        json_schema_extra=SET_LIST,
    )
    lasting: HourDuration = Field(
        alias="for", default=HourDuration("0s"), description="How long it has to be True without a break."
    )
    undo: Undo | None = Field(default=None, description="Go back to the revision promoted before, once per promotion.")
    retrain: Retrain | None = Field(default=None, description="Start a training.")
    suspend: bool = Field(default=False, description="Do nothing for now.")


def _consistent(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    if any((action.undo is None) == (action.retrain is None) for action in actions):
        raise ValueError(ONE_KIND)
    if sum(action.undo is not None for action in actions) > 1:
        raise ValueError(ONE_UNDO)
    named = [action.retrain.cron_job_ref.name for action in actions if action.retrain]
    if len(set(named)) < len(named):
        raise ValueError(ONE_RETRAIN)
    return actions


Actions = Annotated[
    tuple[Action, ...],
    Field(
        max_length=ACTIONS_LIMIT,
        description="What is done when a condition stays bad.",
        json_schema_extra={
            **ATOMIC_LIST,
            **rules(
                rule("self.filter(a, has(a.undo)).size() <= 1", ONE_UNDO),
                rule(
                    "self.all(a, !has(a.retrain) || self.filter(b, has(b.retrain)"
                    " && b.retrain.cronJobRef.name == a.retrain.cronJobRef.name).size() == 1)",
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
