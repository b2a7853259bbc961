"""The gates that ask somebody else: Prometheus for a number, a Job of the team's own for a verdict."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from weirkeeper.api.cron_job import CronJobReference
from weirkeeper.api.promql import PLACEHOLDERS, problem_of
from weirkeeper.api.record import Record, rule, rules
from weirkeeper.api.values import Number

BOUND: Final = "a promQL gate has a bound: give min, max or both"
BOUNDS: Final = "min is above max: no number lies between them"
PLACEHOLDER: Final = "placeholders are {{candidate}}, {{stable}}, {{model}} and {{namespace}}, written between quotes"
QUERY_LIMIT: Final = 2000
KNOWN: Final = ", ".join(f"'{{{{{name}}}}}'" for name in PLACEHOLDERS)


def _readable(query: str) -> str:
    problem = problem_of(query)
    if problem:
        raise ValueError(f"{problem}; {PLACEHOLDER}")
    return query


class PromQLGate(Record):
    """Asks Prometheus for one number. It lies outside of falseAlarm: a single number beyond a bound is a Fail."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("has(self.min) || has(self.max)", BOUND),
            rule("!has(self.min) || !has(self.max) || double(self.min) <= double(self.max)", BOUNDS, ".min"),
            rule(
                f"self.query.findAll('[{{][{{][^}}]*[}}][}}]').all(p, p in [{KNOWN}])",
                PLACEHOLDER,
                ".query",
            ),
        ),
    )

    query: Annotated[str, AfterValidator(_readable)] = Field(
        description="PromQL that gives one number, with {{candidate}}, {{stable}}, {{model}}, {{namespace}} in quotes.",
        min_length=1,
        max_length=QUERY_LIMIT,
    )
    min: Number | None = Field(default=None, description="Fail below it, Pass from it on.")
    max: Number | None = Field(default=None, description="Fail above it, Pass up to it.")

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError(BOUND)
        if self.min is not None and self.max is not None and self.min.number > self.max.number:
            raise ValueError(BOUNDS)
        return self


class JobGate(Record):
    """Asks a Job that ends with 0, 1 or 2 for Pass, Fail or Inconclusive: one in each step, outside of falseAlarm."""

    cron_job_ref: CronJobReference = Field(
        description="A suspended CronJob with the label weirkeeper.dev/gate=true, of which the Job is made.",
    )
