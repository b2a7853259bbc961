"""Revisions side by side: offline, by the card and live."""

from __future__ import annotations

from tests.unit.model_report.world import FORMER, STABLE, found, model
from weirkeeper.model_report.compared import compared

CANDIDATE = "churn-77777777"


def test_offline_metrics_stand_beside_live_ones() -> None:
    rows = {name: cells for name, *cells in compared(found(), (), (FORMER, STABLE))}
    assert rows["AUC, offline"] == ["0.913", "0.913"]
    former, stable = rows["Accuracy, live"]
    assert former == "-"
    assert stable.startswith("0.900 (")
    assert stable.endswith(" 600 labels)")
    assert rows["errors, live"] == ["-", "0.1 % of 16,904"]


def test_the_card_is_of_the_revision_that_the_spec_asks_for() -> None:
    rows = {name: cells for name, *cells in compared(found(), (), (STABLE, CANDIDATE))}
    assert rows["Recall, by the card"] == ["-", "0.75"]
    assert rows["errors, live"] == ["0.1 % of 16,904", "0.1 % of 4,210"]


def test_a_revision_of_before_is_told_by_its_own_attempt() -> None:
    gates = [{"name": "errors", "verdict": "Fail", "candidate": {"requests": 326, "bad": 19}}]
    attempts = [
        {"attempt": 3, "revision": "churn-bb", "gates": gates},
        {"attempt": 2, "revision": "churn-bb", "gates": []},
    ]
    rows = compared(found(model=model(gates=[])), attempts, ("churn-bb", "churn-cc"))
    assert rows == [("errors, live", "5.8 % of 326", "-")]
