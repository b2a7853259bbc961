"""Candidates that are as good as stable: promoted where there is traffic, held where there is none."""

from __future__ import annotations

from typing import Any

from tests.e2e import models
from tests.e2e.conftest import Files, Team, Traffic, long_enough
from tests.e2e.promises import keeps_pods
from tests.harness.waiting import eventually

RATE = 60.0
LITTLE = 6.0
ERRORS = {"name": "errors", "errorRate": {}}
NOBODY_THERE = {"name": "queue", "promQL": {"query": "sum(up)", "max": "5"}}
"""Tests side by side have no Prometheus."""


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
    team.kubectl("scale", "model", "churn", "--replicas=3")
    eventually("more of stable at once", lambda: size_of(team, first) == 3)
    status = team.wait_phase("Baking", "RolledBack", timeout=420)
    second = status["stable"]["revision"]
    assert status["phase"] == "Baking", team.brief()
    pods = team.pods(second)
    assert team.wait_outcome(first)["outcome"] == "Promoted"
    keeps_pods(pods, team.pods(second))
    eventually("what was scaled to", lambda: size_of(team, second) == 3)
    counts = traffic.nothing_lost()
    assert counts.of(first).ok > 0
    assert counts.of(second).ok > 0
    steps = [reason for reason in team.events() if reason == "StepStarted"]
    assert len(steps) == 3


def test_without_evidence_a_candidate_is_held_and_with_too_little_the_policy_decides(
    team: Team, traffic: Traffic, good: Files
) -> None:
    first = team.serving(good)
    policy: dict[str, Any] = {
        "steps": [{"weight": 50, "hold": "5s"}],
        "maxDuration": "10s",
        "onInconclusive": "RollBack",
    }
    team.kubectl.apply(models.rollout(gates=[ERRORS, NOBODY_THERE], **policy))
    team.model("churn-1", parameters={"threshold": "0.51"})
    team.wait_phase("Progressing")
    eventually("EvidenceUnavailable", lambda: team.reason("Stalled") == "EvidenceUnavailable", describe=team.brief)
    team.kubectl.apply(models.rollout(gates=[ERRORS], **policy))
    eventually("GatesChanged", lambda: "GatesChanged" in team.events(), timeout=60)
    long_enough(30)
    status = team.status()
    assert (status["phase"], status["step"]) == ("Progressing", 1), "no evidence is no verdict, whatever the policy"
    # A Pass takes hundreds of requests, and a step 30.
    traffic.load.control(rate=LITTLE, running=True)
    last = team.wait_outcome(first)
    assert last["outcome"] == "RolledBack"
    assert last["reason"].startswith("Inconclusive: step 1/1")
    assert team.status()["stable"]["revision"] == first
    traffic.nothing_lost()
