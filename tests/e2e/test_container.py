"""A server that is not ours, the KServe SDK's, behind the same rollouts: probed, promoted, rolled back."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e import models
from tests.e2e.conftest import Team, Traffic, long_enough
from tests.harness.waiting import eventually

RATE = 40.0
DELAY_MS = 60
GRPC_PORT = 8081


def golden(answer: int = 1) -> dict[str, Any]:
    """The first row of the tests, whose radius is 17.99, and the answer that must come."""
    output = {"name": "predict", "datatype": "INT64", "shape": [1], "data": [answer]}
    return {"request": json.loads(models.request()), "expect": {"outputs": [output]}}


def apply(team: Team, **environment: Any) -> None:
    """Apply the Model with the server that this environment makes."""
    env = [{"name": name, "value": str(value)} for name, value in environment.items()]
    server = {"runtime": "Container", "image": team.cluster.images["kserve"], "grpcPort": GRPC_PORT, "env": env}
    team.kubectl.apply(models.model_of({"server": server, "probe": [golden(answer=0)]}))


def serving(team: Team) -> str:
    """Bring a first revision to health and give its name."""
    team.kubectl.apply(models.rollout())
    apply(team, THRESHOLD=15)
    team.kubectl.wait_condition("model", "churn", "Ready", timeout=300)
    return str(team.wait_phase("Healthy")["stable"]["revision"])


def test_another_container_is_promoted_once_it_gives_the_golden_answers(team: Team, traffic: Traffic) -> None:
    first = serving(team)
    code, body = team.ask(models.request())
    assert code == 200, body
    assert json.loads(body)["outputs"][0]["data"] == [0]
    assert team.reason("ArtifactPinned") == "NoArtifact"
    monitor = {"apiVersion": "weirkeeper.dev/v1alpha1", "kind": "Monitor", "metadata": {"name": "churn"}}
    team.kubectl.apply({**monitor, "spec": {"modelRef": {"name": "churn"}}})
    traffic.load.control(rate=RATE, running=True)
    apply(team, THRESHOLD=20)
    eventually("ProbeFailed", lambda: team.reason("Stalled") == "ProbeFailed", timeout=180, describe=team.brief)
    assert "probe 0: output predict: expected 0, got 1 at position 0" in team.message("Stalled")
    assert set(traffic.counts().revisions) == {first}, "a wrong answer gets no traffic"
    apply(team, THRESHOLD=16)
    last = team.wait_outcome(first)
    while last["outcome"] == "Superseded":
        last = team.wait_outcome(last["revision"])
    assert last["outcome"] == "Promoted", team.brief()
    gates = {gate["name"]: gate["verdict"] for gate in last["gates"]}
    assert gates == {"errors": "Pass", "latency": "Pass"}
    counts = traffic.nothing_lost()
    assert counts.of(last["revision"]).ok > 0
    watched = team.kubectl.wait_condition("monitor", "churn", "Ready", "False", timeout=60)
    ready = next(one for one in watched["status"]["conditions"] if one["type"] == "Ready")
    assert ready["reason"] == "NoProfileCounters"


def test_a_slow_container_is_rolled_back_by_what_its_routers_measure(team: Team, traffic: Traffic) -> None:
    first = serving(team)
    traffic.load.control(rate=RATE, running=True)
    long_enough(20)
    apply(team, THRESHOLD=15, DELAY_MS=DELAY_MS)
    last = team.wait_outcome(first)
    assert last["outcome"] == "RolledBack", team.brief()
    assert "gate latency failed" in last["reason"]
    assert team.status()["stable"]["revision"] == first
    traffic.nothing_lost()
