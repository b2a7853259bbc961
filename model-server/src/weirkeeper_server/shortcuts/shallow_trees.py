"""Ensembles of shallow trees in numpy: every question is asked of all rows of a batch at once, and asked but once.

A tree of few levels is made complete, so that a leaf's number is the answers on the way to it, as bits. Trees that are
alike in their sum are taken in pairs, whose common table halves what is looked up. It pays for batches, not for a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from weirkeeper_server.shortcuts.plan import Floats, Trees
from weirkeeper_server.tensors import Array

MOST_LEVELS: Final = 4
"""Deeper trees have too many questions that a row never comes to; a pair's leaf also fits into one byte so far."""

MOST_TREES: Final = 2_000
ANSWERS_AT_ONCE: Final = 2**17
"""Answers of all rows that are walked together: so many stay in a processor's cache."""

ROWS_AT_ONCE: Final = (64, 512)
"""But at least and at most so many rows: each call of numpy has a price of its own."""

Integers = npt.NDArray[np.intp]
Bits = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class _Complete:
    """Complete trees of `levels` levels: their questions level by level, each `[trees, 2**level]`, and their leaves.

    `leaves` is `[trees, 2**levels, k]`.
    """

    feature: list[Array]
    threshold: list[Array]
    lacking_left: list[Array]
    leaves: Floats

    @property
    def levels(self) -> int:
        return len(self.feature)


def sums(plan: Trees) -> Callable[[Array], Floats] | None:
    """Make what `tree_graph.sums` makes, None for trees that are too deep, too many, or ask nothing.

    Rows that were rounded to single precision come in it, others in double precision.
    """
    trees = _completed(plan) if len(plan.sizes) <= MOST_TREES else None
    return None if trees is None else _Walk(plan, trees).sums


def _completed(plan: Trees) -> _Complete | None:
    starts = np.cumsum(plan.sizes) - plan.sizes
    order = np.argsort(plan.targets, kind="stable")
    roots = starts[order, None]
    at = roots.astype(np.intp)
    feature: list[Array] = []
    threshold: list[Array] = []
    lacking: list[Array] = []
    while (inner := plan.left[at] >= 0).any():
        if len(feature) == MOST_LEVELS:
            return None
        # Below a leaf there is a question that leads to the same leaf, whatever the answer.
        feature.append(np.where(inner, plan.feature[at], 0))
        threshold.append(np.where(inner, plan.threshold[at], np.inf))
        lacking.append(np.where(inner, plan.lacking_left[at], True).astype(bool))  # noqa: FBT003  an array's values
        children = [np.where(inner, roots + child[at], at) for child in (plan.left, plan.right)]
        at = np.stack(children, axis=2).reshape(len(at), -1)
    return _Complete(feature, threshold, lacking, plan.values[at]) if feature else None


class _Walk:
    """Questions and tables, ready to be asked."""

    def __init__(self, plan: Trees, trees: _Complete) -> None:
        self._sums, self._levels = plan.sums, trees.levels
        self._may_lack = plan.lacking or not plan.single
        shared = plan.values.shape[1] > 1
        counts = [len(plan.sizes)] if shared else np.bincount(plan.targets, minlength=plan.sums).tolist()
        places = np.array(list(_places(counts)), dtype=np.intp)
        self._pairs = len(places) // 2
        # The first trees of all pairs, then the second ones.
        order = np.concatenate([places[0::2], places[1::2]])
        self._number(trees, order % len(plan.sizes), np.dtype(np.float32 if plan.single else np.float64))
        leaves = np.concatenate([trees.leaves, np.zeros((1, *trees.leaves.shape[1:]))])[order]
        self._tables = [_together(leaves[:, :, column]) for column in range(leaves.shape[2])]
        self._offsets = (np.arange(self._pairs, dtype=np.intp) << (2 * self._levels))[:, None]
        ends = np.cumsum([(count + 1) // 2 for count in counts]).tolist()
        self._groups = [slice(*bounds) for bounds in zip([0, *ends[:-1]], ends, strict=True)]

    def _number(self, trees: _Complete, order: Integers, dtype: np.dtype[Any]) -> None:
        """Number the questions that differ, and tell level by level which of them each tree asks."""
        feature, threshold, lacking_left = (
            np.concatenate([part[order].T.ravel() for part in parts])
            for parts in (trees.feature, trees.threshold, trees.lacking_left)
        )
        asked = np.empty(len(feature), dtype=[("feature", np.intp), ("threshold", dtype), ("lacking_left", np.bool_)])
        asked["feature"], asked["lacking_left"] = feature, lacking_left
        asked["threshold"] = threshold if dtype == np.float64 else _at_most(threshold)
        questions, numbers = np.unique(asked, return_inverse=True)
        ends = np.cumsum([len(order) << level for level in range(self._levels)])
        self._by_level = np.split(numbers.reshape(-1), ends[:-1])
        self._feature = questions["feature"].copy()
        self._lacking_right = ~questions["lacking_left"][:, None]
        least, most = ROWS_AT_ONCE
        self._rows = max(least, min(most, ANSWERS_AT_ONCE // len(questions)))
        # As wide as the rows are many: numpy compares two matrices in half the time that a column takes.
        self._threshold = np.repeat(questions["threshold"][:, None], self._rows, axis=1)

    def sums(self, rows: Array) -> Floats:
        """Add up the leaves that each row reaches."""
        found = np.empty((len(rows), self._sums))
        for start in range(0, len(rows), self._rows):
            part = slice(start, start + self._rows)
            self._add(np.ascontiguousarray(rows[part].T), found[part])
        return found

    def _add(self, columns: Array, found: Floats) -> None:
        leaf = self._leaves(self._answers(columns))
        pair = leaf[: self._pairs] << self._levels
        pair |= leaf[self._pairs :]
        place = pair.astype(np.intp)
        place += self._offsets
        for number, table in enumerate(self._tables):
            values = table.take(place)
            for target, group in enumerate(self._groups, start=number):
                np.add.reduce(values[group], axis=0, out=found[:, target])

    def _answers(self, columns: Array) -> Bits:
        """Say for each question and row whether it leads to the right."""
        right = columns.take(self._feature, axis=0) > self._threshold[:, : columns.shape[1]]
        if self._may_lack and (lacking := np.isnan(columns)).any():
            right |= lacking.take(self._feature, axis=0) & self._lacking_right
        return right.view(np.uint8)

    def _leaves(self, answers: Bits) -> Bits:
        """Number the leaf that each row reaches in each tree, by its answers on the way."""
        leaf = answers.take(self._by_level[0], axis=0)
        turns = [leaf.copy()]
        for level, questions in enumerate(self._by_level[1:], start=1):
            turn = answers.take(questions, axis=0).reshape(1 << level, *leaf.shape)
            for earlier in turns:
                turn = _chosen(turn, earlier)
            turns.append(turn[0])
            leaf <<= 1
            leaf |= turn[0]
        return leaf


def _chosen(turn: Bits, right: Bits) -> Bits:
    """Take the second half where a row went to the right before, else the first."""
    half = len(turn) // 2
    chosen = turn[:half] ^ turn[half:]
    chosen &= right
    chosen ^= turn[:half]
    return chosen


def _places(counts: Sequence[int]) -> Iterator[int]:
    """Give the places of trees so that each two add to one sum; one beyond the last is a tree that is not there."""
    first, none = 0, sum(counts)
    for count in counts:
        yield from range(first, first + count)
        if count % 2:
            yield none
        first += count


def _together(leaves: Floats) -> Floats:
    """Add up each leaf of the first tree of a pair with each of the second."""
    half = len(leaves) // 2
    table: Floats = leaves[:half, :, None] + leaves[half:, None, :]
    return table.ravel()


def _at_most(threshold: Floats) -> npt.NDArray[np.float32]:
    """Round down to single precision: a number in it is at most the one exactly where it is at most the other."""
    with np.errstate(over="ignore"):
        single = threshold.astype(np.float32)
    return np.where(single > threshold, np.nextafter(single, np.float32(-np.inf)), single)
