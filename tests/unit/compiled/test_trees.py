"""Compiled trees read within their arrays alone; that they answer as scikit-learn is shown where shortcuts are."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from weirkeeper.compiled.trees import CompleteTrees, Questions, Walk

QUESTIONS = Questions(np.array([0, 1]), np.array([0.5, -1.0]), np.array([False, True]))
TREES = CompleteTrees(np.array([[0], [1]]), np.array([[[1.0], [2.0]], [[10.0], [20.0]]]), np.array([0, 1]))


Make = Callable[..., Walk]


@pytest.fixture
def walk(library: ctypes.CDLL) -> Make:
    def make(questions: Questions = QUESTIONS, trees: CompleteTrees = TREES, width: int = 2, sums: int = 2) -> Walk:
        return Walk(library, width, sums, questions, trees)

    return make


def test_rows_go_to_the_right_above_a_threshold_or_where_they_lack_and_it_says_so(walk: Make) -> None:
    rows = np.array([[0.5, -1.0], [0.6, -0.9], [np.nan, np.nan], [np.inf, -np.inf]])
    assert walk().sums(rows).tolist() == [[1.0, 10.0], [2.0, 20.0], [1.0, 20.0], [2.0, 10.0]]


def test_a_tree_may_add_to_several_sums_and_several_trees_to_one(walk: Make) -> None:
    shared = TREES._replace(
        leaves=np.array([[[1.0, 5.0], [2.0, 6.0]], [[10.0, 50.0], [20.0, 60.0]]]), targets=np.zeros(2, int)
    )
    assert walk(trees=shared).sums(np.array([[1.0, 0.0]])).tolist() == [[22.0, 66.0]]
    one = TREES._replace(targets=np.zeros(2, int))
    assert walk(trees=one, sums=1).sums(np.array([[1.0, -5.0]])).tolist() == [[12.0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [0, 1, 6, 7, 63, 64, 65, 70, 71, 200])
def test_every_row_gets_its_own_sums(walk: Make, dtype: Any, rows: int) -> None:
    questions = QUESTIONS._replace(threshold=QUESTIONS.threshold.astype(dtype))
    given = np.random.default_rng(1).normal(size=(rows, 3)).astype(dtype)[:, :2]
    wanted = np.stack([np.where(given[:, 0] > 0.5, 2.0, 1.0), np.where(given[:, 1] > -1.0, 20.0, 10.0)], axis=1)
    assert np.array_equal(walk(questions).sums(given), wanted)


@pytest.mark.parametrize(
    ("questions", "trees", "words"),
    [
        (QUESTIONS._replace(feature=np.array([0, 2])), TREES, "a feature from 0 to 2"),
        (QUESTIONS._replace(feature=np.array([-1, 0])), TREES, "a feature from -1 to 0"),
        (QUESTIONS._replace(feature=np.array([0])), TREES, "questions of different numbers"),
        (QUESTIONS._replace(threshold=np.array([1, 2])), TREES, "thresholds of type int64"),
        (QUESTIONS, TREES._replace(asked=np.array([[0], [2]])), "a question from 0 to 2"),
        (QUESTIONS, TREES._replace(asked=np.array([[0, 1], [0, 1]])), "trees of 2 leaves"),
        (QUESTIONS, TREES._replace(targets=np.array([0, 2])), "a target from 0 to 2"),
        (QUESTIONS, TREES._replace(targets=np.array([0])), "targets of another number"),
        (QUESTIONS, TREES._replace(leaves=np.zeros((2, 3, 1))), "trees of 3 leaves"),
        (QUESTIONS, TREES._replace(leaves=TREES.leaves.astype(np.float32)), "leaves of type float32"),
        (QUESTIONS, TREES._replace(leaves=TREES.leaves.astype(">f8")), "leaves of type >f8"),
        (QUESTIONS, TREES._replace(leaves=np.zeros((2, 2, 3))), "a target from 0 to 1, expected less than 0"),
    ],
)
def test_what_would_lead_beyond_an_array_is_refused(
    walk: Make, questions: Questions, trees: CompleteTrees, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        walk(questions, trees)


@pytest.mark.parametrize("rows", [np.zeros((2, 3)), np.zeros(2), np.zeros((1, 1))])
def test_rows_of_another_width_are_refused(walk: Make, rows: Any) -> None:
    with pytest.raises(ValueError, match="expected 2 columns"):
        walk().sums(rows)


@pytest.mark.parametrize("sizes", [{"width": 2**31}, {"sums": 2**31}, {"sums": 0}])
def test_what_no_place_of_32_bits_leads_to_is_refused(walk: Make, sizes: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="too many, or none"):
        walk(**sizes)


def test_what_was_checked_cannot_be_changed_afterwards(walk: Make) -> None:
    asked: Any = TREES.asked.astype(np.int32)
    leaves = TREES.leaves.copy()
    made = walk(trees=TREES._replace(asked=asked, leaves=leaves))
    asked[:], leaves[:] = 2**30, 0.0
    assert made.sums(np.array([[0.6, -1.0]])).tolist() == [[2.0, 10.0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [5, 70])
def test_rows_may_lie_as_numpy_lays_them(walk: Make, dtype: Any, count: int) -> None:
    rows = np.random.default_rng(2).normal(size=(count, 2)).astype(dtype)
    moved = np.empty(rows.nbytes + 1, dtype=np.uint8)[1:].view(dtype).reshape(rows.shape)
    moved[:] = rows
    moved.setflags(write=False)
    made = walk(QUESTIONS._replace(threshold=QUESTIONS.threshold.astype(dtype)))
    wanted = made.sums(rows).tolist()
    for other in (moved, np.asfortranarray(rows), rows.astype(rows.dtype.newbyteorder(">"))):
        assert made.sums(other).tolist() == wanted


def test_several_threads_may_walk_at_once(walk: Make) -> None:
    """The interpreter's lock is let go meanwhile."""
    made = walk()
    batches = list(np.random.default_rng(3).normal(size=(8, 5000, 2)))
    wanted = [made.sums(batch).tolist() for batch in batches]
    with ThreadPoolExecutor(2) as threads:
        assert [found.tolist() for found in threads.map(made.sums, batches)] == wanted
