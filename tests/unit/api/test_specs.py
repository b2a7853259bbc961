"""What our records refuse, and how they say so."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.unit.api.cases import CASES, SMALLEST, Case, put
from weirkeeper.api.errors import InvalidSpec
from weirkeeper.api.model import ModelSpec, parse_model
from weirkeeper.api.monitor import MonitorSpec, parse_monitor
from weirkeeper.api.rollout import RolloutPolicy, RolloutSpec, parse_rollout

PARSERS: dict[str, Callable[[Mapping[str, Any]], ModelSpec | RolloutSpec | MonitorSpec]] = {
    "Model": parse_model,
    "Rollout": parse_rollout,
    "Monitor": parse_monitor,
}


def parsed(kind: str, spec: dict[str, Any]) -> ModelSpec | RolloutSpec | MonitorSpec:
    return PARSERS[kind]({"kind": kind, "metadata": {"name": "churn"}, "spec": spec})


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_bad_value_is_refused_and_its_neighbour_is_not(case: Case) -> None:
    parsed(case.kind, case.accepted())
    with pytest.raises(InvalidSpec) as refusal:
        parsed(case.kind, case.refused())
    assert case.says in str(refusal.value)
    assert f"{case.kind} churn: spec" in str(refusal.value)


def test_a_refusal_says_where_and_what_was_given_and_what_would_do() -> None:
    with pytest.raises(InvalidSpec) as refusal:
        parsed("Rollout", {"modelRef": {"name": "churn"}, "steps": [{"weight": 5, "hold": "5 min"}]})
    assert str(refusal.value) == (
        "Rollout churn: spec.steps[0].hold is '5 min'; write a duration such as 500ms, 90s, 5m, 1h30m or 14d"
    )


def test_what_is_missing_and_what_is_unknown_is_named() -> None:
    with pytest.raises(InvalidSpec, match=r"spec is {}; artifact is missing: say where"):
        parsed("Model", {})
    with pytest.raises(InvalidSpec, match=r"spec.lifecycle is unknown; leave it out"):
        parsed("Model", put(SMALLEST["Model"], "lifecycle", "Retired"))


def test_a_long_value_is_not_repeated_whole() -> None:
    with pytest.raises(InvalidSpec) as refusal:
        parsed("Model", put(SMALLEST["Model"], "artifact.uri", "gs://" + "a" * 1000))
    assert len(str(refusal.value)) < 300


def test_a_rollout_of_one_line_has_the_platforms_policy() -> None:
    spec = parse_rollout({"spec": SMALLEST["Rollout"]})
    assert [(step.label, step.weight, step.hold.seconds) for step in spec.steps] == [
        ("5%", 5, 300),
        ("25%", 25, 300),
        ("50%", 50, 300),
    ]
    assert [gate.name for gate in spec.gates] == ["errors", "latency"]
    assert (spec.false_alarm.number, spec.false_promote.number) == (0.01, 0.05)
    assert (spec.max_duration.seconds, spec.on_inconclusive) == (6 * 3600, "Hold")
    assert (spec.bake_time.seconds, spec.rollback_window, spec.progress_deadline.seconds) == (1800, 3, 600)


def test_the_default_policy_is_a_rollout_without_its_model() -> None:
    written = parse_rollout({"spec": SMALLEST["Rollout"]}).to_json()
    del written["modelRef"]
    assert RolloutPolicy.model_validate(written) == RolloutPolicy()


def test_a_step_is_called_by_its_name_or_its_weight() -> None:
    spec = parse_rollout({"spec": put(SMALLEST["Rollout"], "steps", [{"weight": 5}, {"name": "half", "weight": 50}])})
    assert [step.label for step in spec.steps] == ["5%", "half"]


def test_a_model_has_one_replica_where_nothing_is_said() -> None:
    assert parse_model({"spec": SMALLEST["Model"]}).replicas == 1
    assert parse_model({"spec": put(SMALLEST["Model"], "server.replicas", 3)}).replicas == 3


def test_a_feature_has_the_monitors_delta_its_own_or_none() -> None:
    features = {"income": {"delta": "0.2"}, "zip": {"severity": "Off"}, "age": {}}
    inputs = parse_monitor({"spec": put(SMALLEST["Monitor"], "inputs.features", features)}).inputs
    assert [inputs.delta_of(name) for name in ("income", "zip", "age", "other")] == [0.2, None, 0.1, 0.1]


@pytest.mark.parametrize("kind", SMALLEST)
def test_a_spec_survives_being_written_and_read(kind: str) -> None:
    spec = parsed(kind, SMALLEST[kind])
    assert parsed(kind, spec.to_json()) == spec
