"""What pods count becomes slots of windows, over restarts of pods and of the operator."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

import pytest

from weirkeeper.delivery.evidence import PodEvidence
from weirkeeper.observe.checkpoint import PACKED_LIMIT, Checkpoint, Counted, pack, unpack, unpack_config_map
from weirkeeper.observe.errors import BrokenCheckpoint
from weirkeeper.observe.latencies import Process
from weirkeeper.observe.readings import PodReading
from weirkeeper.observe.windows import WindowBook
from weirkeeper.plan.windows import PAST, CountedSlot, WindowRule

V1 = "churn-11111111"
START = 1_000_000 // 3600 * 3600
HOUR = WindowRule(size=3600, min_rows=500, max_age=86_400)
MINUTE = WindowRule(size=60, min_rows=50, max_age=3600)


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
    book.close(START + 3600)
    assert rows(book) == [(0, 7), (300, 3)]
    assert book.views()["m"].revisions[V1][1].inputs == tally(2, 1)


def test_pods_of_a_revision_add_up() -> None:
    book = book_of({"m": HOUR})
    tell(book, START + 5, said(3, 0))
    tell(book, START + 5, said(1, 1, pod="pod-2"))
    tell(book, START + 5, said(9, 9), revision="churn-22222222")
    book.close(START + 3600)
    assert rows(book) == [(0, 5)]


def test_a_process_that_was_there_before_the_monitor_counts_from_where_it_stands() -> None:
    book = book_of({"m": HOUR})
    tell(book, START + 5, said(1000, 0, started=START - 500.0))
    tell(book, START + 10, said(1001, 0, started=START - 500.0))
    book.close(START + 3600)
    assert rows(book) == [(0, 1)]


def test_a_restarted_container_counts_from_nothing() -> None:
    book = book_of({"m": HOUR})
    tell(book, START + 5, said(5, 0))
    tell(book, START + 10, said(6, 0, started=START + 8.0))
    book.close(START + 3600)
    assert rows(book) == [(0, 11)]


@pytest.mark.parametrize("counts", [(2, 4), (5,), (5, 0, 0)])
def test_counts_that_do_not_follow_start_a_new_series(counts: tuple[int, ...]) -> None:
    book = book_of({"m": HOUR})
    tell(book, START + 5, said(3, 0))
    tell(book, START + 10, said(*counts))
    tell(book, START + 15, said(counts[0] + 1, *counts[1:]))
    book.close(START + 3600)
    assert sum(count for _, count in rows(book)) in (3, 4)


def test_pods_that_count_by_another_profile_are_not_added_and_that_is_said() -> None:
    book = book_of({"m": HOUR})
    tell(book, START + 5, said(3, 0))
    tell(book, START + 5, said(1, 1, pod="pod-2", profile="p2"))
    tell(book, START + 5, said(1, 1, pod="pod-3", profile=None))
    book.close(START + 3600)
    assert rows(book) == [(0, 3)]
    assert book.views()["m"].mixed == {V1}


def test_a_view_is_the_same_object_until_a_window_ends() -> None:
    book = book_of({"m": MINUTE})
    tell(book, START + 5, said(3, 0))
    book.close(START + 60)
    view = book.views()["m"]
    tell(book, START + 65, said(4, 0))
    book.close(START + 65)
    assert book.views()["m"] is view
    assert [slot.rows for slot in view.revisions[V1]] == [3]
    book.close(START + 120)
    assert rows(book) == [(0, 3), (60, 1)]


def test_two_monitors_have_slots_of_their_own() -> None:
    book = book_of({"m": HOUR, "fast": MINUTE})
    for minute in range(1, 61):
        tell(book, START + 60 * minute, said(minute, 0))
    book.close(START + 3600)
    assert rows(book) == [(300 * slot, 5) for slot in range(12)]
    assert rows(book, "fast")[-1] == (3540, 1)


def test_only_slots_that_a_window_can_need_are_kept() -> None:
    busy, idle = book_of({"m": MINUTE}), book_of({"m": MINUTE})
    for minute in range(1, 200):
        tell(busy, START + 60 * minute, said(1000 * minute, 0))
        tell(idle, START + 60 * minute, said(minute, 0))
        busy.close(START + 60 * minute)
        idle.close(START + 60 * minute)
    assert rows(busy) == [(60 * 198, 1000)]
    assert sum(count for _, count in rows(idle)) == 50


def test_slots_older_than_the_window_may_reach_are_dropped() -> None:
    book = book_of({"m": MINUTE})
    tell(book, START + 60, said(5, 0))
    book.close(START + 3600)
    assert rows(book) == [(0, 5)]
    book.close(START + 3660)
    assert rows(book) == []


def test_a_checkpoint_comes_due_after_five_minutes_and_only_with_traffic() -> None:
    book = book_of({"m": HOUR})
    tell(book, START + 5, said(0, 0))
    assert not book.close(START + 5)
    assert not book.close(START + 1000)
    tell(book, START + 1005, said(3, 0))
    assert book.close(START + 1005)
    assert book.views()["m"].checkpoint is not None
    tell(book, START + 1010, said(4, 0))
    assert not book.close(START + 1010)
    assert not book.close(START + 1300)
    assert book.close(START + 1305)
    assert not book.close(START + 9000)


def restarted(book: WindowBook, since: int) -> WindowBook:
    packed = book.views()["m"].checkpoint
    assert packed is not None
    return book_of({"m": HOUR}, unpack(packed), since)


def test_a_restart_of_the_operator_loses_no_row() -> None:
    before = book_of({"m": HOUR})
    tell(before, START + 5, said(3, 0))
    tell(before, START + 5, said(2, 2, pod="pod-2"))
    assert before.close(START + 400)
    tell(before, START + 500, said(10, 0))

    after = restarted(before, START + 900)
    tell(after, START + 905, said(20, 0))
    tell(after, START + 905, said(2, 3, pod="pod-2"))
    tell(after, START + 905, said(0, 7, pod="pod-3", started=START + 800.0))
    after.close(START + 3600)
    assert rows(after) == [(0, 7), (900, 17 + 1 + 7)]


def test_after_a_restart_no_checkpoint_is_due_at_once() -> None:
    before = book_of({"m": HOUR})
    tell(before, START + 5, said(3, 0))
    assert before.close(START + 400)
    after = restarted(before, START + 405)
    tell(after, START + 405, said(4, 0))
    assert not after.close(START + 405)
    assert after.views()["m"].checkpoint is None


def checkpoint_of(slots: int, bins: int = 20) -> Checkpoint:
    noise = zlib.crc32
    made = [
        CountedSlot(300 * i, 5, {"f": {**tally()["income"], "counts": [noise(b"%d-%d" % (i, j)) for j in range(bins)]}})
        for i in range(slots)
    ]
    return Checkpoint(300 * slots, {}, {V1: "p1"}, {300: {V1: made}})


def test_a_checkpoint_is_read_as_it_was_written() -> None:
    written = Checkpoint(
        START,
        {Process("pod-1", 12.25): Counted(tally(2, 3), START)},
        {V1: "p1"},
        {300: {V1: [CountedSlot(START, 5, tally(2, 3))]}},
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
    counted = {
        Process(f"pod-{i}", 1.0): Counted({"f": {**tally()["income"], "counts": noise[1000 * i : 1000 * i + 1000]}}, 5)
        for i in range(100)
    }
    assert pack(Checkpoint(5, counted, {}, checkpoint_of(3).lanes)) is None


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"no zlib",
        zlib.compress(b"no json"),
        zlib.compress(b"[]"),
        zlib.compress(b'{"version": 2}'),
        zlib.compress(b'{"version": 1, "end": -1, "counted": [], "profiles": {}, "lanes": {}}'),
        zlib.compress(b'{"version": 1, "end": 1, "counted": [[1]], "profiles": {}, "lanes": {}}'),
        zlib.compress(b'{"version": 1, "end": 1, "counted": [], "profiles": [], "lanes": {}}'),
        zlib.compress(b'{"version": 1, "end": 1, "counted": [], "profiles": {}, "lanes": {"x": {}}}'),
        zlib.compress(b'{"version": 1, "end": 1, "counted": [], "profiles": {}, "lanes": {"60": {"r": [[1, 2, 3]]}}}'),
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
        book.close(START + 300 * number)
    assert rows(book)[0][0] == 2 * 3600 - 300 * 0
    assert past(book) == [(0, 7200), (3600, 7200)]
    assert book.views()["m"].past[V1][0].inputs == tally(7200, 0)


def test_sums_of_windows_outlive_a_restart_and_the_oldest_of_them_go() -> None:
    book = book_of({"m": HOUR})
    for number in range(1, 31):
        tell(book, START + 3600 * number, said(600 * number, 0))
        book.close(START + 3600 * number)
    packed = book.views()["m"].checkpoint
    assert packed is not None
    again = book_of({"m": HOUR}, unpack(packed))
    again.close(START + 3600 * 30)
    assert past(again) == past(book)
    assert len(past(book)) == PAST
    idle = START + 3600 * 60
    again.close(idle)
    assert again.views()["m"].past == {}


def test_a_checkpoint_without_sums_of_windows_is_read() -> None:
    written = json.loads(zlib.decompress(pack(Checkpoint(START)) or b""))
    del written["past"]
    assert unpack(zlib.compress(json.dumps(written).encode())) == Checkpoint(START)
