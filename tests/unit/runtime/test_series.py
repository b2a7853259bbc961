import subprocess
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client.exposition import generate_latest

from tests.cluster.programs import promtool
from tests.unit.kube.samples import model
from tests.unit.runtime.world import World, key
from weirkeeper.plan.assessed import Assessment
from weirkeeper.plan.conditions.objectives import ObjectiveFinding
from weirkeeper.plan.conditions.watched import ConditionState
from weirkeeper.plan.windows import Window
from weirkeeper.runtime.metrics import Metrics
from weirkeeper.runtime.series import MOST_FEATURES, ModelSeries
from weirkeeper.statistics.drift import FeatureDrift
from weirkeeper.statistics.error_budget import Tally
from weirkeeper.statistics.quality import QualityFinding

STATUS: dict[str, Any] = {
    "phase": "Progressing",
    "step": 2,
    "stable": {"revision": "churn-1"},
    "candidate": {"revision": "churn-2", "weight": 25},
    "traffic": [{"revision": "churn-1", "weight": 75}, {"revision": "churn-2", "weight": 25}],
    "exposedRequests": 118,
    "attempts": [{"attempt": 2, "revision": "churn-2"}],
    "conditions": [{"type": "Ready", "status": "True"}],
    "gates": [{"name": "errors", "verdict": "Fail", "evidence": {"fail": "9.20", "pass": "-3.10"}}],
}
DRIFT = FeatureDrift("income", "Drifting", 900, 0.0, "it moved", psi=0.31, threshold=0.12)


def exposition(world: World) -> str:
    world.metrics.gauge("weirkeeper_queue_depth", "Keys that wait or are worked at.", lambda: 0.0)
    world.metrics.registry.register(world.series)
    return generate_latest(world.metrics.registry).decode()


def busy_world() -> World:
    world = World()
    spec = {"artifact": {"uri": "s3://m/1/"}, "card": {"owner": "growth"}}
    world.cache.put(model(version=1, spec=spec, status=STATUS))
    assessment = Assessment(
        "watch",
        (
            ConditionState("InputDrift", "Drifting", "income drifts"),
            ConditionState("OutputDrift", "Insufficient", "few"),
        ),
        window=Window(0, 60, 900),
        features=(DRIFT,),
        outputs=(replace(DRIFT, name="score"),),
        objectives=(
            ObjectiveFinding("Latency", 99.0, "slow", 0, 3600, Tally(1000, 5), {300: 0.0, 3600: 0.5}, 0.25, None),
        ),
        quality=(QualityFinding("income", "missing", 0.125, 0.05, 1e-9, above=True, lingers=True),),
    )
    world.series.assessed(key(), (assessment,))
    world.metrics.wrote("apply", "Deployment")
    return world


def test_a_model_is_told_by_its_series() -> None:
    lines = set(exposition(busy_world()).splitlines())
    place = 'model="churn",namespace="team-a"'
    watch = 'model="churn",monitor="watch",namespace="team-a"'
    wanted = {
        f'weirkeeper_model_info{{candidate="churn-2",{place},owner="growth",stable="churn-1"}} 1.0',
        f"weirkeeper_model_ready{{{place}}} 1.0",
        f"weirkeeper_rollout_step{{{place}}} 2.0",
        f'weirkeeper_rollout_phase{{{place},phase="Progressing"}} 1.0',
        f'weirkeeper_rollout_phase{{{place},phase="Healthy"}} 0.0',
        f'weirkeeper_traffic_weight_ratio{{{place},revision="churn-2"}} 0.25',
        f'weirkeeper_exposed_requests{{{place},revision="churn-2"}} 118.0',
        'weirkeeper_gate_verdict{gate="errors",model="churn",namespace="team-a",revision="churn-2"} -1.0',
        'weirkeeper_gate_log_e{gate="errors",model="churn",namespace="team-a",revision="churn-2",test="fail"} 9.2',
        'weirkeeper_drift_psi{feature="income",model="churn",monitor="watch",namespace="team-a"} 0.31',
        'weirkeeper_drift_psi_threshold{feature="income",model="churn",monitor="watch",namespace="team-a"} 0.12',
        'weirkeeper_drift_detected{feature="income",model="churn",monitor="watch",namespace="team-a"} 1.0',
        'weirkeeper_monitor_condition{condition="InputDrift",model="churn",monitor="watch",namespace="team-a"} 1.0',
        'weirkeeper_monitor_output_psi{model="churn",monitor="watch",namespace="team-a",output="score"} 0.31',
        f'weirkeeper_monitor_output_psi_threshold{{{watch},output="score"}} 0.12',
        f'weirkeeper_monitor_quality_ratio{{column="income",kind="missing",{watch}}} 0.125',
        'weirkeeper_monitor_hidden_features{model="churn",monitor="watch",namespace="team-a"} 0.0',
        f'weirkeeper_monitor_objective_target_ratio{{{watch},objective="Latency"}} 0.99',
        f'weirkeeper_monitor_objective_good_ratio{{{watch},objective="Latency"}} 0.995',
        f'weirkeeper_monitor_objective_requests{{{watch},objective="Latency"}} 1000.0',
        f'weirkeeper_monitor_budget_left_ratio{{{watch},objective="Latency"}} 0.25',
        f'weirkeeper_monitor_burn_rate{{{watch},objective="Latency",window="1h"}} 0.5',
        f'weirkeeper_monitor_burn_rate{{{watch},objective="Latency",window="5m"}} 0.0',
        'weirkeeper_drift_window_rows{model="churn",monitor="watch",namespace="team-a"} 900.0',
        f"weirkeeper_monitor_ready{{{watch}}} 1.0",
    }
    assert wanted <= lines


def test_of_very_many_features_the_worst_have_series_and_how_many_have_none_is_told() -> None:
    world = busy_world()
    features = tuple(replace(DRIFT, name=f"f{number}") for number in range(MOST_FEATURES + 30))
    world.series.assessed(key(), (Assessment("watch", (), features=features),))
    lines = exposition(world).splitlines()
    assert len([line for line in lines if line.startswith("weirkeeper_drift_psi{")]) == MOST_FEATURES
    assert 'weirkeeper_monitor_hidden_features{model="churn",monitor="watch",namespace="team-a"} 30.0' in lines


def test_unknown_is_neither_good_nor_bad() -> None:
    assert 'condition="OutputDrift"' not in exposition(busy_world())


def test_a_monitor_that_is_gone_has_none() -> None:
    world = busy_world()
    world.series.assessed(key(), ())
    lines = exposition(world).splitlines()
    assert not [line for line in lines if 'monitor="watch"' in line]
    assert [line for line in lines if line.startswith("weirkeeper_model_ready{")] != []


def test_a_model_without_status_has_series_too() -> None:
    world = World()
    world.cache.put(model(version=1))
    assert 'weirkeeper_model_ready{model="churn",namespace="team-a"} 0.0' in exposition(world)


@pytest.mark.parametrize(
    ("current", "value"),
    [
        (("False", "RolledBack"), "1.0"),
        (("False", "Aborted"), "1.0"),
        (("False", "RolloutInProgress"), "0.0"),
        (("True", "Promoted"), "0.0"),
    ],
)
def test_a_spec_that_asks_for_what_was_turned_down_is_told(current: tuple[str, str], value: str) -> None:
    world = World()
    status, reason = current
    told = {"type": "Current", "status": status, "reason": reason, "message": "", "lastTransitionTime": "x"}
    world.cache.put({**model(version=1), "status": {"conditions": [told]}})
    assert f'weirkeeper_model_spec_rejected{{model="churn",namespace="team-a"}} {value}' in exposition(world)


def test_a_model_that_is_gone_has_none() -> None:
    world = busy_world()
    found = world.cache.get("Model", "team-a", "churn")
    assert found is not None
    world.cache.drop(found)
    assert 'model="churn"' not in exposition(world)


def test_the_age_of_evidence_is_that_of_the_namespace() -> None:
    series = ModelSeries(lambda: [model(version=1)], lambda _: {"team-a": 3.0})
    ages = next(family for family in series.collect() if family.name == "weirkeeper_evidence_age_seconds")
    assert [sample.value for sample in ages.samples] == [3.0]


def test_promtool_accepts_the_series() -> None:
    command = [str(promtool()), "check", "metrics"]
    checked = subprocess.run(command, input=exposition(busy_world()), capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_attempts_that_ended_are_counted_once_and_not_those_from_before_the_start() -> None:
    metrics = Metrics()

    def seen(*outcomes: str | None) -> None:
        attempts = [{"attempt": number, "outcome": outcome} for number, outcome in enumerate(outcomes, 1)]
        metrics.ended(key(), model(status={"attempts": attempts}))

    seen("Promoted", None)
    seen("Promoted", "RolledBack")
    seen("Promoted", "RolledBack")
    counted = metrics.registry.get_sample_value
    labels = {"namespace": "team-a", "model": "churn"}
    assert counted("weirkeeper_attempts_total", {**labels, "outcome": "RolledBack"}) == 1.0
    assert counted("weirkeeper_attempts_total", {**labels, "outcome": "Promoted"}) is None
