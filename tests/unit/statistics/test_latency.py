from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weirkeeper.statistics import (
    BINS,
    bin_of,
    exceeding,
    merge,
    quantile_bin,
    upper_edge_us,
    whole_milliseconds_us,
)

histograms = st.dictionaries(st.integers(0, BINS - 1), st.integers(1, 1000), max_size=8)


def test_an_edge_belongs_to_its_own_bin_and_what_is_longer_to_the_next() -> None:
    edges = [upper_edge_us(i) for i in range(BINS - 1)]
    assert [bin_of(edge) for edge in edges] == list(range(BINS - 1))
    assert [bin_of(math.nextafter(edge, math.inf)) for edge in edges] == list(range(1, BINS))


@pytest.mark.parametrize(
    ("us", "expected"),
    [
        pytest.param(-5.0, 0, id="clock stepped back"),
        pytest.param(0.0, 0, id="nothing"),
        pytest.param(0.3, 0, id="below the first edge"),
        pytest.param(2.0, 16, id="an octave"),
        pytest.param(1024.0, 160, id="about a millisecond"),
        pytest.param(1e12, BINS - 1, id="longer than all"),
        pytest.param(math.nan, 0, id="not a number"),
    ],
)
def test_bin_of(us: float, expected: int) -> None:
    assert bin_of(us) == expected


def test_bins_reach_beyond_a_minute() -> None:
    assert upper_edge_us(BINS - 1) > 60e6


@given(histograms, histograms, st.integers(0, BINS - 1))
def test_merged_histograms_count_what_their_parts_count(one: dict[int, int], other: dict[int, int], at: int) -> None:
    together = merge([one, other])
    assert together == merge([other, one])
    assert exceeding(together, at) == exceeding(one, at) + exceeding(other, at)


@given(histograms.filter(bool), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_a_quantile_bin_leaves_at_most_the_rest_above_it(histogram: dict[int, int], quantile: float) -> None:
    found = quantile_bin(histogram, quantile)
    total = sum(histogram.values())
    assert exceeding(histogram, found) <= (1 - quantile) * total + 1e-9
    assert exceeding(histogram, found - 1) > (1 - quantile) * total - 1e-9


def test_a_quantile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        quantile_bin({}, 0.5)


@pytest.mark.parametrize(
    ("milliseconds", "edge"),
    [(0.2, 1), (1.0, 1), (1.2, 2), (99.0, 99), (99.5, 100), (100.0, 100), (100.1, 110), (990.1, 1000), (1001.0, 1100)],
)
def test_what_is_measured_in_milliseconds_of_two_digits_is_rounded_up_to_such(milliseconds: float, edge: int) -> None:
    assert whole_milliseconds_us(1000.0 * milliseconds) == pytest.approx(1000.0 * edge)
