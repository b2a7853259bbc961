"""What is told of an attempt to bring a revision to production, alike in a Model's and a Rollout's status."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from weirkeeper.api.record import ATOMIC_LIST, DATE_TIME, Record, list_map

NAMES_LIMIT: Final = 40
GATES_LIMIT: Final = 10
HISTORY_LIMIT: Final = 10

Phase = Literal[
    "Idle",
    "Starting",
    "Shadowing",
    "Progressing",
    "Paused",
    "Promoting",
    "Baking",
    "Healthy",
    "Aborted",
    "RolledBack",
]
Outcome = Literal["Promoted", "Aborted", "RolledBack", "Superseded"]
Verdict = Literal["Pass", "Fail", "Inconclusive"]


class GateSummary(Record):
    """A gate's verdict in short."""

    name: str = Field(description="Name of the gate.", max_length=NAMES_LIMIT)
    verdict: Verdict = Field(description="Pass, Fail, or Inconclusive while the evidence does not suffice.")
    message: str = Field(default="", description="The numbers behind the verdict.", max_length=1024)


class StepStatus(Record):
    """A step of an attempt."""

    name: str = Field(description="Name of the step.", max_length=NAMES_LIMIT)
    weight: int = Field(description="The weight that it began with, in percent.", ge=0, le=100)
    started: str = Field(description="When it began.", json_schema_extra=DATE_TIME)
    requests: int = Field(default=0, description="What the candidate answered in it.", ge=0)


class AttemptStatus(Record):
    """One attempt to bring a revision to production."""

    attempt: int = Field(description="Number of the attempt, rising by one.", ge=0)
    revision: str = Field(description="The revision that was tried.", max_length=63)
    started: str = Field(description="When it began.", json_schema_extra=DATE_TIME)
    ended: str | None = Field(default=None, description="When it ended.", json_schema_extra=DATE_TIME)
    outcome: Outcome | None = Field(default=None, description="How it ended.")
    reason: str = Field(default="", description="Why it ended so.", max_length=1024)
    by: str = Field(default="", description="Who decided it, where a person did.", max_length=320)
    exposed_requests: int = Field(default=0, description="Requests that the candidate answered.", ge=0)
    gates: tuple[GateSummary, ...] = Field(
        default=(),
        description="The verdicts at its end.",
        max_length=GATES_LIMIT,
        json_schema_extra=list_map("name"),
    )
    steps: tuple[StepStatus, ...] = Field(
        default=(),
        description="The steps that it went through, of the last attempts.",
        max_length=20,
        json_schema_extra=ATOMIC_LIST,
    )


Attempts = Annotated[
    tuple[AttemptStatus, ...],
    Field(
        description="The last ten attempts, the newest last.",
        max_length=HISTORY_LIMIT,
        json_schema_extra=list_map("attempt"),
    ),
]
