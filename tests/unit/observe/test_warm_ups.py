"""Live rows to compare with: the stable revision's own, from its promotion on, over restarts, and no others."""

from __future__ import annotations

from random import Random

from tests.unit.observe.test_windows import PODS, START, V1, said, tell
from weirkeeper.observe.checkpoint import Checkpoint, pack, unpack
from weirkeeper.observe.windows import WindowBook
from weirkeeper.plan.windows import WarmUp, WindowRule

V2 = "churn-22222222"
LIVE = WindowRule(size=3600, min_rows=50, max_age=86_400, warm_up=7200)
BUNDLE = WindowRule(size=3600, min_rows=50, max_age=86_400)


def book_of(rule: WindowRule = LIVE, kept: Checkpoint | None = None, since: int = START) -> WindowBook:
    book = WindowBook(since, kept)
    book.set_rules({"m": rule})
    book.set_stable(V1, START)
    return book


def gathered(book: WindowBook) -> WarmUp:
    found = book.views()["m"].warm_up
    assert found is not None
    return found


def told(book: WindowBook, end: int, rows: int, revision: str = V1) -> None:
    tell(book, end, said(rows, 2 * rows), revision)
    book.close(end, PODS)


def test_rows_of_the_warm_up_are_summed_and_no_later_ones() -> None:
    book = book_of()
    for hour, rows in enumerate((10, 30, 70, 99), start=1):
        told(book, START + 3600 * hour, rows)
    found = gathered(book)
    assert (found.revision, found.start, found.end, found.rows) == (V1, START, START + 7200, 3 * 30)
    assert found.counts.inputs["income"]["counts"] == [30, 60]


def test_it_goes_on_until_there_are_rows_enough() -> None:
    book = book_of()
    for hour, rows in enumerate((3, 6, 16, 17, 99), start=1):
        told(book, START + 3600 * hour, rows)
        assert bool(gathered(book).end) is (hour >= 4)
    assert (gathered(book).end, gathered(book).rows) == (START + 4 * 3600, 51)


def test_a_promotion_begins_it_anew_and_a_candidates_rows_do_not_enter() -> None:
    book = book_of()
    for hour in (1, 2):
        told(book, START + 3600 * hour, 50 * hour)
        tell(book, START + 3600 * hour, said(500 * hour, pod="pod-2"), V2)
    assert gathered(book).rows == 300
    book.set_stable(V2, START + 7260)
    assert (gathered(book).start, gathered(book).rows) == (START + 7500, 0)
    tell(book, START + 7500, said(1100, pod="pod-2"), V2)  # answered before the first whole slot
    book.close(START + 7500, PODS)
    tell(book, START + 3 * 3600, said(1140, pod="pod-2"), V2)
    book.close(START + 3 * 3600, PODS)
    assert (gathered(book).revision, gathered(book).rows, gathered(book).end) == (V2, 40, 0)


def test_a_revision_that_is_gone_back_to_begins_anew_too() -> None:
    book = book_of()
    told(book, START + 7200, 100)
    assert gathered(book).end == START + 7200
    book.set_stable(V1, START + 9000)
    assert (gathered(book).rows, gathered(book).end) == (0, 0)


def test_a_monitor_that_comes_late_begins_when_it_comes() -> None:
    book = book_of(BUNDLE)
    told(book, START + 3600, 100)
    assert book.views()["m"].warm_up is None
    book.set_rules({"m": LIVE})
    book.set_stable(V1, START)
    assert gathered(book).start == START + 3600


def test_one_that_is_asked_for_while_the_operator_is_away_begins_where_it_stopped() -> None:
    book = book_of(BUNDLE)
    told(book, START + 7200, 100)
    again = book_of(LIVE, unpack(pack(book.kept(START + 7200)) or b""), START + 9000)
    assert gathered(again).start == START + 7200


def test_a_restart_changes_not_one_bit() -> None:
    draw, through, broken = Random(20261130), book_of(), book_of()
    kept, rows = broken.kept(START), 0
    for tick in range(1, 2000):
        end = START + 5 * tick
        rows += draw.randrange(3)
        if draw.random() < 0.005:
            broken = book_of(LIVE, unpack(pack(kept) or b""), end)
        for book in (through, broken):
            tell(book, end, said(rows, rows // 2))
        through.close(end, PODS)
        if broken.close(end, PODS):
            kept = broken.kept(end)
    assert gathered(through).end == START + 7200
    assert gathered(through) == gathered(broken)


def test_a_reference_outlives_the_oldest_slots_where_a_checkpoint_would_be_too_large() -> None:
    book = book_of()
    told(book, START + 7200, 100)
    packed = pack(book.kept(START + 7200))
    assert packed is not None
    assert unpack(packed).warm_ups == book.kept(0).warm_ups
