"""Candidates judged by a number of Prometheus and by a team's own Job, while the operator is killed in between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from demo.prometheus import Prometheus
from tests.e2e import models
from tests.e2e.conftest import Files, Team, Traffic
from tests.e2e.operating import Operator
from tests.harness import clusters
from tests.harness.clusters import MEASURES_NAMESPACE, SYSTEM_NAMESPACE
from tests.harness.kubectl import Object
from tests.harness.waiting import eventually

pytestmark = [pytest.mark.disruptive, pytest.mark.usefixtures("prometheus")]

RATE = 60.0
ERRORS = {"name": "errors", "errorRate": {}}
OWN = {"name": "own", "job": {"cronJobRef": {"name": "check"}}}
SHARE = 'weirkeeper_traffic_weight_ratio{namespace="{{namespace}}",model="{{model}}",revision="{{candidate}}"}'


def share(most: str) -> Mapping[str, Any]:
    """A gate that fails where the candidate gets more of the traffic than that."""
    return {"name": "share", "promQL": {"query": f"max({SHARE})", "max": most}}


def check(image: str, code: int) -> dict[str, Any]:
    """A team's check that ends with `code`, if it was told of whom."""
    script = f"import os, sys; print(os.environ['WEIRKEEPER_REASON']); sys.exit({code})"
    container = {
        "name": "check",
        "image": image,
        "command": ["python3", "-c", script],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    pod = {"restartPolicy": "Never", "securityContext": security, "containers": [container]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "check", "labels": {"weirkeeper.dev/gate": "true"}},
        "spec": {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }


@pytest.fixture
def prometheus(team: Team) -> Iterator[Prometheus]:
    """The Prometheus that the chart names: it scrapes the operator."""
    clusters.create_namespace(team.cluster.kubectl, MEASURES_NAMESPACE)
    found = Prometheus(team.kubectl.inside(MEASURES_NAMESPACE), team.cluster.images["prometheus"], SYSTEM_NAMESPACE)
    found.start()
    yield found
    team.kubectl.inside(SYSTEM_NAMESPACE).delete("rolebinding", f"{MEASURES_NAMESPACE}-prometheus")
    team.cluster.kubectl.delete("namespace", MEASURES_NAMESPACE, wait=False)


def jobs(team: Team) -> list[Object]:
    return team.kubectl.list("jobs", "weirkeeper.dev/model=churn")


def test_a_number_and_a_job_judge_each_step_once_though_the_operator_is_killed(
    team: Team, traffic: Traffic, good: Files
) -> None:
    operator = Operator(team.cluster)
    first = team.serving(good)
    team.kubectl.apply(check(team.cluster.images["server"], 0))
    team.kubectl.apply(models.rollout(gates=[ERRORS, share("0.6"), OWN]))
    traffic.load.control(rate=RATE, running=True)
    process = operator.running()
    team.artifact("churn-2", good)
    team.model("churn-2")
    eventually("the first Job", lambda: jobs(team), timeout=180, poll=0.2, describe=team.brief)
    operator.kill(process)
    operator.running(after=process)
    last = team.wait_outcome(first)
    assert last["outcome"] == "Promoted", team.brief()
    assert {item["name"]: item["verdict"] for item in last["gates"]}["own"] == "Pass"
    found = jobs(team)
    assert [item["status"].get("succeeded") for item in found] == [1, 1, 1]
    pods = team.kubectl.list("pods", "batch.kubernetes.io/job-name")
    assert len(pods) == 3
    counts = traffic.nothing_lost()
    assert counts.of(last["revision"]).ok > 0


def test_a_number_beyond_its_bound_and_a_job_that_ends_with_1_roll_back(
    team: Team, traffic: Traffic, good: Files
) -> None:
    first = team.serving(good)
    team.kubectl.apply(models.rollout(gates=[ERRORS, share("0.3")]))
    traffic.load.control(rate=RATE, running=True)
    team.artifact("churn-2", good)
    team.model("churn-2")
    last = team.wait_outcome(first)
    assert last["outcome"] == "RolledBack", team.brief()
    assert "gate share failed: the query gives 0.5, at most 0.3 is allowed" in last["reason"]
    team.kubectl.apply(check(team.cluster.images["server"], 1))
    team.kubectl.apply(models.rollout(gates=[ERRORS, OWN]))
    team.artifact("churn-3", good)
    team.model("churn-3")
    eventually("the Job", lambda: jobs(team), timeout=180, describe=team.brief)
    team.wait_phase("RolledBack")
    last = team.status()["attempts"][-1]
    assert last["reason"].startswith("gate own failed: Job churn-gate-"), last
    assert "ended with 1" in last["reason"]
    assert team.status()["stable"]["revision"] == first
    traffic.nothing_lost()
