"""Rollout: the policy by which a Model's new revisions get their traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from weirkeeper.api.attempts import GATES_LIMIT, NAMES_LIMIT, Attempts, GateSummary, Phase, Verdict
from weirkeeper.api.conditions import Conditions, ObservedGeneration
from weirkeeper.api.gates import DEFAULT_GATES, NAME, Gate
from weirkeeper.api.parsing import parse_spec
from weirkeeper.api.record import ATOMIC_LIST, ATOMIC_MAP, Record, checked, list_map, rule, rules
from weirkeeper.api.values import Decimal, Duration

STEPS_LIMIT: Final = 20

ASCENDING: Final = (
    "weights must ascend from step to step, as in 5, 25, 50: sort the steps, and merge those of equal weight"
)
BELOW_100: Final = (
    "weight must be from 1 to 99: weight 100 is the promotion, which follows the last step by itself; "
    "leave this step out"
)
STEP_NAMES: Final = "step names must be unique: rename one of them, or leave the name out"
GATE_NAMES: Final = "Duplicate value among the names of the gates: rename one of them"
FALSE_ALARM: Final = 'falseAlarm is a probability: give one above "0" and at most "0.2", such as "0.01"'
FALSE_PROMOTE: Final = 'falsePromote is a probability: give one above "0" and at most "0.2", such as "0.05"'

MOST: Final = 99
"""Percent of the traffic, short of a promotion."""

LARGEST_ERROR: Final = 0.2


MODEL_REF_FIXED: Final = "modelRef cannot be changed: delete this object and make one for the other Model"


class ModelReference(Record):
    """Which Model is meant."""

    model_config = ConfigDict(json_schema_extra=ATOMIC_MAP)

    name: str = Field(description="Name of a Model in the same namespace.", min_length=1, max_length=NAMES_LIMIT)


class Step(Record):
    """One stretch of an attempt, with a fixed share of the traffic."""

    model_config = ConfigDict(
        json_schema_extra=rules(rule("self.weight >= 1 && self.weight <= 99", BELOW_100, ".weight")),
    )

    name: str | None = Field(
        default=None,
        description="What people call the step; without a name it is called by its weight.",
        max_length=NAMES_LIMIT,
        pattern=NAME,
    )
    weight: Annotated[int, checked(lambda weight: 1 <= weight <= MOST, BELOW_100)] = Field(
        description="The candidate's share of the traffic in percent, from 1 to 99.",
        ge=0,
        le=100,
    )
    hold: Duration = Field(
        default=Duration("5m"),
        description="How long the step lasts at least, counted in slots in which every router was observed.",
    )
    approval: Literal["Manual"] | None = Field(
        default=None,
        description="Manual: after its hold the step waits for the verb `promote`.",
    )
    require_pass: bool = Field(
        default=False,
        description="The step ends only when every gate is at Pass; the last step always asks for that.",
    )

    @property
    def label(self) -> str:
        """The step's name, else its weight."""
        return self.name or f"{self.weight}%"


DEFAULT_STEPS: Final = (Step(weight=5), Step(weight=25), Step(weight=50))


def _ascend(steps: Sequence[Step]) -> bool:
    weights = [step.weight for step in steps]
    return weights == sorted(set(weights))


def _steps_differ(steps: Sequence[Step]) -> bool:
    named = [step.name for step in steps if step.name]
    return len(named) == len(set(named))


def _gates_differ(gates: Sequence[Gate]) -> bool:
    return len(gates) == len({gate.name for gate in gates})


def _merged_without_default(schema: dict[str, Any]) -> None:
    """Let gates merge by name; filled in by the API server, default ones would stay beside those applied later."""
    schema.pop("default", None)
    schema.update(list_map("name"))


def _is_small(probability: Decimal) -> bool:
    return 0 < probability.number <= LARGEST_ERROR


_POLICY_RULES: Final = (
    rule(
        "!has(self.steps) || (self.steps.map(s, s.weight).isSorted()"
        " && self.steps.all(s, self.steps.exists_one(t, t.weight == s.weight)))",
        ASCENDING,
        ".steps",
    ),
    rule(
        "!has(self.steps) || self.steps.all(s, !has(s.name)"
        " || self.steps.exists_one(t, has(t.name) && t.name == s.name))",
        STEP_NAMES,
        ".steps",
    ),
    rule("double(self.falseAlarm) > 0.0 && double(self.falseAlarm) <= 0.2", FALSE_ALARM, ".falseAlarm"),
    rule("double(self.falsePromote) > 0.0 && double(self.falsePromote) <= 0.2", FALSE_PROMOTE, ".falsePromote"),
)


class RolloutPolicy(Record):
    """How new revisions get their traffic: a Rollout's spec without its Model, and the platform's default."""

    model_config = ConfigDict(json_schema_extra=rules(*_POLICY_RULES))

    steps: Annotated[tuple[Step, ...], checked(_ascend, ASCENDING), checked(_steps_differ, STEP_NAMES)] = Field(
        default=DEFAULT_STEPS,
        description="The shares of traffic that a candidate gets on its way to promotion, ascending.",
        min_length=1,
        max_length=STEPS_LIMIT,
        json_schema_extra=ATOMIC_LIST,
    )
    gates: Annotated[tuple[Gate, ...], checked(_gates_differ, GATE_NAMES)] = Field(
        default=DEFAULT_GATES,
        description="What judges the candidate, errors and latency unless given; a Fail rolls it back.",
        min_length=1,
        max_length=GATES_LIMIT,
        json_schema_extra=_merged_without_default,
    )
    false_alarm: Annotated[Decimal, checked(_is_small, FALSE_ALARM)] = Field(
        default=Decimal("0.01"),
        description="Probability of rolling back a candidate that is as good as stable: whole attempt, all gates.",
    )
    false_promote: Annotated[Decimal, checked(_is_small, FALSE_PROMOTE)] = Field(
        default=Decimal("0.05"),
        description="Probability with which a gate says Pass of a candidate that is worse than it allows.",
    )
    max_duration: Duration = Field(
        default=Duration("6h"),
        description="How long a step may wait for its gates after its hold; then onInconclusive decides.",
    )
    on_inconclusive: Literal["Hold", "RollBack", "Promote"] = Field(
        default="Hold",
        description="What follows maxDuration; Promote only with evidence and no Fail; missing evidence always holds.",
    )
    bake_time: Duration = Field(
        default=Duration("30m"),
        description="How long the former revision stays warm after a promotion; a Fail in it reverts at once.",
    )
    rollback_window: int = Field(
        default=3,
        description="Going back to one of this many revisions promoted last needs readiness and probe, no steps.",
        ge=0,
        le=10,
    )
    progress_deadline: Duration = Field(
        default=Duration("10m"),
        description="How long to wait for pods or routes before the candidate is rolled back; holds do not count.",
    )


class RolloutSpec(RolloutPolicy):
    """What is wanted: whose revisions, and by which policy."""

    model_ref: ModelReference = Field(
        description="The Model whose revisions this governs; there is one Rollout to a Model.",
        json_schema_extra=rules(rule("self == oldSelf", MODEL_REF_FIXED)),
    )


class RolloutStatus(Record):
    """Where the attempt stands, for people: a projection of the Model's status, in which every decision is kept."""

    phase: Phase | None = Field(default=None, description="Where the attempt stands.")
    step: str = Field(default="", description="Which step of how many, and its name, such as 2/5 first.")
    weight: int = Field(default=0, description="The candidate's share of the traffic in percent.", ge=0, le=100)
    verdict: Verdict | None = Field(default=None, description="The worst verdict of the gates that block.")
    message: str = Field(default="", description="What happens now and what it waits for.", max_length=4096)
    gates: tuple[GateSummary, ...] = Field(
        default=(),
        description="The verdicts of the running attempt.",
        max_length=GATES_LIMIT,
        json_schema_extra=list_map("name"),
    )
    attempts: Attempts = ()
    conditions: Conditions = Field(default=(), description="Progressing, Paused, Stalled and Healthy.")
    observed_generation: ObservedGeneration = None


def parse_rollout(item: Mapping[str, Any]) -> RolloutSpec:
    """Understand a Rollout.

    Raises:
        InvalidSpec: a field is missing, unknown, or has a value that will not do.
    """
    return parse_spec(RolloutSpec, item)
