"""Verbs as annotations and as commands, under live traffic, and what is kept of what they did."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e import models
from tests.e2e.commands import typed
from tests.e2e.conftest import Files, Team, Traffic
from tests.e2e.operating import DEPLOYMENT, Operator
from tests.harness.waiting import eventually

RATE = 60.0
ERRORS = {"name": "errors", "errorRate": {}}


def test_verbs_by_annotation_and_by_command(team: Team, traffic: Traffic, good: Files) -> None:
    first = team.serving(good)
    team.kubectl.apply(models.rollout(gates=[ERRORS]))
    traffic.load.control(rate=RATE, running=True)
    team.artifact("churn-2", good)
    team.model("churn-2")
    second = by_annotation(team)
    assert second != first
    undone(team, first)
    a_changed_policy_revives_nothing(team)
    undone_in_the_bake(team, first, second)
    all_at_once(team)
    back_within_the_window(team, first)
    what_is_kept(team, second)
    traffic.nothing_lost()


def by_annotation(team: Team) -> str:
    """Every verb but undo, up to the promotion; the promoted revision."""
    team.wait_phase("Progressing")
    verb(team, "pause", "ann/1")
    team.wait_phase("Paused", timeout=60)
    verb(team, "resume", "ann/2")
    team.wait_phase("Progressing", timeout=60)
    verb(team, "abort", "ann/3")
    team.wait_phase("Aborted", timeout=60)
    assert team.reason("Current") == "Aborted"
    team.model("churn-2")
    verb(team, "pause", "ann/4")
    eventually("the refusal", lambda: "pause=ann/4" in [item["token"] for item in team.status().get("refused", ())])
    assert team.status()["phase"] == "Aborted", "the same spec, applied again, revives nothing"
    verb(team, "retry", "ann/5")
    team.wait_phase("Progressing", timeout=120)
    verb(team, "skip", "ann/6")
    eventually("the next step", lambda: team.status().get("step") == 2, timeout=60, describe=team.brief)
    verb(team, "promote", "ann/7")
    promoted = str(team.wait_phase("Baking", "Healthy", timeout=120)["stable"]["revision"])
    team.wait_phase("Healthy", timeout=60)
    return promoted


def undone(team: Team, first: str) -> None:
    """Undo after the bake."""
    assert "1: skip by admin refused" in typed(team, "skip", "churn")
    assert "0: " in (told := typed(team, "undo", "churn", "--reason", "customers complain")), told
    assert team.wait_phase("RolledBack", timeout=120)["stable"]["revision"] == first
    assert "undone by admin: customers complain" in team.message("Current")
    assert "kubectl weirkeeper retry churn" in typed(team, "explain", "churn")
    assert typed(team, "history", "churn").count("Promoted") == 3
    assert team.reason("Current") == "RolledBack"
    assert "VerbRefused" in team.events()


def a_changed_policy_revives_nothing(team: Team) -> None:
    team.kubectl.apply(models.rollout(steps=[{"weight": 50, "hold": "1s"}], gates=[ERRORS], bakeTime="5m"))

    def seen() -> bool:
        found = team.kubectl.get("rollout", "churn") or {}
        return bool(found["status"].get("observedGeneration") == found["metadata"]["generation"])

    eventually("the policy to be seen", seen, timeout=60)
    assert team.status()["phase"] == "RolledBack"


def undone_in_the_bake(team: Team, first: str, second: str) -> None:
    """While the former revision is still warm, the promoted one is left at once."""
    assert "0: " in (told := typed(team, "retry", "churn")), told
    team.wait_phase("Progressing", timeout=120)
    verb(team, "promote", "ann/8")
    assert team.wait_phase("Baking", timeout=120)["stable"]["revision"] == second
    warm = team.pods(first)
    assert "0: " in (told := typed(team, "undo", "churn", "--reason", "still bad")), told
    status = team.status()
    assert (status["phase"], status["stable"]["revision"]) == ("RolledBack", first), "at once"
    assert warm <= team.pods(first)


def all_at_once(team: Team) -> None:
    before = team.events().count("StepStarted")
    team.kubectl.apply(models.rollout(strategy="AllAtOnce", steps=None, gates=[ERRORS]))
    team.model("churn-1", parameters={"threshold": "0.51"})
    third = team.wait_phase("Baking", timeout=120)["stable"]["revision"]
    assert (team.wait_phase("Healthy", timeout=60)["stable"]["revision"], team.reason("Current")) == (third, "Promoted")
    assert team.events().count("StepStarted") == before


def back_within_the_window(team: Team, first: str) -> None:
    """A revision promoted before needs no steps."""
    before = team.events().count("StepStarted")
    team.kubectl.apply(models.rollout(gates=[ERRORS]))
    team.model("churn-1")

    def back() -> bool:
        status = team.status()
        return (status["phase"], status["stable"]["revision"]) == ("Healthy", first)

    eventually("the revision promoted before", back, timeout=180, describe=team.brief)
    assert team.events().count("StepStarted") == before


def what_is_kept(team: Team, second: str) -> None:
    """The record of each attempt, and one line of JSON in the operator's log a decision."""
    told = typed(team, "history", "churn", "--output", "json")
    kept = {item["attempt"]: item for item in json.loads(told.removeprefix("0: "))}
    assert [kept[number]["outcome"] for number in sorted(kept)] == [
        *("Promoted", "Aborted", "Promoted"),
        *("Promoted", "RolledBack", "Promoted", "Promoted"),
    ]
    released = kept[3]
    assert (released["revision"], released["by"]) == (second, "ann")
    assert [step["weight"] for step in released["steps"]] == [5, 25]
    assert released["exposedRequests"] > 0
    assert [(gate["name"], "evidence" in gate["message"]) for gate in released["gates"]] == [("errors", True)]
    log = Operator(team.cluster).kubectl("logs", f"deployment/{DEPLOYMENT}", "--since=15m")
    lines: list[dict[str, Any]] = [json.loads(line) for line in log.splitlines()]
    ours = [line for line in lines if line.get("key") == ["Model", team.kubectl.namespace, "churn"]]
    decided = [line["decision"] for line in ours if line["message"] == "decided"]
    assert decided == sorted(decided)
    assert team.status()["decision"] in decided


def verb(team: Team, name: str, token: str) -> None:
    """What a pipeline writes."""
    team.kubectl("annotate", "rollout", "churn", f"weirkeeper.dev/{name}={token}", "--overwrite")
