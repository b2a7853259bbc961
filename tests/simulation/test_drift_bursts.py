"""Rows that hang together, and drift that is slow: the budget of false alarms holds there too."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from weirkeeper.statistics import History, ProfileCounters, ReferenceProfile, add, assess
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.slow import SlowRule, Sums, with_counts

Rows = npt.NDArray[np.float64]

ALPHA = 0.01
FEATURES, WINDOWS, ROWS, SLOTS = 12, 30, 1200, 12
TOGETHER = 3
"""Correlations with one column share its rows: their alarms come together, as if there were fewer of them."""


def clusters(rng: np.random.Generator) -> Rows:
    return np.repeat(rng.normal(0, 1, (ROWS // 20, FEATURES)), 20, axis=0)


def autoregression(rng: np.random.Generator) -> Rows:
    rows = rng.normal(0, 1, (ROWS, FEATURES))
    for row in range(1, ROWS):
        rows[row] = 0.9 * rows[row - 1] + math.sqrt(1 - 0.9**2) * rows[row]
    return rows


def counted(profile: ReferenceProfile, rows: Rows) -> dict[str, Any]:
    counters = ProfileCounters(profile)
    counters.ingest({f"f{place}": column for place, column in enumerate(rows.T)}, {})
    found: dict[str, Any] = counters.totals()["inputs"]
    return found


@pytest.fixture(scope="module")
def profile() -> ReferenceProfile:
    rng = np.random.default_rng(1)
    return ReferenceProfile.from_columns({f"f{place}": rng.normal(0, 1, 5000) for place in range(FEATURES)}, {})


@pytest.mark.parametrize("make", [clusters, autoregression])
def test_bursts_stay_within_twice_the_budget_and_only_because_slots_tell_of_them(
    profile: ReferenceProfile, make: Callable[[np.random.Generator], Rows]
) -> None:
    rng = np.random.default_rng(2)
    alarms, checks = {"told": 0, "untold": 0}, {"told": 0, "untold": 0}
    for _ in range(WINDOWS):
        slots = [counted(profile, part) for part in np.array_split(make(rng), SLOTS)]
        window: dict[str, Any] = {}
        for slot in slots:
            window = add(window, slot)
        for name, history in (("told", History(slots)), ("untold", History())):
            report = assess(profile, window, alpha=ALPHA, delta=0.02, history=history)
            alarms[name] += len(report.drifting)
            checks[name] += len(report.features)
    # Twice the budget, and three standard errors of the simulation.
    allowed = 2 * ALPHA + 3 * math.sqrt(2 * ALPHA * (1 - 2 * ALPHA) / (checks["told"] / TOGETHER))
    assert alarms["told"] / checks["told"] <= allowed < alarms["untold"] / checks["untold"]


RUNS, LONGEST, ARL = 40, 100, 20


def first_alarm(rng: np.random.Generator, feature: FeatureProfile, shares: Rows, delta: float) -> int:
    """How many windows of 500 rows pass until the detector alarms, at most LONGEST."""
    sums = Sums()
    rest = dict.fromkeys(("missing", "invalid", "unseen", "posInf", "negInf", "sum"), 0)
    for window in range(1, LONGEST + 1):
        counts = {"counts": rng.multinomial(500, shares).tolist(), **rest}
        sums = with_counts(feature, counts, SlowRule(delta, 1 / ARL), sums) or sums
        if sums.log_r >= math.log(ARL):
            return window
    return LONGEST


def runs(delta: float, odds: Rows) -> Rows:
    """Run lengths, each with a reference of its own, whose error is a part of what happens."""
    rng = np.random.default_rng(3)
    lengths = []
    for _ in range(RUNS):
        reference = rng.multinomial(5000, np.full(10, 0.1))
        feature = FeatureProfile("x", "numeric", tuple(reference.tolist()), edges=tuple(map(float, range(9))))
        lengths.append(first_alarm(rng, feature, odds / odds.sum(), delta))
    return np.array(lengths, dtype=np.float64)


def test_windows_until_a_false_alarm_of_slow_drift_are_as_many_as_was_promised() -> None:
    lengths = runs(0.0, np.ones(10))
    assert lengths.mean() - 3 * lengths.std() / math.sqrt(RUNS) >= ARL


def test_a_drift_of_just_delta_is_no_slow_drift() -> None:
    odds = np.exp(np.linspace(-0.48, 0.48, 10))
    p = odds / odds.sum()
    assert float(((p - 0.1) * np.log(p / 0.1)).sum()) == pytest.approx(0.1, rel=0.1)
    lengths = runs(0.1, odds)
    assert lengths.mean() - 3 * lengths.std() / math.sqrt(RUNS) >= ARL


def test_slow_drift_beyond_delta_is_found() -> None:
    lengths = runs(0.1, np.exp(np.linspace(-0.8, 0.8, 10)))
    assert lengths.mean() + 3 * lengths.std() / math.sqrt(RUNS) < ARL
