"""What pods count becomes slots of windows, over restarts of pods and of the operator."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weirkeeper.delivery.evidence import PodEvidence
from weirkeeper.observe.checkpoint import PACKED_LIMIT, Checkpoint, Counted, pack, unpack, unpack_config_map
from weirkeeper.observe.errors import BrokenCheckpoint
from weirkeeper.observe.label_readings import LabelReading
from weirkeeper.observe.label_slot_book import LabelSlotBook
from weirkeeper.observe.latencies import Process
from weirkeeper.observe.monitored import MonitoredModel
from weirkeeper.observe.readings import PodReading
from weirkeeper.observe.windows import FORGOTTEN_SECONDS, WindowBook
from weirkeeper.plan.windows import PAST, CountedSlot, WindowRule, by_window
from weirkeeper.statistics.labels import LabelCounts
from weirkeeper.statistics.packed import PackedCounts

V1 = "churn-11111111"
START = 1_000_000 // 3600 * 3600
HOUR = WindowRule(size=3600, min_rows=500, max_age=86_400)
MINUTE = WindowRule(size=60, min_rows=50, max_age=3600)
PODS = {"pod-1", "pod-2", "pod-3"}


def tally(*counts: int) -> dict[str, Any]:
    rest = dict.fromkeys(("missing", "invalid", "unseen", "posInf", "negInf", "sum"), 0)
    return {"income": {"counts": list(counts), **rest}}


def said(*counts: int, profile: str | None = "p1", pod: str = "pod-1", started: float = START + 1) -> PodReading:
    evidence = PodEvidence(pod, pod, "Ready", profile_sha256=profile)
    return PodReading(evidence, started, {}, tally(*counts) if counts else {})


def book_of(rules: Mapping[str, WindowRule], kept: Checkpoint | None = None, since: int = START) -> WindowBook:
    book = WindowBook(since, kept)
    book.set_rules(rules)
    return book


def tell(book: WindowBook, end: int, reading: PodReading, revision: str = V1) -> None:
    book.book(end, revision, Process(reading.evidence.uid, reading.started), reading)


def rows(book: WindowBook, monitor: str = "m", revision: str = V1) -> list[tuple[int, int]]:
    slots = book.views()[monitor].revisions.get(revision, ())
    return [(slot.start - START, slot.rows) for slot in slots]


def test_deltas_go_to_the_slot_in_which_they_were_counted() -> None:
    book = book_of({"m": HOUR})
    tell(book, START + 5, said(3, 0))
    tell(book, START + 300, said(3, 4))
    tell(book, START + 305, said(4, 4))
    tell(book, START + 600, said(5, 5))
    book.close(START + 3600, PODS)
    assert rows(book) == [(0, 7), (300, 3)]
    assert book.views()["m"].revisions[V1][1].counts.inputs == tally(2, 1)


def test_pods_of_a_revision_add_up() -> None:
    book = book_of({"m": HOUR})
    tell(book, START + 5, said(3, 0))
    tell(book, START + 5, said(1, 1, pod="pod-2"))
    tell(book, START + 5, said(9, 9, pod="pod-3"), revision="churn-22222222")
    book.close(START + 3600, PODS)
    assert rows(book) == [(0, 5)]


def test_a_process_that_was_there_before_the_monitor_counts_from_where_it_stands() -> None:
    book = book_of({"m": HOUR})
    tell(book, START + 5, said(1000, 0, started=START - 500.0))
    tell(book, START + 10, said(1001, 0, started=START - 500.0))
    book.close(START + 3600, PODS)
    assert rows(book) == [(0, 1)]


def test_a_restarted_container_counts_from_nothing() -> None:
    book = book_of({"m": HOUR})
    tell(book, START + 5, said(5, 0))
    tell(book, START + 10, said(6, 0, started=START + 8.0))
    book.close(START + 3600, PODS)
    assert rows(book) == [(0, 11)]


@pytest.mark.parametrize("counts", [(2, 4), (5,), (5, 0, 0)])
def test_counts_that_do_not_follow_start_a_new_series(counts: tuple[int, ...]) -> None:
    book = book_of({"m": HOUR})
    tell(book, START + 300, said(3, 0))
    tell(book, START + 600, said(*counts))
    tell(book, START + 900, said(counts[0] + 1, *counts[1:]))
    book.close(START + 3600, PODS)
    assert rows(book) == [(0, 3), (600, 1)]


def test_pods_that_count_by_another_profile_are_not_added_and_that_is_said() -> None:
    book = book_of({"m": HOUR})
    tell(book, START + 5, said(3, 0))
    tell(book, START + 5, said(1, 1, pod="pod-2", profile="p2"))
    tell(book, START + 5, said(1, 1, pod="pod-3", profile=None))
    book.close(START + 3600, PODS)
    assert rows(book) == [(0, 3)]
    assert book.views()["m"].mixed == {V1}


def test_a_view_is_the_same_object_until_a_window_ends() -> None:
    book = book_of({"m": MINUTE})
    tell(book, START + 5, said(3, 0))
    book.close(START + 60, PODS)
    view = book.views()["m"]
    tell(book, START + 65, said(4, 0))
    book.close(START + 65, PODS)
    assert book.views()["m"] is view
    assert [slot.rows for slot in view.revisions[V1]] == [3]
    book.close(START + 120, PODS)
    assert rows(book) == [(0, 3), (60, 1)]


def test_two_monitors_have_slots_of_their_own() -> None:
    book = book_of({"m": HOUR, "fast": MINUTE})
    for minute in range(1, 61):
        tell(book, START + 60 * minute, said(minute, 0))
    book.close(START + 3600, PODS)
    assert rows(book) == [(300 * slot, 5) for slot in range(12)]
    assert rows(book, "fast")[-1] == (3540, 1)


def test_only_slots_that_a_window_can_need_are_kept() -> None:
    busy, idle = book_of({"m": MINUTE}), book_of({"m": MINUTE})
    for minute in range(1, 200):
        tell(busy, START + 60 * minute, said(1000 * minute, 0))
        tell(idle, START + 60 * minute, said(minute, 0))
        busy.close(START + 60 * minute, PODS)
        idle.close(START + 60 * minute, PODS)
    assert rows(busy) == [(60 * 198, 1000)]
    assert sum(count for _, count in rows(idle)) == 50


def test_slots_older_than_the_window_may_reach_are_dropped() -> None:
    book = book_of({"m": MINUTE})
    tell(book, START + 60, said(5, 0))
    book.close(START + 3600, PODS)
    assert rows(book) == [(0, 5)]
    book.close(START + 3660, PODS)
    assert rows(book) == []


def model_of(labels: LabelSlotBook | None = None) -> MonitoredModel:
    model = MonitoredModel(START, None, labels or LabelSlotBook())
    model.windows.set_rules({"m": HOUR})
    return model


def test_a_checkpoint_comes_due_after_five_minutes_and_only_with_traffic() -> None:
    model = model_of()
    tell(model.windows, START + 5, said(0, 0))
    assert not model.close(START + 5, PODS)
    assert not model.close(START + 1000, PODS)
    tell(model.windows, START + 1200, said(3, 0))
    assert model.close(START + 1200, PODS)
    assert model.views()["m"].checkpoint is not None
    tell(model.windows, START + 1205, said(4, 0))
    assert not model.close(START + 1205, PODS)
    assert not model.close(START + 1495, PODS)
    assert model.close(START + 1500, PODS)
    assert not model.close(START + 9000, PODS)


def label_told(book: LabelSlotBook, end: int, rows: int) -> None:
    slots = {(V1, START): {"": LabelCounts(rows=rows)}}
    book.book(end, Process("pod-1", 1.0), LabelReading("1-1", {}, slots, 3600))


def test_labels_are_kept_with_the_windows_and_are_news_too() -> None:
    labels = LabelSlotBook()
    model = model_of(labels)
    label_told(labels, START + 3700, 7)
    assert model.close(START + 3900, PODS)
    packed = model.views()["m"].checkpoint
    assert packed is not None
    after = LabelSlotBook()
    MonitoredModel(START + 4000, unpack(packed), after)
    assert after.view().revisions[V1][START][""].rows == 7
    assert not model.close(START + 4500, PODS)


def restarted(book: WindowBook, since: int, rules: Mapping[str, WindowRule] | None = None) -> WindowBook:
    return book_of(rules or {"m": HOUR}, unpack(pack(book.kept(since)) or b""), since)


def test_a_restart_of_the_operator_loses_no_row() -> None:
    before = book_of({"m": HOUR})
    tell(before, START + 5, said(3, 0))
    tell(before, START + 5, said(2, 2, pod="pod-2"))
    assert before.close(START + 400, PODS)
    tell(before, START + 500, said(10, 0))

    after = restarted(before, START + 900)
    tell(after, START + 905, said(20, 0))
    tell(after, START + 905, said(2, 3, pod="pod-2"))
    tell(after, START + 905, said(0, 7, pod="pod-3", started=START + 300.0))
    after.close(START + 3600, PODS)
    assert rows(after) == [(0, 7), (900, 17 + 1 + 7)]


@given(restart=st.integers(1, 1438), seed=st.integers(0, 99), lost=st.sets(st.integers(0, 1438), max_size=300))
@settings(max_examples=25, deadline=None)
def test_a_restart_within_a_slot_changes_not_one_bit_and_lost_looks_no_window(
    restart: int, seed: int, lost: set[int]
) -> None:
    """Two hours of two pods, five seconds a look: one operator that runs through, and one that is ended in between."""
    random, rules = Random(seed), {"m": HOUR}
    through, broken, patchy = (book_of(rules) for _ in range(3))
    counts = {"pod-1": [0, 0, 0], "pod-2": [0, 0, 0]}
    kept = through.kept(START)
    for tick in range(1, 1441):
        end = START + 5 * tick
        if tick == restart:
            broken = book_of(rules, unpack(pack(kept) or b""), end)
        for pod, bins in counts.items():
            bins[random.randrange(3)] += random.randrange(5)
            tell(through, end, said(*bins, pod=pod))
            tell(broken, end, said(*bins, pod=pod))
            if tick not in lost or tick % 720 == 0:
                tell(patchy, end, said(*bins, pod=pod))
        through.close(end, PODS)
        patchy.close(end, PODS)
        if broken.close(end, PODS):
            kept = broken.kept(end)
    assert broken.views()["m"].revisions == through.views()["m"].revisions
    assert broken.views()["m"].past == through.views()["m"].past
    sums = [
        by_window([*book.views()["m"].past.get(V1, ()), *book.views()["m"].revisions[V1]], 3600)
        for book in (through, patchy)
    ]
    assert sums[0] == sums[1]


@pytest.mark.parametrize("jump", [86_400, 3_600, 301, -301, -3_600])
def test_a_clock_that_jumps_and_comes_back_loses_and_doubles_no_row(jump: int) -> None:
    book = book_of({"m": WindowRule(size=3600, min_rows=10_000, max_age=744 * 3600)})
    for tick in range(1, 1001):
        end = START + 7200 + 5 * tick + (jump if 300 < tick < 400 else 0)
        tell(book, end, said(3 * tick, tick))
        tell(book, end, said(2 * tick, 0, pod="pod-2"))
        book.close(end, PODS)
    book.close(START + 3 * 86_400, PODS)
    assert sum(count for _, count in rows(book)) == 6_000


@pytest.mark.parametrize("away", [5, 300, FORGOTTEN_SECONDS - 60])
def test_a_cluster_that_is_listed_anew_loses_and_doubles_no_row(away: int) -> None:
    """For a while nobody knows of any pod; then all of them are there again, and had counted all along."""
    rule = {"m": WindowRule(size=86_400, min_rows=500, max_age=86_400)}
    through, anew = book_of(rule), book_of(rule)
    for tick in range(1, 1981):
        end = START + 5 * tick
        hidden = 500 <= tick < 500 + away // 5
        for pod, count in (("pod-1", 3 * tick), ("pod-2", 2 * tick)):
            tell(through, end, said(count, tick, pod=pod))
            if not hidden:
                tell(anew, end, said(count, tick, pod=pod))
        through.close(end, PODS)
        anew.close(end, set() if hidden else PODS)
    sums = [by_window(book.kept(0).lanes[7200][V1], 86_400) for book in (through, anew)]
    assert sums[0] == sums[1]
    assert sum(one.rows for one in sums[1]) == 7 * 1980


def test_a_pod_that_was_silent_for_long_counts_once() -> None:
    book = book_of({"m": WindowRule(size=86_400, min_rows=500, max_age=86_400)})
    tell(book, START + 5, said(3, 0))
    for hour in range(1, 8):
        book.close(START + 3600 * hour, PODS)
    tell(book, START + 8 * 3600, said(5, 0))
    book.close(START + 86_400, PODS)
    assert sum(one.rows for one in book.kept(0).lanes[7200][V1]) == 5


def test_a_pod_that_was_given_up_does_not_count_again_from_its_start() -> None:
    book = book_of({"m": HOUR})
    tell(book, START + 5, said(3, 0))
    book.close(START + 300, set())
    book.close(START + 600 + FORGOTTEN_SECONDS, set())
    again = START + 900 + FORGOTTEN_SECONDS
    tell(book, again, said(5, 0))
    tell(book, again + 300, said(6, 0))
    book.close(again + 600, PODS)
    assert sum(one.rows for one in book.kept(0).lanes[300][V1]) == 3 + 1


def counts_of(bins: list[int]) -> PackedCounts:
    return PackedCounts.of({"f": {**tally()["income"], "counts": bins}})


def checkpoint_of(slots: int, bins: int = 20) -> Checkpoint:
    noise = zlib.crc32
    made = [CountedSlot(300 * i, 5, counts_of([noise(b"%d-%d" % (i, j)) for j in range(bins)])) for i in range(slots)]
    return Checkpoint(300 * slots, 0, {}, {V1: "p1"}, {300: {V1: made}})


def test_a_checkpoint_is_read_as_it_was_written() -> None:
    written = Checkpoint(
        START,
        START - 60,
        {Process("pod-1", 12.25): Counted(PackedCounts.of(tally(2, 3)), START)},
        {V1: "p1"},
        {300: {V1: [CountedSlot(START, 5, PackedCounts.of(tally(2, 3), tally(1, 4)))]}},
    )
    assert unpack(pack(written) or b"") == written


def test_a_checkpoint_that_is_too_large_keeps_its_newest_slots() -> None:
    checkpoint = checkpoint_of(600, bins=100)
    packed = pack(checkpoint)
    assert packed is not None
    assert 0 < len(packed) <= PACKED_LIMIT
    assert len(base64.b64encode(packed)) <= 256 * 1024
    kept = unpack(packed).lanes[300][V1]
    assert kept == checkpoint.lanes[300][V1][-len(kept) :]
    assert 0 < len(kept) < 600


def test_a_checkpoint_that_is_too_large_without_slots_is_none() -> None:
    noise = [zlib.crc32(b"%d" % i) for i in range(100_000)]
    counted = {Process(f"pod-{i}", 1.0): Counted(counts_of(noise[1000 * i : 1000 * i + 1000]), 5) for i in range(100)}
    assert pack(Checkpoint(5, 0, counted, {}, checkpoint_of(3).lanes)) is None


LAYOUT: Any = [["inputs", "income", 2, False]]
GOOD: dict[str, Any] = {
    "version": 2, "end": 1, "since": 0, "counted": [], "profiles": {}, "lanes": {}, "past": {}, "labels": [],
    "labelSeconds": 3600, "layouts": [LAYOUT],
}  # fmt: skip
WRONG: list[dict[str, Any]] = [
    {"end": -1},
    {"since": "now"},
    {"counted": [[1]]},
    {"counted": [["pod", 1.0, 7, [], 5]]},
    {"profiles": []},
    {"lanes": {"x": {}}},
    {"lanes": {"60": {"r": [[1, 2, 3]]}}},
    {"lanes": {"60": {"r": [[1, 2, 0, [1] * 7]]}}},
    {"lanes": {"60": {"r": [[1, 2, 0, [-1, *[0] * 7]]]}}},
    {"lanes": {"60": {"r": [[1, 2, 0, [2**70, *[0] * 7]]]}}},
    {"layouts": [[["inputs", "income", 10**9, False]]]},
    {"layouts": [[["sideways", "income", 2, False]]]},
    {"layouts": [["inputs"]]},
    {"labels": [["r", 5, [["pod", 1.0, {"": {"rows": -1}}]]]]},
    {"labels": [["r", "5", []]]},
    {"labelSeconds": None},
    {"labels": [["r", 5, []]], "labelSeconds": []},
    {"labels": [["r", 5, []]], "labelSeconds": ["60"]},
]


def test_the_smallest_checkpoint_is_read() -> None:
    whole = GOOD | {"lanes": {"60": {"r": [[60, 2, 0, [1, *[0] * 6, -5]]]}}}
    (slot,) = unpack(zlib.compress(json.dumps(whole).encode())).lanes[60]["r"]
    assert slot.counts.inputs["income"] == {**tally(1, 0)["income"], "sum": -5}


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"no zlib",
        zlib.compress(b"no json"),
        zlib.compress(b"[]"),
        zlib.compress(b'{"version": 1}'),
        *(zlib.compress(json.dumps(GOOD | changes).encode()) for changes in WRONG),
        zlib.compress(b"[" * 10_000),
        zlib.compress(b" " * 20_000_000),
    ],
)
def test_a_checkpoint_that_is_none_is_refused(packed: bytes) -> None:
    with pytest.raises(BrokenCheckpoint):
        unpack(packed)


@pytest.mark.parametrize("config_map", [{}, {"binaryData": None}, {"binaryData": {"windows": "%%%"}}])
def test_a_config_map_without_a_checkpoint_is_refused(config_map: dict[str, Any]) -> None:
    with pytest.raises(BrokenCheckpoint):
        unpack_config_map(config_map)


def test_a_config_map_is_read() -> None:
    packed = pack(checkpoint_of(3)) or b""
    found = unpack_config_map({"binaryData": {"windows": base64.b64encode(packed).decode()}})
    assert found == checkpoint_of(3)


def past(book: WindowBook) -> list[tuple[int, int]]:
    return [(one.start - START, one.rows) for one in book.views()["m"].past.get(V1, ())]


def test_slots_that_no_window_needs_are_kept_as_sums_of_windows() -> None:
    book = book_of({"m": HOUR})
    for number in range(1, 40):
        tell(book, START + 300 * number, said(600 * number, 0))
        book.close(START + 300 * number, PODS)
    assert rows(book)[0][0] == 2 * 3600 - 300 * 0
    assert past(book) == [(0, 7200), (3600, 7200)]
    assert book.views()["m"].past[V1][0].counts.inputs == tally(7200, 0)


def test_sums_of_windows_outlive_a_restart_and_the_oldest_of_them_go() -> None:
    book = book_of({"m": HOUR})
    for number in range(1, 31):
        tell(book, START + 3600 * number, said(600 * number, 0))
        book.close(START + 3600 * number, PODS)
    again = restarted(book, START)
    again.close(START + 3600 * 30, PODS)
    assert past(again) == past(book)
    assert len(past(book)) == PAST
    idle = START + 3600 * 60
    again.close(idle, PODS)
    assert again.views()["m"].past == {}
