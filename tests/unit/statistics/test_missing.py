"""The look at missing values keeps its probability: summed over all counts that can come, so nothing is left to chance.

`spent` is the probability of an alarm by what the look may spend.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import brentq
from scipy.stats import binom

from weirkeeper.statistics.budget import INCREASE
from weirkeeper.statistics.missing import Sample, least_root, limits, p_value, psi_of_shares, roots
from weirkeeper.statistics.sequential import UPPER_GRID, absolute_log_ratios, log_e
from weirkeeper.statistics.slow import FEWER

Floats = npt.NDArray[np.float64]


def likely(rows: int, share: float) -> tuple[Floats, Floats]:
    """Counts that come with more than negligible probability, and that probability."""
    counts = np.arange(rows + 1.0)
    weights = binom.pmf(counts, rows, share)
    return counts[weights > 1e-13], weights[weights > 1e-13]


def share_at(share: float, delta: float, *, more: bool) -> float:
    """The share whose PSI against `share` is `delta`."""
    ends = (share, 1.0 - 1e-12) if more else (1e-300, share)
    return float(brentq(lambda one: float(psi_of_shares(np.array(share), np.array(one))) - delta, *ends, xtol=1e-300))


@cache
def spent(known: tuple[int, float], new: tuple[int, float], alpha: float, delta: float) -> tuple[float, float]:
    """The exact probability of an alarm for more and for fewer, each by alpha: rows and true share of both samples."""
    (n, p), (m, q) = known, new
    (before, weights), (now, others) = likely(n, p), likely(m, q)
    one, other = (part.ravel() for part in np.meshgrid(before, now, indexing="ij"))
    found = roots(
        Sample(one, np.full(one.size, float(n))), Sample(other, np.full(one.size, float(m))), np.full(one.size, delta)
    )
    more, chance = other / m > one / n, np.outer(weights, others).ravel()
    size = n * m / (n + m)
    alarms = [found >= least_root(alpha, size, delta, more=upwards) for upwards in (True, False)]
    up, down = (float(chance[alarm & (more == side)].sum()) for alarm, side in zip(alarms, (True, False), strict=True))
    return up / alpha, down / alpha


@pytest.mark.parametrize("alpha", [5e-3, 2e-6])
@pytest.mark.parametrize("share", [0.002, 0.01, 0.05, 0.3])
@pytest.mark.parametrize("rows", [100, 500, 5000])
def test_without_a_change_the_probability_is_kept(rows: int, share: float, alpha: float) -> None:
    up, down = spent((20_000, share), (rows, share), alpha, 0.0)
    assert up + down <= 1.05


@pytest.mark.parametrize("delta", [0.02, 0.1])
@pytest.mark.parametrize("share", [0.05, 0.3])
@pytest.mark.parametrize("more", [True, False])
def test_a_change_of_just_delta_keeps_the_probability_too(delta: float, share: float, *, more: bool) -> None:
    up, down = spent((20_000, share), (500, share_at(share, delta, more=more)), 5e-3, delta)
    assert up + down <= 1.3


def test_most_of_it_is_for_more_missing_values_where_any_change_counts() -> None:
    up, down = spent((20_000, 0.3), (5000, 0.3), 5e-3, 0.0)
    assert up == pytest.approx(INCREASE, rel=0.05)
    assert down == pytest.approx(1.0 - INCREASE, rel=0.05)


def test_an_increase_is_seen_more_often_than_by_a_look_in_both_directions_and_a_decrease_still_is() -> None:
    """By the PSI in both directions alike it would be 67.4 % and 75.6 %."""
    up, _ = spent((5000, 0.01), (500, 0.03), 5e-3, 0.0)
    _, down = spent((5000, 0.1), (5000, 0.08), 5e-3, 0.0)
    assert up * 5e-3 == pytest.approx(0.737, abs=1e-3)
    assert down * 5e-3 == pytest.approx(0.583, abs=1e-3)


@pytest.mark.parametrize("more", [True, False])
@pytest.mark.parametrize("delta", [0.0, 0.001, 0.1])
@pytest.mark.parametrize("alpha", [0.4, 1e-2, 1e-9])
def test_the_least_root_is_where_the_p_value_is_alpha(alpha: float, delta: float, *, more: bool) -> None:
    root = least_root(alpha, 400.0, delta, more=more)
    assert p_value(root, 400.0, delta, more=more) == pytest.approx(alpha, rel=1e-9)


@pytest.mark.parametrize("size", [1.0, 30.0, 1e4])
@pytest.mark.parametrize("alpha", [0.4, 1e-2, 1e-9])
def test_whatever_the_true_change_within_delta_both_directions_together_keep_the_probability(
    alpha: float, size: float
) -> None:
    middle = math.sqrt(size * 0.01)
    up, down = (middle + least_root(alpha, size, 0.01, more=more) for more in (True, False))
    true = np.linspace(-middle, middle, 41)
    tails = [(math.erfc((up - one) / math.sqrt(2)) + math.erfc((down + one) / math.sqrt(2))) / 2 for one in true]
    assert max(tails) <= alpha * (1 + 1e-9)


def test_what_is_all_or_nothing_or_alike_has_a_root_too() -> None:
    reference = Sample(np.array([0.0, 100.0, 0.0, 100.0, 7.0]), np.full(5, 100.0))
    live = Sample(np.array([0.0, 50.0, 50.0, 0.0, 3.5]), np.full(5, 50.0))
    found = roots(reference, live, np.full(5, 0.1))
    assert found[[0, 1, 4]].tolist() == [0.0, 0.0, 0.0]
    assert np.isfinite(found).all()
    assert found[2:4].min() > 5.0


@pytest.mark.parametrize(("missing", "rows"), [(1, 50), (50, 5000), (4999, 5000), (300_000, 1_000_000)])
@pytest.mark.parametrize("delta", [0.0, 0.1])
def test_one_window_is_an_e_value_for_every_share_within_the_limits(missing: int, rows: int, delta: float) -> None:
    allowed = limits(missing, rows, delta, 0.01)
    assert allowed.least is not None
    assert 0.0 < allowed.least < missing / rows < allowed.most < 1.0
    now = np.arange(61)
    for share in (allowed.least, missing / rows, allowed.most):
        weights = binom.pmf(now, 60, share)
        for null, grid in ((allowed.most, UPPER_GRID), (allowed.least, FEWER)):
            evidence = [math.exp(log_e(absolute_log_ratios(int(one), 60, null, grid))) for one in now]
            assert float(weights @ evidence) <= 1.0 + 1e-9


def test_limits_are_those_of_the_reference_and_of_delta() -> None:
    allowed = limits(50, 5000, 0.1, 0.01)
    assert binom.cdf(50, 5000, limits(50, 5000, 0.0, 0.01).most) == pytest.approx(0.01 * INCREASE, rel=1e-6)
    assert allowed.most > share_at(0.01, 0.1, more=True)
    assert limits(0, 5000, 0.1, 0.01).least is None
