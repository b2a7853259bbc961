"""Steps of every kind in what is written: traffic for routers, phases for people, pods by the rule of sizes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.plan.objects import Cluster, model, rollout, settings
from weirkeeper.api.model_status import ModelStatus
from weirkeeper.api.rollout import RolloutStatus
from weirkeeper.router.traffic import read_wanted

ALPHA = {"headers": [{"name": "x-cohort", "value": "alpha"}]}
STEPS: list[dict[str, Any]] = [
    {"name": "shadow", "mirror": 50, "hold": "1m"},
    {"name": "alpha", "match": {**ALPHA, "replicas": 3}, "hold": "1m"},
    {"name": "first", "weight": 5, "hold": "1m"},
]
ERRORS = [{"name": "errors", "errorRate": {}}]
POLICY: dict[str, Any] = {"steps": STEPS, "gates": ERRORS, "sticky": {"cookie": "who"}}


def trying(**changes: Any) -> tuple[Cluster, str]:
    """A cluster that tries a second revision, and its name."""
    cluster = Cluster(model=model(server={"replicas": 4}), **changes)
    cluster.reconcile(8)
    cluster.model["spec"]["artifact"]["uri"] = "https://models.example/churn-2.tar.gz"
    cluster.reconcile(6)
    return cluster, cluster.status["candidate"]["revision"]


@pytest.mark.parametrize(
    ("gates", "sides"),
    [
        (ERRORS, set()),
        ([*ERRORS, {"name": "skew", "inputs": {}}], {"inputs"}),
        ([{"name": "skew", "inputs": {}}, {"name": "answers", "outputs": {}}], {"inputs", "outputs"}),
    ],
)
def test_only_rows_are_counted_that_a_gate_of_the_attempt_judges(gates: list[dict[str, Any]], sides: set[str]) -> None:
    cluster, _ = trying(rollouts=[rollout(steps=STEPS, gates=gates)])
    assert cluster.plans[-1].sides == sides


def verb(cluster: Cluster, name: str, nonce: str) -> None:
    cluster.model["metadata"]["annotations"] = {f"weirkeeper.dev/{name}": f"ann/{nonce}"}
    cluster.reconcile(4)


def share(cluster: Cluster, revision: str) -> dict[str, Any]:
    return next(one for one in cluster.status["traffic"] if one["revision"] == revision)


@pytest.mark.parametrize(
    "given",
    [{"rollouts": [rollout(**POLICY)]}, {"settings": settings(defaults={"rollout": POLICY})}],
    ids=["of a Rollout", "by default"],
)
def test_every_kind_is_written_for_routers_and_for_people(given: dict[str, Any]) -> None:
    cluster, candidate = trying(**given)
    assert cluster.status["phase"] == "Shadowing"
    assert cluster.condition("Progressing")["reason"] == "Shadowing"
    assert share(cluster, candidate) == {"revision": candidate, "weight": 0, "mirror": 50}
    assert cluster.deployments()[candidate] == 2
    verb(cluster, "skip", "1")
    assert cluster.status["phase"] == "Progressing"
    assert share(cluster, candidate) == {"revision": candidate, "weight": 0, "match": [ALPHA]}
    assert cluster.deployments()[candidate] == 3
    verb(cluster, "skip", "2")
    assert share(cluster, candidate) == {"revision": candidate, "weight": 5, "match": [ALPHA]}
    assert cluster.status["sticky"] == {"cookie": "who", "revision": candidate}
    assert read_wanted(cluster.model).asked == {cluster.status["stable"]["revision"], candidate, f"{candidate}~match"}
    ModelStatus.model_validate(cluster.status)
    verb(cluster, "abort", "3")
    assert [one.get("match") for one in cluster.status["traffic"]] == [None]
    assert "sticky" not in cluster.status
    for item in cluster.rollouts:
        RolloutStatus.model_validate(item["status"])


def test_a_paused_shadow_is_paused_and_goes_on_as_one() -> None:
    cluster, _ = trying(rollouts=[rollout(**POLICY)])
    for name, phase in (("pause", "Paused"), ("resume", "Shadowing")):
        verb(cluster, name, "1")
        assert (cluster.status["phase"], cluster.rollouts[0]["status"]["phase"]) == (phase, phase)
        assert cluster.rollouts[0]["status"]["step"] == "1/3 shadow"


def test_all_at_once_has_no_steps() -> None:
    cluster = Cluster(rollouts=[rollout(strategy="AllAtOnce", gates=ERRORS)])
    cluster.reconcile(8)
    first = cluster.status["stable"]["revision"]
    cluster.model["spec"]["artifact"]["uri"] = "https://models.example/churn-2.tar.gz"
    cluster.reconcile(8)
    assert cluster.status["phase"] == "Baking"
    assert cluster.status["stable"]["revision"] != first
    assert "StepStarted" not in [notice.reason for plan in cluster.plans for notice in plan.notices]
