"""Bad candidates under live traffic: they are out by themselves, or get no traffic at all, and no request is lost."""

from __future__ import annotations

from tests.e2e import models
from tests.e2e.conftest import Files, Team, Traffic, long_enough
from tests.harness.waiting import eventually

RATE = 60.0
UNHEARD_OF = {"name": "latency", "latency": {"objective": {"below": "1ms", "target": "99.9"}}}
"""What no first revision on a crowded machine attains."""


def test_a_renamed_input_is_rolled_back_though_its_own_golden_requests_pass(
    team: Team, traffic: Traffic, good: Files, renamed: Files
) -> None:
    first = team.serving(good)
    traffic.load.control(rate=RATE, running=True)
    long_enough(15)
    team.artifact("churn-2", renamed)
    team.model("churn-2", allowSignatureChange=True)
    last = team.wait_outcome(first)
    assert last["outcome"] == "RolledBack"
    assert "gate errors failed" in last["reason"]
    traffic.nothing_lost(apart_from=last["revision"])
    assert team.status()["stable"]["revision"] == first
    assert team.reason("Current") == "RolledBack"


def test_a_renamed_input_without_permission_is_held_before_any_traffic(
    team: Team, traffic: Traffic, good: Files, renamed: Files
) -> None:
    first = team.serving(good)
    traffic.load.control(rate=RATE, running=True)
    team.artifact("churn-2", renamed)
    team.model("churn-2")
    team.kubectl.wait_condition("model", "churn", "Stalled", timeout=120)
    assert team.reason("Stalled") == "SignatureChanged"
    assert "mean radius is gone" in team.message("Stalled")
    counts = traffic.nothing_lost()
    assert set(counts.revisions) == {first}


def test_a_slow_candidate_is_rolled_back_by_latency_and_a_first_revision_that_is_slow_is_told(
    team: Team, traffic: Traffic, good: Files, slow: Files
) -> None:
    team.artifact("churn-1", good)
    team.kubectl.apply(models.rollout(gates=[UNHEARD_OF], bakeTime="30m"))
    team.model("churn-1")
    team.kubectl.wait_condition("model", "churn", "Ready", timeout=240)
    traffic.load.control(rate=RATE, running=True)
    eventually("FirstDeployFailing", lambda: team.reason("Stalled") == "FirstDeployFailing", describe=team.brief)
    first = team.status()["stable"]["revision"]
    assert team.reason("Ready") == "Serving", "there is nothing to go back to"
    assert {"InitialDeploy", "FirstDeployFailing"} <= set(team.events())
    team.kubectl.apply(models.rollout())
    team.artifact("churn-2", slow)
    team.model("churn-2")
    last = team.wait_outcome(first)
    assert last["outcome"] == "RolledBack", team.brief()
    assert "gate latency failed" in last["reason"]
    traffic.nothing_lost()
