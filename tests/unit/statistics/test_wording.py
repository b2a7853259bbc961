from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from weirkeeper.statistics import Described, ProfileCounters, ReferenceProfile, change_of
from weirkeeper.statistics.wording import lasted, number, percent

RNG = np.random.default_rng(13)


def told(reference: Any, live: Any, **said: Any) -> str:
    profile = ReferenceProfile.from_columns({"x": np.asarray(reference)}, {}, (), {"x": Described(**said)})
    counters = ProfileCounters(profile)
    counters.ingest({"x": np.asarray(live)}, {})
    feature = profile.features[0]
    return change_of(feature, counters.totals()["inputs"][feature.name])


INCOME = 51_000 * np.exp(RNG.normal(0, 0.5, 20_000))


@pytest.mark.parametrize(
    ("reference", "live", "said"),
    [
        pytest.param(INCOME, INCOME * 38 / 51, r"median 5\S* k → 3[78]\S* k EUR", id="a median fell"),
        pytest.param(
            INCOME - 51_000,
            (INCOME - 51_000) * 3,
            "middle half .* k → .* k EUR, out of range 0 % → 2",
            id="three times as wide",
        ),
        pytest.param(
            RNG.normal(size=5000), RNG.normal(size=5000) * 1.8, r"middle half -0.\S+ to 0.\S+ → -1", id="it widened"
        ),
        pytest.param(
            np.repeat([0.0, 1.5], 500) + np.tile([0.0, 1.0], 500) * RNG.random(1000),
            np.zeros(100),
            r"share of `0` \d\d % → 100 %",
            id="a frequent value",
        ),
        pytest.param(np.arange(100.0), np.full(50, 1e3), "mean 49.5 → 1000 EUR,", id="beyond the reference"),
        pytest.param(np.arange(100.0), np.full(50, 1e6), "mean 49.5 → 289 k EUR or more,", id="far beyond"),
        pytest.param(
            np.arange(100.0), [np.inf] * 20 + [50.0] * 80, "share of infinite values 0 % → 20 %", id="infinite"
        ),
        pytest.param(np.arange(100.0), [50.0] * 80 + [np.nan] * 20, "missing 0 % → 20 %", id="missing"),
        pytest.param(np.arange(100.0), np.array([50.0] * 9 + ["a"], dtype=object), "invalid 0 % → 10 %", id="invalid"),
        pytest.param(np.arange(100.0), np.arange(80.0, 120.0), "out of range 0 % → 50 %", id="out of range"),
    ],
)
def test_numbers_are_told_by_what_moved(reference: Any, live: Any, said: str) -> None:
    assert re.search(said, told(reference, live, unit="EUR"))


def test_categories_are_told_by_the_one_that_moved_most() -> None:
    reference = ["north"] * 120 + ["south"] * 880
    assert told(reference, ["north"] * 31 + ["south"] * 69) == "share of `north` 12 % → 31 %"
    assert told(reference, ["south"] * 90 + ["west"] * 10) == "share of `north` 12 % → 0 %"
    assert told(reference, ["north"] * 12 + ["west"] * 88) == "values that the reference never had 0 % → 88 %"


def test_of_a_sensitive_column_no_value_is_told() -> None:
    reference = np.array(["catholic", "none"] * 500)
    assert told(reference, ["none"] * 100, sensitive=True) == "50 % of the rows moved (sensitive: no value is told)"


def test_nothing_at_all_is_told_as_such() -> None:
    assert told([1.5, 2.5], [np.nan]) == "0 values, 2 in the reference, missing 0 % → 100 %"


def test_small_differences_get_the_digits_that_show_them() -> None:
    assert told(np.linspace(1_000_000, 1_000_001, 500), np.linspace(1_000_000.2, 1_000_001.2, 500)).startswith(
        "median 1.0000005 M → 1.0000007 M"
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"), (-0.25, "-0.25"), (2019.0, "2019"), (999.96, "1000"), (51_234.0, "51.2 k"), (999_999.0, "1 M"),
        (1.3e9, "1.3 G"), (1e30, "1e+30"), (1e308, "1e+308"), (-1e-300, "-1e-300"), (12_345_678.0, "12.3 M"),
    ],
)  # fmt: skip
def test_numbers_are_written_for_people(value: float, written: str) -> None:
    assert number(value) == written


@pytest.mark.parametrize(
    ("part", "written"),
    [(0.0, "0 %"), (1e-6, "<0.1 %"), (0.034, "3.4 %"), (0.123, "12 %"), (0.9999, "99.9 %"), (1.0, "100 %")],
)
def test_shares_are_written_in_percent(part: float, written: str) -> None:
    assert percent(part) == written


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (10.0, "10 s"),
        (150.0, "2 min"),
        (7200.0, "2 h"),
        (12_600.0, "3.5 h"),
        (2_592_000.0, "30 d"),
        (950_400.0, "11 d"),
    ],
)
def test_a_length_of_time_is_told_in_the_unit_that_people_use(seconds: float, told: str) -> None:
    assert lasted(seconds) == told
