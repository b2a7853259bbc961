from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from weirkeeper.statistics.latency import bin_of
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.rows import ProfileCounters
from weirkeeper_server.counted import KEPT_SECONDS
from weirkeeper_server.counting import MOST_AT_ONCE, Durations, LatencySlots, TrafficProfile, profile_columns
from weirkeeper_server.metrics import buckets
from weirkeeper_server.tensors import Array


def test_a_duration_is_booked_to_the_slot_in_which_its_request_began() -> None:
    slots = LatencySlots(5)
    slow, fast = slots.begin(1003.9), slots.begin(1006.0)
    assert slots.told() == [[1000, {}, 1], [1005, {}, 1]]
    slots.end(fast, 0.002)
    slots.end(slow, 4.0)
    assert slots.told() == [[1000, {str(bin_of(4e6)): 1}, 0], [1005, {str(bin_of(2000)): 1}, 0]]


def test_slots_are_kept_for_ten_minutes_and_told_from_where_one_asks() -> None:
    slots = LatencySlots(5)
    for now in (0, 5, KEPT_SECONDS + 5):
        slots.end(slots.begin(now), 0.001)
    assert [slot for slot, _, _ in slots.told()] == [5, KEPT_SECONDS + 5]
    assert [slot for slot, _, _ in slots.told(since=6)] == [KEPT_SECONDS + 5]


def test_a_request_that_outlives_its_slot_does_not_disturb() -> None:
    slots = LatencySlots(5)
    forgotten = slots.begin(0)
    slots.end(slots.begin(KEPT_SECONDS * 2), 0.001)
    slots.end(forgotten, 1200.0)
    assert [slot for slot, _, _ in slots.told()] == [KEPT_SECONDS * 2]


def test_durations_are_a_cumulative_histogram() -> None:
    durations = Durations()
    for seconds in (0.0005, 0.001, 0.2, 100.0):
        durations.add(seconds)
    found = dict(bucket[:2] for bucket in buckets(durations.counted()))
    assert found["0.001"] == 2
    assert found["0.25"] == 3
    assert found["30.0"] == 3
    assert found["+Inf"] == 4
    assert durations.counted().sum == 100.2015


REFERENCE = {"income": np.linspace(0.0, 100.0, 50), "region": np.array(["n", "s"] * 25, dtype=object)}
ANSWERS = {"predict": np.array(["a", "b"] * 25, dtype=object), "predict_proba": np.tile([0.2, 0.8], (50, 1))}
PROFILE = ReferenceProfile.from_columns(profile_columns(REFERENCE), profile_columns(ANSWERS))


@given(sizes=st.lists(st.integers(1, 120), max_size=8), looks=st.sets(st.integers(0, 7)))
def test_rows_are_counted_once_however_they_come_and_whoever_looks(sizes: list[int], looks: set[int]) -> None:
    pieces, whole = TrafficProfile(PROFILE), TrafficProfile(PROFILE)
    for number, size in enumerate(sizes):
        rows = np.arange(size) % 50
        inputs = {name: column[rows] for name, column in REFERENCE.items()}
        outputs = {name: column[rows] for name, column in ANSWERS.items()}
        pieces.add(inputs, outputs, size)
        whole.add(inputs, outputs, size)
        if number in looks:
            pieces.totals()
    assert pieces.totals() == whole.totals()
    assert pieces.totals()["rows"] == sum(sizes)
    for name in ("income", "region"):
        assert sum(whole.totals()["inputs"][name]["counts"]) == sum(sizes)


def _some(rows: int) -> tuple[dict[str, Array], dict[str, Array], int]:
    chosen = np.arange(rows) % 50
    inputs, outputs = ({name: column[chosen] for name, column in table.items()} for table in (REFERENCE, ANSWERS))
    return inputs, outputs, rows


def test_rows_that_come_while_others_are_counted_wait_for_more() -> None:
    turns: deque[Callable[[], None]] = deque()
    traffic = TrafficProfile(PROFILE, turns.append)
    traffic.add(*_some(MOST_AT_ONCE))
    added = 0
    while turns:
        turns.popleft()()
        traffic.add(*_some(1))
        added += 1
    assert traffic.waiting == added
    assert traffic.totals()["rows"] == MOST_AT_ONCE + added


def test_rows_do_not_pile_up_where_more_come_than_a_column_a_turn_can_count() -> None:
    turns: deque[Callable[[], None]] = deque()
    traffic = TrafficProfile(PROFILE, turns.append)
    for _ in range(100):
        traffic.add(*_some(MOST_AT_ONCE))
        turns.popleft()()
    assert traffic.waiting < 10 * MOST_AT_ONCE
    assert traffic.totals()["rows"] == 100 * MOST_AT_ONCE


def test_each_column_of_a_matrix_is_counted_by_its_number() -> None:
    assert list(profile_columns(ANSWERS)) == ["predict", "predict_proba[0]", "predict_proba[1]"]


def test_correlations_are_counted_over_requests_of_any_size() -> None:
    numbers = np.random.default_rng(5).normal(size=(400, 2))
    table = {"a": numbers[:, 0], "b": numbers[:, 0] + 0.1 * numbers[:, 1]}
    profile = ReferenceProfile.from_columns(table, {})
    traffic = TrafficProfile(profile)
    for start in range(0, 400, 7):
        rows = {name: column[start : start + 7] for name, column in table.items()}
        traffic.add(rows, {}, len(rows["a"]))
    counted = traffic.totals()["inputs"]
    assert "correlation of a and b (difference)" in counted
    assert {name: tuple(found["counts"]) for name, found in counted.items()} == {
        feature.name: feature.counts for feature in profile.features
    }


@given(kinds=st.lists(st.sampled_from(["<f4", "<f8", "<i8", "bool", "lists"]), max_size=12), size=st.integers(1, 700))
def test_rows_are_counted_whatever_types_their_numbers_come_as(kinds: list[str], size: int) -> None:
    profile = ReferenceProfile.from_columns(
        {"x": np.arange(50.0), "y": np.arange(50.0) % 7.0}, {"label": REFERENCE["region"]}
    )
    counted, expected = TrafficProfile(profile), ProfileCounters(profile)
    for number, kind in enumerate(kinds):
        texts = [["n", "s", "elsewhere"][(number + row) % 3] for row in range(size)]
        numbers = np.arange(size) % 3
        x = np.array(numbers.tolist(), dtype=object) if kind == "lists" else numbers.astype(kind)
        inputs, outputs = {"x": x, "y": x}, {"label": np.array(texts, dtype=object if number % 2 else str)}
        counted.add(inputs, outputs, size)
        expected.ingest(inputs, outputs)
    assert counted.totals() == expected.totals()


def test_a_request_of_more_rows_than_are_counted_at_once_is_counted_whole() -> None:
    traffic, rows = TrafficProfile(PROFILE), 2 * MOST_AT_ONCE + 7
    traffic.add(*_some(3))
    traffic.add(*_some(rows))
    assert traffic.totals()["rows"] == rows + 3
    assert sum(traffic.totals()["inputs"]["income"]["counts"]) == rows + 3


def test_outputs_that_are_not_one_for_each_row_do_not_hold_up_the_others() -> None:
    traffic = TrafficProfile(PROFILE)
    inputs, outputs, rows = _some(5)
    traffic.add(inputs, outputs, rows)
    traffic.add(inputs, {name: column[:3] for name, column in outputs.items()}, rows)
    traffic.add(inputs, outputs, rows)
    assert traffic.totals()["rows"] == 3 * rows
    assert sum(traffic.totals()["inputs"]["income"]["counts"]) == 3 * rows
    assert traffic.waiting == 0


@given(st.lists(st.floats(0.0, 1e5) | st.sampled_from([2.0 ** (i / 16) / 1e6 for i in range(420)]), max_size=1_500))
def test_durations_that_are_counted_together_fall_into_the_bins_of_each(seconds: list[float]) -> None:
    slots, durations = LatencySlots(5), Durations()
    for one in seconds:
        slots.end(slots.begin(7.0), one)
        durations.add(one)
    expected = Counter(str(bin_of(one * 1e6)) for one in seconds)
    assert slots.told() == ([[5, expected, 0]] if seconds else [])
    assert slots.told() == ([[5, expected, 0]] if seconds else [])
    counts = durations.counted().counts
    assert counts == durations.counted().counts
    assert [sum(counts[: place + 1]) for place in range(len(Durations.EDGES))] == [
        sum(one <= edge for one in seconds) for edge in Durations.EDGES
    ]
