"""Reference values: vectors/drift.json and judge.json, and SciPy where it has the distance."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp, ncx2, wasserstein_distance
from scipy.stats.contingency import association

from tests.unit.statistics.splits import NUMERIC, SPLITS, VECTORS
from weirkeeper.statistics import (
    ProfileCounters,
    ReferenceProfile,
    compare,
    effective_size,
    hellinger,
    homogeneity,
    jensen_shannon,
    kolmogorov_smirnov,
    l_infinity,
    pooled,
    psi,
    psi_debiased,
    psi_lower,
    psi_threshold,
    total_variation,
    wasserstein,
)
from weirkeeper.statistics.counters import FeatureCounter
from weirkeeper.statistics.feature import FeatureProfile

JUDGE: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "judge.json").read_text())
counts = st.lists(st.integers(0, 500), min_size=2, max_size=12).filter(any)


def binned(split: str, name: str) -> tuple[FeatureProfile, list[int]]:
    reference, live = SPLITS[split]
    feature = ReferenceProfile.from_columns({name: reference[name]}, {}).features[0]
    counter = FeatureCounter(feature)
    counter.ingest(live[name])
    return feature, counter.totals()["counts"]


@pytest.mark.parametrize(("split", "name"), NUMERIC)
def test_bins_are_those_of_the_reference_vectors(split: str, name: str) -> None:
    feature, live = binned(split, name)
    expected = VECTORS[split][name]["ours"]
    assert feature.edges == pytest.approx(expected["edges"], abs=1e-9)
    assert list(feature.counts) == expected["ref_counts"]
    assert live == expected["cur_counts"]


@pytest.mark.parametrize(("split", "name"), NUMERIC)
def test_numeric_distances_have_their_reference_values(split: str, name: str) -> None:
    feature, live = binned(split, name)
    a, b = pooled(feature.counts, live)
    size = effective_size(sum(feature.counts), sum(live))
    bracket = kolmogorov_smirnov(feature.counts, live)
    found = {
        "psi_jeffreys": psi(a, b),
        "psi_bias": (a.size - 1) / size,
        "psi_debiased": psi_debiased(psi(a, b), a.size, size),
        "psi_lower95": psi_lower(psi(a, b), a.size, size, 0.05),
        "psi_threshold_gt0p1_999": psi_threshold(a.size, size, 0.1, 0.001),
        "js_distance_nat": jensen_shannon(feature.counts, live),
        "js_distance_base2": jensen_shannon(feature.counts, live) / math.sqrt(math.log(2)),
        "hellinger": hellinger(feature.counts, live),
        "tv": total_variation(feature.counts, live),
        "ks_binned_lower": bracket.lower,
        "ks_binned_upper": bracket.upper,
    }
    expected = VECTORS[split][name]["ours"]
    assert found == pytest.approx({key: expected[key] for key in found}, abs=1e-9)


@pytest.mark.parametrize(("split", "name"), NUMERIC)
def test_the_bracket_holds_the_exact_kolmogorov_smirnov_distance(split: str, name: str) -> None:
    feature, live = binned(split, name)
    exact = ks_2samp(SPLITS[split].reference[name], SPLITS[split].live[name]).statistic
    bracket = kolmogorov_smirnov(feature.counts, live)
    assert bracket.lower - 1e-12 <= exact <= bracket.upper + 1e-12


@pytest.mark.parametrize("split", list(SPLITS))
def test_categorical_distances_have_their_reference_values(split: str) -> None:
    feature, live = binned(split, "cat")
    expected = VECTORS[split]["cat"]["scipy"]
    order = [list(feature.values).index(key) for key in expected["keys"]]
    reference, live = [feature.counts[i] for i in order], [live[i] for i in order]
    assert (reference, live) == (expected["ref_counts"], expected["cur_counts"])
    test = homogeneity(reference, live)
    found = {
        "chi2_homogeneity": test.chi2,
        "chi2_homogeneity_p": test.p_value,
        "cramers_v": test.cramers_v,
        "js_distance_nat": jensen_shannon(reference, live),
        "l_infinity": l_infinity(reference, live),
        "tv": total_variation(reference, live),
        "psi_jeffreys": psi(reference, live),
        "psi_bias": (len(live) - 1) / effective_size(sum(reference), sum(live)),
    }
    assert found == pytest.approx({key: expected[key] for key in found}, abs=1e-9)


@pytest.mark.parametrize("case", JUDGE["psi_jeffreys"])
def test_smoothed_psi_has_its_reference_values(case: dict[str, Any]) -> None:
    assert psi(*pooled(case["ref"], case["cur"])) == pytest.approx(case["psi"], abs=1e-12)


@pytest.mark.parametrize("case", JUDGE["psi_threshold"])
def test_thresholds_have_their_reference_values(case: dict[str, Any]) -> None:
    size = effective_size(case["n"], case["m"])
    found = psi_threshold(case["B"], size, case["psi0"], case["alpha"])
    assert found == pytest.approx(case["threshold"], rel=1e-9)


def test_a_bracket_has_its_reference_values() -> None:
    case = JUDGE["hist_brackets"]
    edges = np.round(np.arange(1, 10) / 10, 10)
    reference = np.bincount(np.searchsorted(edges, np.arange(1000) / 1000, side="left"), minlength=10)
    live = np.bincount(np.searchsorted(edges, np.sqrt(np.arange(400) / 400), side="left"), minlength=10)
    assert kolmogorov_smirnov(reference, live) == pytest.approx((case["ks_lo"], case["ks_hi"]), abs=1e-9)
    found = wasserstein([0.0, *edges.tolist(), 1.0], reference, live)
    assert found == pytest.approx((case["w1_lo"], case["w1_interp"], case["w1_hi"]), abs=1e-9)


def test_the_lower_bound_solves_the_noncentral_distribution() -> None:
    size = effective_size(10_000, 500)
    lower = psi_lower(0.3, 10, size, 0.05)
    assert ncx2.cdf(size * 0.3, 9, size * lower) == pytest.approx(0.95, rel=1e-9)


@given(counts, st.data())
def test_distances_are_distances(reference: list[int], data: st.DataObject) -> None:
    live = data.draw(st.lists(st.integers(0, 500), min_size=len(reference), max_size=len(reference)).filter(any))
    for distance in (jensen_shannon, hellinger, total_variation, l_infinity):
        assert 0.0 <= distance(reference, live) <= 1.0
        assert distance(reference, live) == pytest.approx(distance(live, reference), abs=1e-12)
        # A square root turns the last digit of 1 into some 1e-8.
        assert distance(reference, reference) == pytest.approx(0.0, abs=1e-7)
    assert jensen_shannon(reference, live) == pytest.approx(float(jensenshannon(reference, live)), abs=1e-7)
    assert psi(*pooled(reference, live)) >= 0.0


@given(st.lists(st.integers(50, 500), min_size=2, max_size=8), st.data())
def test_homogeneity_agrees_with_scipy(reference: list[int], data: st.DataObject) -> None:
    live = data.draw(st.lists(st.integers(30, 500), min_size=len(reference), max_size=len(reference)))
    a, b = pooled(reference, live)
    if a.size < 2:
        return
    expected = chi2_contingency(np.stack((a, b)), correction=False)
    test = homogeneity(reference, live)
    assert test.chi2 == pytest.approx(expected.statistic, abs=1e-9)
    assert test.p_value == pytest.approx(expected.pvalue, rel=1e-8)
    assert test.df == expected.dof


def test_conventions_are_those_that_are_stated() -> None:
    """Of what has nothing in common: the base of the logarithm, the factor, and that nothing is smoothed but PSI."""
    apart = [1000, 0], [0, 1000]
    found = [distance(*apart) for distance in (jensen_shannon, hellinger, total_variation, l_infinity)]
    assert found == pytest.approx([math.sqrt(math.log(2)), 1.0, 1.0, 1.0])
    assert kolmogorov_smirnov(*apart) == (1.0, 1.0)
    assert psi(*apart) == pytest.approx(2 * (1000 / 1001) * math.log(1000.5 / 0.5))


def test_pooling_merges_what_is_rare_and_drops_what_is_nowhere() -> None:
    a, b = pooled([500, 480, 12, 8], [60, 35, 3, 2])
    assert (a.tolist(), b.tolist()) == ([500, 480, 20], [60, 35, 5])
    a, b = pooled([500, 500, 0], [50, 50, 0])
    assert (a.tolist(), b.tolist()) == ([500, 500], [50, 50])
    a, b = pooled([500, 500, 0], [50, 40, 10])
    assert (a.tolist(), b.tolist()) == ([500, 500, 0], [50, 40, 10])


def test_one_bin_is_no_distance() -> None:
    assert psi([10], [7]) == 0.0
    assert homogeneity([100, 0], [80, 0]) == (0.0, 0, 1.0, 0.0)


def test_no_values_have_no_distance() -> None:
    with pytest.raises(ValueError, match="Insufficient"):
        jensen_shannon([1, 2], [0, 0])


@pytest.mark.parametrize(("split", "name"), NUMERIC)
def test_a_comparison_has_every_distance_of_the_vectors(split: str, name: str) -> None:
    reference, live = SPLITS[split]
    feature = ReferenceProfile.from_columns({name: reference[name]}, {}).features[0]
    counter = FeatureCounter(feature)
    counter.ingest(live[name])
    found = compare(feature, counter.totals())
    expected = VECTORS[split][name]["ours"]
    told = (found.psi, found.psi_debiased, found.psi_lower, found.js, found.hellinger, found.total_variation)
    keys = ("psi_jeffreys", "psi_debiased", "psi_lower95", "js_distance_nat", "hellinger", "tv")
    assert told == pytest.approx([expected[key] for key in keys], abs=1e-9)
    assert found.ks == pytest.approx((expected["ks_binned_lower"], expected["ks_binned_upper"]), abs=1e-9)
    assert found.w1 is not None
    assert found.w1_scaled == pytest.approx(found.w1.interpolated / np.std(reference[name]))


@pytest.mark.parametrize(("split", "name"), NUMERIC)
def test_the_bracket_holds_the_exact_wasserstein_distance(split: str, name: str) -> None:
    """Of values within the reference's range: what lies beyond is taken to lie at its ends."""
    reference, live = SPLITS[split].reference[name], SPLITS[split].live[name]
    exact = wasserstein_distance(reference, live.clip(reference.min(), reference.max()))
    counters = ProfileCounters(ReferenceProfile.from_columns({name: reference}, {}))
    counters.ingest({name: live}, {})
    found = compare(counters.profile.features[0], counters.totals()["inputs"][name]).w1
    assert found is not None
    assert found.lower - 1e-9 <= exact <= found.upper + 1e-9
    assert found.lower <= found.interpolated <= found.upper


@given(counts, st.data())
def test_the_wasserstein_distance_of_values_at_the_limits_agrees_with_scipy(
    reference: list[int], data: st.DataObject
) -> None:
    live = data.draw(st.lists(st.integers(0, 500), min_size=len(reference), max_size=len(reference)).filter(any))
    limits = np.cumsum(data.draw(st.lists(st.integers(1, 9), min_size=len(live) + 1, max_size=len(live) + 1)))
    found = wasserstein(limits.tolist(), reference, live)
    for places in (limits[1:], limits[:-1]):
        exact = wasserstein_distance(places, places, reference, live)
        assert found.lower - 1e-9 <= exact <= found.upper + 1e-9


@given(st.lists(st.integers(50, 500), min_size=3, max_size=8), st.data())
def test_cramers_v_agrees_with_scipy(reference: list[int], data: st.DataObject) -> None:
    live = data.draw(st.lists(st.integers(60, 500), min_size=len(reference), max_size=len(reference)))
    a, b = pooled(reference, live)
    expected = association(np.stack((a, b)).astype(int), method="cramer")
    assert homogeneity(reference, live).cramers_v == pytest.approx(expected, abs=1e-9)
