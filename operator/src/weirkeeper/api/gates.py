"""The gates of a Rollout: what judges a candidate, and what of its way each of them blocks."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from weirkeeper.api.attempts import NAMES_LIMIT
from weirkeeper.api.record import Record, checked, rule, rules
from weirkeeper.api.values import Decimal, Duration

NAME: Final = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

KINDS: Final = ("errorRate", "latency")
"""The fields of a gate of which it has exactly one, as YAML has them."""

ONE_KIND: Final = f"a gate has exactly one kind: give one of {', '.join(KINDS)}, and make two gates of two"
ODDS: Final = 'maxOddsRatio must be from "1.25" to "100": below 1.25 no candidate could be told from its stable'
OBJECTIVE: Final = 'objective is a percentage of good answers: give one from "50" to below "100", such as "99.9"'
IGNORE_BELOW: Final = 'ignoreBelow is a percentage of bad answers: give one below "50", such as "0.1"'
NOT_WAITED_FOR: Final = "a gate that blocks Nothing is not waited for: leave its maxDuration out, or its blocks"

LEAST_ODDS: Final = 1.25
MOST_ODDS: Final = 100
HALF: Final = 50
ALL: Final = 100

Blocks = Literal["Nothing", "Promotion"]


class ErrorRateGate(Record):
    """Compares the candidate's errors with those of stable in the same slots."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("double(self.maxOddsRatio) >= 1.25 && double(self.maxOddsRatio) <= 100.0", ODDS, ".maxOddsRatio"),
            rule("double(self.objective) >= 50.0 && double(self.objective) < 100.0", OBJECTIVE, ".objective"),
            rule("!has(self.ignoreBelow) || double(self.ignoreBelow) < 50.0", IGNORE_BELOW, ".ignoreBelow"),
        ),
    )

    max_odds_ratio: Annotated[Decimal, checked(lambda odds: LEAST_ODDS <= odds.number <= MOST_ODDS, ODDS)] = Field(
        default=Decimal("2"),
        description="Pass excludes that the candidate's odds of an error are this many times those of stable.",
    )
    objective: Annotated[Decimal, checked(lambda good: HALF <= good.number < ALL, OBJECTIVE)] = Field(
        default=Decimal("99"),
        description="Percent of answers that must be good whatever stable does; it counts server-side failures only.",
    )
    ignore_below: Annotated[Decimal, checked(lambda bad: bad.number < HALF, IGNORE_BELOW)] | None = Field(
        default=None,
        description="Percent of bad answers up to which the gate never fails; by default a tenth of 100 - objective.",
    )


class LatencyGate(Record):
    """Compares the candidate's latency with stable's percentiles, taken anew when the pace of stable itself changes."""

    max_increase: int = Field(
        default=10,
        description="Percent by which the candidate's p50, p90, p95 and p99 may be above those of stable.",
        ge=0,
        le=1000,
    )
    min_increase: Duration = Field(
        default=Duration("5ms"),
        description="An increase that is always allowed, however fast stable is.",
    )


class Gate(Record):
    """One question that an attempt must answer: Pass, Fail or Inconclusive."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(f"[{', '.join(f'has(self.{kind})' for kind in KINDS)}].filter(given, given).size() == 1", ONE_KIND),
            rule("self.blocks != 'Nothing' || !has(self.maxDuration)", NOT_WAITED_FOR, ".maxDuration"),
        ),
    )

    name: str = Field(
        description="What people call the gate.",
        min_length=1,
        max_length=NAMES_LIMIT,
        pattern=NAME,
    )
    error_rate: ErrorRateGate | None = Field(
        default=None,
        description="Judges by wrong answers: 5xx, 4xx other than 401, 403, 413 and 429, time-outs and resets.",
    )
    latency: LatencyGate | None = Field(default=None, description="Judges by the time that answers take.")
    blocks: Blocks = Field(
        default="Promotion",
        description="Nothing: it never rolls back, is not waited for, and takes no share of falseAlarm.",
    )
    max_duration: Duration | None = Field(
        default=None,
        description="How long a step may wait for this gate after its hold, in place of the Rollout's maxDuration.",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(settings is not None for settings in self._by_kind.values()) != 1:
            raise ValueError(ONE_KIND)
        if self.blocks == "Nothing" and self.max_duration is not None:
            raise ValueError(NOT_WAITED_FOR)
        return self

    @property
    def _by_kind(self) -> dict[str, Record | None]:
        fields = {field.alias: name for name, field in type(self).model_fields.items()}
        return {kind: getattr(self, fields[kind]) for kind in KINDS}

    @property
    def kind(self) -> str:
        """Which of KINDS it is."""
        return next(kind for kind, settings in self._by_kind.items() if settings is not None)

    @property
    def settings(self) -> Record:
        """What its kind is given."""
        return next(settings for settings in self._by_kind.values() if settings is not None)


DEFAULT_GATES: Final = (
    Gate(name="errors", error_rate=ErrorRateGate()),
    Gate(name="latency", latency=LatencyGate()),
)
