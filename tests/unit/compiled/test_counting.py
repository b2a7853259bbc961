"""Compiled counting tells what numpy tells, to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weirkeeper.compiled.counting import CompiledTallies, Projecting
from weirkeeper.compiled.library import LIBRARY
from weirkeeper.statistics import joint
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.joint import LIMIT, Projection, standardise
from weirkeeper.statistics.tallies import NumpyTallies, tallies

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="nothing is compiled for this machine")

EDGES = (-1.5, 0.0, 0.25, 3.0)
FEATURES = {
    "intervals": FeatureProfile("x", "numeric", (1,) * 5, edges=EDGES, mean=0.1, std=1.3, least=-2.0, most=4.0),
    "with atoms": FeatureProfile("x", "numeric", (1,) * 7, edges=EDGES, atoms=(0.0, 7.5), mean=1e5, std=1e-3),
    "one bin": FeatureProfile("x", "numeric", (1,)),
    "sensitive": FeatureProfile("x", "numeric", (1,) * 5, edges=EDGES, sensitive=True),
    "expected": FeatureProfile("x", "numeric", (1,) * 5, edges=EDGES, mean=0.0, std=1.0, expected=(-1.0, 1.0)),
    "discrete": FeatureProfile("x", "discrete", (1,) * 4, values=(-1.0, 0.0, 2.0), mean=0.3, std=0.0),
    "boolean": FeatureProfile("x", "boolean", (1,) * 3, values=(0.0, 1.0), mean=0.5, std=0.5),
    "text": FeatureProfile("x", "categorical", (1,) * 2, values=("a",)),
}
VALUES = st.one_of(
    st.floats(width=64),
    st.sampled_from(
        [*EDGES, -0.0, 2.0, 7.5, 1e300, -1e300, 5e-324, np.inf, -np.inf, np.nan, 1e4, 1.0000000000000002e4]
    ),
    st.floats(-5.0, 5.0),
)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@settings(max_examples=60, deadline=None)
@given(parts=st.lists(st.lists(VALUES, max_size=40), max_size=3))
@pytest.mark.parametrize("name", FEATURES)
def test_any_values_are_counted_alike(name: str, parts: list[list[float]]) -> None:
    assert_alike(FEATURES[name], [np.array(part, dtype=np.float64) for part in parts])


@pytest.mark.parametrize("rows", [511, 512, 513, 5000])
@pytest.mark.parametrize("name", FEATURES)
def test_many_values_are_counted_alike(name: str, rows: int) -> None:
    drawn = np.random.default_rng(rows)
    values = drawn.normal(size=rows)
    values[drawn.random(rows) < 0.1] = np.nan
    values[drawn.random(rows) < 0.05] = np.inf
    values[drawn.random(rows) < 0.05] = 1e12
    values[drawn.random(rows) < 0.2] = 0.0
    assert_alike(FEATURES[name], [values, values[::-1].copy()])


def assert_alike(feature: FeatureProfile, parts: Sequence[Any]) -> None:
    compiled, plain = tallies(feature), NumpyTallies(feature)
    assert isinstance(compiled, CompiledTallies)
    for values in parts:
        compiled.add(values)
        plain.add(values)
    assert compiled.told() == plain.told()


@pytest.mark.parametrize("values", [np.arange(6.0)[::2], np.zeros((2, 2)), np.zeros(3, np.float32), np.arange(3)])
def test_what_does_not_lie_side_by_side_as_doubles_is_refused(values: Any) -> None:
    with pytest.raises(ValueError, match="expected doubles side by side"):
        tallies(FEATURES["intervals"]).add(values)


DIRECTIONS = [
    Projection(("a", "b"), (0.5, -1.0), (2.0, 1e-3), (0.7071067811865476, -0.7071067811865476)),
    Projection(("a", "b", "c"), (0.0, 0.0, 1e9), (1.0, 3.0, 7.0), (0.1, 1e-9, 12345.678)),
    Projection(("c",), (0.0,), (1e-300,), (1e300,)),
]


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=20), repeats=st.sampled_from([1, 40]))
def test_columns_are_projected_alike(rows: list[tuple[float, float, float]], repeats: int) -> None:
    matrix = np.repeat(np.array(rows), repeats, axis=0)
    columns = {"a": matrix[:, 0], "b": matrix[:, 1].copy(), "c": matrix[:, 2]}
    for direction in DIRECTIONS:
        compiled = direction.of(columns, {})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(joint, "_COMPILED", None)
            plain = direction.of(columns, {})
            standard = standardise(columns["a"], 0.3, 0.7)
        assert compiled.tobytes() == plain.tobytes() or alike(compiled, plain)
        assert alike(standardise(columns["a"], 0.3, 0.7), standard)
        assert not np.abs(standard[~np.isnan(standard)]).max(initial=0.0) > LIMIT


def alike(one: Any, other: Any) -> bool:
    """Say whether all bits are equal but those by which one NaN differs from another."""
    return np.array_equal(np.isnan(one), np.isnan(other)) and np.array_equal(
        one[~np.isnan(one)].view(np.int64), other[~np.isnan(other)].view(np.int64)
    )


def test_terms_of_different_sizes_are_refused() -> None:
    assert LIBRARY is not None
    projecting = Projecting(LIBRARY, LIMIT, joint.STEPS)
    with pytest.raises(ValueError, match="different sizes"):
        projecting.projected([np.zeros(3), np.zeros(2)], [1.0, 1.0])
    with pytest.raises(ValueError, match="not a weight for each"):
        projecting.projected([np.zeros(3), np.zeros(3)], [1.0])
