"""Windows as sums of slots: where they lie, how far they reach back, and which slots may go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weirkeeper.plan.windows import CountedSlot, WindowRule, by_window, needed_from, window_of, window_rules
from weirkeeper.statistics.packed import NOTHING, PackedCounts

RULE = WindowRule(size=3600, min_rows=500, max_age=6 * 3600)
END = 360_000


def tally(count: int) -> dict[str, Any]:
    rest = dict.fromkeys(("missing", "invalid", "unseen", "posInf", "negInf", "sum"), 0)
    return {"income": {"counts": [count, 2 * count], **rest}}


def packed(count: int) -> PackedCounts:
    return PackedCounts.of(tally(count))


def slot(start: int, rows: int) -> CountedSlot:
    return CountedSlot(start, rows, packed(rows))


@pytest.mark.parametrize(
    ("size", "length"),
    [(60, 60), (120, 60), (600, 60), (720, 60), (780, 65), (1020, 85), (3600, 300), (86_400, 7200), (604_800, 50_400)],
)
def test_a_slot_is_a_twelfth_of_the_window_but_at_least_a_minute(size: int, length: int) -> None:
    slots = WindowRule(size, 500, 10**6).slot
    assert slots == length
    assert size % slots == 0


def test_a_window_ends_at_a_multiple_of_its_size() -> None:
    assert [RULE.end_before(until) for until in (END - 1, END, END + 1)] == [END - 3600, END, END]


def test_a_window_is_the_sum_of_its_slots() -> None:
    window = window_of([slot(END - 3600, 300), slot(END - 300, 400), slot(END, 9)], RULE, END, 0)
    assert (window.start, window.end, window.rows, window.counts) == (END - 3600, END, 700, packed(700))


def test_a_window_reaches_back_no_further_than_it_must() -> None:
    slots = [slot(END - 7200, 50), slot(END - 6900, 150), slot(END - 3900, 200), slot(END - 300, 200)]
    window = window_of(slots, RULE, END, 0)
    assert (window.start, window.rows) == (END - 6900, 550)


def test_a_window_without_rows_is_empty() -> None:
    window = window_of([], RULE, END, 0)
    assert (window.start, window.rows, window.counts) == (END - 3600, 0, NOTHING)


def test_rules_of_monitors_that_cannot_be_understood_are_left_out() -> None:
    def monitor(name: str, **window: Any) -> dict[str, Any]:
        return {"metadata": {"name": name}, "spec": {"modelRef": {"name": "churn"}, "window": window}}

    assert window_rules([monitor("a"), monitor("b", size="2s"), monitor("c", size="1m", minRows=50, maxAge="1h")]) == {
        "a": WindowRule(3600, 500, 86_400),
        "c": WindowRule(60, 50, 3600),
    }


@given(
    filled=st.lists(st.tuples(st.integers(1, 60), st.integers(1, 400)), max_size=40),
    until=st.integers(0, 3 * 3600),
    later=st.integers(0, 8),
)
def test_slots_that_may_go_change_no_window_to_come(filled: list[tuple[int, int]], until: int, later: int) -> None:
    """Pruned or not, every window from now on is the same, to the last count."""
    start, slots = END - 40 * 3600, []
    for gap, rows in filled:
        start += 300 * gap
        if start < END + until:
            slots.append(slot(start, rows))
    needed = needed_from(slots, RULE, END + until)
    kept, gone = [one for one in slots if one.start >= needed], [one for one in slots if one.start < needed]
    end = RULE.end_before(END + until) + 3600 * later
    assert window_of(kept, RULE, end, 0, by_window(gone, RULE.size)) == window_of(slots, RULE, end, 0)


def test_windows_before_are_sums_by_themselves_and_do_not_overlap_with_the_one_that_is_judged() -> None:
    earlier = [slot(END - 10_800, 30), slot(END - 10_500, 20), slot(END - 7200, 400), slot(END - 3600, 200)]
    window = window_of(earlier, RULE, END, 0)
    assert (window.start, window.rows, window.slots) == (END - 7200, 600, (packed(400), packed(200)))
    assert window.past == (packed(50),)


def test_windows_before_the_promotion_are_not_looked_at() -> None:
    past = [slot(END - 7200, 900)]
    assert window_of([slot(END - 3600, 600)], RULE, END, END - 7200, past).past == (packed(900),)
    assert window_of([slot(END - 3600, 600)], RULE, END, END - 7100, past).past == ()
