"""The operator is killed without warning in the middle of a rollout, which ends as if nothing had happened."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.e2e import models
from tests.e2e.conftest import Files, Team, Traffic, long_enough
from tests.e2e.operating import Operator, Process, Status, Watch
from tests.harness.waiting import eventually

pytestmark = pytest.mark.disruptive

RATE = 50.0
WEIGHTS = (5, 15, 30)
"""At 30 % one pod of two carries the candidate's share, so the promotion has to wait for the second: time to kill."""
STEPS = [{"weight": weight, "hold": "10s"} for weight in WEIGHTS]
GATES = [{"name": "errors", "errorRate": {}}]


def test_the_operator_killed_at_three_points_of_a_rollout(team: Team, traffic: Traffic, good: Files) -> None:
    operator = Operator(team.cluster)
    first = team.serving(good, server={"replicas": 2})
    team.kubectl.apply(models.rollout(steps=STEPS, gates=GATES))
    traffic.load.control(rate=RATE, running=True)
    long_enough(10)
    process = operator.running()
    with Watch(team.kubectl) as watch:
        team.artifact("churn-2", good)
        team.model("churn-2", server={"replicas": 2})
        process = after_the_candidates_creation(team, operator, process, first)
        process = between_a_decision_and_its_acknowledgement(team, operator, process, watch)
        in_the_promotion(team, operator, process, watch)
        last = team.wait_outcome(first)
    assert last["outcome"] == "Promoted", team.brief()
    second = last["revision"]
    assert [item["revision"] for item in team.status()["attempts"]] == [first, second]
    each_step_was_taken_once(watch.seen, first, second)
    started = events(team, "StepStarted")
    assert len(started) == len(set(started)), f"a step was started twice: {started}"
    # The process may have been killed between a decision and the Event that tells of it.
    assert len(started) >= len(WEIGHTS) - 1
    counts = traffic.nothing_lost()
    assert counts.of(first).ok > 0
    assert counts.of(second).ok > 0


def after_the_candidates_creation(team: Team, operator: Operator, process: Process, first: str) -> Process:
    eventually("the candidate's Deployment", lambda: revisions(team) - {first}, poll=0.2)
    operator.kill(process)
    # The status may not know of the candidate yet: its Deployment is made first.
    assert team.status()["phase"] in {"Healthy", "Starting"}, team.brief()
    return operator.running(after=process)


def revisions(team: Team) -> set[str]:
    """Revisions that have a Deployment."""
    return {item["metadata"]["name"] for item in team.kubectl.list("deployments", "weirkeeper.dev/model=churn")}


def between_a_decision_and_its_acknowledgement(
    team: Team, operator: Operator, process: Process, watch: Watch
) -> Process:
    """Kill as soon as a step is decided; where the routers were faster, the next step gives another chance."""
    tried = 0
    for _ in WEIGHTS:

        def decided(status: Status, after: int = tried) -> bool:
            return status.get("phase") == "Progressing" and status["decision"] > max(after, status.get("applied", 0))

        tried = watch.until("a step's decision", decided)["decision"]
        operator.kill(process)
        left = team.status()
        process = operator.running(after=process)
        if left["decision"] == tried > left.get("applied", 0):
            return process
    raise AssertionError("the routers acknowledged every step before the operator could be killed")


def in_the_promotion(team: Team, operator: Operator, process: Process, watch: Watch) -> None:
    watch.until("the promotion", lambda status: status.get("phase") == "Promoting", timeout=300)
    operator.kill(process)
    assert team.status()["phase"] == "Promoting", team.brief()


def events(team: Team, reason: str) -> list[str]:
    """What the Model's Events of a reason say."""
    found = team.kubectl.list("events.events.k8s.io")
    return [item["note"] for item in found if item["reason"] == reason and item["regarding"]["name"] == "churn"]


def each_step_was_taken_once(seen: list[Status], first: str, second: str) -> None:
    """Each decision stands for one split, steps and weights only rise, and none is left out."""
    ours = [status for status in seen if status.get("traffic")]
    decisions = {status["decision"]: split(status) for status in ours}
    assert all(decisions[status["decision"]] == split(status) for status in ours), "a decision has two splits"
    assert all(before["decision"] <= after["decision"] for before, after in pairwise(ours)), "a decision went back"
    weights = [split(status).get(second, 0) for status in ours]
    assert list(dict.fromkeys(weights)) == [0, *WEIGHTS, 100]
    assert weights == sorted(weights), f"a weight went down: {weights}"
    assert len([weight for weight in decisions.values() if weight.get(first)]) == len(WEIGHTS) + 1
    steps = [status["step"] for status in ours if status.get("phase") == "Progressing"]
    assert steps == sorted(steps)


def split(status: Status) -> dict[str, int]:
    """The shares that are not zero."""
    return {share["revision"]: share["weight"] for share in status["traffic"] if share["weight"]}
