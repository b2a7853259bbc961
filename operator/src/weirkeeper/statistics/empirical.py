"""What is true of a whole distribution at every look: a band around its shares, and a comparison of its quantiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.sequential import absolute_log_ratios, log_e

BAND_SCALE: Final = 0.85
BAND_CONSTANTS: Final = {0.05: 8.122719345838108, 0.01: 9.283543354029138, 0.001: 10.943071387638092}
"""C by alpha at a scale of 0.85: what `band_error` gives back as alpha."""

BAND_FROM: Final = 100
"""Values from which on the band holds."""

QUANTILE_GRID: Final = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0)
_ETAS: Final = 20_000


def uniform_band(values: int, alpha: float = 0.05, start: int = BAND_FROM) -> float:
    """Tell how far the empirical distribution function of `values` values is off at most, at any place and any time.

    With probability 1 - `alpha` it is never off by more, for all numbers of values from `start` on: Howard and Ramdas,
    "Sequential estimation of quantiles", Bernoulli 28, 2022, theorem 2. Wide beside a band for one fixed number
    (Massart 1990), by about twice: good to draw, weak as a test.

    Raises:
        StatisticsError: fewer values than `start`, or an `alpha` that no constant is kept for.
    """
    if alpha not in BAND_CONSTANTS or not 0 < start <= values:
        raise StatisticsError(
            f"{values} values, alpha {alpha} and start {start} were given; expected at least `start` values,"
            f" and alpha one of {', '.join(map(str, BAND_CONSTANTS))}"
        )
    return BAND_SCALE * math.sqrt((math.log1p(math.log(values / start)) + BAND_CONSTANTS[alpha]) / values)


def band_error(constant: float, scale: float = BAND_SCALE) -> float:
    """Bound the probability that the band of this constant and scale is ever left (Howard and Ramdas 2022, th. 2)."""
    etas = np.linspace(1.0, 2.0 * scale * scale, _ETAS + 2)[1:-1]
    narrowed = scale - np.sqrt(2.0 * (etas - 1.0) / constant)
    squared = np.where(narrowed > 0.0, 2.0 / etas * narrowed**2, 0.0)
    usable = squared > 1.0
    if not usable.any():
        return 1.0
    gamma, eta = squared[usable], etas[usable]
    return min(1.0, float((4.0 * np.exp(-gamma * constant) * (1.0 + 1.0 / ((gamma - 1.0) * np.log(eta)))).min()))


def quantile_log_e(
    stable: Sequence[int], candidate: Sequence[int], quantile: float, shift: int, grid: Sequence[float] = QUANTILE_GRID
) -> float:
    """Tell the log e-value against "the candidate's quantile is at most that of stable, `shift` bins further up".

    `stable` and `candidate` are counts by the same ascending bins. Under that null hypothesis there is one bin, that of
    stable's quantile, at whose lower edge stable's share is at most `quantile`, and at whose upper edge, shifted, the
    candidate's is at least that; so the evidence is the least over all bins of that against both, each a Bernoulli
    mixture over odds ratios (for single values: Howard and Ramdas 2022, section 5). Conservative by one bin, and for
    streams that do not change: to be reported rather than gated on.

    Raises:
        StatisticsError: the histograms differ in length or are empty, or the quantile is not between 0 and 1.
    """
    if not 0 < len(stable) == len(candidate) or not 0.0 < quantile < 1.0 or shift < 0:
        raise StatisticsError(
            f"histograms of {len(stable)} and {len(candidate)} bins, quantile {quantile} and shift {shift} were given;"
            " expected the same bins, a quantile between 0 and 1 and a shift of 0 or more"
        )
    below, upto = np.concatenate(([0], np.cumsum(stable))), np.cumsum(candidate)
    lower = [1.0 / factor for factor in grid]
    total, others = int(below[-1]), int(upto[-1])
    return min(
        log_e(absolute_log_ratios(int(below[i]), total, quantile, grid))
        + log_e(absolute_log_ratios(int(upto[min(i + shift, upto.size - 1)]), others, quantile, lower))
        for i in range(len(stable))
    )
