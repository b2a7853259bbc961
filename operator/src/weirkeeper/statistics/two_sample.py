"""Sequential tests of two samples beyond the odds ratio: with learnt rates, and of a whole distribution.

Natural logarithms; a process is at least `log(1/a)` at any time with probability at most `a` under its null hypothesis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.sequential import Block, Floats, log_e, relative_log_ratios

TWO_SIDED_GRID: Final = (1.0 / 3.0, 0.5, 1.0 / 1.5, 1.5, 2.0, 3.0)
"""Alternatives on both sides of equal odds: "the candidate answers otherwise"."""

PRIOR: Final = 0.18
"""Bad and good requests that each arm's rate is begun with (Turner, Ly and Grünwald 2024, section 4)."""


class PluginTest(NamedTuple):
    """The sequential test of equal rates in two arms that learns the rates as it goes.

    The k-sample e-variable of Turner, Ly and Grünwald, "Generic e-variables for exact sequential k-sample tests", JSPI
    230, 2024, with rates estimated from former blocks under a Beta(PRIOR, PRIOR) prior. It needs no grid and is valid
    for one rate common to both arms that may depend on nothing: unlike the stratified process it is misled by a base
    rate that moves while the split does. Sums are those of the blocks so far.
    """

    log_e: float = 0.0
    candidate_bad: int = 0
    candidate: int = 0
    stable_bad: int = 0
    stable: int = 0

    def with_block(self, block: Block) -> PluginTest:
        """Add a block; one in which an arm had no request only teaches the rates."""
        gained = 0.0
        if block.candidate and block.stable:
            rate = _rate(self.candidate_bad, self.candidate), _rate(self.stable_bad, self.stable)
            common = (block.candidate * rate[0] + block.stable * rate[1]) / (block.candidate + block.stable)
            gained = _log_ratio(block.candidate_bad, block.candidate, rate[0], common)
            gained += _log_ratio(block.stable_bad, block.stable, rate[1], common)
        return PluginTest(
            self.log_e + gained,
            self.candidate_bad + block.candidate_bad,
            self.candidate + block.candidate,
            self.stable_bad + block.stable_bad,
            self.stable + block.stable,
        )


def _rate(bad: int, requests: int) -> float:
    return (PRIOR + bad) / (2.0 * PRIOR + requests)


def _log_ratio(bad: int, requests: int, rate: float, common: float) -> float:
    return bad * math.log(rate / common) + (requests - bad) * math.log((1.0 - rate) / (1.0 - common))


def distribution_log_ratios(candidate: Sequence[int], stable: Sequence[int]) -> Floats:
    """Compare the distributions of both arms' answers in one block, counted by the same ascending bins.

    Each bin against all others, and each cut between bins, is a stratified test of equal odds against every point of
    TWO_SIDED_GRID. Returns log-likelihood ratios of shape [2 * bins - 1, grid]: first the bins, then the cuts.

    Raises:
        StatisticsError: the arms have unlike numbers of bins, fewer than two, or a negative count.
    """
    if len(candidate) != len(stable) or len(stable) < 2 or min(*candidate, *stable) < 0:  # noqa: PLR2004  one bin
        raise StatisticsError(
            f"counts of {len(candidate)} and {len(stable)} bins were given; expected the same bins for both arms,"
            " two or more, and no negative count"
        )
    arms = [np.asarray(counts, dtype=np.int64) for counts in (candidate, stable)]
    ours, theirs = (np.concatenate((counts, np.cumsum(counts)[:-1])).tolist() for counts in arms)
    requests = [int(counts.sum()) for counts in arms]
    blocks = [Block(mine, requests[0], other, requests[1]) for mine, other in zip(ours, theirs, strict=True)]
    return np.stack([relative_log_ratios(block, 1.0, TWO_SIDED_GRID) for block in blocks])


def log_e_of_distribution(log_sums: Floats) -> float:
    """Average the processes of all bins and cuts, in sums of `distribution_log_ratios`, into one log e-value.

    An average of e-values is one whatever they have in common (Vovk and Wang, Annals of Statistics 49, 2021), so no
    correction for the number of bins is due.
    """
    return log_e(np.asarray(log_sums, dtype=np.float64).ravel())
