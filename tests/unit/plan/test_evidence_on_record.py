"""How an attempt's evidence grew reaches the record of its revision, and from there the report."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.plan.objects import Cluster, rollout
from weirkeeper.delivery.evidence import Outcomes, OutcomeSlot
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.page import page_of
from weirkeeper.plan.result import Plan
from weirkeeper.render.front import read_record
from weirkeeper.report.chart import Lines
from weirkeeper.report.page import Figures

SLOT = 5


def under_traffic(cluster: Cluster, bad: int) -> Plan:
    """A slot in which the candidate answers twenty requests, `bad` of them wrong, and the stable one eighty."""
    status = cluster.status
    arms = {status["stable"]["revision"]: Outcomes(80, 0, 0), status["candidate"]["revision"]: Outcomes(20, bad, bad)}
    start = int(cluster.now) // SLOT * SLOT - SLOT
    slots = (*cluster.evidence.outcomes, OutcomeSlot(start, arms))
    cluster.evidence = replace(cluster.evidence, outcomes=slots)
    return cluster.reconcile()


def rolled_back() -> tuple[Cluster, str]:
    """An attempt whose candidate errs, up to its end."""
    cluster = Cluster(rollouts=[rollout(gates=[{"name": "errors", "errorRate": {}}])])
    tried = cluster.second_attempt()
    for slot in range(120):
        under_traffic(cluster, bad=0 if slot < 18 else 2)
        if cluster.status["phase"] == "RolledBack":
            break
    assert cluster.status["phase"] == "RolledBack"
    cluster.reconcile(3)
    return cluster, tried


def test_the_curve_is_on_record_when_the_attempt_has_ended() -> None:
    cluster, tried = rolled_back()
    (kept,) = read_record(cluster.children["ControllerRevision", tried]).attempts
    errors = kept["curve"]["gates"].index("errors")
    fail = [point[1 + 2 * errors] for point in kept["curve"]["points"]]
    assert len(fail) > 2
    assert fail[-1] >= 100
    assert fail[0] < 100
    assert "curve" not in cluster.status["attempts"][-1], "a status has no room for it"


def test_the_report_draws_it_from_the_record_alone() -> None:
    cluster, tried = rolled_back()
    cluster.model["status"]["memory"] = {}
    records = [one for (kind, _), one in cluster.children.items() if kind == "ControllerRevision"]
    page = page_of(Found(cluster.model, records=records), cluster.now)
    number = cluster.status["attempts"][-1]["attempt"]
    section = next(one for one in page.sections if one.title == f"Attempt {number}")
    (figures,) = (block for block in section.blocks if isinstance(block, Figures))
    errors = next(one for one in figures.figures if one.title == "errors")
    assert isinstance(errors.chart, Lines)
    (kept,) = read_record(cluster.children["ControllerRevision", tried]).attempts
    place = 1 + 2 * kept["curve"]["gates"].index("errors")
    drawn = [round(100 * value) for _, value in errors.chart.lines[0].points]
    assert drawn == [point[place] for point in kept["curve"]["points"]]
    assert "of what Fail takes" in errors.told
