from __future__ import annotations

import numpy as np

from weirkeeper_server.row_buffers import RowBuffer


def test_rows_stand_behind_each_other_in_the_order_in_which_they_came() -> None:
    buffer = RowBuffer(6)
    assert buffer.put([{"x": np.array([[1.0, 2.0]])}, {"x": np.array([[3.0, 4.0], [5.0, 6.0]])}], 3)
    assert buffer.put([{"x": np.array([[7.0, 8.0]])}], 1)
    assert buffer.columns()["x"].tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]


def test_what_does_not_fit_is_left_out_as_a_whole() -> None:
    buffer = RowBuffer(3)
    assert buffer.put([{"n": np.array([1, 2]), "x": np.array([0.5, 1.5])}], 2)
    for other in (
        {"n": np.array([3, 4]), "x": np.array([2.5, 3.5])},
        {"n": np.array([3]), "x": np.array([[2.5, 3.5]])},
        {"n": np.array([3])},
        {"n": np.array([2.5]), "x": np.array([2.5])},
    ):
        assert not buffer.put([other], len(other["n"]))
    assert {name: column.tolist() for name, column in buffer.columns().items()} == {"n": [1, 2], "x": [0.5, 1.5]}


def test_texts_are_whole_whatever_their_length_and_nobodys_are_kept() -> None:
    buffer = RowBuffer(2)
    assert buffer.put([{"t": np.array(["a"])}, {"t": np.array(["longer"])}], 2)
    column = buffer.columns()["t"]
    assert column.tolist() == ["a", "longer"]
    buffer.clear()
    assert column.tolist() == [None, None]
    assert buffer.rows == 0


def test_memory_is_used_again() -> None:
    buffer = RowBuffer(4)
    assert buffer.put([{"x": np.arange(4.0)}], 4)
    before = buffer.columns()["x"]
    buffer.clear()
    assert buffer.put([{"x": np.arange(2.0)}], 2)
    assert np.shares_memory(before, buffer.columns()["x"])


def test_an_empty_buffer_takes_other_types_than_before() -> None:
    buffer = RowBuffer(4)
    assert buffer.put([{"x": np.array([1, 2])}], 2)
    buffer.clear()
    assert buffer.put([{"x": np.array([[0.5, 1.5]])}], 1)
    assert buffer.columns()["x"].tolist() == [[0.5, 1.5]]


def test_parts_that_do_not_fit_together_leave_an_empty_buffer_as_it_was() -> None:
    buffer = RowBuffer(4)
    assert not buffer.put([{"x": np.array([1.0, 2.0])}], 3)
    assert buffer.put([{"x": np.array(["a"])}], 1)
    assert buffer.columns()["x"].tolist() == ["a"]
