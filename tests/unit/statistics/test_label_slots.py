"""Labels by slot: what is frozen stays, and coverage says how many predictions a label came for."""

from __future__ import annotations

import pytest

from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.intervals import Share, wilson
from weirkeeper.statistics.label_slots import booked, labelled_window, watermark
from weirkeeper.statistics.labels import LabelCounts

HOUR = 3_600


def rows(count: int) -> LabelCounts:
    return LabelCounts(rows=count, correct=count)


@pytest.mark.parametrize(
    ("now", "delay", "expected"),
    [
        pytest.param(10 * HOUR, 0, 10 * HOUR, id="no delay: the running slot"),
        pytest.param(10 * HOUR + 1800, 2 * HOUR, 8 * HOUR, id="the slot that the delay reaches into"),
        pytest.param(10 * HOUR - 1, HOUR, 8 * HOUR, id="just before"),
    ],
)
def test_a_slot_takes_labels_until_the_delay_after_its_end(now: float, delay: float, expected: int) -> None:
    assert watermark(now, delay, HOUR) == expected


def test_late_labels_change_no_frozen_slot() -> None:
    known = {0: rows(5), HOUR: rows(3)}
    told = {0: rows(9), HOUR: rows(4), 2 * HOUR: rows(1)}
    found = booked(known, told, HOUR)
    assert {slot: counts.rows for slot, counts in found.items()} == {0: 5, HOUR: 4, 2 * HOUR: 1}
    assert booked({}, told, HOUR).keys() == {HOUR, 2 * HOUR}


def test_a_window_adds_its_slots_up_and_tells_the_coverage() -> None:
    slots = {0: rows(5), HOUR: rows(3), 2 * HOUR: rows(100)}
    found = labelled_window(slots, {0: 20, HOUR: 12}, range(0, 2 * HOUR, HOUR), 2 * HOUR)
    assert (found.counts.rows, found.predictions, found.coverage, found.frozen) == (8, 32, 0.25, True)
    assert found.coverage_bounds == wilson(Share(8, 32))
    assert not labelled_window(slots, {}, range(0, 2 * HOUR, HOUR), HOUR).frozen


def test_labels_of_predictions_that_a_restart_forgot_count_as_predicted() -> None:
    found = labelled_window({0: rows(5)}, {0: 2}, range(0, HOUR, HOUR), 0)
    assert (found.predictions, found.coverage) == (5, 1.0)


def test_an_empty_window_has_no_coverage_and_is_not_frozen() -> None:
    found = labelled_window({}, {}, range(0), HOUR)
    assert (found.counts.rows, found.coverage, found.coverage_bounds, found.frozen) == (0, 0.0, (0.0, 1.0), False)


def test_a_negative_delay_is_refused() -> None:
    with pytest.raises(StatisticsError, match="a delay of -1 s"):
        watermark(0.0, -1, HOUR)
