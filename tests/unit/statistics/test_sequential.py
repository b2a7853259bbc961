"""Reference values: vectors/judge.json, natural logarithms, computed by an independent implementation."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln, logsumexp
from scipy.stats import nchypergeom_fisher

from weirkeeper.statistics import (
    LOWER_GRID,
    UPPER_GRID,
    Block,
    Scatter,
    absolute_log_ratios,
    log_e,
    relative_log_ratios,
)
from weirkeeper.statistics.sequential import log_e_of_starts, with_another_start

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "judge.json").read_text())

SIMPSON = [(1, 50, 19, 950)] * 10 + [(25, 500, 25, 500)] * 10


def path_of(blocks: list[Any], null: float, grid: tuple[float, ...]) -> list[float]:
    sums = np.zeros(len(grid))
    path = []
    for block in blocks:
        sums = sums + relative_log_ratios(Block(*block), null, grid)
        path.append(log_e(sums))
    return path


@pytest.mark.parametrize(
    ("name", "null", "grid"),
    [
        ("seqcmh_upper_psi0_1.0", 1.0, UPPER_GRID),
        ("seqcmh_upper_psi0_1.5", 1.5, UPPER_GRID),
        ("seqcmh_lower_psi0_2", 2.0, LOWER_GRID),
    ],
)
def test_the_stratified_process_has_its_reference_values(name: str, null: float, grid: tuple[float, ...]) -> None:
    assert path_of(VECTORS[name]["blocks"], null, grid) == pytest.approx(VECTORS[name]["loge"], abs=1e-9)


@pytest.mark.parametrize(
    ("name", "errors"),
    [("kayenta_426_sparse", [0, 1, 2, 1, 0, 0]), ("kayenta_799_zero_control", [1, 4, 2, 3, 1])],
)
def test_errors_against_a_clean_stable_have_their_reference_values(name: str, errors: list[int]) -> None:
    blocks = [(bad, 100, 0, 100) for bad in errors]
    assert path_of(blocks, 1.0, UPPER_GRID) == pytest.approx(VECTORS[name]["loge"], abs=1e-9)


def test_a_ramp_under_a_rising_base_rate_is_no_evidence() -> None:
    path = path_of(SIMPSON, 1.0, UPPER_GRID)
    assert [path[9], path[19]] == pytest.approx(VECTORS["simpson"]["loge"], abs=1e-9)


@pytest.mark.parametrize(("name", "grid"), [("abs_slo_low_p0_0.01", LOWER_GRID), ("abs_slo_up_p0_0.01", UPPER_GRID)])
def test_the_absolute_process_has_its_reference_values(name: str, grid: tuple[float, ...]) -> None:
    found = [log_e(absolute_log_ratios(case["k"], case["n"], 0.01, grid)) for case in VECTORS[name]]
    assert found == pytest.approx([case["loge"] for case in VECTORS[name]], abs=1e-9)


def test_487_clean_requests_pass_a_99_percent_objective() -> None:
    goal = math.log(2 / 0.05)
    assert log_e(absolute_log_ratios(0, 486, 0.01, LOWER_GRID)) < goal
    assert log_e(absolute_log_ratios(0, 487, 0.01, LOWER_GRID)) >= goal


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.data(),
    st.sampled_from([1.0, 1.25, 2.0]),
    st.sampled_from([0.05, 0.5, 3.0]),
)
def test_ratios_agree_with_scipy(candidate: int, stable: int, data: st.DataObject, null: float, factor: float) -> None:
    bad, stable_bad = data.draw(st.integers(0, candidate)), data.draw(st.integers(0, stable))
    block = Block(bad, candidate, stable_bad, stable)
    fisher = [
        nchypergeom_fisher.logpmf(bad, candidate + stable, bad + stable_bad, candidate, odds)
        for odds in (null, null * factor)
    ]
    assert relative_log_ratios(block, null, [factor])[0] == pytest.approx(fisher[1] - fisher[0], abs=1e-7)


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(Block(0, 0, 3, 10), id="no candidate"),
        pytest.param(Block(3, 10, 0, 0), id="no stable"),
        pytest.param(Block(0, 10, 0, 10), id="nothing bad"),
        pytest.param(Block(10, 10, 10, 10), id="everything bad"),
    ],
)
def test_a_block_without_a_comparison_says_nothing(block: Block) -> None:
    assert relative_log_ratios(block, 1.25, UPPER_GRID) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("null", [1.0, 1.25, 2.0])
@pytest.mark.parametrize("grid", [UPPER_GRID, LOWER_GRID])
def test_a_block_is_worth_1_on_average_under_the_null(null: float, grid: tuple[float, ...]) -> None:
    candidate, stable, bad = 12, 30, 9
    expected = np.zeros(len(grid))
    for candidate_bad in range(bad + 1):
        block = Block(candidate_bad, candidate, bad - candidate_bad, stable)
        probability = nchypergeom_fisher.pmf(candidate_bad, candidate + stable, bad, candidate, null)
        expected += probability * np.exp(relative_log_ratios(block, null, grid))
    assert expected == pytest.approx(1.0, abs=1e-9)


def test_a_large_block_with_few_bad_requests_is_as_good_as_exact() -> None:
    found = relative_log_ratios(Block(30, 50_000, 20, 50_000), 1.25, UPPER_GRID)
    few = np.arange(51)
    weight = gammaln(few + 1) + gammaln(51 - few) + gammaln(50_001 - few) + gammaln(50_001 - 50 + few)

    def log_probability(odds: float) -> float:
        terms = few * math.log(odds) - weight
        return float(terms[30] - logsumexp(terms))

    expected = [log_probability(1.25 * odds) - log_probability(1.25) for odds in UPPER_GRID]
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_mixture_over_starts_is_the_mean_of_the_processes_it_stands_for() -> None:
    blocks = [Block(2, 50, 1, 950), Block(3, 60, 2, 940), Block(4, 55, 1, 945)]
    together = with_another_start((), len(UPPER_GRID))
    apart = [np.zeros(len(UPPER_GRID))]
    for block in blocks:
        ratios = relative_log_ratios(block, 1.25, UPPER_GRID)
        together = together + ratios
        apart = [sums + ratios for sums in apart]
        together = with_another_start(together, len(UPPER_GRID))
        apart.append(np.zeros(len(UPPER_GRID)))
    mean = (sum(math.exp(log_e(sums)) for sums in apart) + 2) / 6
    assert log_e_of_starts((together,), started=4, planned=6) == pytest.approx(math.log(mean), abs=1e-12)


def test_what_has_not_started_is_worth_1() -> None:
    assert log_e(()) == 0.0
    assert log_e_of_starts(((), ()), started=0, planned=5) == pytest.approx(0.0)


def test_scatter_of_binomial_slots_is_about_1_and_that_of_bursts_about_their_length() -> None:
    rng = np.random.default_rng(4)
    single, bursts = Scatter(), Scatter()
    for _ in range(4000):
        single = single.with_slot(int(rng.binomial(1000, 0.005)), 1000)
        bursts = bursts.with_slot(3 * int(rng.binomial(1000, 0.005 / 3)), 1000)
    assert single.factor == pytest.approx(1.0, abs=0.1)
    assert bursts.factor == pytest.approx(3.0, abs=0.3)


@pytest.mark.parametrize(
    "share",
    [
        pytest.param(lambda slot: 0.4 * (slot >= 200), id="a jump"),
        pytest.param(lambda slot: 0.001 * slot, id="a slow rise"),
    ],
)
def test_errors_that_begin_and_stay_are_no_burst(share: Callable[[int], float]) -> None:
    rng = np.random.default_rng(6)
    scatter = Scatter()
    for slot in range(220):
        scatter = scatter.with_slot(int(rng.binomial(200, share(slot))), 200)
    assert scatter.factor < 1.5


def test_scatter_is_kept_whole() -> None:
    scatter = Scatter().with_slot(3, 70).with_slot(9, 80).with_slot(0, 100)
    assert Scatter.from_json(json.loads(json.dumps(scatter.to_json()))) == scatter


def test_scatter_is_never_below_1_and_needs_two_slots() -> None:
    assert Scatter().factor == 1.0
    assert Scatter().with_slot(5, 100).factor == 1.0
    assert Scatter().with_slot(5, 100).with_slot(5, 100).factor == 1.0
    assert Scatter().with_slot(0, 0) == Scatter()
