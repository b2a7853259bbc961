"""Distributions as pictures: the numbers in them are those that were counted."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tests.unit.report.reading import Read
from weirkeeper.report.chart import Bars, Chart, Columns, Pair
from weirkeeper.report.markup import written
from weirkeeper.report.shares import distribution
from weirkeeper.report.svg import drawn, meter
from weirkeeper.statistics import ProfileCounters, ReferenceProfile
from weirkeeper.statistics.building import Described
from weirkeeper.statistics.cleaning import Column


def chart_of(before: Column, after: Column, described: Described | None = None) -> Chart | None:
    profile = ReferenceProfile.from_columns({"x": before}, {}, described={"x": described} if described else None)
    counters = ProfileCounters(profile)
    counters.ingest({"x": after}, {})
    counts = counters.totals()["inputs"]
    return distribution(profile.features[0], counts[profile.features[0].name])


def test_numbers_stand_in_their_bins_with_the_limits_between() -> None:
    numbers = np.linspace(0.0, 1000.0, 1001)
    chart = chart_of(numbers, numbers[numbers > 500.0])
    assert isinstance(chart, Columns)
    assert [pair.label for pair in chart.pairs][:2] == ["≤ 100", "100 to 200"]
    assert [tick.label for tick in chart.ticks][-1] == "900"
    assert [round(pair.live, 2) for pair in chart.pairs] == [0.0] * 5 + [0.2] * 5
    assert [round(pair.reference, 2) for pair in chart.pairs] == [0.1] * 10


def test_a_frequent_value_has_a_bar_of_its_own_beside_its_neighbours() -> None:
    numbers = np.concatenate([np.zeros(400), np.linspace(1.0, 600.0, 600)])
    chart = chart_of(numbers, numbers)
    assert isinstance(chart, Columns)
    zero = next(pair for pair in chart.pairs if pair.label == "= 0")
    assert zero == Pair("= 0", 0.4, 0.4)
    assert sum(pair.reference for pair in chart.pairs) == pytest.approx(1.0)


def test_of_many_categories_the_largest_and_those_that_moved_have_a_bar() -> None:
    before = np.array([f"c{place % 20}" for place in range(2000)] + ["big"] * 1000, dtype=object)
    after = np.array(["c7"] * 500 + ["big"] * 500, dtype=object)
    chart = chart_of(before, after)
    assert isinstance(chart, Bars)
    assert {"big", "c7"} <= {pair.label for pair in chart.pairs}
    assert chart.rest is not None
    assert sum(pair.live for pair in (*chart.pairs, chart.rest)) == pytest.approx(1.0)
    assert sum(pair.reference for pair in (*chart.pairs, chart.rest)) == pytest.approx(1.0)


def test_values_that_the_reference_never_had_are_new() -> None:
    chart = chart_of(np.array(["a", "b"] * 100, dtype=object), np.array(["a", "z"] * 50, dtype=object))
    assert isinstance(chart, Bars)
    assert chart.pairs == (Pair("a", 0.5, 0.5), Pair("b", 0.5, 0.0), Pair("new", 0.0, 0.5))


def test_of_a_sensitive_column_nothing_is_drawn() -> None:
    sexes = np.array(["f", "m"] * 100, dtype=object)
    assert chart_of(sexes, sexes, Described(sensitive=True)) is None


def test_without_values_nothing_is_drawn() -> None:
    assert chart_of(np.arange(100.0), np.full(10, np.nan)) is None


def test_heights_are_as_the_shares() -> None:
    read = Read(written(drawn(Columns((Pair("a", 0.1, 0.4), Pair("b", 0.2, 0.4)), ()), "told")))
    heights = [float(value) for tag, name, value in read.attributes if (tag, name) == ("rect", "height")]
    assert heights[0] * 4 == pytest.approx(heights[1])
    assert heights[0] * 2 == pytest.approx(heights[2])


def test_labels_do_not_run_into_each_other() -> None:
    numbers = np.linspace(100_000.0, 900_000.0, 1000)
    chart = chart_of(numbers, numbers)
    assert chart is not None
    read = Read(written(drawn(chart, "told")))
    places = [float(value.rstrip("%")) for tag, name, value in read.attributes if (tag, name) == ("text", "x")][3:]
    assert 4 <= len(places) < 9
    assert min(b - a for a, b in pairwise(places)) * 2.8 > 5 * 6.4


@pytest.mark.parametrize(
    ("value", "side", "width"), [(0.5, "under", "25.00%"), (1.5, "over bad", "75.00%"), (9.0, "over bad", "100.00%")]
)
def test_a_meter_shows_on_which_side_of_the_limit_a_number_is(value: float, side: str, width: str) -> None:
    read = Read(written(meter(value)))
    assert (side in read.values("class"), width in read.values("width")) == (True, True)
