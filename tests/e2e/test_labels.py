"""Labels of a canary find their revisions: whichever pod answered, and whichever pod the labels come to."""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import Any

from tests.e2e import models
from tests.e2e.conftest import Files, Team
from tests.e2e.operating import Operator
from tests.harness.waiting import eventually

EACH = 5
"""Answers of each revision whose labels are sent back."""

ASKED = 200
ERRORS = {"name": "errors", "errorRate": {}}
HALF = [{"weight": 50, "hold": "30m"}]


def test_labels_of_a_canary_count_to_both_revisions(team: Team, good: Files) -> None:
    first = team.serving(good)
    keys = (team.kubectl.get("secret", "churn-feedback") or {})["data"]
    assert {name: len(base64.b64decode(key)) for name, key in keys.items()} == {"current": 32, "previous": 32}
    team.kubectl.apply(models.rollout(steps=HALF, gates=[ERRORS]))
    team.artifact("churn-2", good)
    team.model("churn-2")
    second = eventually("a weight of 50", lambda: weighed(team), timeout=240, describe=team.brief)
    answers = answers_of_both(team, first, second)
    assert (team.kubectl.get("secret", "churn-feedback") or {})["data"] == keys, "keys are made once"

    told = posted(team, answers)
    assert told["counted"] == 2 * EACH, told
    assert posted(team, answers)["counted"] in {0, 2 * EACH}, "a pod knows its own repeats, and no other's"
    forged = {first: [{**answers[first][0], "token": answers[first][0]["token"][:-8] + "AAAAAAAA"}]}
    assert posted(team, forged)["reasons"] == {"Forged": 1}

    for revision in (first, second):
        eventually(f"labels of {revision}", partial(shown, team, revision), timeout=60)


def weighed(team: Team) -> str | None:
    """The candidate, once it has half of the traffic and the routers obey."""
    status = team.status()
    shares = {share["revision"]: share["weight"] for share in status.get("traffic", ())}
    candidate: str = status.get("candidate", {}).get("revision", "")
    return candidate if shares.get(candidate) == 50 and status.get("applied") == status.get("decision") else None


def answers_of_both(team: Team, *revisions: str) -> dict[str, list[dict[str, Any]]]:
    """Ask until each revision gave so many answers with tokens; give them as items of a post, with right labels."""
    found: dict[str, list[dict[str, Any]]] = {revision: [] for revision in revisions}
    for row in range(ASKED):
        code, body = team.ask(models.request(row))
        answer = json.loads(body)
        assert code == 200, body
        label = answer["outputs"][0]["data"][0]
        found[answer["model_version"]].append({"token": answer["parameters"]["feedback_token"], "labels": [label]})
        if all(len(items) >= EACH for items in found.values()):
            return {revision: items[:EACH] for revision, items in found.items()}
    raise AssertionError(f"{ASKED} answers: { ({revision: len(items) for revision, items in found.items()}) }")


def posted(team: Team, items: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Send labels of all revisions in one post, to whichever pod the routers choose."""
    every = [item for of_one in items.values() for item in of_one]
    code, body = team.ask(json.dumps({"items": every}), path="/v2/models/churn/feedback")
    assert code == 200, body
    told: dict[str, Any] = json.loads(body)
    return told


def shown(team: Team, revision: str) -> bool:
    """Whether the operator shows the labels that were sent of a revision."""
    place = f'model="churn",namespace="{team.kubectl.namespace}",revision="{revision}",segment=""'
    name = f"weirkeeper_labels_total{{{place}}} "
    lines = Operator(team.cluster).metrics().splitlines()
    return any(line.startswith(name) and float(line.removeprefix(name)) >= EACH for line in lines)
