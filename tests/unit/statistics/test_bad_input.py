"""Whatever is given, what comes back is an answer or an error of the one tree, never NaN or an error of Python's."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

from weirkeeper.statistics import (
    FeaturePolicy,
    History,
    ProfileCounters,
    ReferenceProfile,
    StatisticsError,
    alarm_share,
    assess,
    hellinger,
    homogeneity,
    jensen_shannon,
    psi_lower,
    psi_threshold,
    total_variation,
    wasserstein,
)

RNG = np.random.default_rng(1)
PROFILE = ReferenceProfile.from_columns({"x": RNG.normal(size=500), "c": RNG.choice(list("ab"), 500)}, {})
COUNTERS = ProfileCounters(PROFILE)
COUNTERS.ingest({"x": RNG.normal(size=600), "c": RNG.choice(list("ab"), 600)}, {})
COUNTS: dict[str, Any] = COUNTERS.totals()["inputs"]


def changed(part: str, value: Any) -> dict[str, Any]:
    counts = copy.deepcopy(COUNTS)
    counts["x"][part] = value
    return counts


BAD: dict[str, dict[str, Any]] = {
    "negative": changed("counts", [-3, *COUNTS["x"]["counts"][1:]]),
    "not a number": changed("counts", [*COUNTS["x"]["counts"][1:], math.nan]),
    "infinite": changed("counts", [math.inf, *COUNTS["x"]["counts"][1:]]),
    "beyond any count": changed("counts", [10**400, *COUNTS["x"]["counts"][1:]]),
    "text": changed("counts", "abc"),
    "none": changed("counts", None),
    "other bins": changed("counts", [1, 2]),
    "missing that is negative": changed("missing", -1),
    "missing that is no number": changed("missing", math.nan),
    "missing beyond any count": changed("missing", 10**400),
    "without missing": {"x": {key: value for key, value in COUNTS["x"].items() if key != "missing"}},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("where", ["window", "slots", "past"])
def test_counts_that_are_none_are_an_error_that_names_the_feature(bad: dict[str, Any], where: str) -> None:
    history = History(slots=[bad] * 4) if where == "slots" else History(past=[bad] if where == "past" else [])
    report = assess(PROFILE, bad if where == "window" else COUNTS, alpha=0.01, history=history)
    assert report.state == "Error"
    assert "feature 'x' " in report.message


def test_counts_that_are_no_mapping_are_an_error_too() -> None:
    report = assess(PROFILE, {"x": 3, "c": COUNTS["c"]}, alpha=0.01)  # type: ignore[dict-item]
    assert report.state == "Error"
    assert "feature 'x' was counted in 3 for bins" in report.message


@pytest.mark.parametrize("alpha", [0.0, -1.0, 0.6, math.nan])
def test_a_probability_that_is_none_is_refused(alpha: float) -> None:
    with pytest.raises(StatisticsError, match="give the probability of a false alarm"):
        assess(PROFILE, COUNTS, alpha=alpha)


@pytest.mark.parametrize("delta", [-0.1, math.nan, math.inf, 11.0])
def test_a_delta_that_is_none_is_refused(delta: float) -> None:
    for asked in ({"delta": delta}, {"overrides": {"x": FeaturePolicy(delta=delta)}}):
        with pytest.raises(StatisticsError, match=f"delta is {delta}; give the population stability index"):
            assess(PROFILE, COUNTS, alpha=0.01, **asked)


@pytest.mark.parametrize(("monthly", "seconds"), [(0.0, 60.0), (-1.0, 60.0), (math.nan, 60.0), (1.0, 0.0), (1.0, -5.0)])
def test_a_budget_that_is_none_is_refused(monthly: float, seconds: float) -> None:
    with pytest.raises(StatisticsError, match="give both above 0"):
        alarm_share(monthly, seconds, 3)


@pytest.mark.parametrize(
    ("bins", "size", "alpha"), [(1, 100.0, 0.1), (3, 0.0, 0.1), (3, 100.0, 0.0), (3, math.nan, 0.1)]
)
def test_thresholds_of_nothing_are_refused(bins: int, size: float, alpha: float) -> None:
    with pytest.raises(StatisticsError, match="expected at least 2 bins"):
        psi_threshold(bins, size, 0.1, alpha)
    with pytest.raises(StatisticsError, match="expected at least 2 bins"):
        psi_lower(0.1, bins, size, alpha)


def test_thresholds_of_an_index_that_is_none_are_refused() -> None:
    with pytest.raises(StatisticsError, match="a delta of -1"):
        psi_threshold(3, 100.0, -1, 0.1)
    with pytest.raises(StatisticsError, match="a PSI of nan"):
        psi_lower(math.nan, 3, 100.0, 0.1)


def test_distances_of_nothing_and_of_more_than_floats_hold_are_refused() -> None:
    with pytest.raises(StatisticsError, match="no values at all"):
        homogeneity([0, 0], [0, 0])
    with pytest.raises(StatisticsError, match="2 limits were given for 3 intervals"):
        wasserstein([0, 1], [1, 2, 3], [1, 2, 3])
    for distance in (jensen_shannon, hellinger, total_variation):
        with pytest.raises(StatisticsError, match="expected numbers of at least 0"):
            distance([1e308, 1e308], [1, 2])  # type: ignore[list-item]
