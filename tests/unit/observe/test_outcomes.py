"""Cumulative counters become slots: nothing is lost, nothing counted twice, nothing negative."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weirkeeper.delivery.evidence import Outcomes, OutcomeSlot
from weirkeeper.observe.outcomes import MOST_SERIES, OutcomeBook
from weirkeeper.observe.readings import Counters, RouterReading

A, B = "aaaaaaaa-1", "bbbbbbbb-2"
V1, V2 = "churn-11111111", "churn-22222222"
BOTH = frozenset({A, B})
START = 1_000_000


def reading(counts: Mapping[str, tuple[int, int, int]], *, started: int = START - 500, epoch: int = 1) -> RouterReading:
    counters = {(revision, epoch): Counters(*three) for revision, three in counts.items()}
    return RouterReading(started, {}, counters)


def total(slots: tuple[OutcomeSlot, ...], revision: str = V1) -> int:
    return sum(slot.revisions.get(revision, Outcomes()).requests for slot in slots)


def watched_from_the_start() -> OutcomeBook:
    book = OutcomeBook(5)
    book.book(START, BOTH, {A: reading({V1: (100, 10, 1)}), B: reading({V1: (50, 0, 0)})})
    return book


def test_what_was_there_before_anybody_looked_is_not_counted() -> None:
    assert total(watched_from_the_start().slots("churn")) == 0


def test_deltas_of_all_routers_make_one_slot() -> None:
    book = watched_from_the_start()
    book.book(START + 5, BOTH, {A: reading({V1: (110, 12, 2), V2: (3, 3, 0)}), B: reading({V1: (60, 1, 1)})})
    assert book.slots("churn") == (
        OutcomeSlot(START, {V1: Outcomes(20, 3, 2), V2: Outcomes(3, 3, 0)}, observed=True, span=1),
    )


def test_an_idle_slot_is_observed_too() -> None:
    book = watched_from_the_start()
    book.book(START + 5, BOTH, {A: reading({V1: (100, 10, 1)}), B: reading({V1: (50, 0, 0)})})
    assert book.slots("churn") == (OutcomeSlot(START, {}, observed=True, span=1),)


def test_a_lost_scrape_loses_nothing_and_both_slots_are_unobserved() -> None:
    book = watched_from_the_start()
    book.book(START + 5, BOTH, {A: reading({V1: (110, 10, 1)})})
    book.book(START + 10, BOTH, {A: reading({V1: (120, 10, 1)}), B: reading({V1: (70, 0, 0)})})
    book.book(START + 15, BOTH, {A: reading({V1: (120, 10, 1)}), B: reading({V1: (70, 0, 0)})})
    slots = book.slots("churn")
    assert [(slot.start - START, slot.observed, total((slot,))) for slot in slots] == [
        (0, False, 10),
        (5, False, 30),
        (10, True, 0),
    ]


def test_a_gap_in_which_nobody_answered_is_one_longer_unobserved_slot() -> None:
    book = watched_from_the_start()
    assert not book.book(START + 5, BOTH, {})
    book.book(START + 15, BOTH, {A: reading({V1: (101, 10, 1)}), B: reading({V1: (50, 0, 0)})})
    assert book.slots("churn") == (OutcomeSlot(START, {V1: Outcomes(1, 0, 0)}, observed=False, span=3),)


def test_a_restarted_envoy_counts_from_nothing_even_beyond_what_was_known() -> None:
    book = watched_from_the_start()
    book.book(START + 5, {A}, {A: reading({V1: (300, 0, 0)}, started=START + 2)})
    assert total(book.slots("churn")) == 300


def test_a_new_epoch_of_a_cluster_counts_from_nothing() -> None:
    book = watched_from_the_start()
    book.book(START + 5, {A}, {A: reading({V1: (7, 0, 0)}, epoch=2)})
    assert total(book.slots("churn")) == 7


def test_counters_that_fall_within_one_series_are_taken_as_a_restart() -> None:
    book = watched_from_the_start()
    book.book(START + 5, {A}, {A: reading({V1: (4, 1, 0)})})
    assert book.slots("churn")[0].revisions == {V1: Outcomes(4, 1, 0)}


def test_a_start_that_wavers_by_a_second_is_no_restart() -> None:
    book = watched_from_the_start()
    book.book(START + 5, {A}, {A: reading({V1: (101, 10, 1)}, started=START - 499)})
    book.book(START + 10, {A}, {A: reading({V1: (102, 10, 1)}, started=START - 501)})
    assert total(book.slots("churn")) == 2


def test_a_router_that_began_under_watch_counts_from_its_beginning() -> None:
    book = watched_from_the_start()
    both = {A: reading({V1: (100, 10, 1)}), "cccccccc": reading({V1: (9, 0, 0)}, started=START + 1)}
    book.book(START + 5, both.keys(), both)
    assert total(book.slots("churn")) == 9


def test_a_router_that_was_silent_at_first_has_an_unknown_history() -> None:
    book = OutcomeBook(5)
    book.book(START, BOTH, {A: reading({V1: (100, 0, 0)})})
    book.book(START + 5, BOTH, {A: reading({V1: (100, 0, 0)}), B: reading({V1: (5000, 0, 0)})})
    assert total(book.slots("churn")) == 0


def test_what_a_router_counted_stays_when_it_goes_and_comes_back() -> None:
    book = watched_from_the_start()
    book.book(START + 5, {B}, {B: reading({V1: (50, 0, 0)})})
    book.book(START + 10, BOTH, {A: reading({V1: (103, 10, 1)}), B: reading({V1: (50, 0, 0)})})
    assert total(book.slots("churn")) == 3


def test_a_router_that_counts_is_remembered_however_long_it_is_silent() -> None:
    book = watched_from_the_start()
    for end in range(START + 5, START + 1200, 5):
        book.book(end, BOTH, {B: reading({V1: (50, 0, 0)})})
    book.book(START + 1200, BOTH, {A: reading({V1: (101, 10, 1)}), B: reading({V1: (50, 0, 0)})})
    assert total(book.slots("churn")) == 1


def test_the_ring_holds_fifteen_minutes() -> None:
    book = watched_from_the_start()
    for end in range(START + 5, START + 2000, 5):
        book.book(end, BOTH, {A: reading({V1: (100, 0, 0)}), B: reading({V1: (50, 0, 0)})})
    starts = [slot.start for slot in book.slots("churn")]
    assert starts == list(range(START + 1095, START + 1995, 5))


def test_a_model_without_clusters_is_forgotten_in_the_end() -> None:
    book = watched_from_the_start()
    for end in range(START + 5, START + 1000, 5):
        book.book(end, {A}, {A: reading({"other-11111111": (1, 0, 0)})})
    assert book.slots("churn") == ()
    assert book.cursors("churn")["series"] == {}


def test_a_clock_that_goes_back_books_nothing_twice() -> None:
    book = watched_from_the_start()
    answer = {A: reading({V1: (110, 10, 1)}), B: reading({V1: (50, 0, 0)})}
    book.book(START + 5, BOTH, answer)
    assert not book.book(START + 5, BOTH, answer)
    assert not book.book(START - 60, BOTH, answer)
    assert total(book.slots("churn")) == 10


def test_a_new_revision_in_a_known_router_counts_from_nothing() -> None:
    book = watched_from_the_start()
    book.book(START + 5, {A}, {A: reading({V1: (100, 10, 1), V2: (8, 0, 0)})})
    assert total(book.slots("churn"), V2) == 8


# Restarts of the operator: cursors.


def test_a_restart_makes_one_unobserved_slot_with_everything_in_between() -> None:
    before = watched_from_the_start()
    cursors = json.loads(json.dumps(before.cursors("churn")))
    after = OutcomeBook(5)
    after.restore("churn", cursors)
    after.book(START + 60, BOTH, {A: reading({V1: (130, 10, 1), V2: (2, 0, 0)}), B: reading({V1: (55, 0, 0)})})
    gap = OutcomeSlot(START, {V1: Outcomes(35, 0, 0), V2: Outcomes(2, 0, 0)}, observed=False, span=12)
    assert after.slots("churn") == (gap,)
    after.book(START + 65, BOTH, {A: reading({V1: (131, 10, 1)}), B: reading({V1: (55, 0, 0)})})
    assert after.slots("churn")[1] == OutcomeSlot(START + 60, {V1: Outcomes(1, 0, 0)}, observed=True, span=1)


def test_cursors_that_come_after_the_first_look_give_the_same_slot() -> None:
    cursors = watched_from_the_start().cursors("churn")
    after = OutcomeBook(5)
    after.book(START + 60, BOTH, {A: reading({V1: (130, 10, 1)}), B: reading({V1: (55, 0, 0)})})
    after.book(START + 65, BOTH, {A: reading({V1: (131, 10, 1)}), B: reading({V1: (55, 0, 0)})})
    after.restore("churn", cursors)
    assert after.slots("churn") == (
        OutcomeSlot(START, {V1: Outcomes(35, 0, 0)}, observed=False, span=12),
        OutcomeSlot(START + 60, {V1: Outcomes(1, 0, 0)}, observed=True, span=1),
    )


def test_restoring_again_and_from_own_cursors_changes_nothing() -> None:
    cursors = watched_from_the_start().cursors("churn")
    after = OutcomeBook(5)
    after.restore("churn", cursors)
    after.book(START + 60, BOTH, {A: reading({V1: (130, 10, 1)}), B: reading({V1: (55, 0, 0)})})
    slots = after.slots("churn")
    after.restore("churn", cursors)
    after.restore("churn", after.cursors("churn"))
    assert after.slots("churn") == slots


def test_a_start_that_wavers_over_the_restart_is_no_restart() -> None:
    cursors = watched_from_the_start().cursors("churn")
    after = OutcomeBook(5)
    after.restore("churn", cursors)
    after.book(START + 60, {A}, {A: reading({V1: (130, 10, 1)}, started=START - 499)})
    assert total(after.slots("churn")) == 30


def test_a_router_that_answers_late_after_a_restart_loses_nothing() -> None:
    cursors = watched_from_the_start().cursors("churn")
    after = OutcomeBook(5)
    after.restore("churn", cursors)
    after.book(START + 60, BOTH, {A: reading({V1: (130, 10, 1)})})
    after.book(START + 65, BOTH, {A: reading({V1: (130, 10, 1)}), B: reading({V1: (90, 0, 0)})})
    assert [(slot.observed, total((slot,))) for slot in after.slots("churn")] == [(False, 30), (False, 40)]


@pytest.mark.parametrize("restored_first", [True, False])
def test_cursors_of_many_routers_are_small_and_nothing_that_they_lack_is_counted_twice(*, restored_first: bool) -> None:
    routers = [f"{number:08x}" for number in range(MOST_SERIES + 100)]
    before = OutcomeBook(5)
    before.book(START, set(routers), {one: reading({V1: (100, 0, 0)}) for one in routers})
    cursors = json.loads(json.dumps(before.cursors("churn")))
    assert len(cursors["series"]) == MOST_SERIES
    assert len(json.dumps(cursors)) < 16 * 1024
    routers.append("ffffffff")
    seen = {one: reading({V1: (101, 0, 0)}) for one in routers[:-1]} | {
        "ffffffff": reading({V1: (9, 0, 0)}, started=START + 10)
    }
    after = OutcomeBook(5)
    for restores in (True, False) if restored_first else (False, True):
        if restores:
            after.restore("churn", cursors)
        else:
            after.book(START + 60, set(routers), seen)
    assert total(after.slots("churn")) == MOST_SERIES + 9
    after.book(START + 65, set(routers), {one: reading({V1: (102, 0, 0)}) for one in routers[:-1]})
    assert total(after.slots("churn")) == MOST_SERIES + 9 + len(routers) - 1


def test_cursors_of_one_model_say_nothing_of_another() -> None:
    cursors = watched_from_the_start().cursors("churn")
    after = OutcomeBook(5)
    after.restore("churn", cursors)
    after.book(START + 60, {A}, {A: reading({V1: (130, 10, 1), "fraud-11111111": (900, 0, 0)})})
    assert after.slots("fraud") == ()


@pytest.mark.parametrize(
    "cursors",
    [{}, {"end": "x", "series": {}}, {"end": 5}, {"end": START, "series": {"a/b": [1]}}, {"end": START, "series": []}],
)
def test_cursors_that_cannot_be_read_do_no_harm(cursors: Mapping[str, object]) -> None:
    book = OutcomeBook(5)
    book.restore("churn", cursors)
    book.book(START + 60, {A}, {A: reading({V1: (130, 10, 1)})})
    book.book(START + 65, {A}, {A: reading({V1: (131, 10, 1)})})
    assert total(book.slots("churn")[-1:]) == 1


def test_cursors_are_small() -> None:
    book = OutcomeBook(5)
    routers = {f"{i:08d}-uid": reading({V1: (10**9, 10**6, 10**6), V2: (10**9, 0, 0)}) for i in range(10)}
    book.book(START, routers.keys(), routers)
    assert len(json.dumps(book.cursors("churn"))) < 2048


def test_cursors_leave_out_what_never_comes_again() -> None:
    book = watched_from_the_start()
    book.book(START + 5, {A}, {A: reading({V1: (1, 0, 0)}, started=START + 1)})
    routers = [written.split("/")[:2] for written in book.cursors("churn")["series"]]
    assert sorted(routers) == [["aaaaaaaa", str(START + 1)], ["bbbbbbbb", str(START - 500)]]


@given(
    growth=st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans(), st.booleans(), st.booleans()),
        min_size=1,
        max_size=30,
    )
)
def test_whatever_is_lost_in_between_the_sum_is_what_the_routers_counted(
    growth: list[tuple[int, int, bool, bool, bool]],
) -> None:
    """Any mix of lost scrapes and restarts of the operator (which knows its last cursors)."""
    book, cursors = watched_from_the_start(), {}
    counts, folded = {A: 100, B: 50}, 0
    for step, (more_a, more_b, lost_a, lost_b, killed) in enumerate([*growth, (0, 0, False, False, False)]):
        counts = {A: counts[A] + more_a, B: counts[B] + more_b}
        if killed:
            folded += total(book.slots("churn"))
            cursors = book.cursors("churn")
            book = OutcomeBook(5)
            book.restore("churn", cursors)
        heard = {uid: reading({V1: (counts[uid], 0, 0)}) for uid, lost in ((A, lost_a), (B, lost_b)) if not lost}
        book.book(START + 5 + 5 * step, BOTH, heard)
        starts = [slot.start for slot in book.slots("churn")]
        assert starts == sorted(set(starts))
    assert folded + total(book.slots("churn")) == counts[A] + counts[B] - 150
