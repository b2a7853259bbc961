"""Candidates whose pods or routes do not come: rolled back with the reason once the progress deadline is over.

Each reason has a Model of its own beside `churn`, so that their deadlines pass together.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.e2e import faults, models
from tests.e2e.conftest import Files, Team, Traffic
from tests.harness import containers
from tests.harness.waiting import eventually

RATE = 20.0
POLICY: dict[str, Any] = {
    "steps": [{"weight": 5, "hold": "30m"}],
    "gates": [{"name": "errors", "errorRate": {}}],
    "progressDeadline": "60s",
}
CANDIDATES: dict[str, dict[str, Any]] = {
    "ImagePull": {"server": {"runtime": "Container", "image": "weirkeeper.local/never-built:1"}},
    "ModelLoadFailed": {"parameters": {"treshold": "0.4"}},
    "InsufficientResources": {"server": {"resources": {"requests": {"cpu": "4000"}}}},
    "Unschedulable": {"server": {"nodeSelector": {"weirkeeper.dev/no-such": "node"}}},
    "NotABundle": {"artifact": {"uri": "configmap://notes"}},
    "ProbeFailed": {"artifact": {"uri": "configmap://other-answer"}},
}
"""What is asked for after a good first revision, by the reason why it never serves."""
LOST = "QuotaExceeded"
"""A candidate that had a share already, and whose pods do not come again."""
NO_MORE_PODS = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "none"},
    "spec": {"hard": {"pods": "0"}},
}
OTHER = {"parameters": {"threshold": "0.6"}}


def test_a_candidate_that_is_never_ready_is_rolled_back_with_the_reason(
    team: Team, traffic: Traffic, good: Files
) -> None:
    bad = faults.bundles(good)
    for name in ("notes", "other-answer"):
        team.artifact(name, bad[name])
    beside = {reason: reason.lower() for reason in (*CANDIDATES, LOST)}
    stable = serving(team, good, beside)
    traffic.load.control(rate=RATE, running=True)
    for reason, spec in (CANDIDATES | {LOST: OTHER}).items():
        apply(team, beside[reason], **spec)
    lost = eventually(f"a share for {beside[LOST]}", partial(shared, team, beside[LOST]), describe=team.brief)
    router = team.kubectl.list("pods", "weirkeeper.dev/component=router")[0]
    with containers.stopped(router, "agent"):
        apply(team, "churn", **OTHER)
        eventually("every candidate's pod", lambda: len(pods(team)) == len(stable) + len(CANDIDATES) + 2)
        team.kubectl.apply(NO_MORE_PODS)
        team.kubectl("delete", "pod", "-l", f"weirkeeper.dev/revision={lost}", "--wait=false")
        for reason, name in (beside | {"RouteNotAcknowledged": "churn"}).items():
            rolled_back(team, name, stable[name], reason)
    assert set(traffic.nothing_lost().revisions) <= {stable["churn"], attempts(team, "churn")[-1]["revision"]}


def serving(team: Team, good: Files, beside: dict[str, str]) -> dict[str, str]:
    """Bring the first revision of every Model to health; their names."""
    team.artifact("churn-1", good)
    team.kubectl.apply(*(models.rollout(name, **POLICY) for name in ("churn", *beside.values())))
    for name in ("churn", *beside.values()):
        apply(team, name)
    return {
        name: eventually(f"{name} is healthy", partial(healthy, team, name), timeout=240)
        for name in ("churn", *beside.values())
    }


def apply(team: Team, name: str, **spec: Any) -> None:
    """Apply a Model, with the good bundle unless the spec names another."""
    team.kubectl.apply(models.model_of({"artifact": {"uri": "configmap://churn-1"}, **spec}, name))


def status(team: Team, name: str) -> dict[str, Any]:
    """A Model's status."""
    found: dict[str, Any] = (team.kubectl.get("model", name) or {}).get("status", {})
    return found


def healthy(team: Team, name: str) -> str | None:
    """The stable revision of a Model that waits for nothing."""
    found = status(team, name)
    return str(found["stable"]["revision"]) if found.get("phase") == "Healthy" else None


def shared(team: Team, name: str) -> str | None:
    """The candidate of a Model, once it has a share on every router."""
    found = status(team, name)
    candidate = found.get("candidate", {})
    return candidate["revision"] if candidate.get("weight") and found["applied"] == found["decision"] else None


def pods(team: Team) -> list[dict[str, Any]]:
    """The pods of every revision."""
    return team.kubectl.list("pods", "weirkeeper.dev/component=model")


def attempts(team: Team, name: str) -> list[dict[str, Any]]:
    """The attempts of a Model, the latest last."""
    found: list[dict[str, Any]] = status(team, name)["attempts"]
    return found


def rolled_back(team: Team, name: str, stable: str, reason: str) -> None:
    """Check that the second attempt of a Model ends with this reason, while the first revision serves on."""

    def ended() -> dict[str, Any] | None:
        last = attempts(team, name)[-1]
        return last if last["attempt"] == 2 and "outcome" in last else None

    last = eventually(f"the end of {name}'s attempt", ended, timeout=180, describe=partial(status, team, name))
    assert last["outcome"] == "RolledBack"
    assert last["reason"].startswith(f"{reason}: "), last
    found = status(team, name)
    current = next(item for item in found["conditions"] if item["type"] == "Current")
    assert (found["stable"]["revision"], found["phase"], current["reason"]) == (stable, "RolledBack", "RolledBack")
