"""Gates over whole attempts of simulated traffic, by fixed seeds: who is rolled back, how fast, and who never is."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median

import pytest

from tests.simulation.traffic import Arm, Bad, Ended, Traffic, always, attempt
from weirkeeper.api.gates import Gate

STEPS = (0.05, 0.25, 0.5)
LATENCY = (Gate.model_validate({"name": "latency", "latency": {}}),)
MINUTE = 12


def outcomes(
    runs: int, rate: float, weight: float, candidate: Bad, stable: Bad | None = None, slots: int = 120
) -> list[Ended]:
    """One long step, errors only: the latency gate takes its part of the false alarms and says nothing."""
    arms = Arm(stable or always(0.0)), Arm(candidate)
    return [attempt(Traffic(seed, rate, *arms, latency=False), [weight], slots) for seed in range(runs)]


def failed(ended: list[Ended]) -> int:
    return sum(item.verdict == "Fail" for item in ended)


@pytest.mark.parametrize(
    ("rate", "weight", "stable", "candidate", "seconds", "exposed"),
    [
        pytest.param(200, 0.05, 0.0, 1.0, 15, 200, id="all wrong, 200 a second"),
        pytest.param(10, 0.05, 0.0, 1.0, 30, 15, id="all wrong, 10 a second"),
        pytest.param(1, 0.05, 0.0, 1.0, 330, 16, id="all wrong, 1 a second"),
        pytest.param(200, 0.05, 0.0, 0.05, 25, 250, id="one in twenty wrong, 200 a second"),
        pytest.param(50, 0.05, 0.0, 0.05, 90, 220, id="one in twenty wrong, 50 a second"),
        pytest.param(10, 0.05, 0.0, 0.05, 450, 230, id="one in twenty wrong, 10 a second"),
        pytest.param(200, 0.10, 0.001, 0.01, 110, 2200, id="0.1 to 1 percent"),
    ],
)
def test_a_worse_candidate_is_out_soon(
    rate: float, weight: float, stable: float, candidate: float, seconds: int, exposed: int
) -> None:
    ended = outcomes(20, rate, weight, always(candidate), always(stable), slots=480)
    assert failed(ended) == 20
    assert median(item.seconds for item in ended) <= seconds
    assert median(item.exposed for item in ended) <= exposed


def test_a_fault_that_begins_late_is_seen_soon() -> None:
    # Fifteen clean minutes in two steps, then one answer in twenty is wrong: 300 s into the last step.
    late: Bad = lambda now: 0.05 if now >= 600 + 900 else 0.0  # noqa: E731  one expression, named for the test
    ended = [
        attempt(Traffic(seed, 50, Arm(), Arm(late), latency=False), [0.05, 0.25, 0.5], 10 * MINUTE)
        for seed in range(10)
    ]
    assert failed(ended) == 10
    assert max(item.seconds for item in ended) <= 900 + 60


def diurnal(now: int) -> float:
    """Errors that everybody has more of in the middle: from 0.2 % to 2 % and back within half an hour."""
    return 0.002 + 0.018 * max(0.0, math.sin(math.pi * now / 1800)) ** 4


@pytest.mark.parametrize(
    "base", [pytest.param(always(0.002), id="steady"), pytest.param(diurnal, id="ramp under diurnal errors")]
)
def test_identical_arms_are_not_rolled_back_for_errors(base: Bad) -> None:
    arms = Arm(base), Arm(base)
    ended = [
        attempt(Traffic(seed, 100, *arms, latency=False), STEPS, 5 * MINUTE, false_alarm=0.05) for seed in range(100)
    ]
    # At most 5 in 100 and three standard deviations of that.
    assert failed(ended) <= 11


def test_an_identical_candidate_is_promoted_and_never_rolled_back_over_20_seeds() -> None:
    arms = Arm(always(0.002)), Arm(always(0.002))
    ended = [attempt(Traffic(seed, 200, *arms), STEPS, MINUTE, patience=60, bake=MINUTE) for seed in range(20)]
    assert [item.verdict for item in ended] == ["Pass"] * 20


def test_a_candidate_five_times_slower_is_out_within_a_minute() -> None:
    ended = [
        attempt(Traffic(seed, 200, Arm(median=4.0), Arm(median=20.0)), STEPS, MINUTE, patience=60) for seed in range(10)
    ]
    assert failed(ended) == 10
    assert max(item.seconds for item in ended) <= 60
    assert all(item.results[1].verdict == "Fail" for item in ended)


def test_a_candidate_slower_within_the_margin_is_promoted() -> None:
    arms = Arm(median=40.0), Arm(median=42.0)
    ended = [attempt(Traffic(seed, 200, *arms), STEPS, MINUTE, patience=120) for seed in range(10)]
    assert [item.verdict for item in ended] == ["Pass"] * 10


def test_a_candidate_half_slower_is_rolled_back() -> None:
    ended = [
        attempt(Traffic(seed, 200, Arm(median=40.0), Arm(median=60.0)), STEPS, MINUTE, patience=60) for seed in range(5)
    ]
    assert failed(ended) == 5


def swamped_at_first(now: int) -> float:
    """Eight times slower until the attempt has run for half a minute, as where the candidate's own start takes all."""
    return 8.0 if now < 600 + 30 else 1.0


def swamped_later(now: int) -> float:
    """Eight times slower from the second minute of the attempt on."""
    return 8.0 if now >= 600 + 60 else 1.0


@pytest.mark.parametrize("busy", [swamped_at_first, swamped_later])
def test_a_machine_that_changes_its_pace_neither_keeps_a_good_candidate_nor_hides_a_slow_one(
    busy: Callable[[int], float],
) -> None:
    stable, same, slower = Arm(busy=busy), Arm(busy=busy), Arm(median=20.0, busy=busy)
    good = [attempt(Traffic(seed, 60, stable, same), STEPS, MINUTE, patience=60) for seed in range(10)]
    assert [item.verdict for item in good] == ["Pass"] * 10
    bad = [attempt(Traffic(seed, 60, stable, slower), STEPS, MINUTE, patience=60) for seed in range(10)]
    assert failed(bad) == 10


def test_identical_arms_are_not_rolled_back_for_latency_on_a_machine_that_changes_its_pace() -> None:
    pace: Callable[[int], float] = lambda now: (1.0, 6.0, 0.5)[now // 90 % 3]  # noqa: E731  one expression
    arms = Arm(busy=pace), Arm(busy=pace)
    ended = [
        attempt(Traffic(seed, 60, *arms), STEPS, 2 * MINUTE, patience=60, kinds=LATENCY, false_alarm=0.05)
        for seed in range(100)
    ]
    # At most 5 in 100 and three standard deviations of that.
    assert failed(ended) <= 11


@pytest.mark.parametrize("rate", [0.0, 0.02])
def test_without_traffic_nothing_is_ever_decided(rate: float) -> None:
    ended = attempt(Traffic(1, rate), STEPS, MINUTE, patience=1500)
    assert ended.verdict == "Inconclusive"
    assert [result.verdict for result in ended.results] == ["Inconclusive"] * 2


def test_one_retrying_client_does_not_roll_back_a_clean_candidate() -> None:
    # A single burst of three errors in one slot, at 5 % of little traffic, against a stable without any.
    burst: Bad = lambda now: 0.75 if now == 700 else 0.0  # noqa: E731  one expression, named for the test
    ended = outcomes(20, 16, 0.05, burst)
    assert failed(ended) == 0
    assert any(result.candidate.bad >= 3 for item in ended for result in item.results)
