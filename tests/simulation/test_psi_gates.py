"""False verdicts of the gates for inputs and outputs at a true PSI of what is allowed, looked at after every block."""

from __future__ import annotations

import math

import numpy as np
import pytest

from weirkeeper.delivery.evidence import ProfiledBlock
from weirkeeper.delivery.inputs_gate import InputsMemory
from weirkeeper.delivery.outputs_gate import OutputsMemory, Table
from weirkeeper.delivery.psi_evidence import log_e_of_least, log_e_of_worst
from weirkeeper.statistics.feature import FeatureProfile

RUNS, BLOCKS, ROWS = 60, 40, 200
LEVEL = math.log(20.0)
LIMIT = 0.05 + 3 * math.sqrt(0.05 * 0.95 / RUNS)

Shares = np.ndarray[tuple[int], np.dtype[np.float64]]


def at_psi(shares: Shares, wanted: float) -> Shares:
    """Tilt shares until their PSI is what is wanted."""
    low, high = 0.0, 4.0
    for _ in range(50):
        middle = (low + high) / 2.0
        tilted = shares * np.exp(middle * np.linspace(-1.0, 1.0, shares.size))
        tilted /= tilted.sum()
        low, high = (middle, high) if (shares - tilted) @ np.log(shares / tilted) < wanted else (low, middle)
    return tilted


@pytest.mark.parametrize("bins", [3, 10])
@pytest.mark.parametrize("most", [0.1, 0.2])
def test_a_true_psi_at_the_limit_rarely_fails_or_passes(bins: int, most: float) -> None:
    chance = np.random.default_rng(5)
    shares = np.full(bins, 1.0 / bins)
    live = at_psi(shares, most)
    failed = passed = 0
    for _ in range(RUNS):
        feature = FeatureProfile(
            "x", "discrete", (*chance.multinomial(5000, shares).tolist(), 0), values=tuple(map(float, range(bins)))
        )
        memory, worst, best = InputsMemory("skew", most, sums=((0.0,) * 3,)), 0.0, 0.0
        for look in range(BLOCKS):
            counts = {"counts": [*chance.multinomial(ROWS, live).tolist(), 0], "unseen": 0, "missing": 0, "invalid": 0}
            memory = memory.with_block((feature,), ProfiledBlock(look, look + 1, {"x": counts}))
            worst, best = max(worst, memory.log_e_fail), max(best, memory.log_e_pass)
        failed += worst >= LEVEL
        passed += best >= LEVEL
    assert failed / RUNS <= LIMIT
    assert passed / RUNS <= LIMIT


def same_rows(shares: Shares, live: Shares) -> Shares:
    """Make the joint shares of two models' answers that agree wherever they can."""
    more, less = np.maximum(live - shares, 0.0), np.maximum(shares - live, 0.0)
    joint: Shares = np.diag(np.minimum(shares, live)) + np.outer(less, more) / more.sum()
    return joint


@pytest.mark.parametrize(("bins", "rows"), [(5, 100), (10, 200)])
def test_answers_to_the_same_rows_at_the_limit_rarely_fail_or_pass(bins: int, rows: int) -> None:
    chance = np.random.default_rng(7)
    shares = np.full(bins, 1.0 / bins)
    joint = same_rows(shares, at_psi(shares, 0.1)).ravel()
    failed = passed = 0
    for _ in range(RUNS):
        memory, worst, best = OutputsMemory("answers", 0.1), 0.0, 0.0
        for _ in range(BLOCKS):
            table = chance.multinomial(rows, joint).reshape(bins, bins).astype(float)
            memory = memory.with_block({"y": Table(table.sum(0).tolist(), table.sum(1).tolist())}, same_rows=True)
            sums = [sums for _, sums in memory.sums]
            worst, best = max(worst, log_e_of_worst(sums)), max(best, log_e_of_least(sums))
        failed += worst >= LEVEL
        passed += best >= LEVEL
    assert failed / RUNS <= LIMIT
    assert passed / RUNS <= LIMIT


@pytest.mark.parametrize("stable_rows", [200, 4000])
def test_answers_at_the_limit_rarely_fail_or_pass(stable_rows: int) -> None:
    chance = np.random.default_rng(6)
    shares = np.array([0.3, 0.7])
    live = at_psi(shares, 0.2)
    failed = passed = 0
    for _ in range(RUNS):
        memory, worst, best = OutputsMemory("answers", 0.2), 0.0, 0.0
        for _ in range(BLOCKS):
            arms = (
                list(map(float, chance.multinomial(rows, of))) for rows, of in ((ROWS, live), (stable_rows, shares))
            )
            candidate, stable = arms
            memory = memory.with_block({"y": Table(candidate, stable)})
            sums = [sums for _, sums in memory.sums]
            worst, best = max(worst, log_e_of_worst(sums)), max(best, log_e_of_least(sums))
        failed += worst >= LEVEL
        passed += best >= LEVEL
    assert failed / RUNS <= LIMIT
    assert passed / RUNS <= LIMIT
