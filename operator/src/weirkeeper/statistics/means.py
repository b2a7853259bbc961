"""Sequential tests of means: of losses, of business values, of areas under curves, from sums by block.

The one-sided normal mixture of Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform Chernoff bounds via nonnegative
supermartingales", Probability Surveys 17, 2020, proposition 6 (tuning: "Time-uniform, nonparametric, nonasymptotic
confidence sequences", Annals of Statistics 49, 2021, section 3.4): where the increments of a sum are sub-Gaussian with
variances that add up to V, it reaches 1/a at any time with probability at most `a`. Values between 0 and R have such
variances of R²/4 each (Hoeffding 1963); with variances estimated from the values themselves the test is asymptotic
(Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Annals of Statistics 52, 2024). Natural logarithms.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from weirkeeper.statistics.errors import StatisticsError

_FAR_BELOW = -35.0
"""From here on the normal tail underflows, and its asymptotic form (Abramowitz and Stegun 26.2.12) is exact."""


class MeanBlock(NamedTuple):
    """Rows of both arms in one slot with the sums of their values."""

    candidate: int
    candidate_sum: float
    stable: int
    stable_sum: float


class MeanDifference(NamedTuple):
    """How far the candidate's mean exceeds that of stable, summed over blocks that one more can be added to.

    `excess` is the sum of w * (candidate mean - stable mean - delta) with w = n_c n_s / (n_c + n_s), the weights by
    which blocks of unlike split count best, and `variance` that of w * s²: the variance of `excess` for values of
    variance s². The weights follow from the numbers of rows alone, so a ramp or a drifting base does not move it.
    """

    excess: float = 0.0
    variance: float = 0.0

    def with_block(self, block: MeanBlock, value_variance: float, delta: float = 0.0) -> MeanDifference:
        """Add a block; one in which an arm has no row says nothing.

        `value_variance` is that of one row's value, known before the block: R²/4 bounds it for values in an interval
        of length R. `delta` is how much the candidate's mean may exceed stable's.

        Raises:
            StatisticsError: the variance is not positive, or a sum is not finite.
        """
        if not 0.0 < value_variance < math.inf or not math.isfinite(block.candidate_sum + block.stable_sum):
            raise StatisticsError(
                f"{block} with a variance of {value_variance} was given; expected finite sums and a variance above 0"
            )
        if block.candidate <= 0 or block.stable <= 0:
            return self
        weight = block.candidate * block.stable / (block.candidate + block.stable)
        excess = block.candidate_sum / block.candidate - block.stable_sum / block.stable - delta
        return MeanDifference(self.excess + weight * excess, self.variance + weight * value_variance)

    def with_estimate(self, difference: float, variance: float) -> MeanDifference:
        """Add a difference that was estimated from one block by itself, with its variance.

        Such as that of the areas under two curves of one day's labels, with the sum of DeLong's variances
        (`scores.area_under_curve`). Asymptotic: it takes some 200 positives in each arm of a block.

        Raises:
            StatisticsError: the variance is not positive, or the difference not finite.
        """
        if not 0.0 < variance < math.inf or not math.isfinite(difference):
            raise StatisticsError(
                f"a difference of {difference} with a variance of {variance} was given; expected finite, and above 0"
            )
        return MeanDifference(self.excess + difference / variance, self.variance + 1.0 / variance)


def mixture_width(alpha: float, variance: float) -> float:
    """Choose the mixture's parameter so that it is tightest at level `alpha` when V has reached `variance`.

    Raises:
        StatisticsError: `alpha` is not between 0 and 1/2, or `variance` not positive.
    """
    if not 0.0 < alpha < 0.5 or not 0.0 < variance < math.inf:  # noqa: PLR2004  a half
        raise StatisticsError(
            f"alpha {alpha} and variance {variance} were given; expected 0 < alpha < 0.5, variance > 0"
        )
    odds = 2.0 * math.log(1.0 / (2.0 * alpha))
    return variance / (odds + math.log1p(odds))


def log_e_of_mean(difference: MeanDifference, width: float) -> float:
    """Tell the log e-value against "the candidate's mean exceeds stable's by no more than delta".

    `width` comes from `mixture_width` and must be fixed before the first block. For "it falls short by no more",
    negate both sums of every block.
    """
    total = difference.variance + width
    return 0.5 * math.log(4.0 * width / total) + _log_mills(difference.excess / math.sqrt(total))


def _log_mills(x: float) -> float:
    """Tell the logarithm of exp(x²/2) times the normal distribution function, without cancelling far below 0."""
    if x > _FAR_BELOW:
        return 0.5 * x * x + math.log(0.5 * math.erfc(-x / math.sqrt(2.0)))
    return math.log1p(-1.0 / (x * x)) - math.log(-x) - 0.5 * math.log(2.0 * math.pi)
