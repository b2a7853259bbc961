"""What holds for every column, however strange: replicas add up, order does not matter, and nothing is NaN."""

from __future__ import annotations

import dataclasses
import json
import math
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weirkeeper.statistics import (
    FeatureProfile,
    ProfileCounters,
    ReferenceProfile,
    add,
    assess,
    change_of,
    compare,
    hellinger,
    jensen_shannon,
    pooled,
    psi,
    subtract,
    total_variation,
    wasserstein,
)

EXAMPLES = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])

numbers = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True),
    st.sampled_from([0.0, -0.0, 1e308, -1e308, 1.7e308, 5e-324, -5e-324, math.inf, -math.inf, math.nan]),
    st.integers(-3, 3).map(float),
)
whole = st.one_of(st.integers(-(2**70), 2**70), st.sampled_from([2**53, 2**53 + 1, -(2**53) - 1, 10**400]))
texts = st.one_of(st.text(max_size=12), st.sampled_from(["", "a", "ä", "日本", "\u202eabc", "x" * 300]))
anything = st.one_of(
    numbers, whole, texts, st.booleans(), st.none(), st.binary(max_size=4), st.just(pytest.approx), st.dates()
)


def column_of(values: list[Any]) -> Any:
    """Objects, whatever they are: NumPy would make another column of lists or of text alone."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


columns = st.one_of(
    st.lists(numbers, min_size=1, max_size=80).map(lambda drawn: np.asarray(drawn, dtype=np.float64)),
    st.lists(st.one_of(numbers, whole, st.none()), min_size=1, max_size=80).map(column_of),
    st.lists(st.one_of(texts, st.none()), min_size=1, max_size=80).map(column_of),
    st.lists(st.booleans(), min_size=1, max_size=80).map(np.asarray),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=80).map(np.asarray),
)
live_columns = st.one_of(columns, st.lists(anything, min_size=1, max_size=80).map(column_of))


def totals_of(profile: ReferenceProfile, column: Any) -> dict[str, Any]:
    counters = ProfileCounters(profile)
    counters.ingest({"x": column, "y": np.arange(float(len(column)))}, {})
    return counters.totals()


def profile_of(column: Any) -> ReferenceProfile:
    return ReferenceProfile.from_columns({"x": column, "y": np.arange(float(len(column)))}, {})


def finite(found: Any) -> bool:
    if isinstance(found, float):
        return math.isfinite(found)
    return all(map(finite, found)) if isinstance(found, tuple) else True


@EXAMPLES
@given(columns, live_columns)
def test_no_column_gives_nan_or_a_warning(reference: Any, live: Any) -> None:
    profile = profile_of(reference)
    totals = totals_of(profile, live)
    json.dumps(totals, allow_nan=False)
    json.loads(profile.to_bytes(), parse_constant=pytest.fail)
    report = assess(profile, totals["inputs"], alpha=0.01, min_rows=1)
    assert all(finite(dataclasses.astuple(feature)) for feature in report.features)
    for feature in profile.features:
        counts = totals["inputs"][feature.name]
        told = change_of(feature, counts)
        assert "nan" not in told.replace("`nan", "")
        if feature.count and sum(counts["counts"]) + counts["unseen"]:
            compared = compare(feature, counts)
            assert not any(math.isnan(value) for value in flat(dataclasses.astuple(compared)))


def flat(found: Any) -> list[float]:
    if isinstance(found, tuple):
        return [value for part in found for value in flat(part)]
    return [found] if isinstance(found, float) else []


@EXAMPLES
@given(columns)
def test_a_profile_survives_the_round_trip_bit_for_bit(column: Any) -> None:
    profile = profile_of(column)
    again = ReferenceProfile.from_json(json.loads(profile.to_bytes()))
    assert again == profile
    assert again.to_bytes() == profile.to_bytes()


@EXAMPLES
@given(columns)
def test_the_reference_against_itself_has_no_distance(column: Any) -> None:
    profile = profile_of(column)
    for name, counts in totals_of(profile, column)["inputs"].items():
        feature = next(one for one in profile.features if one.name == name)
        assert tuple(counts["counts"]) == feature.counts
        assert (counts["missing"], counts["invalid"]) == (feature.missing, feature.invalid)
        if feature.count:
            assert compare(feature, counts).total_variation == 0.0


@EXAMPLES
@given(columns, live_columns, st.randoms(use_true_random=False))
def test_order_and_split_over_replicas_change_no_bit(reference: Any, live: Any, random: Any) -> None:
    profile = profile_of(reference)
    order = list(range(len(live)))
    random.shuffle(order)
    cut = random.randint(0, len(live))
    one, other = totals_of(profile, live[order][:cut]), totals_of(profile, live[order][cut:])
    merged = add(one, other)
    assert merged == add(other, one)
    assert subtract(merged, one) == other
    at_once = totals_of(profile, live)
    for feature in profile.features:
        # The other column is a running number, which is another one in each part.
        if feature.columns == ("x",):
            assert merged["inputs"][feature.name] == at_once["inputs"][feature.name]


@EXAMPLES
@given(columns, live_columns)
def test_every_row_is_counted_once(reference: Any, live: Any) -> None:
    profile = profile_of(reference)
    for counts in totals_of(profile, live)["inputs"].values():
        assert sum(counts["counts"]) + sum(counts[kind] for kind in ("missing", "invalid", "unseen")) == len(live)
        assert all(count >= 0 for count in counts["counts"])


bins = st.lists(st.integers(1, 400), min_size=2, max_size=10)


@given(bins, st.data())
def test_distances_do_not_depend_on_the_order_of_bins(reference: list[int], data: st.DataObject) -> None:
    live = data.draw(st.lists(st.integers(1, 400), min_size=len(reference), max_size=len(reference)))
    order = data.draw(st.permutations(range(len(reference))))
    for distance in (psi, jensen_shannon, hellinger, total_variation):
        moved = distance([reference[i] for i in order], [live[i] for i in order])
        assert moved == pytest.approx(distance(reference, live), abs=1e-9)


@given(bins, st.integers(1, 300), st.integers(1, 300))
def test_distances_grow_with_what_moved(reference: list[int], one: int, other: int) -> None:
    """The more rows leave every bin for the last one, the farther it is."""
    small, large = sorted((one, other))

    def moved(extra: int) -> list[int]:
        return [*reference[:-1], reference[-1] + extra]

    for distance in (jensen_shannon, hellinger, total_variation):
        assert distance(reference, moved(small)) <= distance(reference, moved(large)) + 1e-12
    limits = range(len(reference) + 1)
    assert wasserstein(limits, reference, moved(small)).interpolated <= (
        wasserstein(limits, reference, moved(large)).interpolated + 1e-12
    )


@given(bins, st.integers(2, 50))
def test_more_rows_of_the_same_shares_leave_unsmoothed_distances(reference: list[int], factor: int) -> None:
    live = reference[::-1]
    for distance in (jensen_shannon, hellinger, total_variation):
        assert distance(reference, [factor * count for count in live]) == pytest.approx(
            distance(reference, live), abs=1e-9
        )
    assert psi(*pooled(reference, reference)) == pytest.approx(0.0, abs=1e-12)


# Cases with a size or a name.


def test_a_million_categories() -> None:
    column = np.array([f"user {i}" for i in range(1_000_000)], dtype=object)
    profile = ReferenceProfile.from_columns({"x": column}, {})
    assert [feature.name for feature in profile.features] == ["length of x", "characters of x"]
    heavy = column[:100_000]
    heavy[::2] = "anonymous"
    (feature,) = ReferenceProfile.from_columns({"x": heavy}, {}).features
    assert (feature.values[0], feature.open, len(feature.to_json()["values"])) == ("anonymous", True, 50)
    assert feature.counts[0] == 50_000


def test_integers_beyond_two_to_the_53() -> None:
    column = 2**60 + np.arange(1000) * 2**20
    profile = ReferenceProfile.from_columns({"x": column}, {})
    assert all(95 <= count <= 105 for count in profile.features[0].counts)
    objects = column_of([int(value) for value in column])
    assert ReferenceProfile.from_columns({"x": objects}, {}).sha256 == profile.sha256


def test_numbers_at_the_ends_of_what_floats_hold() -> None:
    column = np.array([-1.7e308, 1.7e308, 1e308, -1e308, 0.0, 5e-324] * 20)
    feature = ReferenceProfile.from_columns({"x": column * np.linspace(0.9, 1.0, 120)}, {}).features[0]
    assert feature.mean is not None
    assert feature.std is not None
    assert math.isfinite(feature.mean)
    assert 1e308 < feature.std < 1.7e308
    assert len(feature.edges) > 5


def test_denormal_numbers_are_told_apart() -> None:
    feature = ReferenceProfile.from_columns({"x": np.arange(1.0, 101.0) * 5e-324}, {}).features[0]
    assert len(feature.counts) == 10
    assert all(8 <= count <= 12 for count in feature.counts)


@pytest.mark.parametrize("value", [0.0, 1e308, -5e-324])
def test_one_value(value: float) -> None:
    profile = ReferenceProfile.from_columns({"x": np.array([value])}, {})
    counts = totals_of(profile, np.array([value] * 60))["inputs"]
    assert assess(profile, counts, alpha=0.01, min_rows=1).state == "OK"


def checkpoint_of_thirty_features() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    table = {f"feature number {i}": rng.lognormal(size=2000) for i in range(24)}
    table |= {f"category {i}": rng.choice([f"value {j}" for j in range(30)], 2000) for i in range(6)}
    profile = ReferenceProfile.from_columns(table, {})
    slots = {}
    for slot in range(12):
        counters = ProfileCounters(profile)
        rows = rng.integers(0, 2000, 20_000)
        counters.ingest({name: column[rows] for name, column in table.items()}, {})
        slots[str(slot)] = counters.totals()["inputs"]
    return slots


def test_twelve_slots_of_thirty_features_are_small() -> None:
    packed = zlib.compress(json.dumps(checkpoint_of_thirty_features(), separators=(",", ":")).encode())
    assert len(packed) <= 64 * 1024, len(packed)


def test_a_feature_without_values_is_judged_and_told_without_error() -> None:
    empty = FeatureProfile("x", "numeric", (0,))
    counts = {"counts": [0], "missing": 5, "invalid": 0, "unseen": 0, "posInf": 0, "negInf": 0, "sum": 0}
    assert change_of(empty, counts).startswith("0 values, 0 in the reference")
