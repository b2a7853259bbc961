from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from weirkeeper.statistics import FeatureProfile, ProfileError, ReferenceProfile

RNG = np.random.default_rng(7)
ROWS = 1000


def feature_of(column: Any, *, output: bool = False) -> FeatureProfile:
    columns = {"x": np.asarray(column)}
    profile = ReferenceProfile.from_columns({} if output else columns, columns if output else {})
    return (profile.outputs if output else profile.features)[0]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        pytest.param(RNG.normal(size=ROWS), "numeric", id="floats"),
        pytest.param(RNG.integers(0, 1000, ROWS), "numeric", id="many integers"),
        pytest.param(RNG.integers(0, 5, ROWS), "discrete", id="few integers"),
        pytest.param(RNG.random(ROWS) < 0.5, "boolean", id="booleans"),
        pytest.param(RNG.choice(["a", "b"], ROWS), "categorical", id="text"),
        pytest.param(np.array(["a", None, "b"] * 10, dtype=object), "categorical", id="text with gaps"),
        pytest.param(np.array([1, None, 2] * 10, dtype=object), "discrete", id="integers with gaps"),
        pytest.param(np.array([1.5, None, 2] * 10, dtype=object), "numeric", id="numbers with gaps"),
        pytest.param(np.array([True, None, False] * 10, dtype=object), "boolean", id="booleans with gaps"),
        pytest.param(np.array([b"a", b"b"] * 10), "categorical", id="bytes"),
    ],
)
def test_types_of_inputs(column: Any, expected: str) -> None:
    assert feature_of(column).type == expected


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        pytest.param(RNG.choice(["stay", "leave"], ROWS), "class", id="labels"),
        pytest.param(RNG.integers(0, 2, ROWS), "class", id="numbered classes"),
        pytest.param(RNG.random(ROWS) < 0.5, "class", id="yes or no"),
        pytest.param(RNG.random(ROWS), "probability", id="probabilities"),
        pytest.param(RNG.normal(100, 20, ROWS), "numeric", id="a regression"),
    ],
)
def test_types_of_outputs(column: Any, expected: str) -> None:
    assert feature_of(column, output=True).type == expected


def test_numeric_bins_hold_equal_shares_of_the_reference() -> None:
    feature = feature_of(RNG.normal(size=ROWS))
    assert len(feature.edges) == 9
    assert all(95 <= count <= 105 for count in feature.counts)
    assert feature.count == ROWS


def test_bins_are_closed_on_the_right() -> None:
    feature = feature_of(np.arange(1.0, 101.0))
    assert feature.counts == (10,) * 10


def test_a_point_mass_becomes_an_atom_and_the_rest_keeps_its_bins() -> None:
    column = np.concatenate((np.zeros(600), RNG.lognormal(size=400)))
    feature = feature_of(column)
    assert feature.atoms == (0.0,)
    assert feature.counts[-1] == 600
    assert len(feature.edges) == 3
    assert sum(feature.counts[:-1]) == 400


@pytest.mark.parametrize("value", [0.0, 3.5])
def test_a_constant_column_is_one_atom(value: float) -> None:
    feature = feature_of(np.full(50, value))
    assert (feature.atoms, feature.edges, feature.counts) == ((value,), (), (0, 50))
    assert feature.std == 0.0


def test_missing_and_infinite_values_are_counted_apart() -> None:
    feature = feature_of(np.concatenate((RNG.normal(size=95), [np.nan] * 3, [np.inf, -np.inf])))
    assert (feature.missing, feature.pos_inf, feature.neg_inf, feature.count) == (3, 1, 1, 97)
    assert feature.least is not None
    assert np.isfinite(feature.least)


def test_a_column_without_any_value_is_profiled_as_empty() -> None:
    feature = feature_of(np.full(10, np.nan))
    assert (feature.count, feature.missing, feature.mean) == (0, 10, None)


def test_categories_are_the_most_frequent_and_the_rest_is_other() -> None:
    column = ["a"] * 900 + ["b"] * 500 + [f"rare{i}" for i in range(200)]
    feature = feature_of(column)
    assert feature.values[:2] == ("a", "b")
    assert len(feature.values) == 50
    assert feature.counts[-1] == 152
    assert feature.open


def test_few_rare_categories_are_remembered_as_seen() -> None:
    feature = feature_of(["a"] * 5000 + ["b"] * 4999 + ["once"])
    assert (feature.values, feature.others, feature.open) == (("a", "b"), ("once",), False)


def test_long_text_is_not_kept() -> None:
    profile = ReferenceProfile.from_columns({"x": np.array(["x" * 500 + str(i % 3) for i in range(60)])}, {})
    assert [feature.name for feature in profile.features] == ["length of x", "characters of x"]
    assert "xxx" not in profile.to_bytes().decode()


def sample() -> ReferenceProfile:
    return ReferenceProfile.from_columns(
        {
            "income": RNG.lognormal(10, 1, ROWS),
            "region": RNG.choice(["eu", "us", "asia"], ROWS),
            "visits": RNG.integers(0, 9, ROWS),
            "member": RNG.random(ROWS) < 0.3,
        },
        {"label": RNG.choice(["no", "yes"], ROWS), "score": RNG.random(ROWS)},
    )


def test_json_survives_the_round_trip_bit_for_bit() -> None:
    profile = sample()
    again = ReferenceProfile.from_json(json.loads(json.dumps(profile.to_json())))
    assert again == profile
    assert again.sha256 == profile.sha256


def test_whole_numbers_may_come_back_without_a_point() -> None:
    profile = ReferenceProfile.from_columns({"n": np.arange(100) % 4}, {})
    written = json.loads(json.dumps(profile.to_json()).replace(".0", ""))
    assert ReferenceProfile.from_json(written).sha256 == profile.sha256


def test_the_digest_follows_the_content() -> None:
    one, other = (ReferenceProfile.from_columns({"x": np.arange(n) / n}, {}) for n in (100, 101))
    assert one.sha256 != other.sha256


def test_a_wide_table_fits_and_a_far_too_wide_one_is_refused() -> None:
    column = RNG.normal(size=200)
    wide = ReferenceProfile.from_columns({f"feature {i}": column for i in range(400)}, {})
    assert len(wide.to_bytes()) <= 256 * 1024
    with pytest.raises(ProfileError, match=r"1500 inputs .* at most 262144"):
        ReferenceProfile.from_columns({f"feature {i}": column for i in range(1500)}, {})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        pytest.param({}, "no columns", id="nothing"),
        pytest.param({"x": np.zeros((3, 2))}, r"'x' has shape \(3, 2\)", id="two dimensions"),
        pytest.param({"x": np.float64(3.0)}, "'x' has shape", id="a scalar"),
        pytest.param({"x": np.empty(0)}, "'x' has no rows", id="no rows"),
        pytest.param({"x": np.zeros(3), "y": np.zeros(4)}, "unequal", id="unequal lengths"),
        pytest.param({"x": np.array([1, "a"], dtype=object)}, "mixes 1 numbers with 1 texts", id="mixed"),
        pytest.param({"x": np.array([{}, {}], dtype=object)}, "neither numbers nor text", id="objects"),
        pytest.param({"x": np.array([1, 2], dtype="m8[s]")}, "neither numbers nor text", id="durations"),
    ],
)
def test_what_cannot_be_profiled_is_refused_with_a_reason(columns: Any, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        ReferenceProfile.from_columns({name: np.asarray(column) for name, column in columns.items()}, {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"apiVersion": "profile/v9"}, "expected 'profile/v1'", id="another schema"),
        pytest.param({"features": {}}, "must be lists", id="features no list"),
        pytest.param({"features": ["x"]}, "expected an object", id="feature no object"),
        pytest.param({"features": [{"name": "x"}]}, "'x' cannot be read", id="fields missing"),
        pytest.param({"features": [{"name": "x", "type": "odd", "counts": [1]}]}, "has type 'odd'", id="unknown type"),
        pytest.param(
            {"features": [{"name": "x", "type": "numeric", "counts": [1], "edges": [1.0, 2.0]}]},
            "1 counts for 3 bins",
            id="bins missing",
        ),
        pytest.param(
            {"features": [{"name": "x", "type": "numeric", "counts": [1, 1, 1], "edges": [2.0, 1.0]}]},
            "do not ascend",
            id="edges in disorder",
        ),
        pytest.param(
            {"features": [{"name": "x", "type": "numeric", "counts": [1, -1], "edges": [2.0]}]},
            "negative",
            id="negative count",
        ),
        pytest.param(
            {"features": [{"name": "x", "type": "discrete", "counts": [1, 1], "values": ["a"]}]},
            "values that are text, and type 'discrete'",
            id="words among numbers",
        ),
        pytest.param(
            {"features": [{"name": "x", "type": "numeric", "counts": ["many"]}]}, "cannot be read", id="no number"
        ),
    ],
)
def test_what_is_not_a_profile_is_refused_with_a_reason(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        ReferenceProfile.from_json(sample().to_json() | change)


def test_something_that_is_no_object_is_no_profile() -> None:
    with pytest.raises(ProfileError, match="expected an object"):
        ReferenceProfile.from_json([1, 2])
