"""Verbs as annotations and as commands, under live traffic."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.e2e import models
from tests.e2e.conftest import Files, Team, Traffic
from tests.harness.waiting import eventually

RATE = 60.0
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
