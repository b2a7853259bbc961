from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weirkeeper.compiled.library import LIBRARY
from weirkeeper.compiled.table import CompiledTable
from weirkeeper.statistics import (
    Described,
    ProfileCounters,
    ProfileMismatch,
    ReferenceProfile,
    add,
    column_counters,
    joint,
    subtract,
    tallies,
)
from weirkeeper.statistics.cleaning import Numbers
from weirkeeper.statistics.counters import FeatureCounter
from weirkeeper.statistics.joint import Projection

RNG = np.random.default_rng(11)
REFERENCE: dict[str, Any] = {
    "age": np.concatenate((np.zeros(300), RNG.normal(40, 12, 700))),
    "region": RNG.choice(["eu", "us", "asia"], 1000),
    "visits": RNG.integers(0, 5, 1000),
}
PROFILE = ReferenceProfile.from_columns(REFERENCE, {"score": RNG.random(1000)})


def counted(name: str, column: Any) -> dict[str, Any]:
    counter = FeatureCounter(next(feature for feature in PROFILE.features if feature.name == name))
    counter.ingest(np.asarray(column))
    return counter.totals()


def rows_of(seed: int, count: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    regions = rng.choice(np.array(["eu", "us", "mars", None, 3], dtype=object), count)
    return {"age": rng.normal(30, 50, count), "region": regions, "visits": rng.integers(0, 9, count)}


def totals_of(*batches: dict[str, Any]) -> dict[str, Any]:
    counters = ProfileCounters(PROFILE)
    for batch in batches:
        counters.ingest(batch, {"score": np.full(len(batch["age"]), 0.5)})
    return counters.totals()


def test_the_reference_itself_gives_the_reference_counts() -> None:
    totals = totals_of(REFERENCE)
    for feature in PROFILE.features:
        assert tuple(totals["inputs"][feature.name]["counts"]) == feature.counts


def test_what_a_number_can_be() -> None:
    column = np.array([0.0, 40, np.nan, None, np.inf, -np.inf, "40", True, b"1", np.float32(41)], dtype=object)
    found = counted("age", column)
    assert sum(found["counts"]) == 6
    assert found["counts"][-1] == 1
    assert {key: found[key] for key in ("missing", "invalid", "unseen", "posInf", "negInf")} == {
        "missing": 2, "invalid": 2, "unseen": 0, "posInf": 1, "negInf": 1,
    }  # fmt: skip


def test_what_a_text_can_be() -> None:
    found = counted("region", np.array(["eu", b"us", "mars", None, np.nan, 7, b"\xff", ""], dtype=object))
    assert sum(found["counts"]) == 2
    assert (found["missing"], found["invalid"], found["unseen"]) == (2, 2, 2)


def test_what_a_discrete_number_can_be() -> None:
    found = counted("visits", np.array([0.0, 4.0, 2.5, 99.0, np.nan]))
    assert (sum(found["counts"]), found["unseen"], found["missing"]) == (2, 2, 1)


@pytest.mark.parametrize(
    ("name", "column", "invalid"),
    [("age", np.array(["1", "2"]), 2), ("region", np.array([1.0, np.nan]), 1), ("region", np.array([1, 2]), 2)],
)
def test_a_column_of_the_wrong_type_is_invalid(name: str, column: Any, invalid: int) -> None:
    found = counted(name, column)
    assert (found["invalid"], sum(found["counts"])) == (invalid, 0)


def test_every_kind_of_row_is_counted_apart() -> None:
    column = np.array([1e9, -1e9, np.inf, -np.inf, np.nan, "x", 40.0], dtype=object)
    found = counted("age", column)
    kinds = ("missing", "invalid", "unseen", "posInf", "negInf", "outOfRange")
    assert [found[kind] for kind in kinds] == [1, 1, 0, 1, 1, 2]
    assert sum(found["counts"]) == 5
    others = ReferenceProfile.from_columns({"x": np.array(["a"] * 5000 + ["b"])}, {})
    counters = ProfileCounters(others)
    counters.ingest({"x": np.array(["a", "b", "c", "c"])}, {})
    assert counters.totals()["inputs"]["x"]["counts"] == [1, 1]
    assert counters.totals()["inputs"]["x"]["unseen"] == 2


def test_a_range_that_was_said_counts_instead_of_the_references() -> None:
    said = Described(expected=(0.0, 130.0))
    counters = ProfileCounters(ReferenceProfile.from_columns({"age": np.arange(99.0)}, {}, (), {"age": said}))
    counters.ingest({"age": np.array([-1.0, 0.0, 120.0, 130.0, 131.0, np.inf])}, {})
    assert counters.totals()["inputs"]["age"]["outOfRange"] == 2


def test_counts_of_servers_that_count_no_range_are_joined() -> None:
    new = counted("age", np.array([40.0, 1e9]))
    old = {key: value for key, value in new.items() if key != "outOfRange"}
    assert add(old, new)["outOfRange"] == 1
    assert add(old, new)["counts"] == add(new, new)["counts"]


def test_the_mean_can_be_told_from_the_sum() -> None:
    column = RNG.normal(55, 3, 400)
    feature = PROFILE.features[0]
    found = counted("age", column)
    mean = (feature.mean or 0.0) + found["sum"] * 1e-4 * feature.scale / 400
    assert mean == pytest.approx(column.mean(), abs=feature.scale * 1e-4)


def test_an_absurd_value_does_not_overflow_the_sum() -> None:
    found = counted("age", np.full(1000, 1e300))
    assert found["sum"] == 1000 * 10**8


def test_absent_columns_are_missing_and_strange_ones_are_left_out() -> None:
    counters = ProfileCounters(PROFILE)
    counters.ingest({"age": np.zeros(3), "shoe size": np.zeros(3)}, {})
    totals = counters.totals()
    assert totals["rows"] == 3
    assert totals["inputs"]["region"]["missing"] == 3
    assert set(totals["inputs"]) == {feature.name for feature in PROFILE.features}
    joint = totals["inputs"]["correlation of age and visits (sum)"]
    assert (joint["missing"], sum(joint["counts"])) == (3, 0)
    assert totals["outputs"]["score"]["missing"] == 0


def test_rows_one_by_one_count_like_rows_together() -> None:
    batch = rows_of(3, 700)
    single = [{name: column[i : i + 1] for name, column in batch.items()} for i in range(700)]
    assert totals_of(*single) == totals_of(batch)


def test_columns_of_changing_type_keep_their_values() -> None:
    numbers, texts = np.array([40.0, 41.0]), np.array(["40", "41"])
    rest = {"region": np.array(["eu", "us"]), "visits": np.array([1, 2])}
    found = totals_of({"age": numbers} | rest, {"age": texts} | rest, {"age": numbers} | rest)["inputs"]["age"]
    assert (sum(found["counts"]), found["invalid"]) == (4, 2)


def test_totals_are_plain_json_of_integers() -> None:
    totals = totals_of(rows_of(5, 100))
    assert json.loads(json.dumps(totals)) == totals
    assert "." not in json.dumps({**totals["inputs"], **totals["outputs"]})


batches = st.tuples(st.integers(0, 10_000), st.integers(1, 40)).map(lambda drawn: rows_of(*drawn))


@settings(deadline=None, max_examples=25)
@given(st.lists(batches, min_size=3, max_size=5))
def test_replicas_add_up_to_one_process(parts: list[dict[str, Any]]) -> None:
    apart = [totals_of(part) for part in parts]
    together = totals_of(*parts)
    forwards = add(add(apart[0], apart[1]), apart[2])
    backwards = add(apart[0], add(apart[1], apart[2]))
    assert forwards == backwards == add(add(apart[2], apart[1]), apart[0])
    for part in apart[3:]:
        forwards = add(forwards, part)
    assert forwards == together


@settings(deadline=None, max_examples=25)
@given(batches, batches)
def test_what_was_counted_in_between_is_the_difference(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert subtract(totals_of(first, second), totals_of(first)) == totals_of(second)


def test_what_is_absent_counts_as_zero() -> None:
    totals = totals_of(rows_of(1, 10))
    assert add({}, totals) == totals == add(totals, {})
    assert subtract(totals, {}) == totals


def test_counts_of_other_bins_are_not_joined() -> None:
    with pytest.raises(ProfileMismatch, match="3 bins here and 2 there"):
        add({"counts": [1, 2, 3]}, {"counts": [1, 2]})


def test_counts_of_another_profile_are_not_joined() -> None:
    totals = totals_of(rows_of(1, 10))
    other = copy.deepcopy(totals) | {"profileSha256": "0" * 64}
    with pytest.raises(ProfileMismatch, match="profileSha256"):
        add(totals, other)


def test_a_counter_that_fell_is_a_new_series() -> None:
    with pytest.raises(ProfileMismatch, match="restarted"):
        subtract(totals_of(rows_of(1, 10)), totals_of(rows_of(1, 20)))


def test_single_rows_are_counted_many_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {f"x{i}": RNG.normal(size=500) for i in range(3)}
    counters = ProfileCounters(ReferenceProfile.from_columns(columns, {}))
    counted: list[int] = []
    ingest, steps = FeatureCounter.ingest, CompiledTable.steps

    def counting(self: FeatureCounter, column: Any) -> None:
        counted.append(len(column))
        ingest(self, column)

    def stepping(self: CompiledTable, columns: Sequence[Any], size: int) -> Iterator[None]:
        counted.extend(map(len, columns))
        return steps(self, columns, size)

    monkeypatch.setattr(FeatureCounter, "ingest", counting)
    monkeypatch.setattr(CompiledTable, "steps", stepping)
    for i in range(500):
        counters.ingest({name: column[i : i + 1] for name, column in columns.items()}, {})
    assert counted == [], "a row by itself is not worth a call"
    counters.totals()
    assert set(counted) == {500}


ODD_BATCHES: dict[str, list[dict[str, Any]]] = {
    "whole numbers": [{"a": np.arange(9), "b": np.arange(9) % 2 == 0, "c": np.arange(9, dtype=np.float32)}],
    "a column is absent": [{"a": np.arange(4.0), "b": np.ones(4)}, {"a": np.ones(3), "b": np.ones(3), "c": np.ones(3)}],
    "none of them is there": [{"text": np.array(["x", "y"])}],
    "some are missing or no numbers": [
        {"a": np.array([1, None, "1", 2.5, 10**400], dtype=object), "b": np.array(["0"] * 5), "c": np.ones(5)},
        {"a": np.ones(2), "b": np.array(["2024-01-01", "NaT"], dtype="M8[s]"), "c": np.array([np.nan, np.inf])},
    ],
    "beyond doubles": [{"a": np.array([1.0, 1e300], dtype=np.longdouble) ** 2, "b": np.ones(2), "c": np.ones(2)}],
    "fewer than rows": [{"a": np.ones(2), "b": np.ones(5), "c": np.ones(5)}, {"a": np.ones(1), "b": np.ones(1)}],
    "every other value": [{name: np.arange(80.0)[::2] % (place + 2) for place, name in enumerate("abc")}],
}


@pytest.mark.parametrize("name", ODD_BATCHES)
def test_what_is_compiled_counts_odd_columns_as_numpy_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = np.random.default_rng(3).normal(size=(300, 2))
    table = {"a": drawn[:, 0], "b": drawn[:, 0] + 0.2 * drawn[:, 1], "c": np.arange(300) % 3, "text": ["x", "y"] * 150}
    profile = ReferenceProfile.from_columns({name: np.array(column) for name, column in table.items()}, {})
    assert any(isinstance(feature.view, Projection) for feature in profile.features)

    def counted() -> dict[str, Any]:
        counters = ProfileCounters(profile)
        for batch in ODD_BATCHES[name]:
            counters.ingest({"text": np.array(["x"] * len(next(iter(batch.values())))), **batch}, {})
        return counters.totals()

    compiled = counted()
    for module in (tallies, column_counters):
        monkeypatch.setattr(module, "LIBRARY", None)
    monkeypatch.setattr(joint, "_COMPILED", None)
    assert counted() == compiled


@pytest.mark.skipif(LIBRARY is None, reason="nothing is compiled for this machine")
def test_whoever_steps_waits_for_some_columns_or_rows_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {f"x{place}": RNG.normal(size=8_000) for place in range(40)}
    counters = ProfileCounters(ReferenceProfile.from_columns({name: one[:500] for name, one in columns.items()}, {}))
    looked: list[int] = []
    numbers = column_counters._Waited.numbers

    def looking(waited: column_counters._Waited) -> Numbers:
        looked.append(1)
        return numbers(waited)

    monkeypatch.setattr(column_counters._Waited, "numbers", looking)
    steps, seen = 0, 0
    for _ in counters.ingest_by_steps(columns, {}, 8_000):
        assert len(looked) - seen <= column_counters.LOOKED_AT
        steps, seen = steps + 1, len(looked)
    assert seen == len(columns)
    assert steps >= 2 + len(columns) * 8_000 // column_counters.VALUES
    assert sum(counters.totals()["inputs"]["x0"]["counts"]) == 8_000
