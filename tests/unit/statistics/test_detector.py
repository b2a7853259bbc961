from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import chi2, ncx2

from weirkeeper.statistics.detector import log_evidence, sustained_delta, with_window
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.noncentral import log_ncx2_densities
from weirkeeper.statistics.slow import SlowRule, slow_drift


@pytest.mark.parametrize("df", [1, 4, 9])
@pytest.mark.parametrize("x", [1e-3, 1.0, 30.0, 700.0])
def test_densities_agree_with_scipy(df: int, x: float) -> None:
    noncentralities = np.array([0.0, 0.5, 20.0, 900.0])
    found = log_ncx2_densities(x, df, noncentralities)
    expected = [float(ncx2.logpdf(x, df, one) if one else chi2.logpdf(x, df)) for one in noncentralities]
    assert found.tolist() == pytest.approx(expected, rel=1e-7)


def test_a_density_at_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        log_ncx2_densities(0.0, 3, np.zeros(1))


@pytest.mark.parametrize("true", [0.0, 0.05, 0.1])
def test_one_window_gives_an_e_value_at_delta_and_below(true: float) -> None:
    """Its mean over the window's distribution is at most 1, and 1 at delta itself."""
    bins, rows, delta = 10, 500.0, 0.1

    def integrand(x: float) -> float:
        density = ncx2.pdf(x, bins - 1, rows * true) if true else chi2.pdf(x, bins - 1)
        return math.exp(log_evidence(with_window((), x / rows, bins, rows, delta))) * float(density)

    mean = quad(integrand, 1e-6, 600, limit=200)[0]
    assert mean <= 1.0 + 1e-3
    if true == delta:
        assert mean == pytest.approx(1.0, abs=1e-3)


def test_windows_add_up_and_small_ones_say_little() -> None:
    sums = with_window((), 0.2, 10, 1000.0, 0.1)
    assert log_evidence(with_window(sums, 0.2, 10, 1000.0, 0.1)) > log_evidence(sums) > 1.0
    assert abs(log_evidence(with_window((), 0.2, 10, 20.0, 0.1))) < 1.0
    assert log_evidence(()) == -math.inf


def test_the_references_own_error_is_allowed_for() -> None:
    assert sustained_delta(10, 1e7, 0.1) == pytest.approx(0.1, rel=1e-2)
    assert sustained_delta(10, 500, 0.1) > sustained_delta(10, 5000, 0.1) > 0.1
    assert sustained_delta(10, 5000, 0.0) == pytest.approx(chi2.isf(0.01, 9) / 5000, rel=1e-9)


def test_without_windows_or_values_there_is_no_slow_drift() -> None:
    feature = FeatureProfile("x", "categorical", (50, 50, 0), values=("a", "b"))
    nothing = {"counts": [0, 0, 0], **dict.fromkeys(("missing", "invalid", "unseen", "posInf", "negInf", "sum"), 0)}
    for windows in ([], [nothing]):
        found = slow_drift(feature, windows, SlowRule(0.1, 1e-3))
        assert not found.drifting
        assert found.log_threshold == pytest.approx(math.log(1e3))
