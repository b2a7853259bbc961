"""Counts as vectors: what is packed comes out as it was, and adds up like the counts themselves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weirkeeper.statistics.counters import add, subtract
from weirkeeper.statistics.errors import ProfileMismatch
from weirkeeper.statistics.packed import NOTHING, Column, PackedCounts, checked, total

COUNT = st.integers(0, 2**40)


def one(bins: int) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "counts": st.lists(COUNT, min_size=bins, max_size=bins),
            "missing": COUNT, "invalid": COUNT, "unseen": COUNT, "posInf": COUNT, "negInf": COUNT,
            "sum": st.integers(-(2**40), 2**40),
        }
    )  # fmt: skip


SIDES = st.fixed_dictionaries({"income": one(3), "age": one(1).map(lambda counts: {**counts, "outOfRange": 7})})
OUTPUTS = st.fixed_dictionaries({"score": one(2)})


@given(SIDES, OUTPUTS, SIDES, OUTPUTS)
def test_vectors_add_up_and_subtract_as_counts_do(
    inputs: dict[str, Any], outputs: dict[str, Any], more: dict[str, Any], answers: dict[str, Any]
) -> None:
    first, second = PackedCounts.of(inputs, outputs), PackedCounts.of(more, answers)
    both = first.plus(second)
    assert (first.inputs, first.outputs) == (inputs, outputs)
    assert (both.inputs, both.outputs) == (add(inputs, more), add(outputs, answers))
    assert both.minus(first) == second
    assert both.minus(first).inputs == subtract(both.inputs, inputs)
    assert total([first, NOTHING, second]) == second.plus(first)
    assert checked(both.layout.columns, both.numbers.tolist()) == both


def tally(*bins: int, **kinds: int) -> dict[str, Any]:
    rest = dict.fromkeys(("missing", "invalid", "unseen", "posInf", "negInf", "sum"), 0)
    return {"counts": list(bins), **rest, **kinds}


def test_rows_are_those_of_the_input_that_was_counted_most() -> None:
    packed = PackedCounts.of({"a": tally(1, 2, missing=3, unseen=1, invalid=2), "b": tally(8)}, {"y": tally(50)})
    assert packed.rows == 9
    assert (NOTHING.rows, PackedCounts.of({}, {"y": tally(50)}).rows) == (0, 0)


def test_counts_that_fell_are_a_restart() -> None:
    with pytest.raises(ProfileMismatch, match="fell"):
        PackedCounts.of({"a": tally(1, 2)}).minus(PackedCounts.of({"a": tally(2, 2)}))


@pytest.mark.parametrize("other", [{"a": tally(1)}, {"b": tally(1, 2)}, {"a": tally(1, 2, outOfRange=0)}])
def test_counts_of_another_profile_are_not_joined(other: dict[str, Any]) -> None:
    packed = PackedCounts.of({"a": tally(1, 2)})
    for join in (packed.plus, packed.minus):
        with pytest.raises(ProfileMismatch, match="two profiles"):
            join(PackedCounts.of(other))


def test_most_counts_take_half_the_memory() -> None:
    assert PackedCounts.of({"a": tally(2**31 - 1)}).numbers.itemsize == 4
    assert PackedCounts.of({"a": tally(2**31 - 1)}).plus(PackedCounts.of({"a": tally(1)})).inputs["a"]["counts"] == [
        2**31
    ]


@pytest.mark.parametrize("numbers", [[1] * 7, [1] * 9, [-1, *[0] * 7]])
def test_numbers_that_are_no_counts_are_refused(numbers: list[int]) -> None:
    with pytest.raises(ValueError, match="for a layout of 8"):
        checked((Column("inputs", "a", 2, ranged=False),), numbers)
