"""Tests of a whole distribution, two-sided, and with learnt rates: each block is worth 1 on average under the null."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy.stats import multivariate_hypergeom, nchypergeom_fisher

from weirkeeper.statistics import Block
from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.two_sample import (
    TWO_SIDED_GRID,
    PluginTest,
    distribution_log_ratios,
    log_e_of_distribution,
)


def test_bins_come_before_cuts_and_each_is_a_stratified_test() -> None:
    found = distribution_log_ratios([5, 3, 2], [10, 20, 30])
    assert found.shape == (5, len(TWO_SIDED_GRID))
    for row, (ours, theirs) in enumerate([(5, 10), (3, 20), (2, 30), (5, 10), (8, 30)]):
        expected = [
            nchypergeom_fisher.logpmf(ours, 70, ours + theirs, 10, odds)
            - nchypergeom_fisher.logpmf(ours, 70, ours + theirs, 10, 1.0)
            for odds in TWO_SIDED_GRID
        ]
        assert found[row] == pytest.approx(expected, abs=1e-7)


def test_a_block_is_worth_1_on_average_where_both_arms_answer_alike() -> None:
    """Given the totals of a block, the candidate's share of them is multivariate hypergeometric."""
    totals, candidate = [4, 6, 5], 7
    worth = 0.0
    for ours in product(*(range(total + 1) for total in totals)):
        if sum(ours) == candidate:
            theirs = [total - one for total, one in zip(totals, ours, strict=True)]
            chance = float(multivariate_hypergeom.pmf(ours, totals, candidate))
            worth += chance * math.exp(log_e_of_distribution(distribution_log_ratios(ours, theirs)))
    assert worth == pytest.approx(1.0, abs=1e-9)


def test_a_shift_either_way_is_evidence_and_the_same_answers_are_none() -> None:
    random = np.random.default_rng(6)

    def after(shift: float) -> float:
        sums = np.zeros((9, len(TWO_SIDED_GRID)))
        for _ in range(40):
            ours, theirs = (
                np.histogram(random.normal(mean, 1.0, rows), [-9.0, -1.0, -0.3, 0.3, 1.0, 9.0])[0].tolist()
                for mean, rows in ((shift, 30), (0.0, 200))
            )
            sums = sums + distribution_log_ratios(ours, theirs)
        return log_e_of_distribution(sums)

    assert after(0.0) < math.log(100)
    assert min(after(0.5), after(-0.5)) > math.log(1e6)


def test_learnt_rates_are_worth_1_on_average_in_the_next_block() -> None:
    test = PluginTest().with_block(Block(3, 20, 5, 100))
    rate, worth = 0.07, 0.0
    for ours, theirs in product(range(7), range(13)):
        chance = (
            math.comb(6, ours) * math.comb(12, theirs) * rate ** (ours + theirs) * (1 - rate) ** (18 - ours - theirs)
        )
        worth += chance * math.exp(test.with_block(Block(ours, 6, theirs, 12)).log_e - test.log_e)
    # At most 1 for every common rate; 1 at the one that the learnt rates average to.
    assert worth <= 1.0 + 1e-12


def test_what_is_no_distribution_is_refused() -> None:
    for ours, theirs in (([1, 2], [1, 2, 3]), ([1], [2]), ([1, -1], [2, 3])):
        with pytest.raises(StatisticsError, match="expected the same bins"):
            distribution_log_ratios(ours, theirs)
