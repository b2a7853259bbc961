"""What does not belong to a profile is refused, in one tree of errors, with what was given, expected and to do."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weirkeeper.statistics import (
    ColumnMismatch,
    ProfileCounters,
    ProfileError,
    ProfileMismatch,
    ReferenceProfile,
    StatisticsError,
    check_columns,
    check_totals,
    compare,
    jensen_shannon,
    pooled,
    psi,
    total_variation,
)

RNG = np.random.default_rng(19)
COLUMNS: dict[str, Any] = {"income": RNG.lognormal(size=500), "region": RNG.choice(["eu", "us"], 500)}
PROFILE = ReferenceProfile.from_columns(COLUMNS, {})
FIRST = Path(__file__).parent / "vectors" / "profile-schema-1.json"


def totals() -> dict[str, Any]:
    counters = ProfileCounters(PROFILE)
    counters.ingest(COLUMNS, {})
    return counters.totals()


def test_what_a_counter_told_is_accepted() -> None:
    check_totals(PROFILE, totals())
    check_totals(PROFILE, json.loads(json.dumps(totals())))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("profileSha256",), "0" * 64, "are of the profile '000.*expected .*compare them with the profile"),
        (("inputs",), {}, "counts of inputs lack 'income', they have none; count by the same profile"),
        (("inputs", "income", "counts"), [1, 2], "counted in 2 bins, its profile has 10"),
        (("inputs", "income", "counts"), None, "counted in None for bins, its profile has 10"),
        (("inputs", "income", "missing"), -1, "has the count -1, expected whole numbers of at least 0"),
        (("inputs", "income", "outOfRange"), -7, "has the count -7"),
        (("inputs", "region", "unseen"), 1.5, "has the count 1.5, expected whole numbers"),
        (("inputs", "region", "invalid"), None, "has the count None"),
    ],
)
def test_counts_that_are_not_of_the_profile_are_refused(path: tuple[str, ...], value: Any, message: str) -> None:
    changed = copy.deepcopy(totals())
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ProfileMismatch, match=message):
        check_totals(PROFILE, changed)


def test_columns_of_the_profile_are_accepted_however_many_others_there_are() -> None:
    assert check_columns(PROFILE, {**COLUMNS, "more": np.zeros(3)}) == {"income", "region"}
    assert check_columns(PROFILE, {**COLUMNS, "income": np.full(3, np.nan)}) == {"region"}
    mixed = np.array([1.0, "a", None], dtype=object)
    assert check_columns(PROFILE, {**COLUMNS, "income": mixed}) == {"income", "region"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"region": COLUMNS["region"]}, "columns 'income' are missing, given were 'region'; give every column"),
        ({}, "columns 'income', 'region' are missing, given were none"),
        (
            COLUMNS | {"income": COLUMNS["region"]},
            "'income' holds text, but numbers in the reference, whose type is numeric: convert",
        ),
        (COLUMNS | {"region": COLUMNS["income"]}, "'region' holds numbers, but text in the reference"),
    ],
)
def test_other_columns_are_refused(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(ColumnMismatch, match=message):
        check_columns(PROFILE, columns)


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        ([1, 2], [1, 2, 3], r"shapes \(2,\) and \(3,\), expected one of the same bins"),
        ([1, -2], [1, 2], r"\[1.0, -2.0\], expected numbers of at least 0"),
        ([1, 2], [1, float("nan")], "expected numbers of at least 0"),
    ],
)
def test_what_is_no_count_has_no_distance(one: list[int], other: list[float], message: str) -> None:
    for distance in (psi, pooled, jensen_shannon, total_variation):
        with pytest.raises(StatisticsError, match=message):
            distance(one, np.asarray(other))


def test_nothing_has_no_distance() -> None:
    with pytest.raises(StatisticsError, match="Insufficient"):
        jensen_shannon([1, 2], [0, 0])
    counts = ProfileCounters(PROFILE).totals()["inputs"]["income"]
    with pytest.raises(StatisticsError, match="0 live and 500 reference values, expected some of both; wait"):
        compare(PROFILE.features[0], counts)


# Versions and digests of profiles.


@pytest.mark.parametrize("version", [3, 0, "2", None, True])
def test_a_profile_of_another_schema_is_refused(version: Any) -> None:
    written = PROFILE.to_json() | {"integrity": {"schemaVersion": version}}
    with pytest.raises(
        ProfileError, match=r"schemaVersion .*, expected 1 to 2; read it with .* or make the bundle anew"
    ):
        ReferenceProfile.from_json(written)


def test_a_profile_that_was_changed_is_refused() -> None:
    written = json.loads(PROFILE.to_bytes())
    assert written["integrity"]["sha256"] == PROFILE.sha256
    written["features"][0]["missing"] = 3
    with pytest.raises(ProfileError, match=r"its content has .* changed after it was made; make the bundle anew"):
        ReferenceProfile.from_json(written)


def test_a_profile_of_the_first_schema_keeps_its_bytes_and_its_digest() -> None:
    """Bundles that are served count by it, and their counts are merged under that digest."""
    written = FIRST.read_bytes().strip()
    profile = ReferenceProfile.from_json(json.loads(written))
    assert profile.schema == 1
    assert profile.to_bytes() == written
    assert profile.sha256 == hashlib.sha256(written).hexdigest()
    assert profile.sha256 == "8d7c232e98edad35a96f55c49638123410d777c9867eba1d14e427d3ca790bfc"
    counters = ProfileCounters(profile)
    counters.ingest({"income": np.array([1.0, np.nan]), "region": np.array(["eu", "mars"])}, {})
    check_totals(profile, counters.totals())


def test_two_columns_must_not_have_one_name() -> None:
    columns = {"t": np.array([f"text number {i}" for i in range(99)]), "length of t": np.arange(99.0)}
    with pytest.raises(ProfileError, match="2 inputs of the name 'length of t', expected one; rename a column"):
        ReferenceProfile.from_columns(columns, {})


@pytest.mark.parametrize(
    ("view", "message"),
    [
        ({"kind": "palm", "columns": ["x"]}, "view of kind 'palm', expected one of length"),
        ({"kind": "length", "columns": ["x", "y"]}, "too many values"),
        ({"kind": "textGroup", "columns": ["x"], "salt": -1}, "salt -1"),
        ({"kind": "projection", "columns": [], "centers": [], "scales": [], "weights": []}, "projection of 0 columns"),
        ({"kind": "projection", "columns": ["x"], "centers": [0], "scales": [0], "weights": [1]}, "not above 0"),
        ({"kind": "projection", "columns": ["x"], "centers": [0, 1], "scales": [1], "weights": [1]}, "of 1 columns"),
    ],
)
def test_views_that_cannot_be_are_refused(view: dict[str, Any], message: str) -> None:
    feature = {"name": "x", "type": "numeric", "counts": [1], "view": view}
    with pytest.raises(ProfileError, match=message):
        ReferenceProfile.from_json(PROFILE.to_json() | {"features": [feature]})
