"""Conditions as Kubernetes has them: what is so, why, and since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from weirkeeper.api.record import Record, list_map

ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(Record):
    """One thing that is so, is not so, or is not known yet."""

    type: str = Field(
        description="What the condition is about, such as Ready.",
        max_length=64,
        pattern="^[A-Z][A-Za-z]*$",
    )
    status: ConditionStatus = Field(description="True, False, or Unknown where nobody has looked yet.")
    reason: str = Field(
        description="Why, in one word for programs.",
        min_length=1,
        max_length=64,
        pattern="^[A-Z][A-Za-z0-9]*$",
    )
    message: str = Field(default="", description="Why, in a sentence for people.", max_length=4096)
    last_transition_time: str = Field(
        default="",
        description="When the status last changed.",
        json_schema_extra={"format": "date-time"},
    )
    observed_generation: int | None = Field(
        default=None,
        ge=0,
        description="The generation of the spec that this was decided for.",
    )


_Kind = TypeVar("_Kind", bound=Condition)

Conditions = Annotated[tuple[Condition, ...], Field(max_length=16, json_schema_extra=list_map("type"))]
"""The conditions of a status; which, its own description says."""

ObservedGeneration = Annotated[
    int | None, Field(ge=0, description="The generation of the spec that this status is about.")
]


def timestamp(now: float) -> str:
    """Write Unix seconds as Kubernetes does, in UTC and whole seconds."""
    return datetime.fromtimestamp(now, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix_seconds(written: str) -> float:
    """Read a time as Kubernetes writes it.

    Raises:
        ValueError: it is none.
    """
    return datetime.fromisoformat(written).timestamp()


def transition(
    previous: Iterable[Mapping[str, Any]],
    wanted: Iterable[_Kind],
    now: float,
) -> tuple[_Kind, ...]:
    """Give `wanted` their times: lastTransitionTime changes only where the status does.

    `previous` are the conditions as the object has them. Those that are not wanted any more are left out.
    """
    since = {one.get("type"): (one.get("status"), one.get("lastTransitionTime")) for one in previous}

    def dated(condition: _Kind) -> _Kind:
        status, time = since.get(condition.type, (None, None))
        kept = time if time and status == condition.status else timestamp(now)
        return condition.model_copy(update={"last_transition_time": kept})

    return tuple(dated(condition) for condition in wanted)


def condition_of(status: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    """Find the condition of type `kind` in an object's status."""
    return next((one for one in status.get("conditions", ()) if one.get("type") == kind), None)
