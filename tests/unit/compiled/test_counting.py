"""Compiled counting tells what numpy tells, to the bit."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weirkeeper.compiled.counting import KINDS, CompiledTallies, Projecting, Scale
from weirkeeper.statistics import joint, tallies
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.joint import LIMIT, STEPS, Projection, standardise
from weirkeeper.statistics.tallies import NumpyTallies

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
def test_any_values_are_counted_alike(library: ctypes.CDLL, name: str, parts: list[list[float]]) -> None:
    assert_alike(library, FEATURES[name], [np.array(part, dtype=np.float64) for part in parts])


@pytest.mark.parametrize("rows", [511, 512, 513, 5000])
@pytest.mark.parametrize("name", FEATURES)
def test_many_values_are_counted_alike(library: ctypes.CDLL, name: str, rows: int) -> None:
    drawn = np.random.default_rng(rows)
    values = drawn.normal(size=rows)
    values[drawn.random(rows) < 0.1] = np.nan
    values[drawn.random(rows) < 0.05] = np.inf
    values[drawn.random(rows) < 0.05] = 1e12
    values[drawn.random(rows) < 0.2] = 0.0
    assert_alike(library, FEATURES[name], [values, values[::-1].copy(), between_doubles(values)])


def between_doubles(values: Any) -> Any:
    """Put values where no processor would put doubles, and let nobody write there."""
    moved = np.empty(values.nbytes + 3, dtype=np.uint8)[3:].view(np.float64)
    moved[:] = values
    moved.setflags(write=False)
    assert not moved.flags.aligned
    return moved


def compiled_tallies(library: ctypes.CDLL, feature: FeatureProfile) -> CompiledTallies:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tallies, "LIBRARY", library)
        made = tallies.tallies(feature)
    assert isinstance(made, CompiledTallies)
    return made


def assert_alike(library: ctypes.CDLL, feature: FeatureProfile, parts: Sequence[Any]) -> None:
    compiled, plain = compiled_tallies(library, feature), NumpyTallies(feature)
    for values in parts:
        compiled.add(values)
        plain.add(values)
    assert compiled.told() == plain.told()


@pytest.mark.parametrize("values", [np.arange(6.0)[::2], np.zeros((2, 2)), np.zeros(3, np.float32), np.arange(3)])
def test_what_does_not_lie_side_by_side_as_doubles_is_refused(library: ctypes.CDLL, values: Any) -> None:
    with pytest.raises(ValueError, match="expected doubles side by side"):
        compiled_tallies(library, FEATURES["intervals"]).add(values)


@pytest.mark.parametrize("far", [1e300, -1e300])
def test_a_sum_that_64_bits_do_not_hold_is_told_whole(library: ctypes.CDLL, far: float) -> None:
    """A unit so small that it takes 2**24 values, not years of them."""
    counted = CompiledTallies(library, EDGES, (7.5,), None, Scale(0.0, 1.0, 2.0**40, 1.0))
    values = np.full(2**21, far)
    for _ in range(8):
        counted.add(values)
    counted.add(np.array([7.5, -1.0]))
    at_most = [0, 0, 0, 0] if far > 0 else [2**24] * 4
    assert counted.told()[KINDS - 1 :] == [int(np.sign(far)) * 2**64 + 7, *np.add(at_most, [0, 1, 1, 1]).tolist(), 1]


@pytest.mark.parametrize(
    "offsets",
    [
        Scale(np.nan, 1.0, 1.0, 1.0),
        Scale(0.0, np.inf, 1.0, 1.0),
        Scale(0.0, 0.0, 1.0, 1.0),
        Scale(0.0, 1.0, 1e13, 1.0),
        Scale(0.0, 1.0, -1.0, 1.0),
        Scale(0.0, 1.0, 1.0, 0.0),
    ],
)
def test_offsets_that_no_whole_number_holds_are_refused(library: ctypes.CDLL, offsets: Scale) -> None:
    with pytest.raises(ValueError, match="expected finite numbers"):
        CompiledTallies(library, (), (), None, offsets)


DIRECTIONS = [
    Projection(("a", "b"), (0.5, -1.0), (2.0, 1e-3), (0.7071067811865476, -0.7071067811865476)),
    Projection(("a", "b", "c"), (0.0, 0.0, 1e9), (1.0, 3.0, 7.0), (0.1, 1e-9, 12345.678)),
    Projection(("c",), (0.0,), (1e-300,), (1e300,)),
]


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=20), repeats=st.sampled_from([1, 40]))
def test_columns_are_projected_alike(
    library: ctypes.CDLL, rows: list[tuple[float, float, float]], repeats: int
) -> None:
    projecting = Projecting(library, LIMIT, STEPS)
    matrix = np.repeat(np.array(rows), repeats, axis=0)
    columns = {"a": matrix[:, 0], "b": matrix[:, 1].copy(), "c": matrix[:, 2]}
    for direction in DIRECTIONS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(joint, "_COMPILED", projecting)
            compiled = direction.of(columns, {})
            patch.setattr(joint, "_COMPILED", None)
            plain = direction.of(columns, {})
            standard = standardise(columns["a"], 0.3, 0.7)
        assert compiled.tobytes() == plain.tobytes() or alike(compiled, plain)
        assert alike(projecting.standardised(columns["a"], 0.3, 0.7), standard)
        assert alike(projecting.standardised(between_doubles(columns["a"]), 0.3, 0.7), standard)
        assert not np.abs(standard[~np.isnan(standard)]).max(initial=0.0) > LIMIT


def alike(one: Any, other: Any) -> bool:
    """Say whether all bits are equal but those by which one NaN differs from another."""
    return np.array_equal(np.isnan(one), np.isnan(other)) and np.array_equal(
        one[~np.isnan(one)].view(np.int64), other[~np.isnan(other)].view(np.int64)
    )


def test_halves_are_rounded_to_the_even_side(library: ctypes.CDLL) -> None:
    halves = np.array([0.5, 1.5, 2.5, -0.5, -2.5, 4.5])
    counted = CompiledTallies(library, (), (), None, Scale(0.0, 1.0, 10.0, 1.0))
    counted.add(halves)
    assert counted.told() == [0, 0, 0, 0, 6]
    projected = Projecting(library, LIMIT, STEPS).projected([halves / STEPS], [1.0])
    assert (projected * STEPS).tolist() == [0.0, 2.0, 2.0, 0.0, -2.0, 4.0]


def test_terms_of_different_sizes_are_refused(library: ctypes.CDLL) -> None:
    projecting = Projecting(library, LIMIT, STEPS)
    with pytest.raises(ValueError, match="different sizes"):
        projecting.projected([np.zeros(3), np.zeros(2)], [1.0, 1.0])
    with pytest.raises(ValueError, match="not a weight for each"):
        projecting.projected([np.zeros(3), np.zeros(3)], [1.0])
