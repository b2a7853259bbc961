"""From copies of requests over an alpha cohort and shares to production, under traffic of which nothing is lost."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.e2e import models
from tests.e2e.conftest import Files, Team, Traffic, long_enough
from tests.e2e.promises import CALLS, keeps_pods, stays
from tests.harness.waiting import eventually

RATE = 60.0
COHORT_SECONDS = 120
"""The cohort's step needs its hold and 30 requests in slots in which nothing changed."""
STEPS = [
    {"name": "shadow", "mirror": 100, "hold": "10s"},
    {"name": "alpha", "match": {"headers": [{"name": "x-cohort", "value": "alpha"}]}, "hold": "10s"},
    {"name": "first", "weight": 5, "hold": "20s"},
    {"name": "half", "weight": 50, "hold": "10s"},
]

GATES = [{"name": "errors", "errorRate": {}}, {"name": "latency", "latency": {}, "blocks": "Nothing"}]
"""Latency is judged and not waited for: on a crowded machine a Pass of its p99 takes thousands of requests."""


def at_step(team: Team, name: str) -> dict[str, Any]:
    def reached() -> dict[str, Any] | None:
        status = team.status()
        return status if status.get("stepName") == name and status.get("applied") == status.get("decision") else None

    return eventually(f"step {name}", reached, timeout=240, describe=team.brief)


def share(status: dict[str, Any], revision: str) -> dict[str, Any]:
    return next((one for one in status["traffic"] if one["revision"] == revision), {})


def evidence(team: Team, revision: str) -> list[dict[str, Any]]:
    """What each pod of a revision says of what it counted."""
    found = team.kubectl.list("pods", f"weirkeeper.dev/revision={revision}")
    addresses = [pod["status"]["podIP"] for pod in found if pod["status"].get("podIP")]
    said = (team.cluster.run_inside("curl", "-sS", "-m", "5", f"http://{one}:8081/evidence") for one in addresses)
    return [json.loads(one) for one in said]


def rows(counted: dict[str, Any]) -> int:
    [first, *_] = counted["inputs"].values() or [{"counts": []}]
    return sum(first["counts"])


def test_shadow_then_alpha_then_shares_then_production(team: Team, traffic: Traffic, good: Files) -> None:
    first = team.serving(good, server={"replicas": 2})
    team.kubectl.apply(models.rollout(steps=STEPS, gates=GATES, sticky={"header": "x-user"}))
    traffic.load.control(rate=RATE, running=True)
    long_enough(15)
    team.artifact("churn-2", good)
    team.model("churn-2", server={"replicas": 2})

    status = at_step(team, "shadow")
    second = status["candidate"]["revision"]
    assert status["phase"] == "Shadowing"
    assert share(status, second) == {"revision": second, "weight": 0, "mirror": 100}
    assert (team.kubectl.get("rollout", "churn") or {})["status"]["phase"] == "Shadowing"
    assert len(team.pods(second)) == 2
    eventually("copies are counted", lambda: all("mirror" in one["arms"] for one in evidence(team, second)), timeout=60)
    assert [rows(one) for one in evidence(team, second)] == [0, 0], "copies are in no count of the split"

    status = at_step(team, "alpha")
    assert status["phase"] == "Progressing"
    assert share(status, second)["match"] == [{"headers": STEPS[1]["match"]["headers"]}]  # type: ignore[index]
    assert set(traffic.counts().revisions) == {first}, "nobody else saw an answer of the candidate"
    ends = time.monotonic() + COHORT_SECONDS
    while team.status().get("stepName") == "alpha":
        code, body = team.ask(models.request(), x_cohort="alpha")
        assert (code, json.loads(body)["model_version"]) == (200, second)
        assert time.monotonic() < ends, team.brief()

    status = at_step(team, "first")
    assert share(status, second)["weight"] == 5
    assert status["sticky"] == {"header": "x-user", "revision": second}
    code, body = team.ask(models.request(), x_cohort="alpha")
    assert (code, json.loads(body)["model_version"]) == (200, second), "the cohort stays with the candidate"
    stays(team.revisions(CALLS, x_user="user-7"))

    status = team.wait_phase("Baking", "RolledBack", timeout=420)
    assert (status["phase"], status["stable"]["revision"]) == ("Baking", second), team.brief()
    before = team.pods(second)
    assert team.wait_outcome(first)["outcome"] == "Promoted"
    keeps_pods(before, team.pods(second))
    status = team.status()
    assert status["traffic"] == [{"revision": second, "weight": 100}]
    assert "sticky" not in status
    counts = traffic.nothing_lost()
    assert counts.of(first).ok > 0
    assert counts.of(second).ok > 0
    assert [reason for reason in team.events() if reason == "StepStarted"] == ["StepStarted"] * len(STEPS)
