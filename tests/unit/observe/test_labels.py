"""Counts of labels from pods: what is right is read, what is wrong refused, and all pods' counts add up, once."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from weirkeeper.observe import label_book
from weirkeeper.observe.errors import BrokenEvidence
from weirkeeper.observe.label_book import LabelBook
from weirkeeper.observe.label_readings import LabelReading, read_labels
from weirkeeper.observe.latencies import Process
from weirkeeper.observe.presence import SETTLED_SECONDS
from weirkeeper.statistics.labels import LabelCounts

V1, V2 = "churn-11111111", "churn-22222222"
A, B = Process("uid-a", 1.0), Process("uid-b", 2.0)
TOLD: dict[str, Any] = {
    "slotSeconds": 3600,
    "cursor": "1000-7",
    "slots": [[V1, 1_800_000_000, {"rows": 3}]],
    "totals": [
        [
            V1,
            {
                "rows": 3,
                "correct": 2,
                "numbered": 3,
                "positive": "stay",
                "confusion": [["leave", "stay", 1], ["stay", "stay", 2]],
                "scores": {"17": [0, 1], "99": [0, 2]},
                "scoreUnits": {"17": 11_400, "99": 131_000},
                "classScores": {"leave": {"0": [2, 0], "83": [0, 1]}, "stay": {"17": [1, 0], "99": [0, 2]}},
                "sums": {"squared": [0.5, 1e-30], "error": -1, "logLoss": 1.25},
                "errorBins": {"3": {"rows": 2, "predicted": 5.0, "error": -1.0, "root": [1.0, 1e-30]}},
                "segments": {"region=north": {"rows": 1, "correct": 1, "confusion": [["stay", "stay", 1]]}},
            },
        ]
    ],
}


def test_what_a_pod_tells_is_read() -> None:
    reading = read_labels(TOLD, "churn")
    assert reading.cursor == "1000-7"
    table = reading.totals[V1]
    assert table[""].to_json() == {name: value for name, value in TOLD["totals"][0][1].items() if name != "segments"}
    assert table["region=north"].confusion == {("stay", "stay"): 1}
    assert (reading.slot_seconds, reading.slots[V1, 1_800_000_000][""].rows) == (3600, 3)


def test_a_server_of_a_former_version_tells_nothing() -> None:
    assert read_labels(None, "churn") == LabelReading()


def table(**changes: Any) -> dict[str, Any]:
    told = copy.deepcopy(TOLD)
    told["totals"][0][1] |= changes
    return told


BROKEN: dict[str, Any] = {
    "no object": [],
    "no cursor": {"totals": []},
    "a cursor with a space": {**TOLD, "cursor": "1 2"},
    "a cursor without end": {**TOLD, "cursor": "1" * 43},
    "another model's revision": {**TOLD, "totals": [["fraud-11111111", {}]]},
    "another model's slot": {**TOLD, "slots": [["fraud-11111111", 0, {}]]},
    "a slot before time began": {**TOLD, "slots": [[V1, -3600, {}]]},
    "a slot without a start": {**TOLD, "slots": [[V1, {}]]},
    "slots of no length": {**TOLD, "slotSeconds": 0},
    "half a table": {**TOLD, "totals": [[V1]]},
    "too many revisions": {**TOLD, "totals": [[V1, {}] for _ in range(51)]},
    "a negative count": table(rows=-1),
    "a count that is none": table(rows="3"),
    "a count too large": table(rows=2**53 + 1),
    "an unknown field": table(columns=3),
    "an unknown sum": table(sums={"cubed": 1.0}),
    "an infinite sum": table(sums={"squared": float("inf")}),
    "a bin beyond": table(scores={"100": [1, 1]}),
    "a bin that is none": table(scores={"x": [1, 1]}),
    "an endless sum": table(sums={"squared": [0.5] * 41}),
    "a negative sum of squares": table(sums={"squared": -0.5}),
    "units in a bin beyond": table(scoreUnits={"100": 1}),
    "scores above 1": table(scoreUnits={"17": 65_536}),
    "more correct than rows": table(correct=4),
    "more pairs than rows": table(unlisted=1),
    "half a bin": table(scores={"1": [1]}),
    "a bin of errors beyond": table(errorBins={"256": {"rows": 1}}),
    "a bin of errors without rows": table(errorBins={"1": {"error": 1.0}}),
    "a bin of errors of negative size": table(errorBins={"1": {"rows": 1, "absolute": -1.0}}),
    "more errors than rows": table(errorBins={"1": {"rows": 4}}),
    "an unknown sum of a bin": table(errorBins={"1": {"rows": 1, "cubed": 1.0}}),
    "a bin of a class beyond": table(classScores={"stay": {"100": [1, 1]}}),
    "a negative bin of a class": table(classScores={"stay": {"1": [-1, 1]}}),
    "more scores of a class than rows": table(classScores={"stay": {"1": [2, 2]}}),
    "too many classes": table(classScores={str(number): {} for number in range(17)}),
    "half a pair": table(confusion=[["stay", 1]]),
    "a name without end": table(positive="x" * 513),
    "too many segments": table(segments={str(number): {} for number in range(201)}),
    "a segment of segments": table(segments={"a": {"segments": {}}}),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_nobody_can_count_is_refused(case: str) -> None:
    with pytest.raises(BrokenEvidence, match="labels"):
        read_labels(BROKEN[case], "churn")


def said(rows: int, segment: str = "") -> dict[str, LabelCounts]:
    found = {"": LabelCounts(rows=rows)}
    return found | ({segment: LabelCounts(rows=rows)} if segment else {})


def rows(book: LabelBook) -> dict[str, int]:
    return {revision: segments[""].rows for revision, segments in book.totals().items()}


def test_all_pods_counts_add_up_by_revision() -> None:
    book = LabelBook()
    book.book(A, {V1: said(3, "x"), V2: said(1)})
    book.book(B, {V1: said(4, "x")})
    assert rows(book) == {V1: 7, V2: 1}
    assert book.totals()[V1]["x"].rows == 7


def test_a_process_tells_what_it_counted_in_all() -> None:
    book = LabelBook()
    book.book(A, {V1: said(3)})
    book.book(A, {V1: said(5)})
    assert rows(book) == {V1: 5}


def test_what_a_pod_counted_stays_when_it_is_gone_and_counts_once() -> None:
    book = LabelBook()
    book.book(A, {V1: said(3)})
    book.book(B, {V1: said(4)})
    book.keep(0.0, {"uid-a", "uid-b"})
    for now in (1.0, SETTLED_SECONDS):
        book.keep(now, {"uid-b"})
        book.book(A, {V1: said(3)})
        assert rows(book) == {V1: 7}
    book.keep(SETTLED_SECONDS + 1, {"uid-b"})
    assert rows(book) == {V1: 7}
    book.book(A, {V1: said(9)})
    assert rows(book) == {V1: 7}


def test_a_pod_cannot_fill_the_operators_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    book = LabelBook()
    book.book(A, {f"churn-{number:08x}": said(1) for number in range(60)})
    assert len(rows(book)) == 50
    monkeypatch.setattr(label_book, "MOST_ENTRIES", 50 * said(1)[""].size)
    book.book(A, {"churn-00000000": said(2)})
    book.book(B, {"churn-00000000": said(100)})
    assert rows(book)["churn-00000000"] == 2
    segments = {str(number): LabelCounts(rows=1) for number in range(300)}
    assert len(label_book.merged([segments, {"more": LabelCounts(rows=1)}])) == 201
