"""People change their minds under live traffic: other specs, other policies, aborts; no request is lost on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any

from tests.e2e import models
from tests.e2e.conftest import Files, Team, Traffic, long_enough
from tests.e2e.operating import Status, Watch
from tests.harness.waiting import eventually
from weirkeeper.runtime.freezes import IN_ATTEMPT

RATE = 50.0
LONG = "30m"
"""A hold that no test sits out: steps are left by the verb skip."""
WEIGHTS = (5, 25, 50)
STEPS = [{"weight": weight, "hold": LONG} for weight in WEIGHTS]
STAGED = [
    {"mirror": 100, "hold": LONG},
    {"match": {"headers": [{"name": "x-cohort", "value": "alpha"}]}, "hold": LONG},
    {"weight": 5, "hold": LONG},
    {"weight": 50, "hold": LONG},
]
UNSEEN = 2
"""Steps in which no caller of the tests' traffic meets the candidate."""
GATES = [{"name": "errors", "errorRate": {}}]
TOKENS = count(1)


def test_superseded_at_every_kind_of_step_and_taken_back(team: Team, traffic: Traffic, good: Files) -> None:
    first = begin(team, traffic, good, steps=STAGED)
    candidates = []
    for index in range(len(STAGED)):
        ask_for(team, index + 1)
        candidate = wait_step(team, 1, since=index + 1)
        for step in range(2, index + 2):
            verb(team, "skip")
            assert wait_step(team, step, since=index + 1) == candidate
        candidates.append(candidate)
    ask_for(team, 0)
    team.wait_phase("Healthy", timeout=60)
    assert team.status()["stable"]["revision"] == first
    assert outcomes(team)[1:] == ["Superseded"] * len(STAGED)
    assert team.reason("Current") == "Promoted"
    answered = set(traffic.nothing_lost().revisions)
    assert {first, candidates[-1]} <= answered <= {first, *candidates[UNSEEN:]}, "copies and cohorts are nobody else's"
    eventually("the candidates' pods to be gone", lambda: deployed(team) == {first}, timeout=120)


def test_aborted_in_every_phase(team: Team, traffic: Traffic, good: Files) -> None:
    """Each phase of one revision's attempts: `retry` begins the next."""
    replicas = {"replicas": 2}
    first = begin(team, traffic, good, steps=STAGED[:1], bakeTime=LONG, server=replicas)
    with Watch(team.kubectl) as watch:
        ask_for(team, 1, server=replicas)
        for phase, prepare in PREPARED.items():
            prepare(team)
            watch.until(phase, has_phase(phase), timeout=240)
            verb(team, "abort")
            watch.until("the abort", has_phase("Aborted"), timeout=60)
            eventually("all traffic on the first", lambda: shares(team) == {first: 100}, timeout=60)
    assert outcomes(team)[1:] == ["Aborted"] * len(PREPARED)
    assert team.reason("Current") == "Aborted"
    assert team.status()["stable"]["revision"] == first
    traffic.nothing_lost()


def first_attempt(_: Team) -> None:
    """It is under way."""


def another_attempt(team: Team) -> None:
    """The phase comes by itself."""
    verb(team, "retry")


def with_a_share(team: Team) -> None:
    """The next attempts give the candidate a share at once."""
    team.kubectl.apply(models.rollout(steps=[{"weight": 30, "hold": "5s"}], gates=GATES, bakeTime=LONG))
    eventually("the policy to be seen", lambda: seen_rollout(team), timeout=60)
    another_attempt(team)


def seen_rollout(team: Team) -> bool:
    """Whether the operator has seen the Rollout as it is."""
    found = team.kubectl.get("rollout", "churn") or {}
    seen: bool = found["status"].get("observedGeneration") == found["metadata"]["generation"]
    return seen


def pause(team: Team) -> None:
    """Pause once the attempt has begun its step."""
    another_attempt(team)
    wait_step(team, 1, since=len(outcomes(team)))
    verb(team, "pause")


PREPARED: dict[str, Callable[[Team], None]] = {
    "Starting": first_attempt,
    "Shadowing": another_attempt,
    "Progressing": with_a_share,
    "Paused": pause,
    "Promoting": another_attempt,
    "Baking": another_attempt,
}


def test_another_policy_in_the_middle(team: Team, traffic: Traffic, good: Files) -> None:
    """Steps are edited, the Rollout is deleted, promotions are frozen: the candidate keeps its weight."""
    first = begin(team, traffic, good, steps=STEPS)
    ask_for(team, 1)
    second = wait_step(team, 1)
    verb(team, "skip")
    wait_step(team, 2)
    edited = [{"weight": weight, "hold": LONG} for weight in (10, 40)]
    team.kubectl.apply(models.rollout(steps=edited, gates=GATES))
    eventually("StepsChanged", lambda: "StepsChanged" in team.events(), timeout=60)
    kept = team.status()
    assert (kept["phase"], kept["step"], kept["candidate"]["weight"]) == ("Progressing", 1, 25), team.brief()
    written_by_another(team, first, second)
    team.kubectl.delete("rollout", "churn")
    eventually("the default policy", lambda: team.events().count("StepsChanged") == 2, timeout=60)
    kept = team.status()
    assert kept["candidate"]["revision"] == second, "the attempt goes on under the platform's default policy"
    assert (kept["phase"], kept["candidate"]["weight"]) == ("Progressing", 25), team.brief()
    team.kubectl.apply(models.rollout(steps=edited, gates=GATES, bakeTime="10s"))
    eventually("the Rollout's steps again", lambda: team.events().count("StepsChanged") == 3, timeout=60)
    assert shares(team) == {first: 75, second: 25}
    assert "GatesChanged" in team.events(), "the default policy has others"
    verb(team, "promote")
    last = team.wait_outcome(first)
    assert (last["outcome"], last["revision"]) == ("Promoted", second)
    traffic.nothing_lost()


def test_frozen_promotions_are_held_and_aborts_are_not(team: Team, traffic: Traffic, good: Files) -> None:
    first = begin(team, traffic, good, steps=STEPS[:1])
    freeze(team, "weirkeeper.dev/freeze=quarter end")
    long_enough(IN_ATTEMPT)
    ask_for(team, 1)
    wait_step(team, 1)
    verb(team, "promote")
    eventually("Frozen", lambda: "Frozen" in team.events(), timeout=120, describe=team.brief)
    assert "quarter end" in team.status()["message"]
    assert shares(team).get(first) == 95, team.brief()
    verb(team, "abort")
    team.wait_phase("Aborted", timeout=60)
    verb(team, "retry")
    wait_step(team, 1, since=2)
    verb(team, "promote")
    eventually("Frozen again", lambda: team.status()["phase"] == "Promoting", timeout=120, describe=team.brief)
    freeze(team, "weirkeeper.dev/freeze-")
    last = team.wait_outcome(first)
    assert last["outcome"] == "Promoted", team.brief()
    traffic.nothing_lost()


def written_by_another(team: Team, first: str, second: str) -> None:
    """Somebody writes another split into the status: it is put back, and an Event tells of it."""
    foreign = [{"revision": first, "weight": 10}, {"revision": second, "weight": 90}]
    patch = json.dumps({"status": {"traffic": foreign}})
    team.kubectl("patch", "model", "churn", "--subresource=status", "--type=merge", f"--patch={patch}")
    eventually("StatusOverwritten", lambda: "StatusOverwritten" in team.events(), timeout=60)
    eventually("the split put back", lambda: shares(team) == {first: 75, second: 25}, timeout=60)


def freeze(team: Team, annotation: str) -> None:
    """Annotate the namespace."""
    team.cluster.kubectl("annotate", "namespace", str(team.kubectl.namespace), annotation)


def has_phase(phase: str) -> Callable[[Status], bool]:
    """Tell whether a status shows this phase."""
    return lambda status: status.get("phase") == phase


def begin(team: Team, traffic: Traffic, good: Files, *, server: dict[str, Any] | None = None, **policy: Any) -> str:
    """A first revision under traffic, and the policy of the attempts that follow."""
    first = team.serving(good, parameters=threshold(0), **({"server": server} if server else {}))
    team.kubectl.apply(models.rollout(gates=GATES, **policy))
    traffic.load.control(rate=RATE, running=True)
    return first


def ask_for(team: Team, take: int, **spec: Any) -> None:
    """Apply the Model with another parameter: the same bundle in another revision."""
    team.model("churn-1", parameters=threshold(take), **spec)


def threshold(take: int) -> dict[str, str]:
    """Parameters that differ from take to take."""
    return {"threshold": f"0.5{take}"}


def verb(team: Team, name: str) -> None:
    """What a pipeline writes."""
    team.kubectl("annotate", "rollout", "churn", f"weirkeeper.dev/{name}=ann/{next(TOKENS)}", "--overwrite")


def wait_step(team: Team, step: int, since: int = 0) -> str:
    """Give the candidate of the attempt once its step is in force; `since` is the attempt before."""

    def there() -> str:
        status = team.status()
        in_step = status.get("phase") in {"Shadowing", "Progressing"}
        fits = in_step and status["step"] == step and status["attempt"] > since
        return str(status["candidate"]["revision"]) if fits and status["applied"] == status["decision"] else ""

    return eventually(f"step {step} on every router", there, timeout=240, describe=team.brief)


def shares(team: Team) -> dict[str, int]:
    """Percent by revision, as every router has it in force; empty while one has not."""
    status = team.status()
    if status.get("applied") != status["decision"]:
        return {}
    return {share["revision"]: share["weight"] for share in status["traffic"] if share.get("weight")}


def outcomes(team: Team) -> list[str]:
    """How the attempts ended, the first revision's first."""
    return [item["outcome"] for item in team.status()["attempts"] if "outcome" in item]


def deployed(team: Team) -> set[str]:
    """Revisions that have a Deployment."""
    return {item["metadata"]["name"] for item in team.kubectl.list("deployments", "weirkeeper.dev/model=churn")}
