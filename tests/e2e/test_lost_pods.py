"""Pods that go at the worst moment, and a stable revision that is worse than its candidate."""

from __future__ import annotations

from tests.e2e import models
from tests.e2e.conftest import Files, Team, Traffic
from tests.e2e.operating import Status, Watch

RATE = 50.0
GATES = [{"name": "errors", "errorRate": {}}]
SERVER = {"replicas": 2}


def test_all_pods_of_a_revision_go_at_once_in_a_step_and_in_the_bake(team: Team, traffic: Traffic, good: Files) -> None:
    first = team.serving(good, server=SERVER)
    team.kubectl.apply(models.rollout(steps=[{"weight": 40, "hold": "10s"}], gates=GATES, bakeTime="90s"))
    traffic.load.control(rate=RATE, running=True)
    with Watch(team.kubectl) as watch:
        team.artifact("churn-2", good)
        team.model("churn-2", server=SERVER)
        status = watch.until("the step", lambda status: weight(status) == 40, timeout=240)
        second = status["candidate"]["revision"]
        team.kubectl("delete", "pod", "-l", f"weirkeeper.dev/revision={second}", "--wait=false")
        watch.until("no weight without pods", lambda status: share(status, first) == 100, timeout=60)
        watch.until("the weight again", lambda status: weight(status) == 40, timeout=120)
        status = watch.until("the bake", lambda status: status.get("phase") == "Baking", timeout=300)
        assert status["stable"]["revision"] == second
        team.kubectl("delete", "pod", "-l", f"weirkeeper.dev/revision={second}", "--wait=false")
        watch.until("the former revision to stand in", lambda status: share(status, first) == 100, timeout=60)
        watch.until("the promoted one again", lambda status: share(status, second) == 100, timeout=120)
    last = team.wait_outcome(first)
    assert (last["outcome"], last["revision"]) == ("Promoted", second)
    counts = traffic.nothing_lost()
    assert counts.of(second).ok > 0


def weight(status: Status) -> int:
    """The candidate's part of the traffic in percent."""
    return int(status.get("candidate", {}).get("weight", 0))


def share(status: Status, revision: str) -> int:
    """A revision's part of the traffic in percent."""
    return sum(item.get("weight", 0) for item in status.get("traffic", ()) if item["revision"] == revision)


def test_a_bad_stable_revision_does_not_keep_a_good_candidate_out(
    team: Team, traffic: Traffic, good: Files, renamed: Files
) -> None:
    """Every live request to the first revision gets 400: its input has another name than the callers use."""
    first = team.serving(renamed)
    traffic.load.control(rate=RATE, running=True)
    team.artifact("churn-2", good)
    team.kubectl.apply(models.rollout(gates=GATES))
    team.model("churn-2", allowSignatureChange=True)
    last = team.wait_outcome(first)
    assert last["outcome"] == "Promoted", team.brief()
    counts = traffic.nothing_lost(apart_from=first)
    assert counts.of(first).failed > 0
    assert counts.of(last["revision"]).ok > 0
