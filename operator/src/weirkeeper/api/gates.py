"""The gates of a Rollout: what judges a candidate, and what of its way each of them blocks."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from weirkeeper.api.asking_gates import JobGate, PromQLGate
from weirkeeper.api.attempts import NAMES_LIMIT
from weirkeeper.api.record import Record, checked, rule, rules
from weirkeeper.api.values import Decimal, Duration

NAME: Final = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

KINDS: Final = ("errorRate", "latency", "outputs", "inputs", "feedback", "parity", "promQL", "job")
"""The fields of a gate of which it has exactly one, as YAML has them."""

ONE_KIND: Final = f"a gate has exactly one kind: give one of {', '.join(KINDS)}, and make two gates of two"
TARGET: Final = 'target is a percentage of answers in time: give one from "50" to below "100", such as "99"'
BELOW: Final = "below is how long answers may take: give one above 0, such as 200ms"
ODDS: Final = 'maxOddsRatio must be from "1.25" to "100": below 1.25 no candidate could be told from its stable'
OBJECTIVE: Final = 'objective is a percentage of good answers: give one from "50" to below "100", such as "99.9"'
IGNORE_BELOW: Final = 'ignoreBelow is a percentage of bad answers: give one below "50", such as "0.1"'
MAX_PSI: Final = 'maxPSI must be from "0.05" to "10": 0.1 is a small change, 0.25 a large one'
NO_SHARE: Final = "maxOddsRatio is for shares of rows: give maxDecrease for a metric that is a mean"
NO_MEAN: Final = "maxDecrease is for means: give maxOddsRatio for a metric that is a share of rows"
LEAST_RATIO: Final = 'min is a ratio of two shares: give one from "0.1" to below "1", such as "0.8"'
NOT_WAITED_FOR: Final = "a gate that blocks Nothing is not waited for: leave its maxDuration out, or its blocks"

LEAST_ODDS: Final = 1.25
MOST_ODDS: Final = 100
HALF: Final = 50
ALL: Final = 100

LEAST_PSI: Final = 0.05
MOST_PSI: Final = 10
LEAST_PARITY: Final = 0.1
SEGMENT_LIMIT: Final = 128

SHARES: Final = ("Accuracy", "Precision", "Recall", "F1")
"""Metrics of which every row is right or wrong; the others are means over rows."""

Blocks = Literal["Nothing", "Promotion"]
FeedbackMetric = Literal["Accuracy", "Precision", "Recall", "F1", "AUC", "MAE", "RMSE", "Brier", "LogLoss", "Value"]


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


class LatencyObjective(Record):
    """How many answers must come in which time."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("double(self.target) >= 50.0 && double(self.target) < 100.0", TARGET, ".target"),
            rule("self.below.matches('[1-9]')", BELOW, ".below"),
        ),
    )

    below: Annotated[Duration, checked(lambda below: below.seconds > 0, BELOW)] = Field(
        description="How long an answer may take."
    )
    target: Annotated[Decimal, checked(lambda good: HALF <= good.number < ALL, TARGET)] = Field(
        default=Decimal("99"),
        description="Percent of the answers that must take no longer.",
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
    objective: LatencyObjective | None = Field(
        default=None,
        description="Judges where no stable arm is left to compare with: in the bake, and of a first revision.",
    )


MaxPSI = Annotated[Decimal, checked(lambda psi: LEAST_PSI <= psi.number <= MOST_PSI, MAX_PSI)]
_PSI_RULES: Final = ConfigDict(
    json_schema_extra=rules(rule("double(self.maxPSI) >= 0.05 && double(self.maxPSI) <= 10.0", MAX_PSI, ".maxPSI")),
)


class OutputsGate(Record):
    """Compares the candidate's answers with those of stable on the same traffic."""

    model_config = _PSI_RULES

    max_psi: MaxPSI = Field(
        default=Decimal("0.2"),
        alias="maxPSI",
        description="How far any output may be from stable's.",
    )


class InputsGate(Record):
    """Compares what the candidate is asked with what it was made from: training/serving skew."""

    model_config = _PSI_RULES

    max_psi: MaxPSI = Field(
        default=Decimal("0.2"),
        alias="maxPSI",
        description="How far any input may be from the profile in the candidate's bundle.",
    )


class FeedbackGate(Record):
    """Compares by labels that came back for predictions of the same slots."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(f"self.metric in {list(SHARES)} || !has(self.maxOddsRatio)", NO_SHARE, ".maxOddsRatio"),
            rule(f"!(self.metric in {list(SHARES)}) || !has(self.maxDecrease)", NO_MEAN, ".maxDecrease"),
            rule(
                "!has(self.maxOddsRatio) || (double(self.maxOddsRatio) >= 1.25 && double(self.maxOddsRatio) <= 100.0)",
                ODDS,
                ".maxOddsRatio",
            ),
        ),
    )

    metric: FeedbackMetric = Field(description="What is measured on labelled rows; AUC of two classes.")
    max_odds_ratio: Annotated[Decimal, checked(lambda odds: LEAST_ODDS <= odds.number <= MOST_ODDS, ODDS)] | None = (
        Field(
            default=None,
            description="Of a share: Pass excludes odds of a wrong row of so many times stable's; 1.5 unless given.",
        )
    )
    max_decrease: int | None = Field(
        default=None,
        description="Of a mean: percent of stable's by which it may be worse, of losses higher; 5 unless given.",
        ge=1,
        le=100,
    )
    min_labels: int = Field(
        default=200,
        description="Labelled rows of the candidate below which the gate does not decide.",
        ge=20,
        le=1_000_000,
    )

    @model_validator(mode="after")
    def _limit_of_its_kind(self) -> Self:
        if self.metric not in SHARES and self.max_odds_ratio is not None:
            raise ValueError(NO_SHARE)
        if self.metric in SHARES and self.max_decrease is not None:
            raise ValueError(NO_MEAN)
        return self


class ParityGate(Record):
    """Compares groups of the candidate's labelled rows with one another."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("double(self.min) >= 0.1 && double(self.min) < 1.0", LEAST_RATIO, ".min"),
        ),
    )

    metric: Literal["DemographicParity", "EqualOpportunity"] = Field(
        description="Of whom the share is taken: of all rows of a group, or of those that are positive."
    )
    segment: str = Field(
        description="The input whose values are the groups; the Model's parameter `segments` names it too.",
        min_length=1,
        max_length=SEGMENT_LIMIT,
    )
    min: Annotated[Decimal, checked(lambda least: LEAST_PARITY <= least.number < 1, LEAST_RATIO)] = Field(
        default=Decimal("0.8"),
        description="How many times the highest share of any group the lowest must be at least.",
    )
    min_labels: int = Field(
        default=100,
        description="Labelled rows of a group below which it is not compared.",
        ge=20,
        le=1_000_000,
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
    outputs: OutputsGate | None = Field(
        default=None, description="Judges by how far answers are from stable's: classes, or numbers of equal bins."
    )
    inputs: InputsGate | None = Field(
        default=None, description="Judges by how far live inputs are from the candidate's own profile."
    )
    feedback: FeedbackGate | None = Field(
        default=None,
        description="Judges by labels that came back, in steps with a weight; they may take days.",
    )
    parity: ParityGate | None = Field(default=None, description="Judges by how alike groups of people fare.")
    prom_ql: PromQLGate | None = Field(
        default=None,
        alias="promQL",
        description="Judges by one number that Prometheus gives.",
    )
    job: JobGate | None = Field(default=None, description="Judges by how a Job of the team's own ends.")
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
