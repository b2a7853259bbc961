"""The drift decision keeps its budget of false alarms at every window size, and still sees what matters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from weirkeeper.statistics import ProfileCounters, ReferenceProfile, WindowReport, assess

ALPHA = 0.01
WINDOWS = 250
TOGETHER = 3
DELTAS = (0.0, 0.1)


def columns(rng: np.random.Generator, rows: int, shift: float = 0.0) -> dict[str, Any]:
    income = rng.lognormal(10, 1, rows)
    return {
        "normal": rng.normal(0, 1, rows) + shift,
        "lognormal": income,
        "region": rng.choice([f"r{i}" for i in range(12)], rows, p=np.arange(12, 0, -1) / 78),
        "visits": rng.poisson(2, rows).clip(0, 9),
        "inflated": np.where(rng.random(rows) < 0.5, 0.0, income),
    }


def counted(profile: ReferenceProfile, live: dict[str, Any]) -> dict[str, Any]:
    counters = ProfileCounters(profile)
    counters.ingest(live, {})
    counts: dict[str, Any] = counters.totals()["inputs"]
    return counts


def judged(profile: ReferenceProfile, live: dict[str, Any], delta: float) -> WindowReport:
    return assess(profile, counted(profile, live), alpha=ALPHA, delta=delta, min_rows=100)


@pytest.mark.parametrize("rows", [100, 500, 5000])
def test_the_budget_of_false_alarms_holds(rows: int) -> None:
    rng = np.random.default_rng(rows)
    alarms, checks = dict.fromkeys(DELTAS, 0), dict.fromkeys(DELTAS, 0)
    # Each reference has its own edges and its own error: the budget is an average over both samples.
    for _ in range(10):
        profile = ReferenceProfile.from_columns(columns(rng, 5000), {})
        for _ in range(WINDOWS // 10):
            # Both look at the same windows: to count them is what takes long.
            counts = counted(profile, columns(rng, rows))
            for delta in DELTAS:
                report = assess(profile, counts, alpha=ALPHA, delta=delta, min_rows=100)
                alarms[delta] += len(report.drifting)
                checks[delta] += len(report.features)
    for delta in DELTAS:
        # Correlations with one column share its rows: their alarms come together, as if there were fewer of them.
        allowed = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / (checks[delta] / TOGETHER))
        assert alarms[delta] / checks[delta] <= allowed, delta


def test_the_budget_is_not_kept_by_never_alarming() -> None:
    rng = np.random.default_rng(9)
    profile = ReferenceProfile.from_columns(columns(rng, 5000), {})
    alarms = sum(len(judged(profile, columns(rng, 500, shift=0.25), 0.0).drifting) for _ in range(20))
    assert alarms >= 15


@pytest.mark.parametrize("delta", [0.1, 0.2])
def test_a_shift_of_one_and_a_half_deviations_is_seen_in_500_rows(delta: float) -> None:
    rng = np.random.default_rng(10)
    profile = ReferenceProfile.from_columns(columns(rng, 2000), {})
    for _ in range(20):
        report = judged(profile, columns(rng, 500, shift=1.5), delta)
        assert report.state == "Drifting"
        assert report.features[0].name == "normal"
