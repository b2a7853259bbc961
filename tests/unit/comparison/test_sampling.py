"""A sample of rows is uniform, in order, and of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from weirkeeper.comparison.sampling import MOST_ROWS, RowSample
from weirkeeper.statistics import effective_size, psi_threshold


def batches(rows: int, size: int) -> Iterator[Any]:
    for start in range(0, rows, size):
        yield pa.RecordBatch.from_pydict({"row": np.arange(start, min(rows, start + size))})


def sampled(rows: int, most: int, seed: int, size: int = 70) -> np.typing.NDArray[np.int64]:
    sample = RowSample(most, seed)
    sample.add(batches(rows, size))
    assert sample.rows == rows
    return np.asarray(sample.table()["row"])


def test_fewer_rows_are_all_kept() -> None:
    assert sampled(300, 300, seed=1).tolist() == list(range(300))


@pytest.mark.parametrize("size", [1, 70, 5000])
def test_more_rows_give_a_sample_of_that_size_in_their_order(size: int) -> None:
    rows = sampled(1000, 300, seed=1, size=size)
    assert rows.size == 300
    assert (np.diff(rows) > 0).all()


def test_every_row_is_sampled_as_often_as_any_other() -> None:
    repetitions, rows, most = 600, 400, 100
    seen = np.zeros(rows)
    for seed in range(repetitions):
        seen[sampled(rows, most, seed)] += 1
    # Each count is binomial; their chi-square, for samples without replacement, has rows - 1 degrees of freedom.
    share = most / rows
    chi_square = ((seen - repetitions * share) ** 2).sum() / (repetitions * share * (1 - share))
    assert abs(chi_square - (rows - 1)) < 4.5 * np.sqrt(2 * (rows - 1))


@pytest.mark.parametrize("window", [10_000, 100_000, 10_000_000])
@pytest.mark.parametrize("alpha", [1e-2, 1e-3, 1e-5])
def test_a_sample_costs_little_against_an_endless_reference(alpha: float, window: int) -> None:
    """With ten bins and delta 0.1, as the comment on MOST_ROWS and the documentation have it."""
    sample = psi_threshold(10, effective_size(MOST_ROWS, window), 0.1, alpha)
    endless = psi_threshold(10, window, 0.1, alpha)
    assert sample - endless < 0.01
