"""Compiled trees read within their arrays alone; that they answer as scikit-learn is shown where shortcuts are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from weirkeeper.compiled.library import LIBRARY
from weirkeeper.compiled.trees import CompleteTrees, Questions, Walk

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="nothing is compiled for this machine")

QUESTIONS = Questions(np.array([0, 1]), np.array([0.5, -1.0]), np.array([False, True]))
TREES = CompleteTrees(np.array([[0], [1]]), np.array([[[1.0], [2.0]], [[10.0], [20.0]]]), np.array([0, 1]))


def walk(questions: Questions = QUESTIONS, trees: CompleteTrees = TREES, width: int = 2, sums: int = 2) -> Walk:
    assert LIBRARY is not None
    return Walk(LIBRARY, width, sums, questions, trees)


def test_rows_go_to_the_right_above_a_threshold_or_where_they_lack_and_it_says_so() -> None:
    rows = np.array([[0.5, -1.0], [0.6, -0.9], [np.nan, np.nan], [np.inf, -np.inf]])
    assert walk().sums(rows).tolist() == [[1.0, 10.0], [2.0, 20.0], [1.0, 20.0], [2.0, 10.0]]


def test_a_tree_may_add_to_several_sums_and_several_trees_to_one() -> None:
    shared = TREES._replace(
        leaves=np.array([[[1.0, 5.0], [2.0, 6.0]], [[10.0, 50.0], [20.0, 60.0]]]), targets=np.zeros(2, int)
    )
    assert walk(trees=shared).sums(np.array([[1.0, 0.0]])).tolist() == [[22.0, 66.0]]
    one = TREES._replace(targets=np.zeros(2, int))
    assert walk(trees=one, sums=1).sums(np.array([[1.0, -5.0]])).tolist() == [[12.0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [0, 1, 6, 7, 63, 64, 65, 70, 71, 200])
def test_every_row_gets_its_own_sums(dtype: Any, rows: int) -> None:
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
        (QUESTIONS, TREES._replace(leaves=np.zeros((2, 2, 3))), "a target from 0 to 1, expected less than 0"),
    ],
)
def test_what_would_lead_beyond_an_array_is_refused(questions: Questions, trees: CompleteTrees, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        walk(questions, trees)


@pytest.mark.parametrize("rows", [np.zeros((2, 3)), np.zeros(2), np.zeros((1, 1))])
def test_rows_of_another_width_are_refused(rows: Any) -> None:
    with pytest.raises(ValueError, match="expected 2 columns"):
        walk().sums(rows)
