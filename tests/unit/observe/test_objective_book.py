"""What became of requests over 30 days: nothing twice, nothing lost, and the same memory after a month."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from random import Random

import pytest

from weirkeeper.observe.checkpoint import Checkpoint, pack, unpack
from weirkeeper.observe.errors import BrokenCheckpoint
from weirkeeper.observe.objective_book import KeptObjectives, ObjectiveBook
from weirkeeper.observe.objective_memory import read_objectives, written_objectives
from weirkeeper.observe.readings import Counters, RouterReading
from weirkeeper.statistics.error_budget import PERIOD, Tally
from weirkeeper.statistics.latency import bin_of

V1, V2 = "churn-11111111", "churn-22222222"
START = 1_800_000_000 // 3600 * 3600
HOUR, DAY = 3_600, 86_400
NAMES = {"r1": "weirkeeper-router-1", "r2": "weirkeeper-router-2"}
SLOW, FAST = bin_of(200_000), bin_of(50_000)
BELOW = bin_of(100_000)

Series = Mapping[tuple[str, int], Counters]


def said(series: Series, slow: int = 0, fast: int = 0, *, started: int = START + 1, name: str = V1) -> RouterReading:
    latency = {(name, epoch): {FAST: fast, SLOW: slow} for one, epoch in series if one == name}
    return RouterReading(started, {}, series, latency)


def one(total: int, failed: int = 0, *, slow: int = 0, started: int = START + 1, epoch: int = 1) -> RouterReading:
    return said({(V1, epoch): Counters(total, failed, failed)}, slow, total - slow, started=started)


def book(kept: KeptObjectives | None = None, since: int = START) -> ObjectiveBook:
    found = ObjectiveBook(since, kept)
    found.set_slow({BELOW})
    return found


def tell(found: ObjectiveBook, end: int, expected: Mapping[str, str] = NAMES, **readings: RouterReading) -> None:
    found.book(end, "churn", expected, readings)


def answered(found: ObjectiveBook, window: int = HOUR) -> Tally:
    return found.view().answered[window]


def in_time(found: ObjectiveBook, window: int = HOUR) -> Tally:
    return found.view().in_time[BELOW][window]


def counted(found: ObjectiveBook) -> dict[str, object]:
    """All that the planner sees, but for who is silent: a restart begins to wait anew."""
    return {**asdict(found.view()), "routers": 1, "silent": ()}


def test_counts_of_all_routers_and_revisions_add_up() -> None:
    found = book()
    both = {(V1, 1): Counters(10, 3, 1), (V2, 1): Counters(5, 5, 5), ("other-11111111", 1): Counters(9, 9, 9)}
    tell(found, START + 5, r1=said(both, slow=2, fast=8), r2=one(4, 1))
    tell(found, START + 300, r1=said(both, slow=2, fast=8), r2=one(6, 1, slow=1))
    assert answered(found) == (10 + 5 + 6, 1 + 5 + 1)
    assert in_time(found) == (10 + 6, 2 + 1)


def test_copies_are_no_requests_and_chosen_callers_are() -> None:
    found = book()
    arms = {
        (V1, 1): Counters(10, 0, 0),
        (f"{V2}~mirror", 1): Counters(10, 10, 10),
        (f"{V2}~match", 1): Counters(3, 1, 1),
    }
    tell(found, START + 300, r1=said(arms, fast=10))
    assert answered(found) == (13, 1)


def test_of_a_router_that_was_there_before_only_what_comes_is_counted() -> None:
    found = book()
    tell(found, START + 5, r1=one(1_000, 500, slow=900, started=START - DAY))
    tell(found, START + 300, r1=one(1_010, 501, slow=902, started=START - DAY))
    assert (answered(found), in_time(found)) == ((10, 1), (10, 2))


def test_a_router_that_did_not_answer_tells_later_what_it_had() -> None:
    found = book()
    tell(found, START + 5, r1=one(10), r2=one(10))
    for end in range(START + 10, START + 1_200, 5):
        tell(found, end, r1=one(20))
    assert answered(found) == (30, 0)
    assert found.view().silent == ("weirkeeper-router-2",)
    tell(found, START + 1_200, r1=one(20), r2=one(500, 7))
    assert answered(found) == (520, 7)
    assert found.view().silent == ()


def test_a_router_that_was_never_heard_is_silent_after_ten_minutes_and_not_before() -> None:
    found = book()
    for end in range(START, START + 900, 300):
        tell(found, end, r1=one(1))
        assert found.view().silent == (("weirkeeper-router-2",) if end >= START + 600 else ())
    assert found.view().routers == 2


def test_envoys_restart_and_new_clusters_count_from_nothing() -> None:
    found = book()
    tell(found, START + 5, r1=one(10, 1, slow=4))
    tell(found, START + 10, r1=one(3, 1, slow=1, started=START + 8))  # restarted
    assert found.kept().booked.keys() == {("r1", START + 1, V1), ("r1", START + 8, V1)}
    # New clusters of the same revision: outcomes begin anew, the histogram of Envoy goes on.
    tell(found, START + 300, r1=said({(V1, 2): Counters(5, 2, 2)}, slow=2, fast=6, started=START + 8))
    assert answered(found) == (10 + 3 + 5, 1 + 1 + 2)
    assert in_time(found) == (10 + 3 + 5, 4 + 1 + 1)
    assert found.kept().booked.keys() == {("r1", START + 8, V1)}  # the former Envoy cannot come back


def test_a_start_that_wavers_by_a_second_is_the_same() -> None:
    found = book()
    tell(found, START + 5, r1=one(10, started=START + 1))
    tell(found, START + 300, r1=one(12, started=START + 2))
    assert answered(found) == (12, 0)


def test_clocks_that_jump_count_nothing_twice() -> None:
    found = book()
    tell(found, START + 300, r1=one(10))
    tell(found, START + DAY, r1=one(15, 1))
    tell(found, START + 600, r1=one(18, 1))
    tell(found, START + 900, r1=one(20, 1))
    assert answered(found, PERIOD) == (15, 0)  # what came under the wrong clock waits for its slot
    tell(found, START + DAY + HOUR, r1=one(20, 1))
    assert answered(found, PERIOD) == (20, 1)


def test_requests_leave_the_windows_and_after_a_month_the_book() -> None:
    found = book()
    tell(found, START + 300, r1=one(10, 10))
    tell(found, START + HOUR + 300, r1=one(11, 10))
    assert (answered(found), answered(found, 6 * HOUR)) == ((1, 0), (11, 10))
    tell(found, START + 6 * HOUR + 300, r1=one(12, 10))
    assert (answered(found, 6 * HOUR), answered(found, 3 * DAY)) == ((2, 0), (12, 10))
    tell(found, START + PERIOD, r1=one(13, 10))
    assert answered(found, PERIOD) == (13, 10)
    tell(found, START + PERIOD + HOUR, r1=one(13, 10))
    assert answered(found, PERIOD) == (3, 0)


def test_a_month_of_traffic_takes_as_little_as_a_day() -> None:
    found = book()
    sizes = []
    for day in range(70):
        for hour in range(24):
            end = START + day * DAY + hour * HOUR + 300
            tell(found, end, r1=one(1_000 * (24 * day + hour), day))
        if day in (31, 69):
            sizes.append(len(json.dumps(written_objectives(found.kept()))))
    assert sizes[1] < 1.1 * sizes[0] < 33_000
    packed = pack(Checkpoint(0, objectives=found.kept()))
    assert packed is not None
    assert len(packed) < 8_000


def test_a_restart_at_any_moment_changes_no_result() -> None:
    draw = Random(20261130)
    story = []
    total = failed = slow = 0
    for tick in range(1, 400):
        total, failed, slow = total + draw.randrange(9), failed + draw.randrange(2), slow + draw.randrange(3)
        story.append((START + 60 * tick, one(total, min(failed, total), slow=min(slow, total))))
    whole, restarted = book(), book()
    for end, reading in story:
        tell(whole, end, {"r1": "router-1"}, r1=reading)
        tell(restarted, end, {"r1": "router-1"}, r1=reading)
        if draw.random() < 0.1:  # the process ends, and another one begins with what was kept
            packed = pack(Checkpoint(end, objectives=restarted.kept()))
            assert packed is not None
            restarted = book(unpack(packed).objectives, since=end)
        if end % 300 == 0:
            assert counted(whole) == counted(restarted), end


def test_what_was_counted_while_the_operator_was_away_is_counted() -> None:
    found = book()
    tell(found, START + 300, r1=one(10, 1), r2=one(10, 1))
    again = book(found.kept(), since=START + 7_200)
    # r2 is gone, r3 came meanwhile, and r1 has new revisions.
    known = {"r1": "router-1", "r3": "router-3"}
    both = {(V1, 1): Counters(15, 2, 2), (V2, 1): Counters(4, 1, 1)}
    tell(again, START + 7_200, known, r1=said(both, fast=15), r3=one(6, started=START + 3_000))
    assert answered(again, 6 * HOUR) == (20 + 5 + 4 + 6, 2 + 1 + 1)


def test_a_router_that_comes_back_after_it_was_forgotten_counts_nothing_twice() -> None:
    found = book()
    tell(found, START + 300, r1=one(10), r2=one(10))
    for end in range(START + 600, START + 2 * HOUR, 300):
        tell(found, end, {"r1": "router-1"}, r1=one(10))
    assert {run.router for run in found.kept().booked} == {"r1"}
    tell(found, START + 2 * HOUR, r1=one(10), r2=one(12))
    tell(found, START + 2 * HOUR + 300, r1=one(10), r2=one(15))
    assert answered(found, 6 * HOUR) == (20 + 3, 0)


def test_a_new_threshold_counts_from_when_it_was_asked_for() -> None:
    found = book()
    tell(found, START + 300, r1=one(10, slow=5))
    found.set_slow({bin_of(20_000)})
    tell(found, START + 600, r1=one(14, slow=5))
    view = found.view()
    assert view.in_time.keys() == view.slow_since.keys() == {bin_of(20_000)}
    assert view.slow_since[bin_of(20_000)] == START + 300
    assert view.in_time[bin_of(20_000)][HOUR] == Tally(0, 0)  # of this run nothing was looked at before
    tell(found, START + 900, r1=one(16, slow=5))
    assert found.view().in_time[bin_of(20_000)][HOUR] == Tally(2, 2)


@pytest.mark.parametrize("broken", ["since", "routers", "booked", "fine", "hours"])
@pytest.mark.parametrize("value", ["x", [[1]], {"starts": [1, -5], "columns": {"requests": ["1", 2]}}], ids=type)
def test_a_checkpoint_that_somebody_broke_is_refused(broken: str, value: object) -> None:
    found = book()
    tell(found, START + 300, r1=one(10, 1))
    written = json.loads(json.dumps(written_objectives(found.kept())))
    assert read_objectives(written) == found.kept()
    packed = zlib.compress(json.dumps({**_kept(), "objectives": {**written, broken: value}}).encode())
    with pytest.raises(BrokenCheckpoint):
        unpack(packed)


def _kept() -> dict[str, object]:
    packed = pack(Checkpoint(START))
    assert packed is not None
    return dict(json.loads(zlib.decompress(packed)))


def test_a_checkpoint_without_objectives_is_one() -> None:
    packed = pack(Checkpoint(START))
    assert packed is not None
    assert unpack(packed).objectives is None
    with pytest.raises(BrokenCheckpoint):
        unpack(b"none")
