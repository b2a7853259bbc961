from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weirkeeper.statistics import FeatureProfile, ProfileCounters, ReferenceProfile, View, psi
from weirkeeper.statistics.ordering import scores_of, shift

RNG = np.random.default_rng(11)
NORMAL = ReferenceProfile.from_columns({"x": RNG.normal(0, 1, 20_000)}, {}).features[0]


def live_of(values: np.typing.NDArray[np.float64]) -> list[int]:
    counters = ProfileCounters(ReferenceProfile(1, (NORMAL,)))
    counters.ingest({"x": values}, {})
    counts = counters.totals()["inputs"]["x"]
    return [*counts["counts"], counts["unseen"]]


@given(
    reference=st.lists(st.integers(0, 500), min_size=11, max_size=11),
    live=st.lists(st.integers(0, 500), min_size=11, max_size=11),
)
def test_a_shift_is_never_more_than_the_whole_psi(reference: list[int], live: list[int]) -> None:
    scores = scores_of(NORMAL)
    assert scores is not None
    assert 0.0 <= shift(reference, live, scores) <= psi(reference, live) + 1e-9


@pytest.mark.parametrize("deviations", [0.1, 0.2])
def test_a_shift_of_a_normal_distribution_is_nearly_all_of_its_psi(deviations: float) -> None:
    """The squared shift in standard deviations, less the 4 % that ten bins lose."""
    scores = scores_of(NORMAL)
    assert scores is not None
    found = shift((*NORMAL.counts, 0), live_of(RNG.normal(deviations, 1, 400_000)), scores)
    assert found == pytest.approx(0.96 * deviations**2, rel=0.15)


def test_a_wider_distribution_is_no_shift() -> None:
    scores = scores_of(NORMAL)
    assert scores is not None
    wider = live_of(RNG.normal(0, 1.5, 100_000))
    assert shift((*NORMAL.counts, 0), wider, scores) < 0.05 * psi((*NORMAL.counts, 0), wider)


@pytest.mark.parametrize(
    ("column", "ordered"),
    [
        pytest.param(np.array(["a", "b", "c"] * 50, dtype=object), False, id="categories"),
        pytest.param(RNG.random(100) < 0.5, False, id="boolean"),
        pytest.param(RNG.integers(0, 9, 300), True, id="whole numbers"),
        pytest.param(RNG.integers(0, 2, 300), False, id="two numbers"),
        pytest.param(np.ones(100), False, id="constant"),
    ],
)
def test_only_three_values_or_more_that_have_an_order_can_shift(
    column: np.typing.NDArray[np.generic], *, ordered: bool
) -> None:
    feature = ReferenceProfile.from_columns({"x": column}, {}).features[0]
    assert (scores_of(feature) is not None) is ordered


def test_atoms_stand_where_their_value_is() -> None:
    values = np.concatenate((np.zeros(400), RNG.lognormal(1, 1, 600), np.full(200, 500.0)))
    feature = ReferenceProfile.from_columns({"x": values}, {}).features[0]
    scores = scores_of(feature)
    assert scores is not None
    assert feature.atoms == (0.0, 500.0)
    intervals = len(feature.edges) + 1
    assert scores[intervals] == scores[: intervals + 2].min()
    assert scores[intervals + 1] == scores[: intervals + 2].max()
    assert scores[-1] == 0.0


def test_groups_by_a_digest_have_no_order() -> None:
    hours = FeatureProfile("h", "discrete", (10, 10, 10, 0), values=(0.0, 1.0, 2.0))
    assert scores_of(replace(hours, view=View("hour", "h"))) is not None
    assert scores_of(replace(hours, view=View("textGroup", "h"))) is None


@pytest.mark.parametrize(("atom", "before"), [(0.2e308, True), (0.8e308, False)])
def test_a_frequent_value_comes_before_or_after_the_rest_of_its_interval(atom: float, *, before: bool) -> None:
    feature = FeatureProfile(
        "x", "numeric", (5, 5, 5, 5), edges=(0.0, 1e308), atoms=(atom,), least=-1.7e308, most=1.7e308
    )
    scores = scores_of(feature)
    assert scores is not None
    assert bool(scores[3] < scores[1]) is before
    assert scores[0] < scores[3] < scores[2]
