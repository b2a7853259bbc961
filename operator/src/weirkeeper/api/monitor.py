"""Monitor: what is watched while a Model serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from weirkeeper.api.monitor_actions import WATCHED_BY, Actions, not_watched
from weirkeeper.api.monitor_labels import FairnessWatches, LabelsWatch, PerformanceWatches
from weirkeeper.api.monitor_objectives import Objectives
from weirkeeper.api.parsing import parse_spec
from weirkeeper.api.record import Record, checked, rule, rules
from weirkeeper.api.rollout import MODEL_REF_FIXED, ModelReference
from weirkeeper.api.values import Decimal, HourDuration

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 24 * HOUR
WEEK: Final = 7 * 24 * 3600
MONTH: Final = 31 * 24 * 3600

SIZE: Final = "size must be a whole number of minutes from 1m to 168h, such as 15m, 1h or 24h"
MAX_AGE: Final = "maxAge must be at least as long as size, and at most 744h (31 days)"
DELTA: Final = 'delta is a population stability index: give one from "0" to "10", such as "0.1"'
NO_WARM_UP: Final = "warmUp is for live rows: set from: Live, or leave warmUp out"
WARM_UP: Final = "reference.warmUp must be from 1h to 744h (31 days)"
SHORT_WARM_UP: Final = "reference.warmUp must be at least as long as window.size"
ALARMS: Final = 'falseAlarmsPerMonth must be above "0" and at most "100", such as "0.1" for one in ten months'

State = Literal["OK", "Drifting", "Insufficient", "Error"]
LARGEST_DELTA: Final = 10
MOST_ALARMS: Final = 100

Delta = Annotated[Decimal, checked(lambda delta: delta.number <= LARGEST_DELTA, DELTA)]


class Reference(Record):
    """What live rows are compared with."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("!has(self.warmUp) || self.from == 'Live'", NO_WARM_UP, ".warmUp"),
            rule(
                "!has(self.warmUp)"
                " || duration(self.warmUp) >= duration('1h') && duration(self.warmUp) <= duration('744h')",
                WARM_UP,
                ".warmUp",
            ),
        ),
    )

    source: Literal["Bundle", "Live"] = Field(
        alias="from",
        default="Bundle",
        description="Bundle: the profile of the training rows in the bundle. Live: the first rows after a promotion.",
    )
    warm_up: Annotated[HourDuration, checked(lambda length: HOUR <= length.seconds <= MONTH, WARM_UP)] | None = Field(
        default=None,
        description="Live: how long rows are gathered, and on until there are minRows; 24h where nothing is said.",
    )

    @model_validator(mode="after")
    def _warms_up_live(self) -> Self:
        if self.warm_up is not None and self.source != "Live":
            raise ValueError(NO_WARM_UP)
        return self

    def warm_up_seconds(self, size: int) -> int:
        """For how long live rows are gathered, in seconds, beside windows of `size`; 0 where none are."""
        if self.source != "Live":
            return 0
        return int(self.warm_up.seconds) if self.warm_up else max(DAY, size)


def _is_whole_minutes(size: HourDuration) -> bool:
    return MINUTE <= size.seconds <= WEEK and size.seconds % MINUTE == 0


class Window(Record):
    """The stretches of time that are judged one after the other."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "duration(self.size) >= duration('1m') && duration(self.size) <= duration('168h')"
                " && duration(self.size).getMilliseconds() % 60000 == 0",
                SIZE,
                ".size",
            ),
            rule(
                "duration(self.maxAge) >= duration(self.size) && duration(self.maxAge) <= duration('744h')",
                MAX_AGE,
                ".maxAge",
            ),
        ),
    )

    size: Annotated[HourDuration, checked(_is_whole_minutes, SIZE)] = Field(
        default=HourDuration("1h"),
        description="Length of a window, in whole minutes; each begins where the last one ended.",
    )
    min_rows: int = Field(
        default=500,
        description="Rows that a window needs to be judged; one with fewer is Insufficient.",
        ge=50,
        le=10_000_000,
    )
    max_age: HourDuration = Field(
        default=HourDuration("24h"),
        description="How far back windows reach to gather minRows.",
    )

    @model_validator(mode="after")
    def _lengths_fit(self) -> Self:
        if not self.size.seconds <= self.max_age.seconds <= MONTH:
            raise ValueError(MAX_AGE)
        return self


class FeatureWatch(Record):
    """How one input is watched, where it differs from the others."""

    model_config = ConfigDict(
        json_schema_extra=rules(rule("!has(self.delta) || double(self.delta) <= 10.0", DELTA, ".delta")),
    )

    delta: Delta | None = Field(
        default=None,
        description="A shift of this input up to this population stability index is of no interest.",
    )
    severity: Literal["Alarm", "Off"] = Field(
        default="Alarm",
        description='"Off" (in quotes: YAML reads a bare Off as a boolean) leaves the input out.',
    )


class InputsWatch(Record):
    """How the inputs are watched."""

    model_config = ConfigDict(
        json_schema_extra=rules(rule("double(self.delta) <= 10.0", DELTA, ".delta")),
    )

    delta: Delta = Field(
        default=Decimal("0.1"),
        description="A shift up to this population stability index is of no interest.",
    )
    features: dict[str, FeatureWatch] = Field(
        default_factory=dict,
        description="Inputs that are watched in another way, by name.",
        max_length=512,
    )

    def delta_of(self, feature: str) -> float | None:
        """Give the index above which `feature` drifts; None where it is not watched."""
        watch = self.features.get(feature, FeatureWatch())
        if watch.severity == "Off":
            return None
        return (watch.delta or self.delta).number


class OutputsWatch(Record):
    """How the model's answers are watched."""

    model_config = ConfigDict(
        json_schema_extra=rules(rule("double(self.delta) <= 10.0", DELTA, ".delta")),
    )

    delta: Delta = Field(
        default=Decimal("0.1"),
        description="A shift of an output up to this population stability index is of no interest.",
    )


def _limit(what: str, default: int) -> Any:
    return Field(default=default, ge=0, le=100, description=f"Percent of a column's values that may be {what}.")


class QualityWatch(Record):
    """How much of the inputs may be out of order."""

    missing: int = _limit("missing, beyond what the reference had", 5)
    unseen: int = _limit("such as the reference never had", 1)
    out_of_range: int = _limit("outside the reference's range", 1)
    invalid: int = _limit("of the wrong type, beyond what the reference had", 0)


def _has(field: str) -> str:
    """In CEL: whether the spec has a field, which is not an empty list."""
    above, _, last = field.rpartition(".")
    return f"has(self.{above}) && has(self.{field})" if above else f"has(self.{last}) && self.{last}.size() > 0"


def _watched(field: str) -> dict[str, str]:
    kinds = ", ".join(f"'{kind}'" for kind in WATCHED_BY[field])
    named = f"self.actions.all(a, !has(a.when) || a.when.all(kind, !(kind in [{kinds}])))"
    return rule(f"{_has(field)} || !has(self.actions) || {named}", not_watched(field), ".actions")


class MonitorSpec(Record):
    """What is wanted: what is watched, against what, and how many false alarms are put up with."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "double(self.falseAlarmsPerMonth) > 0.0 && double(self.falseAlarmsPerMonth) <= 100.0",
                ALARMS,
                ".falseAlarmsPerMonth",
            ),
            rule(
                "!has(self.reference.warmUp) || duration(self.reference.warmUp) >= duration(self.window.size)",
                SHORT_WARM_UP,
                ".reference",
            ),
            *map(_watched, WATCHED_BY),
        ),
    )

    model_ref: ModelReference = Field(
        description="The Model that is watched.",
        json_schema_extra=rules(rule("self == oldSelf", MODEL_REF_FIXED)),
    )
    reference: Reference = Field(default=Reference(), description="What live rows are compared with.")
    window: Window = Field(default=Window(), description="The stretches of time that are judged.")
    inputs: InputsWatch = Field(default=InputsWatch(), description="How the inputs are watched.")
    outputs: OutputsWatch = Field(default=OutputsWatch(), description="How the model's answers are watched.")
    quality: QualityWatch = Field(default=QualityWatch(), description="How much of the inputs may be out of order.")
    objectives: Objectives | None = Field(default=None, description="What callers of the Model are promised.")
    labels: LabelsWatch = Field(default=LabelsWatch(), description="Which labels are judged.")
    performance: PerformanceWatches = ()
    fairness: FairnessWatches = ()
    false_alarms_per_month: Annotated[Decimal, checked(lambda n: 0 < n.number <= MOST_ALARMS, ALARMS)] = Field(
        default=Decimal("0.1"),
        description="False alarms of the whole Monitor in a month; every threshold follows from it.",
    )
    actions: Actions = ()

    @model_validator(mode="after")
    def _acts_on_what_it_watches(self) -> Self:
        asked = self.objectives
        given = {
            "performance": self.performance,
            "fairness": self.fairness,
            "objectives.availability": asked and asked.availability,
            "objectives.latency": asked and asked.latency,
        }
        named = {kind for action in self.actions for kind in action.when}
        for field, kinds in WATCHED_BY.items():
            if not given[field] and not named.isdisjoint(kinds):
                raise ValueError(not_watched(field))
        return self

    @model_validator(mode="after")
    def _warms_up_for_a_window(self) -> Self:
        if self.reference.warm_up is not None and self.reference.warm_up.seconds < self.window.size.seconds:
            raise ValueError(SHORT_WARM_UP)
        return self


def parse_monitor(item: Mapping[str, Any]) -> MonitorSpec:
    """Understand a Monitor.

    Raises:
        InvalidSpec: a field is missing, unknown, or has a value that will not do.
    """
    return parse_spec(MonitorSpec, item)
