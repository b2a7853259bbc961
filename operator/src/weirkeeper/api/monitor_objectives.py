"""What a Monitor promises callers of a Model: how many of their requests are answered, and how many in time."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from weirkeeper.api.record import DATE_TIME, Record, checked, rule, rules
from weirkeeper.api.values import Decimal, HourDuration

ObjectiveKind = Literal["Availability", "Latency"]

AT_RISK: Final = "availability and latency are objectives: give one of them, or leave objectives out"
TARGET: Final = 'target is a percentage of requests: give one from "50" to "99.9999", such as "99.9"'
BELOW: Final = "below is how long an answer may take: give one from 1ms to 60s, such as 100ms"

LOWEST: Final = 50.0
HIGHEST: Final = 99.9999
MILLISECOND: Final = 0.001
MINUTE: Final = 60.0

_TARGET_RULE: Final = rule("double(self.target) >= 50.0 && double(self.target) <= 99.9999", TARGET, ".target")

Target = Annotated[Decimal, checked(lambda target: LOWEST <= target.number <= HIGHEST, TARGET)]


def _is_waited_for(below: HourDuration) -> bool:
    return MILLISECOND <= below.seconds <= MINUTE


class AvailabilityObjective(Record):
    """How many requests must be answered."""

    model_config = ConfigDict(json_schema_extra=rules(_TARGET_RULE))

    target: Target = Field(description="Percent of the requests that must not fail on the server's side.")


class AnswerTimeObjective(Record):
    """How many requests must be answered in which time."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            _TARGET_RULE,
            rule("duration(self.below) >= duration('1ms') && duration(self.below) <= duration('60s')", BELOW, ".below"),
        ),
    )

    below: Annotated[HourDuration, checked(_is_waited_for, BELOW)] = Field(
        description="How long an answer may take, as the routers measure it."
    )
    target: Target = Field(description="Percent of the requests that must take no longer.")


class Objectives(Record):
    """What is promised over 30 days, whichever revision answers."""

    model_config = ConfigDict(
        json_schema_extra=rules(rule("has(self.availability) || has(self.latency)", AT_RISK)),
    )

    availability: AvailabilityObjective | None = Field(default=None, description="How many requests are answered.")
    latency: AnswerTimeObjective | None = Field(default=None, description="How many of them are answered in time.")

    @model_validator(mode="after")
    def _say_something(self) -> Self:
        if self.availability is None and self.latency is None:
            raise ValueError(AT_RISK)
        return self


def _number(what: str, alias: str | None = None) -> Any:
    return Field(default=None, description=what, max_length=32, alias=alias)


class ObjectiveStatus(Record):
    """Where an objective stands."""

    objective: ObjectiveKind = Field(description="Which one.")
    target: str = Field(description="Percent of good requests that are asked.", max_length=32)
    since: str = Field(description="Since when requests are counted, at most 30 days.", json_schema_extra=DATE_TIME)
    until: str = Field(description="Up to when they are counted.", json_schema_extra=DATE_TIME)
    requests: int = Field(description="Requests in this time.", ge=0)
    bad: int = Field(description="Those that failed, or took too long.", ge=0)
    budget_left: str | None = _number(
        "Percent that is left of what may be bad in 30 days; below 0 it is overspent.", "budgetLeft"
    )
    burn1h: str | None = _number(
        "How many times as fast as it lasts 30 days the budget went in the last hour.", "burn1h"
    )
    burn6h: str | None = _number("The same in the last 6 hours.", "burn6h")
    burn3d: str | None = _number("The same in the last 3 days.", "burn3d")
