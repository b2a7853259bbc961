"""Bad candidates under live traffic: they are out by themselves, or get no traffic at all, and no request is lost."""

from __future__ import annotations

from tests.e2e.conftest import Files, Team, Traffic, long_enough

RATE = 60.0


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


def test_a_slow_candidate_is_rolled_back_by_latency(team: Team, traffic: Traffic, good: Files, slow: Files) -> None:
    first = team.serving(good)
    traffic.load.control(rate=RATE, running=True)
    long_enough(20)
    team.artifact("churn-2", slow)
    team.model("churn-2")
    last = team.wait_outcome(first)
    assert last["outcome"] == "RolledBack", team.brief()
    assert "gate latency failed" in last["reason"]
    traffic.nothing_lost()
