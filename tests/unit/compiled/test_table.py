"""Columns that are counted together tell what each tells by itself."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from tests.unit.compiled.test_counting import FEATURES, between_doubles, compiled_tallies
from weirkeeper.compiled.counting import CompiledTallies, Projecting
from weirkeeper.compiled.table import AT_ONCE, CompiledTable, Direction, Term
from weirkeeper.statistics.joint import LIMIT, STEPS
from weirkeeper.statistics.tallies import NumpyTallies

WEIGHTED = (
    ((Term(0, 0.5, 2.0), Term(1, -1.0, 1e-3)), (0.75, -0.75)),
    ((Term(1, -1.0, 1e-3), Term(2, 1e9, 7.0), Term(0, 0.0, 1.0)), (0.1, 12345.678, 1e-9)),
    ((Term(2, 0.0, 1e-300),), (1e300,)),
)
"""Terms by the places of columns, and their weights."""


def made(library: ctypes.CDLL, name: str = "with atoms") -> tuple[CompiledTable, list[CompiledTallies]]:
    """Count each of three columns twice, and what is projected of them."""
    counting = [compiled_tallies(library, FEATURES[name]) for _ in range(6 + len(WEIGHTED))]
    singles = [(place % 3, one) for place, one in enumerate(counting[:6])]
    directions = [Direction(*given, one) for given, one in zip(WEIGHTED, counting[6:], strict=True)]
    return CompiledTable(library, 3, singles, directions, LIMIT, STEPS), counting


def columns_of(rows: int) -> list[Any]:
    drawn = np.random.default_rng(rows)
    columns = drawn.normal(size=(3, rows))
    for odd in (np.nan, np.inf, -np.inf, 1e12, 7.5, 0.0, 1e300):
        columns[drawn.random(columns.shape) < 0.03] = odd
    return [columns[0], between_doubles(columns[1]) if rows else columns[1], columns[2]]


@pytest.mark.parametrize("rows", [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 5000])
@pytest.mark.parametrize("name", ["intervals", "with atoms", "sensitive", "expected", "discrete"])
def test_columns_are_counted_together_as_apart(library: ctypes.CDLL, name: str, rows: int) -> None:
    columns, projecting = columns_of(rows), Projecting(library, LIMIT, STEPS)
    table, together = made(library, name)
    assert len([*table.steps(columns, 700), *table.steps(columns, rows + 1)]) == -(-rows // 700) + (rows > 0)
    projected = [
        projecting.projected([projecting.standardised(columns[place], *by) for place, *by in terms], weights)
        for terms, weights in WEIGHTED
    ]
    for counted, values in zip(together, [*columns, *columns, *projected], strict=True):
        apart = NumpyTallies(FEATURES[name])
        for _ in range(2):
            with np.errstate(over="ignore"):
                apart.add(values)
        assert counted.told() == apart.told()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        pytest.param(columns_of(5)[:2], "2 columns of sizes", id="too few"),
        pytest.param([*columns_of(5)[:2], np.zeros(6)], "expected 3 of one size", id="of other sizes"),
        pytest.param([*columns_of(5)[:2], np.zeros(10)[::2]], "doubles side by side", id="apart in memory"),
        pytest.param([*columns_of(5)[:2], np.zeros(5, np.int64)], "doubles side by side", id="no doubles"),
    ],
)
def test_columns_that_do_not_fit_are_refused(library: ctypes.CDLL, columns: list[Any], message: str) -> None:
    table, counting = made(library)
    with pytest.raises(ValueError, match=message):
        next(table.steps(columns, 10))
    assert not any(map(any, (one.told() for one in counting)))


@pytest.mark.parametrize(
    ("single", "terms", "weights"),
    [
        pytest.param(3, [Term(0, 0.0, 1.0)], [1.0], id="no such column"),
        pytest.param(-1, [Term(0, 0.0, 1.0)], [1.0], id="before the first"),
        pytest.param(0, [Term(3, 0.0, 1.0)], [1.0], id="no such term"),
        pytest.param(0, [Term(0, 0.0, 1.0)], [1.0, 2.0], id="more weights than terms"),
        pytest.param(0, [], [], id="no terms"),
    ],
)
def test_a_table_of_what_is_not_there_is_refused(
    library: ctypes.CDLL, single: int, terms: list[Term], weights: list[float]
) -> None:
    one, other = (compiled_tallies(library, FEATURES["intervals"]) for _ in range(2))
    with pytest.raises(ValueError, match=r"expected less than 3|not a weight for each term"):
        CompiledTable(library, 3, [(single, one)], [Direction(terms, weights, other)], LIMIT, STEPS)
