"""Offline metrics' 95 % intervals: how often they hold the value of a very large sample."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.unit.bundling.test_metrics import by_name, classified
from weirkeeper.bundling import metrics
from weirkeeper.bundling.metrics import Answers, measure

SAMPLES = 150
FEWEST, MOST = 132, 150
"""Of 150 samples, 95 % are 142.5; a percentile bootstrap of 150 rows covers a little less, 88 % is the bound."""


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough for a percentile's coverage, in a fifth of the time."""
    monkeypatch.setattr(metrics, "RESAMPLES", 200)


def test_intervals_of_a_classifier_cover_what_is_true() -> None:
    random = np.random.default_rng(99)
    truth = by_name(measure(*classified(20_000, ["a", "b"], 1.0, random), "HeldOut"))
    covered: Counter[str] = Counter()
    for _ in range(SAMPLES):
        for name, metric in by_name(measure(*classified(150, ["a", "b"], 1.0, random), "HeldOut")).items():
            covered[name] += metric.low <= truth[name].value <= metric.high
    assert len(covered) == 7
    assert all(FEWEST <= count < MOST for count in covered.values()), covered


def test_intervals_of_a_regressor_cover_what_is_true() -> None:
    random = np.random.default_rng(98)
    truth = {"MAE": np.sqrt(2 / np.pi), "RMSE": 1.0}
    covered: Counter[str] = Counter()
    for _ in range(SAMPLES):
        actual = random.normal(size=150)
        for name, metric in by_name(measure(actual, Answers(np.zeros(150), None, None), "HeldOut")).items():
            covered[name] += bool(metric.low <= truth[name] <= metric.high)
    assert all(FEWEST <= covered[name] < MOST for name in truth), covered
