"""The rest of vectors/judge.json: means, learnt rates, bands, quantiles, areas under curves, widths of latency bins."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weirkeeper.statistics import Block, upper_edge_us
from weirkeeper.statistics.empirical import BAND_CONSTANTS, band_error, quantile_log_e, uniform_band
from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.latency import relative_error
from weirkeeper.statistics.means import MeanBlock, MeanDifference, log_e_of_mean, mixture_width
from weirkeeper.statistics.scores import area_under_curve
from weirkeeper.statistics.two_sample import PluginTest

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "judge.json").read_text())
HOEFFDING = 0.25
"""The largest variance of a value between 0 and 1."""


def test_a_difference_of_means_has_its_reference_values() -> None:
    case, difference, found = VECTORS["blockmean"], MeanDifference(), []
    width = mixture_width(case["alpha"], case["v_opt"])
    for block in case["blocks"]:
        difference = difference.with_block(MeanBlock(*block), HOEFFDING)
        found.append(log_e_of_mean(difference, width))
    assert found == pytest.approx(case["loge"], abs=1e-6)


def test_learnt_rates_have_their_reference_values() -> None:
    test, found = PluginTest(), []
    for block in VECTORS["seqcmh_upper_psi0_1.0"]["blocks"]:
        test = test.with_block(Block(*block))
        found.append(test.log_e)
    assert found == pytest.approx([0.0, 5.173388, 4.400353, 13.097420], abs=1e-6)


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.001])
def test_a_band_has_its_reference_values(alpha: float) -> None:
    case = VECTORS["hr_lil"]
    assert case["C"][str(alpha)] == BAND_CONSTANTS[alpha]
    assert band_error(BAND_CONSTANTS[alpha], case["A"]) == pytest.approx(alpha, rel=1e-6)
    for values, width in case["band"][str(alpha)].items():
        assert uniform_band(int(values), alpha, case["t_min"]) == pytest.approx(width, abs=1e-9)


@pytest.mark.parametrize("case", VECTORS["quantile_reg"])
def test_a_comparison_of_quantiles_has_its_reference_values(case: dict[str, Any]) -> None:
    found = quantile_log_e(case["hs"], case["hc"], case["p"], case["shift_bins"], case["grid"])
    assert found == pytest.approx(case["loge"], abs=1e-9)


@pytest.mark.parametrize("case", VECTORS["auc_hist"])
def test_a_binned_auc_has_its_reference_values(case: dict[str, Any]) -> None:
    random = np.random.default_rng(0)
    negatives, positives = random.beta(2, 4, 3000), random.beta(4, 2, 1000)
    edges = np.arange(1, case["B"]) / case["B"]
    counted = [
        np.bincount(np.searchsorted(edges, part, "right"), minlength=case["B"]) for part in (negatives, positives)
    ]
    found = area_under_curve(*(part.tolist() for part in counted))
    assert found is not None
    assert (found.value, found.half_width) == pytest.approx((case["auc_hist"], case["halfwidth"]), abs=1e-9)
    assert abs(found.value - case["auc_exact"]) <= found.half_width


@pytest.mark.parametrize("schema", [0, 2, 3, 4, 5, 8])
def test_log_spaced_bins_have_their_reference_widths(schema: int) -> None:
    expected = VECTORS["sketch_error"][f"native_schema_{schema}"]
    assert relative_error(2**schema) == pytest.approx(expected["rel_half_width"], abs=1e-12)


def test_our_latency_bins_are_those_of_native_schema_4() -> None:
    expected = VECTORS["sketch_error"]["native_schema_4"]
    assert upper_edge_us(101) / upper_edge_us(100) == pytest.approx(expected["growth"], abs=1e-12)
    assert relative_error() == pytest.approx(expected["rel_half_width"], abs=1e-12)


def test_far_below_the_null_the_evidence_is_small_not_undefined() -> None:
    far = MeanDifference(-1e6, 100.0)
    assert -1e9 < log_e_of_mean(far, 50.0) < -5.0
    near, beyond = (log_e_of_mean(MeanDifference(x, 1e-9), 1.0) for x in (-34.999999, -35.000001))
    assert near == pytest.approx(beyond, abs=1e-5)


def test_areas_under_curves_of_several_days_are_weighed_by_what_they_tell() -> None:
    random, difference = np.random.default_rng(12), MeanDifference()
    for _ in range(8):
        arms = []
        for shift in (1.2, 0.6):
            parts = (random.normal(0, 1, 400), random.normal(shift, 1, 250))
            counted = [np.histogram(part, np.linspace(-6, 8, 101))[0].tolist() for part in parts]
            arms.append(area_under_curve(*counted))
        stable, candidate = arms
        assert stable is not None
        assert candidate is not None
        difference = difference.with_estimate(stable.value - candidate.value, stable.variance + candidate.variance)
    assert difference.excess / difference.variance == pytest.approx(0.80 - 0.66, abs=0.03)
    assert log_e_of_mean(difference, mixture_width(0.01, difference.variance)) > math.log(1e6)
    with pytest.raises(StatisticsError, match="above 0"):
        difference.with_estimate(0.1, 0.0)


def test_a_block_without_one_arm_says_nothing() -> None:
    assert MeanDifference().with_block(MeanBlock(0, 0.0, 5, 2.0), HOEFFDING) == MeanDifference()
    assert PluginTest().with_block(Block(0, 0, 3, 10)).log_e == 0.0


def test_what_cannot_be_judged_is_said() -> None:
    with pytest.raises(StatisticsError, match="variance of 0"):
        MeanDifference().with_block(MeanBlock(1, 1.0, 1, 1.0), 0.0)
    with pytest.raises(StatisticsError, match="finite sums"):
        MeanDifference().with_block(MeanBlock(1, math.inf, 1, 1.0), 1.0)
    with pytest.raises(StatisticsError, match="expected 0 < alpha"):
        mixture_width(0.7, 50.0)
    with pytest.raises(StatisticsError, match=r"alpha one of 0\.05"):
        uniform_band(1000, 0.2)
    with pytest.raises(StatisticsError, match="the same bins"):
        quantile_log_e([1, 2], [1], 0.5, 0)
