"""Trees of any shape and rows of any numbers: compiled code reaches the leaves that a plain descent reaches.

`WEIRKEEPER_FUZZ` is how many forests are drawn, 80 where it is not set.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from weirkeeper_server.shortcuts import shallow_trees
from weirkeeper_server.shortcuts.plan import Trees

ODD = np.array([0.0, -0.0, np.inf, -np.inf, 5e-324, -5e-324, 1e-46, 3.5e38, -3.5e38, 1e300, -1e300, 0.1, 1 + 2**-30])


class Forest:
    """Draws a plan: nodes may have several parents, and trees may be a leaf alone."""

    def __init__(self, seed: int) -> None:
        self.drawn = np.random.default_rng(seed)

    def numbers(self, *shape: int, odd: float = 0.3) -> Any:
        drawn = self.drawn
        return np.where(drawn.random(shape) < odd, drawn.choice(ODD, shape), drawn.normal(size=shape).round(1))

    def tree(self, nodes: int, levels: int) -> tuple[Any, Any]:
        left, right, height = np.full(nodes, -1), np.full(nodes, -1), np.zeros(nodes, dtype=int)
        for node in reversed(range(nodes - 1)):
            low = node + 1 + np.flatnonzero(height[node + 1 :] < levels)
            if low.size and self.drawn.random() < 0.8:
                left[node], right[node] = self.drawn.choice(low[:8], 2)
                height[node] = 1 + max(height[left[node]], height[right[node]])
        return left, right

    def plan(
        self, *, trees: int, levels: int, width: int, sums: int, shared: bool, single: bool, lacking: bool
    ) -> Trees:
        sizes = self.drawn.integers(1, 2**levels + 2, trees)
        left, right = (np.concatenate(part) for part in zip(*(self.tree(size, levels) for size in sizes), strict=True))
        nodes = int(sizes.sum())
        return Trees(
            width=width, sizes=sizes, left=left, right=right,
            feature=self.drawn.integers(0, width, nodes), threshold=self.numbers(nodes),
            lacking_left=self.drawn.random(nodes) < 0.5, values=self.leaves(nodes, sums if shared else 1),
            targets=self.drawn.integers(0, sums, trees), single=single, lacking=lacking, finish="identity",
        )  # fmt: skip

    def leaves(self, *shape: int) -> Any:
        """Draw few that are odd, for they hide all others of their sum."""
        return self.numbers(*shape, odd=0.001) * np.pi

    def rows(self, plan: Trees, count: int) -> Any:
        rows = self.numbers(count, plan.width)
        at_thresholds = self.drawn.choice(plan.threshold, rows.shape)
        rows = np.where(self.drawn.random(rows.shape) < 0.3, at_thresholds, rows)
        if plan.lacking or not plan.single:
            rows[self.drawn.random(rows.shape) < 0.2] = np.nan
        with np.errstate(over="ignore"):
            return rows.astype(np.float32) if plan.single else rows


def descend(plan: Trees, rows: Any) -> Any:
    """Add up leaves, tree by tree, as the plan says it."""
    found = np.zeros((len(rows), plan.sums))
    columns = plan.values.shape[1]
    each = np.arange(len(rows))
    for start, target in zip(np.cumsum(plan.sizes) - plan.sizes, plan.targets, strict=True):
        at = np.full(len(rows), start)
        while (inner := plan.left[at] >= 0).any():
            value = rows[each, plan.feature[at]].astype(np.float64)
            to_left = (value <= plan.threshold[at]) | (np.isnan(value) & plan.lacking_left[at])
            at = np.where(inner, start + np.where(to_left, plan.left[at], plan.right[at]), at)
        first = int(target) if columns == 1 else 0
        found[:, first : first + columns] += plan.values[at]
    return found


def bits(sums: Any) -> Any:
    return np.where(np.isnan(sums), np.nan, sums).view(np.int64).tolist()


@settings(max_examples=int(os.environ.get("WEIRKEEPER_FUZZ", "80")), deadline=None)
@example(seed=1, trees=300, levels=6, width=40, sums=5, shared=False, single=True, lacking=True, rows=199)
@given(
    seed=st.integers(0, 2**32),
    trees=st.integers(1, 20),
    levels=st.integers(1, 6),
    width=st.integers(1, 40),
    sums=st.integers(1, 5),
    shared=st.booleans(),
    single=st.booleans(),
    lacking=st.booleans(),
    rows=st.integers(0, 140),
)
def test_the_leaves_are_those_of_a_plain_descent(library: ctypes.CDLL, seed: int, rows: int, **shape: Any) -> None:
    forest = Forest(seed)
    plan = forest.plan(**shape)
    walk = shallow_trees._walk(library, plan)
    if walk is None:
        assert all(plan.left[start] < 0 for start in np.cumsum(plan.sizes) - plan.sizes)
        return
    given = forest.rows(plan, rows)
    with np.errstate(all="ignore"):
        assert bits(walk.sums(given)) == bits(descend(plan, given))


@pytest.mark.parametrize(("trees", "columns"), [(2**11, 1), (2**11 + 1, 1), (2**7, 512), (2**7, 513)])
def test_trees_that_would_fill_memory_when_they_are_complete_are_walked_otherwise(
    library: ctypes.CDLL, trees: int, columns: int
) -> None:
    """Of 7 nodes each: on every level both ways lead to the next one."""
    onward = np.array([1, 2, 3, 4, 5, 6, -1])
    along, nothing = np.tile(onward, trees), np.zeros(7 * trees, dtype=int)
    plan = Trees(
        width=1, sizes=np.full(trees, 7), left=along, right=along, feature=nothing, threshold=nothing.astype(float),
        lacking_left=nothing, values=np.ones((7 * trees, columns)), targets=np.zeros(trees, dtype=int),
        single=False, lacking=False, finish="identity",
    )  # fmt: skip
    walk = shallow_trees._walk(library, plan)
    assert (walk is None) == (trees * 64 > 2**17 or trees * 64 * columns > 2**22)
    if walk is not None:
        assert walk.sums(np.array([[1.0]])).tolist() == [[trees] * columns]
