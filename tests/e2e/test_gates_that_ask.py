"""Candidates turned down by a number of Prometheus and by a team's own Job; test_crashes.py has one that passes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e import asking, models
from tests.e2e.asking import ERRORS, OWN, check, jobs, share
from tests.e2e.conftest import Files, Team, Traffic
from tests.harness.waiting import eventually

RATE = 60.0


@pytest.fixture
def measured(team: Team) -> Iterator[None]:
    """A Prometheus that gates can ask."""
    with asking.prometheus(team):
        yield


@pytest.mark.usefixtures("measured")
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
