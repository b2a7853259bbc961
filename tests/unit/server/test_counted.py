"""Counts of several processes add up to what one would have counted."""

from __future__ import annotations

import json
from collections.abc import Sequence

from weirkeeper_server.counted import KEPT_SECONDS, Counted, CountedArm, CountedDurations
from weirkeeper_server.counting import Durations, LatencySlots

INPUT = {"counts": [1, 2], "missing": 1, "invalid": 0, "unseen": 0, "posInf": 0, "negInf": 0, "sum": -5}
SECONDS = (0.0002, 0.003, 0.0002, 1.5, 0.04, 0.04, 0.0002)


def counted(seconds: Sequence[float], start: int = 10, active: int = 0, trace: str = "") -> Counted:
    durations, slots = Durations(lambda: float(start)), LatencySlots(5)
    for one in seconds:
        durations.add(one, trace)
        slots.end(slots.begin(start), one)
    for _ in range(active):
        slots.begin(start)
    arm = CountedArm(slots.told(), {"age": INPUT}, {})
    return Counted(
        {"ok": len(seconds), "invalid": 1, "failed": 0}, 2, {"predict": 1}, durations.counted(), arm, {"match": arm}
    )


def test_two_add_up_to_what_one_would_have_counted() -> None:
    parts = counted(SECONDS[:3], active=1), counted(SECONDS[3:])
    both, whole = parts[0].plus(parts[1]), counted(SECONDS, active=1)
    assert both == parts[1].plus(parts[0])
    assert both.split.latency == whole.split.latency
    assert both.durations.counts == list(whole.durations.counts)
    assert both.outcomes == {"ok": 7, "invalid": 2, "failed": 0}
    assert (both.rows, both.invalid_outputs) == (4, {"predict": 2})
    assert both.split.inputs["age"] == {**dict.fromkeys(INPUT, 0), "counts": [2, 4], "missing": 2, "sum": -10}
    assert both.arms["match"] == both.split


def test_an_arm_or_column_that_one_has_not_counted_is_taken_from_the_other() -> None:
    other = counted(SECONDS[:1])._replace(split=CountedArm([], {}, {}), arms={}, invalid_outputs={})
    both = counted(SECONDS).plus(other)
    assert (both.split, both.arms["match"]) == (counted(SECONDS).split, counted(SECONDS).arms["match"])
    assert other.plus(counted(SECONDS)).split == both.split


def test_slots_are_forgotten_as_one_process_would() -> None:
    old, new = counted(SECONDS[:1], start=0), counted(SECONDS[1:], start=KEPT_SECONDS + 5)
    assert old.plus(new).split.latency == new.split.latency
    assert [slot[0] for slot in old.plus(counted(SECONDS, start=KEPT_SECONDS)).split.latency] == [0, KEPT_SECONDS]


def test_what_a_process_left_active_will_not_end() -> None:
    left = counted(SECONDS, active=3).ended()
    assert left == counted(SECONDS)
    assert [slot[2] for slot in left.arms["match"].latency] == [0]


def test_slots_from_a_time_on_can_be_asked_for() -> None:
    both = counted(SECONDS, start=5).plus(counted(SECONDS, start=10))
    assert [slot[0] for slot in both.since(6.0).split.latency] == [10]
    assert [slot[0] for slot in both.since(6.0).arms["match"].latency] == [10]


def test_the_later_exemplar_of_a_bucket_stays() -> None:
    early, late = (counted([0.5], start, trace=trace).durations for start, trace in ((5, "a"), (10, "b")))
    place = next(i for i, one in enumerate(early.exemplars) if one)
    for both in (early.plus(late), late.plus(early)):
        assert both.exemplars[place] == ("b", 0.5, 10.0)
    nothing = CountedDurations([0] * len(early.counts), 0.0, [None] * len(early.counts))
    assert nothing.plus(early).exemplars == list(early.exemplars)


def test_counts_come_through_json_unchanged() -> None:
    found = counted(SECONDS, active=1, trace="a")
    assert Counted.read(json.loads(json.dumps(found))) == found._replace(
        durations=CountedDurations(list(found.durations.counts), found.durations.sum, list(found.durations.exemplars))
    )
