"""Rollout: the policy by which a Model's new revisions get their traffic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from weirkeeper.api.attempts import GATES_LIMIT, NAMES_LIMIT, Attempts, GateSummary, Phase, Verdict
from weirkeeper.api.conditions import Conditions, ObservedGeneration
from weirkeeper.api.gates import DEFAULT_GATES, Gate
from weirkeeper.api.parsing import parse_spec
from weirkeeper.api.record import ATOMIC_LIST, ATOMIC_MAP, Record, checked, list_map, rule, rules
from weirkeeper.api.steps import MATCHES_LIMIT, STEPS_LIMIT, Step, Sticky
from weirkeeper.api.values import Decimal, Duration

ASCENDING: Final = (
    "weights must ascend from step to step, as in 5, 25, 50: sort the steps, and merge those of equal weight"
)
MIRRORS_ASCEND: Final = (
    "mirror must ascend from step to step, as in 10, 100: sort the steps, and merge those of equal mirror"
)
WEIGHTS_LAST: Final = "steps with mirror or match must come before those with a weight: move them up"
MATCH_LAST: Final = (
    "the last step must have a weight or a mirror: callers that match are not everyone, and nothing is compared with "
    "stable; add such a step"
)
MATCHES: Final = (
    f"at most {MATCHES_LIMIT} steps have a match: tell the callers of several by one header, with prefix or regex"
)
STEP_NAMES: Final = "step names must be unique: rename one of them, or leave the name out"
GATE_NAMES: Final = "Duplicate value among the names of the gates: rename one of them"
FALSE_ALARM: Final = 'falseAlarm is a probability: give one above "0" and at most "0.2", such as "0.01"'
FALSE_PROMOTE: Final = 'falsePromote is a probability: give one above "0" and at most "0.2", such as "0.05"'

DEADLINE: Final = "progressDeadline must be above 0: no pod is ready at once, so every candidate would be rolled back"

LARGEST_ERROR: Final = 0.2


MODEL_REF_FIXED: Final = "modelRef cannot be changed: delete this object and make one for the other Model"


class ModelReference(Record):
    """Which Model is meant."""

    model_config = ConfigDict(json_schema_extra=ATOMIC_MAP)

    name: str = Field(description="Name of a Model in the same namespace.", min_length=1, max_length=NAMES_LIMIT)


DEFAULT_STEPS: Final = (Step(weight=5), Step(weight=25), Step(weight=50))


def _is_positive(duration: Duration) -> bool:
    return duration.seconds > 0.0


def _ascend(steps: Sequence[Step]) -> bool:
    weights = [step.weight for step in steps if step.weight is not None]
    return weights == sorted(set(weights))


def _mirrors_ascend(steps: Sequence[Step]) -> bool:
    mirrors = [step.mirror for step in steps if step.mirror is not None]
    return mirrors == sorted(set(mirrors))


def _weights_last(steps: Sequence[Step]) -> bool:
    weighted = [step.weight is not None for step in steps]
    return weighted == sorted(weighted)


def _match_not_last(steps: Sequence[Step]) -> bool:
    return not steps or steps[-1].match is None


def _few_matches(steps: Sequence[Step]) -> bool:
    return sum(step.match is not None for step in steps) <= MATCHES_LIMIT


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


def _ascending(field: str) -> str:
    return (
        f"!has(self.steps) || (self.steps.filter(s, has(s.{field})).map(s, s.{field}).isSorted()"
        f" && self.steps.all(s, !has(s.{field})"
        f" || self.steps.exists_one(t, has(t.{field}) && t.{field} == s.{field})))"
    )


_POLICY_RULES: Final = (
    rule(_ascending("weight"), ASCENDING, ".steps"),
    rule(_ascending("mirror"), MIRRORS_ASCEND, ".steps"),
    rule("!has(self.steps) || self.steps.map(s, has(s.weight)).isSorted()", WEIGHTS_LAST, ".steps"),
    rule(
        "!has(self.steps) || size(self.steps) == 0 || !has(self.steps[size(self.steps) - 1].match)",
        MATCH_LAST,
        ".steps",
    ),
    rule(
        f"!has(self.steps) || size(self.steps.filter(s, has(s.match))) <= {MATCHES_LIMIT}",
        MATCHES,
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
    rule("self.progressDeadline.matches('[1-9]')", DEADLINE, ".progressDeadline"),
)


class RolloutPolicy(Record):
    """How new revisions get their traffic: a Rollout's spec without its Model, and the platform's default."""

    model_config = ConfigDict(json_schema_extra=rules(*_POLICY_RULES))

    strategy: Literal["Steps", "AllAtOnce"] = Field(
        default="Steps",
        description="AllAtOnce: no steps; a candidate that is ready gets all traffic at once, and the bake judges it.",
    )
    steps: Annotated[
        tuple[Step, ...],
        checked(_ascend, ASCENDING),
        checked(_mirrors_ascend, MIRRORS_ASCEND),
        checked(_weights_last, WEIGHTS_LAST),
        checked(_match_not_last, MATCH_LAST),
        checked(_few_matches, MATCHES),
        checked(_steps_differ, STEP_NAMES),
    ] = Field(
        default=DEFAULT_STEPS,
        description="How a candidate is exposed on its way to promotion: copies and chosen callers, then shares.",
        min_length=1,
        max_length=STEPS_LIMIT,
        json_schema_extra=ATOMIC_LIST,
    )
    sticky: Sticky | None = Field(
        default=None,
        description="Keeps each caller on one revision while the weight grows; without it every request is divided.",
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
    progress_deadline: Annotated[Duration, checked(_is_positive, DEADLINE)] = Field(
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
