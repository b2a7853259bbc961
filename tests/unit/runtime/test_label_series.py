"""What labels said, as Prometheus reads it."""

from __future__ import annotations

import subprocess

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest

from tests.cluster.programs import promtool
from weirkeeper.runtime import label_series
from weirkeeper.runtime.label_series import LabelSeries
from weirkeeper.statistics.intervals import Share, wilson
from weirkeeper.statistics.labels import LabelCounts

PLACE = 'model="churn",namespace="team-a"'


def counts() -> LabelCounts:
    found = LabelCounts()
    for predicted, actual in (("stay", "stay"), ("stay", "leave"), ("leave", "leave"), ("leave", "leave")):
        found.add_class(predicted, actual, "stay")
    found.add_value(2.5)
    return found


def exposition() -> str:
    registry = CollectorRegistry()
    segments = {"": counts(), "region=north": counts()}
    registry.register(LabelSeries(lambda: {("team-a", "churn"): {"churn-1": segments}}))
    return generate_latest(registry).decode()


def test_labels_are_told_by_revision_and_segment() -> None:
    lines = set(exposition().splitlines())
    revision = f'{PLACE},revision="churn-1"'
    assert {
        f'weirkeeper_labels_total{{{revision},segment=""}} 4.0',
        f'weirkeeper_labels_total{{{revision},segment="region=north"}} 4.0',
        f'weirkeeper_labels_correct_total{{{revision},segment=""}} 3.0',
        f'weirkeeper_labels_confusion_total{{actual="leave",{PLACE},predicted="stay",revision="churn-1"}} 1.0',
        f'weirkeeper_labels_valued_total{{{revision},segment=""}} 1.0',
        f'weirkeeper_labels_value{{{revision},segment=""}} 2.5',
        f'weirkeeper_performance{{metric="Accuracy",{revision},segment=""}} 0.75',
        f'weirkeeper_performance{{metric="Precision",{revision},segment=""}} 0.5',
    } <= lines


def test_a_metric_has_its_interval_as_far_as_it_has_one() -> None:
    found = {
        line.split("{")[0]: line for line in exposition().splitlines() if 'segment=""' in line and "Accuracy" in line
    }
    low, high = (float(found[f"weirkeeper_performance_{side}"].split()[-1]) for side in ("low", "high"))
    assert (low, high) == pytest.approx(wilson(Share(3, 4)))
    assert not [line for line in exposition().splitlines() if "performance_low" in line and "Value" in line]


def test_a_large_confusion_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_series, "MOST_PAIRS", 2)
    assert "confusion_total{" not in exposition()
    assert "weirkeeper_labels_correct_total{" in exposition()


def test_promtool_finds_nothing_wrong() -> None:
    subprocess.run([promtool(), "check", "metrics"], input=exposition(), text=True, check=True)
