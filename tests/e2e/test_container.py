"""A server that is not ours, the KServe SDK's, behind the same rollouts: probed, and promoted."""

from __future__ import annotations

import json

from tests.e2e import models
from tests.e2e.conftest import Team, Traffic
from tests.e2e.containers import RATE, apply, serving
from tests.harness.waiting import eventually


def test_another_container_is_promoted_once_it_gives_the_golden_answers(team: Team, traffic: Traffic) -> None:
    first = serving(team)
    code, body = team.ask(models.request())
    assert code == 200, body
    assert json.loads(body)["outputs"][0]["data"] == [0]
    assert team.reason("ArtifactPinned") == "NoArtifact"
    monitor = {"apiVersion": "weirkeeper.dev/v1alpha1", "kind": "Monitor", "metadata": {"name": "churn"}}
    team.kubectl.apply({**monitor, "spec": {"modelRef": {"name": "churn"}}})
    traffic.load.control(rate=RATE, running=True)
    apply(team, THRESHOLD=20)
    eventually("ProbeFailed", lambda: team.reason("Stalled") == "ProbeFailed", timeout=180, describe=team.brief)
    assert "probe 0: output predict: expected 0, got 1 at position 0" in team.message("Stalled")
    assert set(traffic.counts().revisions) == {first}, "a wrong answer gets no traffic"
    apply(team, THRESHOLD=16)
    last = team.wait_outcome(first)
    while last["outcome"] == "Superseded":
        last = team.wait_outcome(last["revision"])
    assert last["outcome"] == "Promoted", team.brief()
    gates = {gate["name"]: gate["verdict"] for gate in last["gates"]}
    assert gates == {"errors": "Pass", "latency": "Pass"}
    counts = traffic.nothing_lost()
    assert counts.of(last["revision"]).ok > 0
    watched = team.kubectl.wait_condition("monitor", "churn", "Ready", "False", timeout=60)
    ready = next(one for one in watched["status"]["conditions"] if one["type"] == "Ready")
    assert ready["reason"] == "NoProfileCounters"
