"""The operator is killed without warning in the middle of what it does, which ends as if nothing had happened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby, pairwise
from typing import Any

import pytest

from tests.e2e import asking, models
from tests.e2e.asking import ERRORS, OWN, check, ended, jobs, share
from tests.e2e.conftest import Files, Team, Traffic, long_enough
from tests.e2e.operating import Operator, Process, Status, Watch
from tests.harness.kubectl import Object
from tests.harness.waiting import eventually

pytestmark = pytest.mark.disruptive

RATE = 50.0
WEIGHTS = (5, 15, 30)
"""At 30 % one pod of two carries the candidate's share, so the promotion has to wait for the second: time to kill."""
STEPS = [{"weight": weight, "hold": "10s"} for weight in WEIGHTS]
GATES = [ERRORS, share("0.6"), OWN]
DRIFT = {"when": ["InputDrift"]}
MONITOR = {
    "apiVersion": "weirkeeper.dev/v1alpha1",
    "kind": "Monitor",
    "metadata": {"name": "churn"},
    "spec": {
        "modelRef": {"name": "churn"},
        "window": {"size": "1m", "minRows": 200},
        "actions": [
            {**DRIFT, "undo": {"within": "7d"}},
            {**DRIFT, "retrain": {"cronJobRef": {"name": "train"}, "cooldown": "1d"}},
        ],
    },
}


def test_the_operator_killed_at_each_point_of_a_rollout_and_of_what_a_monitor_does(
    team: Team, traffic: Traffic, good: Files
) -> None:
    operator = Operator(team.cluster)
    first = team.serving(good, server={"replicas": 2})
    with asking.prometheus(team):
        team.kubectl.apply(check(team.cluster.images["server"], 0), models.rollout(steps=STEPS, gates=GATES))
        traffic.load.control(rate=RATE, running=True)
        long_enough(10)
        second = a_rollout(team, operator, good, first)
    what_a_monitor_does(team, operator, traffic, first)
    counts = traffic.nothing_lost()
    assert counts.of(first).ok > 0
    assert counts.of(second).ok > 0


def a_rollout(team: Team, operator: Operator, good: Files, first: str) -> str:
    """Each step is taken once, and judged once by the team's own Job; the promoted revision."""
    process = operator.running()
    with Watch(team.kubectl) as watch:
        team.artifact("churn-2", good)
        team.model("churn-2", server={"replicas": 2})
        process = after_the_candidates_creation(team, operator, process, first)
        process = between_a_decision_and_its_acknowledgement(team, operator, process, watch)
        process = with_a_job_under_way(team, operator, process)
        in_the_promotion(team, operator, process, watch)
        last = team.wait_outcome(first)
    assert last["outcome"] == "Promoted", team.brief()
    second = str(last["revision"])
    judged_once_a_step(team, last)
    assert [item["revision"] for item in team.status()["attempts"]] == [first, second]
    each_step_was_taken_once(watch.seen, first, second)
    started = events(team, "StepStarted")
    assert len(started) == len(set(started)), f"a step was started twice: {started}"
    # The process may have been killed between a decision and the Event that tells of it.
    assert len(started) >= len(WEIGHTS) - 1
    return second


def after_the_candidates_creation(team: Team, operator: Operator, process: Process, first: str) -> Process:
    eventually("the candidate's Deployment", lambda: revisions(team) - {first}, poll=0.2)
    operator.kill(process)
    # The status may not know of the candidate yet: its Deployment is made first.
    assert team.status()["phase"] in {"Healthy", "Starting"}, team.brief()
    return operator.running(after=process)


def with_a_job_under_way(team: Team, operator: Operator, process: Process) -> Process:
    eventually("a Job", lambda: not all(map(ended, jobs(team))), timeout=180, poll=0.1, describe=team.brief)
    operator.kill(process)
    return operator.running(after=process)


def judged_once_a_step(team: Team, attempt: Mapping[str, Any]) -> None:
    """The Job of each step ran once; the number was never beyond its bound."""
    verdicts = {gate["name"]: gate["verdict"] for gate in attempt["gates"]}
    assert verdicts["own"] == "Pass"
    assert verdicts["share"] != "Fail"
    assert [job["status"].get("succeeded") for job in jobs(team)] == [1] * len(WEIGHTS)
    assert len(team.kubectl.list("pods", "batch.kubernetes.io/job-name")) == len(WEIGHTS)


def what_a_monitor_does(team: Team, operator: Operator, traffic: Traffic, first: str) -> None:
    """Inputs drift: one Job trains, and the former revision comes back, once each."""
    team.wait_phase("Healthy")
    team.kubectl.apply(training(team.cluster.images["server"]), MONITOR)
    process = operator.running()
    with Watch(team.kubectl) as watch:
        traffic.load.control(rows="drifted")
        watch.until("an action that was decided", lambda status: "Retrain" in json.dumps(status))
        operator.kill(process)
        process = operator.running(after=process)
        eventually("its Job", lambda: trainings(team), poll=0.05, timeout=120)
        operator.kill(process)
        process = operator.running(after=process)
        eventually("the Job's end", lambda: all(map(ended, trainings(team))), timeout=120)
        operator.kill(process)
        operator.running(after=process)
        trained = eventually("what became of it", lambda: outcomes(team), timeout=120)
        eventually("the former revision to serve", lambda: team.status()["stable"]["revision"] == first)
    assert trained == ["Succeeded"]
    assert len(trainings(team)) == 1
    stable = [status["stable"]["revision"] for status in watch.seen if status.get("stable")]
    assert len([*groupby(stable)]) == 2, stable


def training(image: str) -> dict[str, Any]:
    """A CronJob that a Monitor may use, and that takes a while."""
    container = {
        "name": "train",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", "import time; time.sleep(15)"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    job = {"spec": {"backoffLimit": 0, "template": {"spec": pod}}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "train", "labels": {"weirkeeper.dev/retrain": "true"}},
        "spec": {"suspend": True, "schedule": "0 0 1 1 *", "jobTemplate": job},
    }


def trainings(team: Team) -> list[Object]:
    return [job for job in jobs(team) if "-retrain-" in job["metadata"]["name"]]


def outcomes(team: Team) -> list[str]:
    """How the trainings ended, once they did."""
    status = (team.kubectl.get("monitor", "churn") or {}).get("status") or {}
    return [one["outcome"] for one in status.get("lastActions", ()) if one["action"] == "Retrain" and "outcome" in one]


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
