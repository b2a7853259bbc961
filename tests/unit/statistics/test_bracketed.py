"""What is known at the edges of another profile: the truth lies between what is nearest and what is furthest."""

from __future__ import annotations

import numpy as np
import pytest

from weirkeeper.statistics.bracketed import between, cuts_of, nearest_and_furthest
from weirkeeper.statistics.distances import psi
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.rows import ProfileCounters


def profile(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> ReferenceProfile:
    return ReferenceProfile.from_columns({"y": values}, {"y": values})


def counted(made: ReferenceProfile, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    counters = ProfileCounters(made)
    counters.ingest({"y": values}, {})
    found: list[float] = counters.totals()["inputs"]["y"]["counts"]
    return found


@pytest.mark.parametrize("seed", range(8))
def test_the_truth_lies_between_the_nearest_and_the_furthest(seed: int) -> None:
    chance = np.random.default_rng(seed)
    one, other = profile(chance.normal(0.0, 1.0, 3000)), profile(np.round(chance.normal(0.3, 1.2, 3000), 1))
    (feature,), (stable,) = one.features, other.features
    cuts = cuts_of(feature, stable)
    live, reference = chance.normal(0.2 * seed, 1.0, 800), chance.normal(0.3, 1.2, 900)
    low, high = between(feature, counted(one, live), cuts)
    below = np.array([(live <= cut).sum() for cut in cuts])
    assert (low <= below).all()
    assert (below <= high).all()
    counts = np.diff([0.0, *[(reference <= cut).sum() for cut in cuts], reference.size])
    nearest, furthest = nearest_and_furthest(counts, low, high, live.size)
    assert nearest.sum() == pytest.approx(live.size)
    assert furthest.sum() == pytest.approx(live.size)
    truth = psi(counts, np.diff([0, *below, live.size]))
    assert psi(counts, nearest) <= truth + 1e-3
    assert truth <= psi(counts, furthest) + 1e-9


def test_equal_edges_leave_nothing_open() -> None:
    chance = np.random.default_rng(1)
    made = profile(chance.normal(0.0, 1.0, 3000))
    low, high = between(made.features[0], counted(made, chance.normal(0.0, 1.0, 500)), made.features[0].edges)
    assert (low == high).all()


def test_cuts_lie_where_most_is_known_and_no_part_is_small() -> None:
    one = FeatureProfile("y", "numeric", (20, 30, 30, 20), edges=(1.0, 2.0, 3.0))
    other = FeatureProfile("y", "numeric", (2, 23, 25, 25, 25), edges=(0.1, 1.0, 2.5, 3.0))
    assert cuts_of(one, other) == (1.0, 3.0)
    assert cuts_of(one, FeatureProfile("y", "numeric", (50, 50), edges=(1.5,))) == (1.5,)
    assert cuts_of(one, FeatureProfile("y", "numeric", (10,))) == ()


@pytest.mark.parametrize("seed", range(5))
def test_profiles_of_the_same_values_are_known_to_be_alike(seed: int) -> None:
    chance = np.random.default_rng(seed)
    (one,), (other,) = (profile(chance.beta(1, 3, 3000)).features for _ in range(2))
    cuts = cuts_of(one, other)
    counts = np.diff([0.0, *between(other, other.counts, cuts)[0], other.count])
    _, furthest = nearest_and_furthest(counts, *between(one, one.counts, cuts), one.count)
    assert psi(counts, furthest) < 0.08
