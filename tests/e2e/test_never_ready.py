"""Candidates whose pods or routes do not come: rolled back with the reason once the progress deadline is over."""

from __future__ import annotations

from typing import Any

from tests.e2e import faults, models
from tests.e2e.conftest import Files, Team, Traffic
from tests.harness import containers
from tests.harness.waiting import eventually

RATE = 20.0
GATES = [{"name": "errors", "errorRate": {}}]
TOO_MUCH = {"server": {"resources": {"requests": {"cpu": "4000"}}}}


def test_a_candidate_that_is_never_ready_is_rolled_back_with_the_reason(
    team: Team, traffic: Traffic, good: Files
) -> None:
    first = team.serving(good)
    bad = faults.bundles(good)
    for name in ("notes", "other-answer"):
        team.artifact(name, bad[name])
    team.kubectl.apply(models.rollout(gates=GATES, progressDeadline="45s"))
    traffic.load.control(rate=RATE, running=True)
    rolled_back(team, first, "NotABundle", artifact="notes")
    rolled_back(team, first, "ProbeFailed", artifact="other-answer")
    rolled_back(team, first, "InsufficientResources", artifact="churn-1", **TOO_MUCH)
    router = team.kubectl.list("pods", "weirkeeper.dev/component=router")[0]
    with containers.stopped(router, "agent"):
        rolled_back(team, first, "RouteNotAcknowledged", artifact="churn-1", parameters={"threshold": "0.6"})
    assert set(traffic.nothing_lost().revisions) <= {first, last_attempt(team)["revision"]}


def rolled_back(team: Team, first: str, reason: str, artifact: str, **spec: Any) -> None:
    """Apply a spec whose attempt ends with this reason, while the first revision serves on."""
    before = len(team.status()["attempts"])
    team.model(artifact, **spec)

    def ended() -> dict[str, Any] | None:
        attempts = team.status()["attempts"]
        return last_attempt(team) if len(attempts) > before and "outcome" in attempts[-1] else None

    last = eventually(f"the end of the attempt by {reason}", ended, timeout=180, describe=team.brief)
    assert last["outcome"] == "RolledBack"
    assert last["reason"].startswith(f"{reason}: "), last
    status = team.status()
    assert (status["stable"]["revision"], status["phase"]) == (first, "RolledBack")
    assert team.reason("Current") == "RolledBack"


def last_attempt(team: Team) -> dict[str, Any]:
    """The latest attempt in the history."""
    attempts: list[dict[str, Any]] = team.status()["attempts"]
    return attempts[-1]
