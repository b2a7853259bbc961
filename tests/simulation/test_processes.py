"""The error rates that the sequential tests promise, on thousands of seeded paths: looked at after every block."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from weirkeeper.statistics import LOWER_GRID, UPPER_GRID, Block, absolute_log_ratios, log_e, relative_log_ratios

ALPHA = 0.05
PATHS = 400
BLOCKS = 120
NOISE = 3 * math.sqrt(ALPHA * (1 - ALPHA) / PATHS)
"""Three standard deviations of a share of PATHS."""

RAMP = (0.05, 0.1, 0.25, 0.5)


def blocks_of(rng: np.random.Generator, *, ratio: float, ramp: bool) -> list[Block]:
    """One path: under a ramp the candidate's weight rises from 5 to 50 % while everybody's errors become five times."""
    blocks = []
    for b in range(BLOCKS):
        part = b / BLOCKS
        weight = RAMP[int(part * len(RAMP))] if ramp else 0.1
        base = 0.01 * (1 + 4 * part if ramp else 1)
        odds = ratio * base / (1 - base)
        candidate = int(rng.binomial(400, weight))
        bad = int(rng.binomial(candidate, odds / (1 + odds)))
        blocks.append(Block(bad, candidate, int(rng.binomial(400 - candidate, base)), 400 - candidate))
    return blocks


def crossed(blocks: list[Block], null: float, grid: tuple[float, ...]) -> bool:
    sums = np.zeros(len(grid))
    for block in blocks:
        sums = sums + relative_log_ratios(block, null, grid)
        if log_e(sums) >= math.log(1 / ALPHA):
            return True
    return False


def pooled_z_crossed(blocks: list[Block]) -> bool:
    """Judge as a test of all counts together would that somebody looks at after every block."""
    totals: npt.NDArray[np.int64] = np.cumsum(np.asarray(blocks), axis=0)
    for bad, candidate, stable_bad, stable in totals.tolist():
        share = (bad + stable_bad) / (candidate + stable)
        deviation = math.sqrt(share * (1 - share) * (1 / candidate + 1 / stable)) if share and candidate else math.inf
        if (bad / max(1, candidate) - stable_bad / stable) / deviation > 1.645:
            return True
    return False


@pytest.mark.parametrize("ramp", [False, True], ids=["steady", "ramp and rising errors"])
def test_identical_arms_cross_no_more_often_than_promised(*, ramp: bool) -> None:
    rng = np.random.default_rng(20 + ramp)
    paths = [blocks_of(rng, ratio=1.0, ramp=ramp) for _ in range(PATHS)]
    assert sum(crossed(path, 1.0, UPPER_GRID) for path in paths) / PATHS <= ALPHA + NOISE
    # The bound means something: a pooled test on the same paths is wrong far more often.
    assert sum(map(pooled_z_crossed, paths)) / PATHS > (0.9 if ramp else 0.2)


def test_a_candidate_at_the_excluded_odds_is_not_passed_more_often_than_promised() -> None:
    rng = np.random.default_rng(31)
    paths = [blocks_of(rng, ratio=2.0, ramp=True) for _ in range(PATHS)]
    assert sum(crossed(path, 2.0, LOWER_GRID) for path in paths) / PATHS <= ALPHA + NOISE


def test_an_equal_candidate_is_passed() -> None:
    rng = np.random.default_rng(32)
    paths = [blocks_of(rng, ratio=1.0, ramp=True) for _ in range(60)]
    assert sum(crossed(path, 2.0, LOWER_GRID) for path in paths) > 54


def test_a_service_at_its_objective_is_not_passed_more_often_than_promised() -> None:
    rng = np.random.default_rng(33)
    wrong = 0
    for _ in range(PATHS):
        sums = np.zeros(len(LOWER_GRID))
        for bad in rng.binomial(100, 0.01, BLOCKS):
            sums = sums + absolute_log_ratios(int(bad), 100, 0.01, LOWER_GRID)
            if log_e(sums) >= math.log(1 / ALPHA):
                wrong += 1
                break
    assert wrong / PATHS <= ALPHA + NOISE
