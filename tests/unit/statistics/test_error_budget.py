"""Error budgets: burn rates as the Site Reliability Workbook has them, and no alarm by a few requests."""

import random

import pytest

from weirkeeper.statistics.error_budget import ALARMS, PERIOD, WINDOWS, Tally, budget_left, burn_rate, ringing

ALLOWED = 0.001
ALPHA = 1e-6
DAY = 86_400


def windows(**bad: float) -> dict[int, Tally]:
    """Windows of a Model with 10 requests a second, and these shares of bad ones, by the window's name."""
    names = {300: "m5", 1800: "m30", 3600: "h1", 21_600: "h6", 259_200: "d3"}
    return {one: Tally(10 * one, round(10 * one * bad.get(names[one], 0.0))) for one in WINDOWS}


def test_a_burn_rate_of_one_uses_the_budget_up_in_thirty_days() -> None:
    assert burn_rate(Tally(100_000, 100), ALLOWED) == pytest.approx(1.0)
    assert budget_left(Tally(100_000, 100), ALLOWED, PERIOD) == pytest.approx(0.0)
    assert budget_left(Tally(100_000, 50), ALLOWED, PERIOD) == pytest.approx(0.5)
    assert budget_left(Tally(100_000, 150), ALLOWED, PERIOD) == pytest.approx(-0.5)


def test_the_budget_of_a_young_monitor_is_that_of_thirty_days_at_its_pace() -> None:
    # Three days of thirty, all of whose allowance was used: a tenth of the budget is gone.
    assert budget_left(Tally(10_000, 10), ALLOWED, 3 * DAY) == pytest.approx(0.9)
    assert budget_left(Tally(), ALLOWED, 0) == 1.0


@pytest.mark.parametrize(
    ("bad", "rate"),
    [
        ({"h1": 0.0150, "m5": 0.0150}, 14.4),
        ({"h1": 0.0140, "m5": 0.0200, "h6": 0.0070, "m30": 0.0070}, 6.0),
        ({"d3": 0.0012, "h6": 0.0012}, 1.0),
        ({"h1": 0.0150, "m5": 0.0100}, None),  # it is over
        ({"d3": 0.0012, "h6": 0.0008}, None),
        ({"h1": 0.0140, "m5": 0.9, "h6": 0.005}, None),
    ],
)
def test_an_alarm_takes_a_long_window_and_a_short_one(bad: dict[str, float], rate: float | None) -> None:
    found = ringing(windows(**bad), ALLOWED, ALPHA, rang_before=False)
    assert (found.rate if found else None) == rate


def test_what_rang_goes_on_until_the_rates_are_well_below() -> None:
    burning = windows(h1=0.0110, m5=0.0110)
    assert ringing(burning, ALLOWED, ALPHA, rang_before=False) is None
    assert ringing(burning, ALLOWED, ALPHA, rang_before=True) == ALARMS[0]
    assert ringing(windows(h1=0.0100, m5=0.0100), ALLOWED, ALPHA, rang_before=True) is None


@pytest.mark.parametrize(("requests", "bad", "rings"), [(10, 1, False), (100, 2, False), (3, 3, True), (100, 6, True)])
def test_few_requests_raise_no_alarm_by_chance(requests: int, bad: int, rings: bool) -> None:  # noqa: FBT001
    every = dict.fromkeys(WINDOWS, Tally(requests, bad))
    assert (ringing(every, ALLOWED, ALPHA, rang_before=False) is not None) is rings


def test_a_service_that_fails_as_often_as_allowed_raises_few_false_alarms() -> None:
    """At 1 in 100 for each alarm and look, 2,000 looks at 36 requests an hour ring at most 3 times in 100."""
    draw = random.Random(20261130)
    rang = 0
    for _ in range(2_000):
        slots = [sum(draw.random() < ALLOWED for _ in range(3)) for _ in range(12)]
        hour = Tally(36, sum(slots))
        found = {one: hour if one >= 3_600 else Tally(3 * one // 300, sum(slots[-(one // 300) :])) for one in WINDOWS}
        rang += ringing(found, ALLOWED, 0.01, rang_before=False) is not None
    assert rang <= 0.03 * 2_000
