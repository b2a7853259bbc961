"""The assertions of the other tests, shown red: a rollout that breaks each promise on purpose, on the same cluster."""

from __future__ import annotations

import pytest

from tests.e2e import models
from tests.e2e.conftest import Files, Team, Traffic
from tests.e2e.promises import CALLS, fits_the_weight, keeps_pods, stays
from tests.harness.waiting import eventually

RATE = 60.0
ENOUGH = 200
HALF = [{"weight": 50, "hold": "30m"}]
ERRORS = {"name": "errors", "errorRate": {}}
MEANT = 5
"""The weight that somebody meant who wrote 50."""


def test_each_assertion_fails_where_its_promise_is_broken(team: Team, traffic: Traffic, good: Files) -> None:
    first = team.serving(good)
    team.kubectl.apply(models.rollout(steps=HALF, gates=[ERRORS]))
    traffic.load.control(rate=RATE, running=True)
    team.model("churn-1", parameters={"threshold": "0.51"})
    second = eventually("half of the traffic", lambda: halved(team), timeout=240, describe=team.brief)
    before = traffic.counts()

    def answered() -> dict[str, int] | None:
        counts = traffic.counts()
        found = {name: counts.of(name).ok - before.of(name).ok for name in (first, second)}
        return found if sum(found.values()) >= ENOUGH else None

    found = eventually(f"{ENOUGH} answers", answered, timeout=60)
    fits_the_weight(found[second], sum(found.values()), HALF[0]["weight"])  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match=f"at {MEANT} %"):
        fits_the_weight(found[second], sum(found.values()), MEANT)
    with pytest.raises(AssertionError, match="flipped back"):
        stays(team.revisions(CALLS, x_user="user-7"))  # the policy keeps nobody where they were
    assert traffic.counts().failed() == 0
    pods = team.pods(second)
    # What no drain allows: every pod killed at once, with the requests that it has.
    team.kubectl("delete", "pod", "-l", "weirkeeper.dev/component=model", "--force", "--grace-period=0")
    eventually("requests to be lost", lambda: traffic.counts().failed() > 0, timeout=60)
    with pytest.raises(AssertionError, match=" from "):
        traffic.nothing_lost()
    with pytest.raises(AssertionError, match="pods were moved"):
        keeps_pods(pods, team.pods(second))


def halved(team: Team) -> str | None:
    """The candidate once every router gives it its half."""
    status = team.status()
    in_force = status.get("applied") == status.get("decision")
    weight = status.get("candidate", {}).get("weight")
    return str(status["candidate"]["revision"]) if in_force and weight == HALF[0]["weight"] else None
