"""Bad candidates under live traffic: they are out by themselves, or get no traffic at all, and no request is lost."""

from __future__ import annotations

from tests.e2e import models
from tests.e2e.conftest import Files, Team, Traffic, long_enough
from tests.e2e.operating import Status, Watch
from tests.harness.waiting import eventually

RATE = 60.0
ERRORS = {"name": "errors", "errorRate": {}}
SURE_STEPS = [{"name": "sure", "weight": 40, "hold": "1s", "requirePass": True}, {"weight": 50, "hold": "1s"}]
"""A Pass takes hundreds of requests, and a step that does not ask for it 30."""
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


def test_a_renamed_input_is_held_before_any_traffic_and_what_turns_bad_in_the_bake_is_reverted(
    team: Team, traffic: Traffic, good: Files, renamed: Files, narrow: Files
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
    traffic.load.control(running=True)
    second = passed_where_it_must(team, narrow)
    turns_bad(team, traffic, first, second)


def passed_where_it_must(team: Team, narrow: Files) -> str:
    """A step with `requirePass`, though it is not the last, is held until its gate passes, and says so; who baked."""
    team.kubectl.apply(models.rollout(steps=SURE_STEPS, gates=[ERRORS], bakeTime="30m"))
    team.artifact("churn-3", narrow)
    with Watch(team.kubectl) as watch:
        team.model("churn-3")
        held = watch.until("a step that waits for its gate", lambda status: "waits for Pass" in said(status))
        assert held["stepName"] == "sure"
        assert said(held).endswith("; waits for Pass from errors")
        assert verdicts(held) == {"errors": "Inconclusive"}
        assert "more candidate requests to a pass" in held["gates"][0]["message"]
        after = watch.until("the step after it", lambda status: status.get("step") == 2, timeout=240)
        assert verdicts(after) == {"errors": "Pass"}
        baking = watch.until("the bake", lambda status: status.get("phase") == "Baking", timeout=240)
    return str(baking["stable"]["revision"])


def turns_bad(team: Team, traffic: Traffic, first: str, second: str) -> None:
    """Rows come that the promoted revision cannot answer: the former one, which is still warm, takes over at once."""
    warm = team.pods(first)
    with Watch(team.kubectl) as watch:
        traffic.load.control(rows="drifted")
        status = watch.until("the end of the bake", lambda status: status.get("phase") != "Baking", timeout=240)
    assert (status["phase"], status["stable"]["revision"]) == ("RolledBack", first)
    assert {one["revision"]: one["weight"] for one in status["traffic"]}[first] == 100, "in the same decision"
    last = status["attempts"][-1]
    assert (last["revision"], last["outcome"]) == (second, "RolledBack")
    assert last["reason"].startswith("gate errors failed: "), last
    assert warm == team.pods(first)
    assert team.reason("Current") == "RolledBack"
    answered = traffic.counts().of(first).ok
    eventually("answers to the same rows", lambda: traffic.counts().of(first).ok > answered + RATE, timeout=60)
    counts = traffic.nothing_lost(apart_from=second)
    assert counts.of(second).failed > 0


def said(status: Status) -> str:
    return str(status.get("message", ""))


def verdicts(status: Status) -> dict[str, str]:
    return {gate["name"]: gate["verdict"] for gate in status.get("gates", ())}


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
