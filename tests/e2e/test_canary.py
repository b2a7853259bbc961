"""Candidates under live traffic: the good one is promoted, the bad ones are out by themselves, no request is lost."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.e2e import models
from tests.e2e.conftest import Files, Team, Traffic, long_enough
from tests.harness.waiting import eventually

RATE = 60.0


def test_the_same_model_again_is_promoted_and_no_request_is_lost(team: Team, traffic: Traffic, good: Files) -> None:
    first = team.serving(good, server={"replicas": 2})
    traffic.load.control(rate=RATE, running=True)
    long_enough(15)
    team.artifact("churn-2", good)
    team.model("churn-2", server={"replicas": 2})
    status = team.wait_phase("Baking", "RolledBack", timeout=420)
    second = status["stable"]["revision"]
    assert status["phase"] == "Baking", team.brief()
    uids = {pod["metadata"]["uid"] for pod in team.kubectl.list("pods", f"weirkeeper.dev/revision={second}")}
    assert team.wait_outcome(first)["outcome"] == "Promoted"
    after = {pod["metadata"]["uid"] for pod in team.kubectl.list("pods", f"weirkeeper.dev/revision={second}")}
    assert uids == after, "a promotion restarts no pod"
    counts = traffic.nothing_lost()
    assert counts.of(first).ok > 0
    assert counts.of(second).ok > 0
    steps = [reason for reason in team.events() if reason == "StepStarted"]
    assert len(steps) == 3


def test_a_renamed_input_is_rolled_back_though_its_own_golden_requests_pass(
    team: Team, traffic: Traffic, good: Files, renamed: Files
) -> None:
    first = team.serving(good)
    traffic.load.control(rate=RATE, running=True)
    long_enough(15)
    team.artifact("churn-2", renamed)
    team.model("churn-2", allowSignatureChange=True)
    last = team.wait_outcome(first)
    assert last["outcome"] == "RolledBack"
    assert "gate errors failed" in last["reason"]
    traffic.nothing_lost(apart_from=last["revision"])
    assert team.status()["stable"]["revision"] == first
    assert team.reason("Current") == "RolledBack"


def test_a_renamed_input_without_permission_is_held_before_any_traffic(
    team: Team, traffic: Traffic, good: Files, renamed: Files
) -> None:
    first = team.serving(good)
    traffic.load.control(rate=RATE, running=True)
    team.artifact("churn-2", renamed)
    team.model("churn-2")
    team.kubectl.wait_condition("model", "churn", "Stalled", timeout=120)
    assert team.reason("Stalled") == "SignatureChanged"
    assert "mean radius is gone" in team.message("Stalled")
    counts = traffic.nothing_lost()
    assert set(counts.revisions) == {first}


def test_a_slow_candidate_is_rolled_back_by_latency(team: Team, traffic: Traffic, good: Files, slow: Files) -> None:
    first = team.serving(good)
    traffic.load.control(rate=RATE, running=True)
    long_enough(20)
    team.artifact("churn-2", slow)
    team.model("churn-2")
    last = team.wait_outcome(first)
    assert last["outcome"] == "RolledBack", team.brief()
    assert "gate latency failed" in last["reason"]
    traffic.nothing_lost()


def test_without_traffic_a_candidate_is_neither_promoted_nor_rolled_back(team: Team, good: Files) -> None:
    first = team.serving(good)
    team.kubectl.apply(models.rollout(maxDuration="10s", onInconclusive="RollBack", gates=[ERRORS]))
    team.artifact("churn-2", good)
    team.model("churn-2")
    team.wait_phase("Progressing")
    long_enough(60)
    status = team.status()
    assert status["phase"] == "Progressing"
    assert status["step"] == 1
    assert status["stable"]["revision"] == first


ERRORS = {"name": "errors", "errorRate": {}}


def test_verbs_by_annotation(team: Team, traffic: Traffic, good: Files) -> None:
    first = team.serving(good)
    team.kubectl.apply(models.rollout(gates=[ERRORS]))
    traffic.load.control(rate=RATE, running=True)
    team.artifact("churn-2", good)
    team.model("churn-2")
    team.wait_phase("Progressing")
    verb(team, "pause", "ann/1")
    team.wait_phase("Paused", timeout=60)
    verb(team, "resume", "ann/2")
    team.wait_phase("Progressing", timeout=60)
    verb(team, "abort", "ann/3")
    team.wait_phase("Aborted", timeout=60)
    assert team.reason("Current") == "Aborted"
    verb(team, "pause", "ann/4")
    verb(team, "retry", "ann/5")
    team.wait_phase("Progressing", timeout=120)
    verb(team, "skip", "ann/6")
    eventually("the next step", lambda: team.status().get("step") == 2, timeout=60, describe=team.brief)
    verb(team, "promote", "ann/7")
    second = team.wait_phase("Baking", "Healthy", timeout=120)["stable"]["revision"]
    assert second != first
    team.wait_phase("Healthy", timeout=60)
    assert "1: skip by admin refused" in typed(team, "skip", "churn")
    assert "0: " in (told := typed(team, "undo", "churn", "--reason", "customers complain")), told
    assert team.wait_phase("RolledBack", timeout=120)["stable"]["revision"] == first
    assert "undone by admin: customers complain" in team.message("Current")
    assert "kubectl weirkeeper retry churn" in typed(team, "explain", "churn")
    assert typed(team, "history", "churn").count("Promoted") == 3
    assert team.reason("Current") == "RolledBack"
    assert "VerbRefused" in team.events()
    traffic.nothing_lost()


def verb(team: Team, name: str, token: str) -> None:
    """What a pipeline writes."""
    team.kubectl("annotate", "rollout", "churn", f"weirkeeper.dev/{name}={token}", "--overwrite")


def typed(team: Team, *words: str) -> str:
    """What a person types, and is answered."""
    kubectl = Path(team.kubectl.command()[0])
    where = (f"--namespace={team.kubectl.namespace}", f"--kubeconfig={team.kubectl.kubeconfig}")
    search = {"PATH": f"{kubectl.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [kubectl, "weirkeeper", *words, *where], env=os.environ | search, capture_output=True, text=True, check=False
    )
    return f"{done.returncode}: {done.stdout}{done.stderr}"
