"""False alarms of the gates that judge by labels, looked at after every batch of labels that comes."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from weirkeeper.delivery.areas import Areas, AreaTest
from weirkeeper.delivery.label_tests import LabelTest, MeanTest, OddsTest, Rows
from weirkeeper.statistics.groups import log_e_of_ratio
from weirkeeper.statistics.intervals import Share
from weirkeeper.statistics.scores import area_under_curve

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


Bins = np.ndarray[tuple[int, int], np.dtype[np.int64]]


def scored(chance: np.random.Generator, rows: int, apart: float) -> Bins:
    """Rows of two classes by the bin of their score; the scores of one lie so many deviations above the other's."""
    positive = chance.random(rows) < 0.3
    scores = 1.0 / (1.0 + np.exp(-chance.normal(positive * apart, 1.0)))
    return np.array([np.bincount((scores[positive == of] * 99.9).astype(int), minlength=100) for of in (False, True)])


def apart_of(area: float) -> float:
    return math.sqrt(2.0) * NormalDist().inv_cdf(area)


@pytest.mark.parametrize(("ratio", "failing"), [pytest.param(0.975, True, id="tolerated"), (0.95, False)])
def test_areas_at_the_limit_rarely_fail_or_pass(ratio: float, failing: bool) -> None:  # noqa: FBT001  a table
    chance = np.random.default_rng(11)
    runs, reached = 100, 0
    for _ in range(runs):
        test, evidence = AreaTest(0.05), 0.0
        candidate, stable = scored(chance, 400, apart_of(0.8 * ratio)), scored(chance, 400, apart_of(0.8))
        for _ in range(25):
            candidate += scored(chance, 100, apart_of(0.8 * ratio))
            stable += scored(chance, 300, apart_of(0.8))
            one, other = area_under_curve(*candidate), area_under_curve(*stable)
            assert one is not None
            assert other is not None
            test = test.of_strata([Areas(one, other)])
            evidence = max(evidence, test.log_e_fail if failing else test.log_e_pass)
        reached += evidence >= math.log(20.0)
    assert reached / runs <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
