from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from weirkeeper.statistics.dispersion import INDEPENDENT, Dispersion, dispersions, scattering

Counts = list[list[int]]
EDGES = [-1.3, -0.85, -0.5, -0.25, 0.0, 0.25, 0.5, 0.85, 1.3]


def binned(values: npt.NDArray[np.float64], slots: int = 12) -> Counts:
    return [np.bincount(np.searchsorted(EDGES, part), minlength=10).tolist() for part in np.array_split(values, slots)]


def independent(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    return rng.normal(0, 1, 6000)


def clusters(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    return np.repeat(rng.normal(0, 1, 300), 20)


def day(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    return rng.normal(0, 1, 6000) + np.sin(np.linspace(0, 2 * np.pi, 6000))


def factors(make: Callable[[np.random.Generator], npt.NDArray[np.float64]], features: int = 20) -> list[float]:
    rng = np.random.default_rng(7)
    return [one.factor for one in dispersions({f"f{i}": binned(make(rng)) for i in range(features)}).values()]


def test_independent_rows_count_one_by_one() -> None:
    assert factors(independent) == [1.0] * 20


def test_of_twenty_equal_rows_one_counts() -> None:
    assert np.mean(factors(clusters)) == pytest.approx(20, rel=0.1)


def test_slots_that_resemble_their_neighbours_count_as_fewer_still() -> None:
    """Half of the day above, half below: the window holds hardly more than one independent slot."""
    found = factors(day)
    assert min(found) > 6000 / 12 / 10
    shuffled = factors(lambda rng: rng.permutation(day(rng)))
    assert max(shuffled) == 1.0


def test_one_feature_in_bursts_does_not_make_the_others_dependent() -> None:
    rng = np.random.default_rng(3)
    found = dispersions({"burst": binned(clusters(rng)), "a": binned(independent(rng))})
    assert found["burst"].factor > 10
    assert found["a"].factor < 1.5


@pytest.mark.parametrize(
    "counts",
    [
        pytest.param([], id="no slots"),
        pytest.param([[5, 5]] * 3, id="three slots"),
        pytest.param([[5, 5]] * 3 + [[0, 0]] * 9, id="three slots with rows"),
        pytest.param([[9, 0]] * 12, id="one value"),
    ],
)
def test_where_nothing_can_be_measured_rows_count_one_by_one(counts: Counts) -> None:
    assert scattering(counts) is None
    assert dispersions({"x": counts}) == {"x": INDEPENDENT}


def test_what_is_uncertain_is_added_and_more_for_rarer_alarms() -> None:
    known = Dispersion(4.0, 5.0, 55.0, 12)
    assert 4.0 < known.allowance(0.05) < known.allowance(1e-3) < known.allowance(1e-6)
    assert Dispersion(4.0, 5.0, 1e6, 12).allowance(1e-6) == pytest.approx(4.0, rel=1e-3)
    assert INDEPENDENT.allowance(1e-6) == 1.0
    assert INDEPENDENT.known == math.inf
