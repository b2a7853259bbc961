from __future__ import annotations

import pytest
from scipy.stats import f

from weirkeeper.statistics.fisher import f_isf, f_sf

FREEDOM = [1.0, 2.5, 9.0, 99.0, 1000.0]


@pytest.mark.parametrize("first", FREEDOM)
@pytest.mark.parametrize("second", FREEDOM)
def test_the_f_distribution_agrees_with_scipy(first: float, second: float) -> None:
    for probability in (0.9, 0.5, 0.05, 1e-3, 1e-6):
        x = float(f.isf(probability, first, second))
        assert f_sf(x, first, second) == pytest.approx(probability, rel=1e-8)
        assert f_isf(probability, first, second) == pytest.approx(x, rel=1e-8)


def test_ends_of_the_range() -> None:
    assert f_sf(0.0, 3, 4) == 1.0
    with pytest.raises(ValueError, match=r"probability 1\.0"):
        f_isf(1.0, 3, 4)
