"""False alarms of the gates that judge by labels, looked at after every batch of labels that comes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from weirkeeper.delivery.label_tests import LabelTest, MeanTest, OddsTest, Rows
from weirkeeper.statistics.groups import log_e_of_ratio
from weirkeeper.statistics.intervals import Share

RUNS = 400
LOOKS = 60
ALPHA, BETA = 0.05, 0.05
LIMIT = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / RUNS)
"""Three standard errors of the simulation above the level."""


def wrong(chance: np.random.Generator, rows: int, share: float) -> Rows:
    count = float(chance.binomial(rows, share))
    return Rows(rows, count, count)


def worth(chance: np.random.Generator, rows: int, mean: float) -> Rows:
    amounts = chance.exponential(mean, rows)
    return Rows(rows, float(amounts.sum()), float((amounts**2).sum()))


def alarms(test: LabelTest, ratio: float, *, value: bool) -> tuple[float, float]:
    """How often Fail and Pass are reached when the candidate's measure is `ratio` times stable's, odds of a share.

    The base moves through the day, and the candidate's part of the labels grows.
    """
    chance = np.random.default_rng(7)
    failed = passed = 0
    for _ in range(RUNS):
        one, fails, passes = test, False, False
        for look in range(LOOKS):
            base = 0.1 + 0.05 * math.sin(look / 5.0)
            candidates, stables = 50 + 3 * look, 400
            if value:
                arms = worth(chance, candidates, 10.0 * base * ratio), worth(chance, stables, 10.0 * base)
            else:
                odds = base / (1.0 - base) * ratio
                arms = wrong(chance, candidates, odds / (1.0 + odds)), wrong(chance, stables, base)
            one = one.with_block(*arms, 200)
            fails |= one.log_e_fail >= math.log(1.0 / ALPHA)
            passes |= one.log_e_pass >= math.log(1.0 / BETA)
        failed += fails
        passed += passes
    return failed / RUNS, passed / RUNS


@pytest.mark.parametrize(
    ("test", "tolerated", "limit", "value"),
    [
        pytest.param(OddsTest(1.5, 1), 1.25, 1.5, False, id="odds"),
        pytest.param(MeanTest(0.1, 1), 0.95, 0.9, True, id="value"),
        pytest.param(MeanTest(0.1, -1), 1.05, 1.1, True, id="loss"),
    ],
)
def test_a_candidate_at_a_limit_is_rarely_taken_for_better_or_worse(
    test: LabelTest,
    tolerated: float,
    limit: float,
    value: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    assert alarms(test, tolerated, value=value)[0] <= LIMIT
    assert alarms(test, limit, value=value)[1] <= LIMIT


def test_groups_at_the_limit_are_rarely_taken_for_alike_or_apart() -> None:
    chance = np.random.default_rng(11)
    apart = alike = 0
    runs = RUNS // 4
    for _ in range(runs):
        hits, rows = np.zeros(2), 0
        worst = best = 0.0
        for _ in range(10):
            rows += 300
            hits += chance.binomial(300, [0.4, 0.5])
            found = log_e_of_ratio([Share(int(one), rows) for one in hits], 0.8)
            worst, best = max(worst, found.apart), max(best, found.alike)
        apart += worst >= math.log(1.0 / ALPHA)
        alike += best >= math.log(1.0 / BETA)
    assert apart / runs <= LIMIT
    assert alike / runs <= LIMIT
