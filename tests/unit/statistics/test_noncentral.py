from __future__ import annotations

import pytest
from scipy.stats import chi2, ncx2

from weirkeeper.statistics import chi2_cdf, chi2_sf, ncx2_cdf, ncx2_isf, ncx2_ppf, ncx2_sf
from weirkeeper.statistics.noncentral import ncx2_noncentrality

FREEDOM = [1, 2, 5, 9, 19, 49, 126]
NONCENTRALITIES = [1e-3, 0.5, 3.0, 10.0, 100.0, 1000.0, 5000.0]
PROBABILITIES = [1e-6, 1e-3, 0.05, 0.5, 0.95, 0.999, 1 - 1e-6]


@pytest.mark.parametrize("df", FREEDOM)
@pytest.mark.parametrize("noncentrality", NONCENTRALITIES)
def test_noncentral_chi_square_agrees_with_scipy(df: int, noncentrality: float) -> None:
    for probability in PROBABILITIES:
        x = float(ncx2.ppf(probability, df, noncentrality))
        assert ncx2_cdf(x, df, noncentrality) == pytest.approx(float(ncx2.cdf(x, df, noncentrality)), rel=1e-9)
        assert ncx2_sf(x, df, noncentrality) == pytest.approx(float(ncx2.sf(x, df, noncentrality)), rel=1e-8)
        assert ncx2_ppf(probability, df, noncentrality) == pytest.approx(x, rel=1e-9)


@pytest.mark.parametrize("df", FREEDOM)
def test_central_chi_square_agrees_with_scipy(df: int) -> None:
    for probability in PROBABILITIES:
        x = float(chi2.ppf(probability, df))
        assert chi2_cdf(x, df) == pytest.approx(probability, rel=1e-9)
        assert chi2_sf(x, df) == pytest.approx(float(chi2.sf(x, df)), rel=1e-9)
        assert ncx2_ppf(probability, df, 0.0) == pytest.approx(x, rel=1e-9)


@pytest.mark.parametrize("alpha", [1e-4, 1e-8, 1e-12])
@pytest.mark.parametrize("noncentrality", [0.0, 10.0, 500.0])
def test_far_tails_keep_their_digits(alpha: float, noncentrality: float) -> None:
    expected = float(ncx2.isf(alpha, 9, noncentrality) if noncentrality else chi2.isf(alpha, 9))
    assert ncx2_isf(alpha, 9, noncentrality) == pytest.approx(expected, rel=1e-8)


def test_noncentrality_solves_the_distribution_function() -> None:
    found = ncx2_noncentrality(40.0, 9, 0.95)
    assert ncx2_cdf(40.0, 9, found) == pytest.approx(0.95, rel=1e-9)
    assert ncx2_noncentrality(5.0, 9, 0.95) == 0.0


def test_ends_of_the_range() -> None:
    assert ncx2_cdf(0.0, 9, 3.0) == 0.0
    assert ncx2_sf(-1.0, 9, 3.0) == 1.0
    assert ncx2_ppf(0.0, 9, 3.0) == 0.0
    with pytest.raises(ValueError, match="probabilities"):
        ncx2_ppf(1.0, 9, 3.0)


def test_a_huge_window_has_its_threshold() -> None:
    assert ncx2_isf(3.1e-7, 9, 500_000.0) == pytest.approx(ncx2.isf(3.1e-7, 9, 500_000.0), rel=1e-9)
