"""What a Monitor asks of labels that came back: performance and fairness."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from weirkeeper.api.record import ATOMIC_LIST, Record, checked, rule, rules
from weirkeeper.api.values import Decimal, HourDuration

PerformanceMetric = Literal["Accuracy", "Precision", "Recall", "F1", "AUC", "MAE", "RMSE", "Brier", "LogLoss", "Value"]
FairnessMetric = Literal["DemographicParity", "EqualOpportunity"]

FROM_0_TO_1: Final[tuple[PerformanceMetric, ...]] = ("Accuracy", "Precision", "Recall", "F1", "AUC")

ERRORS: Final[frozenset[PerformanceMetric]] = frozenset({"MAE", "RMSE", "Brier", "LogLoss"})
"""Metrics of which less is better."""

HOUR: Final = 3_600
MONTH: Final = 31 * 24 * HOUR
BOUND: Final = "give min (of MAE, RMSE, Brier and LogLoss: max) or maxBelowOffline, the offline metric to stay near"
SHARES: Final = (
    "Accuracy, Precision, Recall, F1 and AUC are from 0 to 1: give min and maxBelowOffline as such,"
    ' "0.8" for 80 percent'
)
LABEL_AGE: Final = "labels.maxAge must be from 1h to 744h (31 days)"
ONE_BOUND: Final = "a metric stands once in performance for all rows, and once for each segment: give one bound"
ONE_RATIO: Final = (
    "a segment stands once in fairness for each metric: make another Monitor for another favourable class"
)
RATIO: Final = 'min is a ratio of two shares: give one above "0" and at most "1", such as "0.8"'


class PerformanceWatch(Record):
    """A metric of the predictions whose labels came back, and what it must not leave."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.metric in ['MAE', 'RMSE', 'Brier', 'LogLoss'] ? !has(self.min) && (has(self.max) ||"
                " has(self.maxBelowOffline)) : !has(self.max) && (has(self.min) || has(self.maxBelowOffline))",
                BOUND,
            ),
            rule(
                f"!(self.metric in {list(FROM_0_TO_1)}) || (!has(self.min) || double(self.min) <= 1.0)"
                " && (!has(self.maxBelowOffline) || double(self.maxBelowOffline) <= 1.0)",
                SHARES,
            ),
        ),
    )

    metric: PerformanceMetric = Field(description="What is measured.")
    min: Decimal | None = Field(default=None, description="The least that will do.")
    max: Decimal | None = Field(default=None, description="The most that will do, of MAE, RMSE, Brier and LogLoss.")
    max_below_offline: Decimal | None = Field(
        default=None, description="How much worse it may be than offline, by the Model's card or the bundle."
    )
    segment: str | None = Field(
        default=None,
        description="An input by whose values labels are counted apart; each of them is judged.",
        min_length=1,
        max_length=256,
    )

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        bound, other = (self.max, self.min) if self.metric in ERRORS else (self.min, self.max)
        if other is not None or (bound is None and self.max_below_offline is None):
            raise ValueError(BOUND)
        return self

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        given = [one.number for one in (self.min, self.max_below_offline) if one is not None]
        if self.metric in FROM_0_TO_1 and max(given, default=0.0) > 1.0:
            raise ValueError(SHARES)
        return self


class FairnessWatch(Record):
    """How far groups may lie apart."""

    model_config = ConfigDict(
        json_schema_extra=rules(rule("double(self.min) > 0.0 && double(self.min) <= 1.0", RATIO, ".min")),
    )

    segment: str = Field(
        description="The input whose values are the groups.",
        min_length=1,
        max_length=256,
    )
    metric: FairnessMetric = Field(
        description="DemographicParity: who is given the favourable class; EqualOpportunity: who of those that have it."
    )
    min: Annotated[Decimal, checked(lambda ratio: 0.0 < ratio.number <= 1.0, RATIO)] = Field(
        default=Decimal("0.8"), description="The least ratio of the lowest group's share to the highest one's."
    )
    favourable: str = Field(
        default="", description="The class that is good to be given; by default the second of two.", max_length=256
    )


def _each_once(message: str) -> AfterValidator:
    """Let a metric be watched once for a segment, and once without one."""

    def check(watches: tuple[PerformanceWatch | FairnessWatch, ...]) -> tuple[PerformanceWatch | FairnessWatch, ...]:
        if len({(one.metric, one.segment) for one in watches}) < len(watches):
            raise ValueError(message)
        return watches

    return AfterValidator(check)


PerformanceWatches = Annotated[
    tuple[PerformanceWatch, ...],
    Field(
        max_length=20,
        description="Metrics of labelled predictions that must not get worse.",
        json_schema_extra={
            **ATOMIC_LIST,
            **rules(
                rule(
                    "self.all(a, self.filter(b, b.metric == a.metric && has(b.segment) == has(a.segment)"
                    " && (!has(a.segment) || b.segment == a.segment)).size() == 1)",
                    ONE_BOUND,
                )
            ),
        },
    ),
    _each_once(ONE_BOUND),
]
FairnessWatches = Annotated[
    tuple[FairnessWatch, ...],
    Field(
        max_length=20,
        description="Groups of labelled predictions that must fare alike.",
        json_schema_extra={
            **ATOMIC_LIST,
            **rules(
                rule(
                    "self.all(a, self.filter(b, b.metric == a.metric && b.segment == a.segment).size() == 1)",
                    ONE_RATIO,
                )
            ),
        },
    ),
    _each_once(ONE_RATIO),
]


def _is_label_age(age: HourDuration) -> bool:
    return HOUR <= age.seconds <= MONTH


class LabelsWatch(Record):
    """Which labels are judged."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "duration(self.maxAge) >= duration('1h') && duration(self.maxAge) <= duration('744h')",
                LABEL_AGE,
                ".maxAge",
            ),
        ),
    )

    min_rows: int = Field(default=200, description="Labelled rows that a judgement takes.", ge=50, le=10_000_000)
    max_age: Annotated[HourDuration, checked(_is_label_age, LABEL_AGE)] = Field(
        default=HourDuration("168h"), description="How long labels of a prediction are waited for."
    )
