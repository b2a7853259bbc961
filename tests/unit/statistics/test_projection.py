"""A changed correlation is seen where no column by itself moved, and nothing is seen where nothing changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from weirkeeper.statistics import ProfileCounters, Projection, ReferenceProfile, WindowReport, alarm_share, assess
from weirkeeper.statistics.projecting import PAIR_AXES

ROWS = 4000


def pair(rng: np.random.Generator, correlation: float, rows: int = ROWS) -> dict[str, Any]:
    """Two columns whose marginals are the same whatever their correlation: a normal and a lognormal one."""
    one, other = rng.normal(size=(2, rows))
    mixed = correlation * one + np.sqrt(1 - correlation**2) * other
    return {"age": 40 + 12 * one, "income": np.exp(10 + 0.5 * mixed)}


def judged(reference: dict[str, Any], live: dict[str, Any]) -> WindowReport:
    profile = ReferenceProfile.from_columns(reference, {})
    counters = ProfileCounters(profile)
    counters.ingest(live, {})
    alpha = alarm_share(0.1, 3600, len(profile.features))
    return assess(profile, counters.totals()["inputs"], alpha=alpha)


@pytest.mark.parametrize(("before", "after"), [(0.8, 0.0), (0.0, 0.8), (0.0, -0.8), (-0.7, 0.7), (0.5, 0.9)])
def test_a_changed_correlation_is_seen_with_the_marginals_unchanged(before: float, after: float) -> None:
    rng = np.random.default_rng(3)
    report = judged(pair(rng, before), pair(rng, after))
    assert report.state == "Drifting"
    assert all(feature.joint for feature in report.drifting)
    assert not any(feature.drifting for feature in report.features if feature.name in ("age", "income"))
    assert report.message.startswith("0 of 2 inputs and".replace("inputs", "features"))
    assert report.drifting[0].name.startswith("correlation of age and income")


def test_a_shuffled_column_has_the_same_counts_and_another_correlation() -> None:
    """The strictest form: the live columns hold exactly the reference's values, so that no marginal can tell."""
    reference = pair(np.random.default_rng(4), 0.8)
    live = {**reference, "income": np.random.default_rng(5).permutation(reference["income"])}
    report = judged(reference, live)
    alone = {feature.name: feature.psi for feature in report.features if not feature.joint}
    assert alone == {"age": 0.0, "income": 0.0}
    assert report.state == "Drifting"
    # Of a lognormal column Pearson's 0.8 of the logarithms is a little less.
    assert "about 0.7" in report.drifting[0].message.replace("about 0.8", "about 0.7")
    assert "→ -0.0" in report.drifting[0].message or "→ 0.0" in report.drifting[0].message


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.95, -0.9])
def test_the_same_correlation_is_no_drift(correlation: float) -> None:
    rng = np.random.default_rng(6)
    assert judged(pair(rng, correlation), pair(rng, correlation)).state == "OK"


def test_a_shifted_column_is_named_alone() -> None:
    rng = np.random.default_rng(7)
    live = pair(rng, 0.8)
    report = judged(pair(rng, 0.8), {**live, "age": live["age"] + 12})
    assert [feature.name for feature in report.drifting] == ["age"]
    assert not any(feature.joint for feature in report.features)


def test_a_broken_sum_of_many_columns_is_seen() -> None:
    rng = np.random.default_rng(8)

    def bill(rows: int) -> dict[str, Any]:
        parts = {f"part {i}": rng.gamma(4, 10, rows) for i in range(6)}
        return {**parts, "total": np.sum(list(parts.values()), axis=0)}

    live = bill(ROWS)
    live["total"] = rng.permutation(live["total"])
    report = judged(bill(ROWS), live)
    assert report.drifting[0].name.startswith("combination of total")
    assert "spread 0" in report.drifting[0].message


def test_one_column_broken_off_from_thirty_is_seen() -> None:
    rng = np.random.default_rng(9)

    def table(rows: int) -> dict[str, Any]:
        common = rng.normal(size=rows)
        return {f"x{i:02}": 0.9 * common + 0.5 * rng.normal(size=rows) for i in range(30)}

    live = table(ROWS)
    live["x07"] = rng.permutation(live["x07"])
    profile = ReferenceProfile.from_columns(table(ROWS), {})
    counters = ProfileCounters(profile)
    counters.ingest(live, {})
    report = assess(profile, counters.totals()["inputs"], alpha=1e-6)
    assert report.state == "Drifting"
    assert all("x07" in feature.columns for feature in report.drifting)


def test_projections_are_few_and_the_same_each_time() -> None:
    rng = np.random.default_rng(10)
    columns = {f"x{i}": rng.normal(size=500) for i in range(60)}
    one, other = (ReferenceProfile.from_columns(columns, {}) for _ in range(2))
    joint = [feature for feature in one.features if isinstance(feature.view, Projection)]
    assert 0 < len(joint) <= PAIR_AXES + 3
    assert one.sha256 == other.sha256


def test_rows_that_lack_a_column_lack_its_correlations() -> None:
    rng = np.random.default_rng(11)
    reference = pair(rng, 0.8)
    counters = ProfileCounters(ReferenceProfile.from_columns(reference, {}))
    counters.ingest({"age": np.array([40.0, np.nan, 41.0]), "income": np.array([1e4, 1e4, np.inf])}, {})
    counters.ingest({"age": np.array([40.0, 41.0])}, {})
    counters.ingest({"age": np.array([40, "40", None], dtype=object), "income": np.array([1e4, 1e4, 1e4])}, {})
    found = counters.totals()["inputs"]["correlation of age and income (difference)"]
    assert (sum(found["counts"]), found["missing"], found["invalid"]) == (3, 5, 0)


@pytest.mark.parametrize("column", [np.ones(200), np.full(200, np.nan), np.full(200, 1e308), np.full(200, 5e-324)])
def test_a_column_that_does_not_vary_has_no_correlation(column: Any) -> None:
    profile = ReferenceProfile.from_columns({"x": np.arange(200.0), "y": column}, {})
    assert [feature.name for feature in profile.features] == ["x", "y"]


def test_columns_that_are_multiples_of_each_other_have_an_axis_without_width() -> None:
    values = np.random.default_rng(12).normal(1e6, 3, 1000)
    profile = ReferenceProfile.from_columns({"metres": values, "feet": values * 3.28084}, {})
    joint = next(feature for feature in profile.features if isinstance(feature.view, Projection))
    assert len(joint.atoms) == 1
    counters = ProfileCounters(profile)
    counters.ingest({"metres": values, "feet": (values * 3.28084).astype(np.float64)}, {})
    assert tuple(counters.totals()["inputs"][joint.name]["counts"]) == joint.counts
