"""The closed loop, under traffic: the world changes, labels say so, a Job trains anew, and gates judge what it made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.load import Load
from tests.e2e import drifting
from tests.e2e.commands import typed
from tests.e2e.conftest import Team, Traffic, load_ready
from tests.harness import clusters
from tests.harness.clusters import LOOP_NAMESPACES, Cluster
from tests.harness.kubectl import Object
from tests.harness.waiting import eventually

RATE = 40.0
LEARNT, REFUSED = LOOP_NAMESPACES
CONCEPT = "it is the concept: the world behind the data changed"


@contextmanager
def loop(cluster: Cluster, namespace: str) -> Iterator[tuple[Team, Traffic]]:
    """A team whose Model serves from an object store, and traffic whose truth comes back."""
    clusters.create_namespace(cluster.kubectl, namespace)
    team = Team(cluster, cluster.kubectl.inside(namespace))
    try:
        drifting.prepare(team)
        team.kubectl.apply(drifting.rollout(), drifting.model(), drifting.monitor())
        load = Load(team.kubectl, cluster.images["server"], "http://churn/v2/models/churn/infer")
        load.start(drifting.requests(), rate=0.001)
        load_ready(team)
        team.kubectl.wait_condition("model", "churn", "Ready", timeout=240)
        yield team, Traffic(load)
    finally:
        if not clusters.keep():
            cluster.kubectl.delete("namespace", namespace, wait=False)


def test_a_changed_world_is_learnt_by_a_job_and_its_model_promoted(cluster: Cluster, tmp_path: Path) -> None:
    with loop(cluster, LEARNT) as (team, traffic):
        first = team.wait_phase("Healthy")["stable"]["revision"]
        (load,) = team.kubectl.list("pods", "app.kubernetes.io/name=load")
        team.kubectl.apply(*drifting.training(team, f"http://{load['status']['podIP']}:8090/labelled"))
        traffic.load.control(rate=RATE, rows="calm", running=True)
        calm = told(team, "OK for the calm world", lambda found: found.get("PerformanceDegraded") == "OK")
        assert "Drifting" not in drifting.conditions(calm).values(), calm["status"]
        assert not team.kubectl.list("jobs")

        traffic.load.control(rows="moved")
        assert degraded(team)["InputDrift"] == "OK"
        told_to_people(team, first, tmp_path / "report.html")
        last = team.wait_outcome(first, timeout=360)
        assert last["outcome"] == "Promoted", last
        well = told(team, "the drift to be over", lambda found: over(found) and serves(team, last["revision"]))
        trained(team, well, first)
        traffic.nothing_lost()


def test_a_training_that_makes_it_worse_is_refused_and_the_old_model_goes_on(cluster: Cluster) -> None:
    with loop(cluster, REFUSED) as (team, traffic):
        first = team.wait_phase("Healthy")["stable"]["revision"]
        team.kubectl.apply(*drifting.training(team, f"{drifting.address(team)}/{drifting.BUCKET}/extract.csv"))
        traffic.load.control(rate=RATE, rows="moved", running=True)
        assert degraded(team)["InputDrift"] != "Drifting"
        last = team.wait_outcome(first, timeout=360)
        assert last["outcome"] == "RolledBack", last
        assert "accuracy" in last["reason"]
        assert serves(team, first)
        monitor = team.kubectl.get("monitor", "churn") or {}
        assert drifting.conditions(monitor)["InputDrift"] == "OK"
        trained(team, monitor, first)
        before = traffic.counts()
        after = traffic.nothing_lost()
        assert after.of(first).ok > before.of(first).ok
        assert after.of(last["revision"]).ok == before.of(last["revision"]).ok > 0


def told(team: Team, what: str, is_so: Callable[[dict[str, str]], bool]) -> Object:
    """The Monitor once what it says is so."""

    def found() -> Object | None:
        monitor = team.kubectl.get("monitor", "churn")
        return monitor if is_so(drifting.conditions(monitor)) else None

    return eventually(what, found, timeout=240, describe=lambda: team.kubectl.get("monitor", "churn"))


def degraded(team: Team) -> dict[str, str]:
    """What the Monitor says once labels say that the concept changed; inputs are judged in the first whole window."""
    found = told(team, "worse performance", lambda found: found.get("PerformanceDegraded") == "Drifting")
    said = drifting.conditions(found)
    assert said["ConceptDrift"] == "Drifting", found["status"]
    return said


def told_to_people(team: Team, first: str, report: Path) -> None:
    """What somebody reads who is woken: the cause, how bad it is, what came before, what is done about it."""
    code, lines = said(typed(team, "why", "churn", "--seconds", "1"))
    assert (code, lines[0]) == (1, f"churn: {CONCEPT}."), lines
    assert re.fullmatch(
        r"- Labels left what the inputs explain: .*; furthest at scores of about 0\.\d\d: .*, not .*"
        r" Accuracy is 0\.\d{3} \(at least 0\.\d{3} is asked, 0\.\d{3} expected\)\.",
        lines[1],
    ), lines
    assert lines[2].startswith("In the hour before it began ("), lines
    before, since = (lines.index(one) for one in (lines[2], "Since then:"))
    assert any(line.endswith(f"attempt 1 for {first} ended Promoted") for line in lines[before:since]), lines
    assert "Monitor churn began a training" in " ".join(lines[since:]), lines
    assert said(typed(team, "report", "churn", "-o", str(report)))[0] == 0
    assert f"Monitor churn: {CONCEPT} (PerformanceDegraded, ConceptDrift)." in report.read_text()


def said(typed: str) -> tuple[int, list[str]]:
    code, _, text = typed.partition(": ")
    return int(code), text.splitlines()


def over(found: dict[str, str]) -> bool:
    return found.get("PerformanceDegraded") == found.get("ConceptDrift") == "OK"


def serves(team: Team, revision: str) -> bool:
    """Whether all traffic goes to a revision."""
    status = team.status()
    shares = {one["revision"]: one.get("weight", 0) for one in status.get("traffic", ())}
    return bool(status["stable"]["revision"] == revision and shares.get(revision) == 100)


def trained(team: Team, monitor: Object, revision: str) -> None:
    """One Job trained, because of what labels said of this revision."""
    (action,) = monitor["status"]["lastActions"]
    kept: dict[str, Any] = {name: action[name] for name in ("action", "outcome", "revision")}
    assert kept == {"action": "Retrain", "outcome": "Succeeded", "revision": revision}
    assert action["reason"].startswith("PerformanceDegraded"), action
    assert len(team.kubectl.list("jobs", "weirkeeper.dev/model=churn")) == 1
