"""Candidates that are as good as stable: promoted where there is traffic, held where there is none."""

from __future__ import annotations

from tests.e2e import models
from tests.e2e.conftest import Files, Team, Traffic, long_enough
from tests.harness.waiting import eventually

RATE = 60.0
ERRORS = {"name": "errors", "errorRate": {}}


def size_of(team: Team, revision: str) -> int:
    return int((team.kubectl.get("deployment", revision) or {})["spec"]["replicas"])


def test_the_same_model_again_is_promoted_and_no_request_is_lost(team: Team, traffic: Traffic, good: Files) -> None:
    first = team.serving(good, server={"replicas": 2})
    traffic.load.control(rate=RATE, running=True)
    long_enough(15)
    team.artifact("churn-2", good)
    team.model("churn-2", server={"replicas": 2})
    team.wait_phase("Progressing")
    team.kubectl("scale", "deployment", first, "--replicas=3")
    eventually("the size of stable put back", lambda: size_of(team, first) == 2)
    status = team.wait_phase("Baking", "RolledBack", timeout=420)
    second = status["stable"]["revision"]
    assert status["phase"] == "Baking", team.brief()
    uids = {pod["metadata"]["uid"] for pod in team.kubectl.list("pods", f"weirkeeper.dev/revision={second}")}
    assert team.wait_outcome(first)["outcome"] == "Promoted"
    after = {pod["metadata"]["uid"] for pod in team.kubectl.list("pods", f"weirkeeper.dev/revision={second}")}
    assert uids == after, "a promotion restarts no pod"
    counts = traffic.nothing_lost()
    assert counts.of(first).ok > 0
    assert counts.of(second).ok > 0
    steps = [reason for reason in team.events() if reason == "StepStarted"]
    assert len(steps) == 3


def test_without_traffic_a_candidate_is_neither_promoted_nor_rolled_back(team: Team, good: Files) -> None:
    first = team.serving(good)
    team.kubectl.apply(models.rollout(maxDuration="10s", onInconclusive="RollBack", gates=[ERRORS]))
    team.artifact("churn-2", good)
    team.model("churn-2")
    team.wait_phase("Progressing")
    long_enough(60)
    status = team.status()
    assert status["phase"] == "Progressing"
    assert status["step"] == 1
    assert status["stable"]["revision"] == first
