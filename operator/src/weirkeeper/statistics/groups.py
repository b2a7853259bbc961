"""A sequential test of how alike groups fare: of the ratio of two shares, valid at every look at their counts.

That the share of one group is at least r times that of another means that for every t it is at least r t, or the
other's is at most t. So the smaller of the e-values against these two is one against the ratio, and so is their mean
over a grid of t (an average of e-values is one: Vovk and Wang, Annals of Statistics 49, 2021). Each is a mixture of
Bernoulli likelihood ratios (Howard, Ramdas, McAuliffe and Sekhon 2021; Ville's inequality), which is valid for rows
that are independent and groups whose shares stay while they are counted. Natural logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations
from typing import Final, NamedTuple

import numpy as np

from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.intervals import Share
from weirkeeper.statistics.sequential import LOWER_GRID, UPPER_GRID, absolute_log_ratios, log_e, log_sum_exp

BETWEEN: Final = tuple(float(share) for share in np.round(np.arange(0.025, 0.99, 0.025), 3))
"""Shares that the higher one may lie above, or below."""


class RatioEvidence(NamedTuple):
    """Log e-values: that some pair's ratio is below the least, and that no pair's is."""

    apart: float
    alike: float


def log_e_of_ratio(shares: Sequence[Share], least: float) -> RatioEvidence:
    """Compare every group with every other; `least` is the least ratio of two shares, above 0 and below 1.

    `apart` is the average over all ordered pairs, `alike` the least of them; both are 0 for fewer than two groups.

    Raises:
        StatisticsError: `least` is out of range, or a share is none.
    """
    if not 0.0 < least < 1.0 or any(not 0 <= share.hits <= share.rows for share in shares):
        raise StatisticsError(f"shares {list(shares)} and a ratio of {least} were given; expected 0 < ratio < 1")
    pairs = list(permutations(shares, 2))
    if not pairs:
        return RatioEvidence(0.0, 0.0)
    apart = log_sum_exp([_of_pair(low, high, least, LOWER_GRID, UPPER_GRID) for low, high in pairs])
    alike = min(_of_pair(low, high, least, UPPER_GRID, LOWER_GRID) for low, high in pairs)
    return RatioEvidence(apart - math.log(len(pairs)), alike)


def _of_pair(low: Share, high: Share, least: float, grid: Sequence[float], opposite: Sequence[float]) -> float:
    smaller = [min(_log_e(low, least * between, grid), _log_e(high, between, opposite)) for between in BETWEEN]
    return log_sum_exp(smaller) - math.log(len(smaller))


def _log_e(share: Share, null: float, grid: Sequence[float]) -> float:
    return log_e(absolute_log_ratios(int(share.hits), int(share.rows), null, grid))
