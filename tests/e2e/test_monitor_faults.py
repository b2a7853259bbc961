"""What a Monitor makes of a cluster where things go wrong: nothing twice, nothing by a few posts, every row told of."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from tests.e2e import models
from tests.e2e.conftest import Files, Team, Traffic, long_enough
from tests.e2e.operating import Operator
from tests.harness import containers
from tests.harness.kubectl import Object
from tests.harness.waiting import eventually

RATE = 40.0
WINDOW = 120
EVIDENCE_PORT = 8081
CUT_SECONDS = 12
BULK = 400
"""Rows whose labels come in a few posts."""

SERVER = {"replicas": 2}
AT_ONCE: dict[str, Any] = {"strategy": "AllAtOnce", "gates": [{"name": "errors", "errorRate": {}}], "bakeTime": "0s"}
TOLERANCE = 20
"""Rows by which chance makes an estimate from the rate of requests miss."""


def monitor(minutes: int, *actions: dict[str, Any], **spec: Any) -> dict[str, Any]:
    watched = {"modelRef": {"name": "churn"}, "window": {"size": f"{minutes}m", "minRows": 200}}
    return {
        "apiVersion": "weirkeeper.dev/v1alpha1",
        "kind": "Monitor",
        "metadata": {"name": "churn"},
        "spec": {**watched, "actions": list(actions), **spec},
    }


def test_pods_that_are_silent_or_killed_and_labels_in_bulk(team: Team, traffic: Traffic, good: Files) -> None:
    """One window in which one server and one router cannot be asked, another server is killed, and somebody forges."""
    second = promoted(team, good)
    undo = {"when": ["PerformanceDegraded"], "undo": {"within": "7d"}}
    watched = {"performance": [{"metric": "Accuracy", "min": "0.8"}], "labels": {"minRows": 200}}
    team.kubectl.apply(monitor(WINDOW // 60, undo, **watched))
    said = eventually("a word of a Monitor without traffic", lambda: conditions(team))
    assert set(said.values()) <= {"Insufficient", "Watching"}, said

    begin = beginning_of_a_window()
    traffic.load.control(rate=RATE, running=True)
    labels_in_bulk(team)
    silent, killed = team.kubectl.list("pods", f"weirkeeper.dev/revision={second}")
    router = team.kubectl.list("pods", "weirkeeper.dev/component=router")[0]
    with (
        containers.unreachable(silent, EVIDENCE_PORT) as of_server,
        containers.unreachable(router, EVIDENCE_PORT) as of_router,
    ):
        long_enough(CUT_SECONDS)
        assert min(of_server(), of_router()) > 0, "the operator did not ask"
        assert series(team, "evidence_age_seconds") > CUT_SECONDS / 2
    before, lost = traffic.counts().of(second).ok, losses(team)
    containers.kill_container(killed, "server")
    eventually("the loss to be told", lambda: losses(team)[0] == lost[0] + 1, timeout=60, describe=lambda: losses(team))
    long_enough(5)
    counts = traffic.nothing_lost()
    assert counts.of(second).ok > before
    assert time.time() < begin + WINDOW, "the machine was too busy to do it all within a window"

    found = judged(team, begin)
    missing = counts.of(second).ok + BULK - rows_of(found)
    _, seconds, rows = (one - former for one, former in zip(losses(team), lost, strict=True))
    print(f"missing {missing} of {counts.of(second).ok} rows; told: about {rows:.0f}, of {seconds:.1f} s")
    assert 0 <= missing <= rows + TOLERANCE
    assert rows <= RATE * seconds
    assert series(team, "evidence_age_seconds") < CUT_SECONDS / 2
    told = conditions(team)
    assert told["PerformanceDegraded"] == "Drifting"
    assert told["Ready"] == "TooFewPosts"
    assert told["InputDrift"] == "OK", "the window is compared with the profile of the revision that serves"
    assert team.status()["stable"]["revision"] == second


def promoted(team: Team, good: Files) -> str:
    """A second revision, whose profile is another one, in the place of the first."""
    first = team.serving(good, server=SERVER)
    team.kubectl.apply(models.rollout(**AT_ONCE))
    team.artifact("churn-2", models.of_other_rows())
    team.model("churn-2", server=SERVER)
    last = team.wait_outcome(first)
    assert last["outcome"] == "Promoted", team.brief()
    team.wait_phase("Healthy")
    return str(last["revision"])


def beginning_of_a_window() -> int:
    """Wait until a window begins; give the moment."""
    now = time.time()
    begin = int(now // WINDOW + 1) * WINDOW
    long_enough(begin - now + 0.5)
    return begin


def labels_in_bulk(team: Team) -> None:
    """Many wrong labels of a few answers, in a post each, over and over; and of tokens that nobody sealed."""
    rows = models.frame()[0].iloc[::5].iloc[: BULK // 4]
    inputs = [
        {"name": name, "datatype": "FP64", "shape": [len(rows)], "data": rows[name].tolist()} for name in models.COLUMNS
    ]
    for _ in range(4):
        code, body = team.ask(json.dumps({"inputs": inputs}))
        assert code == 200, body
        answer = json.loads(body)
        item = {
            "token": answer["parameters"]["feedback_token"],
            "labels": [1 - label for label in answer["outputs"][0]["data"]],
        }
        for _ in range(3):
            posted(team, item)
    told = posted(team, {**item, "token": item["token"][:-8] + "AAAAAAAA"})
    assert told["counted"] == 0
    assert set(told["reasons"]) <= {"Forged"}, told


def posted(team: Team, item: dict[str, Any]) -> dict[str, Any]:
    code, body = team.ask(json.dumps({"items": [item]}), path="/v2/models/churn/feedback")
    assert code == 200, body
    told: dict[str, Any] = json.loads(body)
    return told


def judged(team: Team, begin: int) -> Object:
    """The Monitor once it says of the window that began then."""
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin + WINDOW))

    def found() -> Object | None:
        monitor = team.kubectl.get("monitor", "churn") or {}
        window = (monitor.get("status") or {}).get("lastWindow") or {}
        return monitor if window.get("end") == end else None

    return eventually(f"the window until {end}", found, timeout=WINDOW + 120, describe=lambda: conditions(team))


def rows_of(found: Object) -> int:
    return int(found["status"]["lastWindow"]["rows"])


def conditions(team: Team) -> dict[str, str]:
    """What the Monitor says, by condition."""
    status = (team.kubectl.get("monitor", "churn") or {}).get("status") or {}
    return {one["type"]: one["reason"] for one in status.get("conditions", ())}


def series(team: Team, name: str) -> float:
    """What the operator tells of the Model."""
    pattern = rf'^weirkeeper_{name}\{{model="churn",namespace="{team.kubectl.namespace}"\}} (\S+)$'
    found = re.search(pattern, Operator(team.cluster).metrics(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def losses(team: Team) -> list[float]:
    """Servers that were killed, the seconds since they had been asked, and about how many rows that is."""
    return [series(team, f"evidence_lost_{name}_total") for name in ("servers", "seconds", "rows")]
