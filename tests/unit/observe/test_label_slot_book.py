"""Labels by the slot of their prediction: late ones, replicas, restarts and what is too old or too much."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weirkeeper.observe import label_slot_book
from weirkeeper.observe.label_readings import LabelReading
from weirkeeper.observe.label_slot_book import LONGEST_WAIT, LabelSlotBook, SlotKey
from weirkeeper.observe.latencies import Process
from weirkeeper.observe.presence import SETTLED_SECONDS
from weirkeeper.statistics.labels import LabelCounts

V1, V2 = "churn-11111111", "churn-22222222"
A, B = Process("uid-a", 1.0), Process("uid-b", 2.0)
HOUR = 3600
SLOT = 500_000 * HOUR
END = SLOT + 10 * HOUR


def scored(*rows: tuple[float, bool]) -> LabelCounts:
    counts = LabelCounts()
    for score, positive in rows:
        counts.add_class("yes" if score > 0.5 else "no", "yes" if positive else "no", "yes")
        counts.add_score(score, is_positive=positive)
    return counts


def told(slots: Mapping[tuple[str, int], LabelCounts], seconds: int = HOUR) -> LabelReading:
    return LabelReading("1-1", {}, {key: {"": counts} for key, counts in slots.items()}, seconds)


def of_rows(rows: int) -> LabelCounts:
    return LabelCounts(rows=rows, correct=rows)


def rows(book: LabelSlotBook, revision: str = V1) -> dict[int, int]:
    return {start - SLOT: segments[""].rows for start, segments in book.view().revisions.get(revision, {}).items()}


def test_a_late_label_counts_to_the_slot_of_its_prediction() -> None:
    book = LabelSlotBook()
    assert book.book(END, A, told({(V1, SLOT): of_rows(3)}))
    assert book.book(END + 5 * HOUR, A, told({(V1, SLOT): of_rows(4), (V1, SLOT + HOUR): of_rows(1)}))
    assert rows(book) == {0: 4, HOUR: 1}


def test_a_look_that_tells_the_same_changes_nothing() -> None:
    book = LabelSlotBook()
    book.book(END, A, told({(V1, SLOT): of_rows(3)}))
    view = book.view()
    assert not book.book(END, A, told({(V1, SLOT): of_rows(3)}))
    assert not book.book(END, A, told({}))
    assert book.view() is view


def test_a_view_does_not_change_afterwards() -> None:
    book = LabelSlotBook()
    book.book(END, A, told({(V1, SLOT): of_rows(3)}))
    view = book.view().revisions
    book.book(END, B, told({(V1, SLOT): of_rows(4), (V2, SLOT): of_rows(1)}))
    assert (view[V1][SLOT][""].rows, V2 in view) == (3, False)
    assert (book.view().revisions[V1][SLOT][""].rows, rows(book, V2)) == (7, {0: 1})


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.integers(0, 2)), max_size=60), st.randoms())
def test_replicas_add_up_to_what_one_process_would_have_counted(
    given_rows: list[tuple[float, bool, int]], order: random.Random
) -> None:
    parts = [scored(*((score, label) for score, label, pod in given_rows if pod == one)) for one in range(3)]
    book, shuffled = LabelSlotBook(), [*enumerate(parts)]
    order.shuffle(shuffled)
    for number, part in shuffled:
        book.book(END, Process(f"uid-{number}", 1.0), told({(V1, SLOT): part}))
    whole = scored(*((score, label) for score, label, _ in given_rows))
    assert book.view().revisions[V1][SLOT][""].to_json() == whole.to_json()


def test_what_a_process_counted_outlives_it_and_counts_once() -> None:
    book = LabelSlotBook()
    book.book(END, A, told({(V1, SLOT): scored((0.3, True))}))
    book.book(END, B, told({(V1, SLOT): scored((0.9, True))}))
    before = book.view().revisions[V1][SLOT][""].to_json()
    book.keep(END, {"uid-a", "uid-b"})
    book.keep(END + SETTLED_SECONDS + 1, {"uid-b"})
    book.keep(END + 2 * SETTLED_SECONDS + 2, set())
    assert not book.book(END, A, told({(V1, SLOT): scored((0.3, True), (0.2, False))}))
    assert book.view().revisions[V1][SLOT][""].to_json() == before
    assert len(book.slots()[SlotKey(V1, SLOT, HOUR)].parts) == 1


def test_after_a_restart_of_the_operator_pods_tell_everything_again_and_nothing_doubles() -> None:
    before = LabelSlotBook()
    before.book(END, A, told({(V1, SLOT): of_rows(3)}))
    before.book(END, B, told({(V1, SLOT): of_rows(4)}))
    after = LabelSlotBook()
    after.restore(before.slots())
    assert rows(after) == {0: 7}
    after.book(END, A, told({(V1, SLOT): of_rows(5)}))
    assert rows(after) == {0: 9}
    after.restore(before.slots())
    assert rows(after) == {0: 9}
    other = LabelSlotBook()
    other.book(END, B, told({(V1, SLOT): of_rows(5)}, 2400))
    other.restore(before.slots())
    assert rows(other) == {0: 5}


@pytest.mark.parametrize("start", [SLOT - LONGEST_WAIT, END, END + HOUR, SLOT + 17])
def test_slots_too_old_or_to_come_or_out_of_step_are_let_be(start: int) -> None:
    book = LabelSlotBook()
    assert not book.book(END, A, told({(V1, start): of_rows(3)}))
    assert rows(book) == {}


def test_slots_that_are_out_of_step_with_the_others_are_let_be() -> None:
    book = LabelSlotBook()
    book.book(END, A, told({(V1, SLOT): of_rows(3)}, 60))
    assert not book.book(END, B, told({(V1, SLOT): of_rows(3)}, 90))
    assert (book.view().slot_seconds, rows(book)) == (60, {0: 3})


def test_where_servers_count_by_other_lengths_the_shorter_slots_add_up_to_the_longer() -> None:
    """After a change of the setting, stable's pods have long slots and the candidate's short ones."""
    book = LabelSlotBook()
    book.book(END, A, told({(V1, SLOT): of_rows(3)}, HOUR))
    minutes = {(V2, SLOT + 60): of_rows(1), (V2, SLOT + 3540): of_rows(2), (V2, SLOT + HOUR): of_rows(4)}
    book.book(END, B, told({**minutes, (V1, SLOT): of_rows(5), (V1, SLOT + 120): of_rows(6)}, 60))
    view = book.view()
    assert rows(book, V1) == {0: 14}
    assert rows(book, V2) == {0: 3, HOUR: 4}
    assert [view.end_of(start) - start for start in (SLOT, SLOT + HOUR)] == [HOUR, 60]
    assert [view.start_of(SLOT + moment) - SLOT for moment in (-1, 0, 3599.9, HOUR + 61)] == [-60, 0, 0, HOUR + 60]
    assert view.starts(SLOT - 30, SLOT + HOUR + 61) == [SLOT - 60, SLOT, SLOT + HOUR, SLOT + HOUR + 60]
    after = LabelSlotBook()
    after.restore(book.slots())
    assert (rows(after, V1), rows(after, V2), after.view().longer) == (rows(book, V1), rows(book, V2), view.longer)


def test_the_longest_of_several_lengths_goes_first_and_a_change_is_over_when_the_long_slots_are_too_old() -> None:
    book = LabelSlotBook()
    for process, seconds, start in ((A, HOUR, SLOT), (B, 300, SLOT + 300), (B, 300, SLOT + HOUR), (B, 60, SLOT + 360)):
        book.book(END, process, told({(V1, start): of_rows(1)}, seconds))
    assert rows(book) == {0: 3, HOUR: 1}
    assert book.view().end_of(SLOT + HOUR) == SLOT + HOUR + 300
    book.keep(SLOT + LONGEST_WAIT + 301, {"uid-a", "uid-b"})
    assert rows(book) == {360: 1, HOUR: 1}


def test_slots_that_became_too_old_are_dropped() -> None:
    book = LabelSlotBook()
    book.book(END, A, told({(V1, SLOT): of_rows(3), (V1, SLOT + HOUR): of_rows(4)}))
    book.keep(SLOT + LONGEST_WAIT + 1, {"uid-a"})
    assert rows(book) == {HOUR: 4}


def test_a_pod_cannot_fill_the_operators_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(label_slot_book, "MOST_BYTES", 200)
    book = LabelSlotBook()
    book.book(END, A, told({(V1, SLOT + number * HOUR): of_rows(number + 1) for number in range(10)}))
    assert 0 < len(rows(book)) < 10
    assert rows(book)[9 * HOUR] == 10
