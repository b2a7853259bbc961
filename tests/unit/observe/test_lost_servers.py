"""What a server that is killed takes with it: for how long nobody had looked, and about how many rows that were."""

from __future__ import annotations

from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from weirkeeper.delivery.evidence import PodEvidence
from weirkeeper.observe.pods import Loss, ModelPods
from weirkeeper.observe.readings import LostReading, PodReading
from weirkeeper.observe.targets import PodTarget
from weirkeeper.runtime.loss_series import LossSeries

START = 1_800_000_000
V1 = "churn-11111111"
POD = PodTarget("team-a", "churn-1", "uid-1", "10.0.0.1", "churn", V1)


def reading(rows: int, state: str = "Ready", active: int = 0, started: float = START) -> PodReading:
    rest = dict.fromkeys(("missing", "invalid", "unseen", "posInf", "negInf", "sum"), 0)
    inputs = {"income": {"counts": [rows, 0], **rest}}
    evidence = PodEvidence("churn-1", "uid-1", state)
    return PodReading(evidence, started, {START: ({160: rows}, active)}, inputs)


def told(*looks: tuple[float, PodReading]) -> ModelPods:
    pods = ModelPods()
    for at, said in looks:
        pods.answered(START + at, int(START + at), POD, said)
    return pods


def gone(pods: ModelPods, at: float) -> Loss:
    pods.keep(START + at, frozenset())
    return pods.take_loss()


def test_a_killed_server_lost_what_it_answered_in_as_much_time_before() -> None:
    pods = told((5, reading(100)), (10, reading(160)))
    assert gone(pods, 14) == Loss(1, 4.0, 12.0 * 4.0)
    assert pods.take_loss() == Loss()


def test_one_that_had_drained_lost_nothing_and_one_that_still_answered_did() -> None:
    assert gone(told((5, reading(100)), (10, reading(160, "Draining"))), 30) == Loss()
    assert gone(told((5, reading(100)), (10, reading(160, "Draining", active=1))), 12) == Loss(1, 2.0, 24.0)


def test_a_container_that_was_restarted_lost_its_own_part() -> None:
    pods = told((5, reading(100)), (10, reading(160)), (15, reading(3, started=START + 12)))
    assert pods.take_loss() == Loss(1, 2.0, 24.0)
    assert gone(pods, 20).rows == 5 * 3 / 3


def test_what_a_server_lost_with_one_of_its_workers_is_told_once() -> None:
    lost = replace(reading(160), lost=LostReading(1, 2.0, 30.0))
    pods = told((5, reading(100)), (10, lost), (15, lost))
    assert pods.take_loss() == Loss(1, 2.0, 30.0)
    pods.answered(START + 20, START + 20, POD, replace(lost, lost=LostReading(3, 2.5, 31.0)))
    assert pods.take_loss() == Loss(2, 0.5, 1.0)
    assert told((5, lost)).take_loss() == Loss(), "who looks for the first time has missed nothing"


def test_one_that_was_asked_once_is_as_fast_as_since_its_start() -> None:
    assert gone(told((10, reading(100))), 12) == Loss(1, 2.0, 20.0)


def test_a_silent_pod_that_is_there_lost_nothing() -> None:
    pods = told((5, reading(100)), (10, reading(160)))
    pods.keep(START + 600.0, frozenset({"uid-1"}))
    assert pods.take_loss() == Loss()


@pytest.mark.parametrize("ahead", [0, 420, -420])
def test_a_restarted_container_lost_nothing_after_its_next_process_began_by_whatever_clock(ahead: int) -> None:
    clock = START + ahead
    looks = [(5, 100, 0), (10, 160, 0), (25, 3, 13)]
    said = [(at, replace(reading(rows, started=clock + began), clock=clock + at)) for at, rows, began in looks]
    pods = told(*said)
    assert pods.take_loss() == Loss(1, 3.0, 36.0)


def test_clocks_that_differ_make_no_negative_loss() -> None:
    pods = told((5, reading(100, started=START + 900)))
    assert gone(pods, 1) == Loss(1, 0.0, 0.0)


def test_losses_are_series_of_models_that_there_are() -> None:
    registry = CollectorRegistry()
    models = [{"metadata": {"namespace": "team-a", "name": name}} for name in ("churn", "fraud")]
    lost = {("team-a", "churn"): Loss(1, 4.0, 48.0), ("team-a", "former"): Loss(1, 1.0, 1.0)}
    registry.register(LossSeries(lambda: lost, lambda: models))
    lines = set(generate_latest(registry).decode().splitlines())
    assert 'weirkeeper_evidence_lost_servers_total{model="churn",namespace="team-a"} 1.0' in lines
    assert 'weirkeeper_evidence_lost_seconds_total{model="churn",namespace="team-a"} 4.0' in lines
    assert 'weirkeeper_evidence_lost_rows_total{model="churn",namespace="team-a"} 48.0' in lines
    assert 'weirkeeper_evidence_lost_rows_total{model="fraud",namespace="team-a"} 0.0' in lines
    assert not [line for line in lines if "former" in line]


def test_rows_are_read_off_any_input() -> None:
    assert reading(7).rows == 7
    assert replace(reading(7), inputs={}).rows == 0
