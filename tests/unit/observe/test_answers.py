from __future__ import annotations

from weirkeeper.observe.answers import KEPT_SECONDS, AnswerBook
from weirkeeper.observe.latencies import Process
from weirkeeper.statistics.feature import Counts


def counted(rows: int, bins: int = 2) -> dict[str, Counts]:
    counts = {"counts": [rows] + [0] * (bins - 1), "missing": 0, "invalid": 0, "unseen": 0, "posInf": 0, "negInf": 0}
    return {"predict": {**counts, "sum": 0}}


def test_answers_are_booked_to_the_minute_in_which_they_were_seen() -> None:
    book, one, other = AnswerBook(), Process("a", 1.0), Process("b", 1.0)
    for end, rows in ((5, 100), (60, 130), (65, 150), (125, 155)):
        book.book(end, "m-1", one, counted(rows))
        book.book(end, "m-1", other, counted(rows))
        book.close(end, {"a", "b"})
    # What was counted before anybody looked is nowhere, and the minute that goes on is not told yet.
    assert [(slot.start, slot.end, slot.rows) for slot in book.slots()["m-1"]] == [(0, 60, 60), (60, 120, 40)]


def test_a_process_that_restarts_or_counts_otherwise_adds_nothing() -> None:
    book = AnswerBook()
    for end, rows, bins in ((5, 100, 2), (10, 90, 2), (15, 95, 2), (20, 200, 3), (25, 300, 3)):
        book.book(end, "m-1", Process("a", 1.0), counted(rows, bins))
        book.close(end, {"a"})
    book.close(60, {"a"})
    assert [slot.rows for slot in book.slots()["m-1"]] == [5]


def test_old_slots_go() -> None:
    book = AnswerBook()
    for end, rows in ((5, 0), (60, 10), (KEPT_SECONDS + 120, 30)):
        book.book(end, "m-1", Process("a", 1.0), counted(rows))
        book.close(end, {"a"})
    assert [slot.rows for slot in book.slots()["m-1"]] == [20]
