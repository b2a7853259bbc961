"""Free text, moments, sensitive columns: what of them is counted, and what is not kept."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from weirkeeper.statistics import Described, ProfileCounters, ProfileError, ReferenceProfile, View, assess
from weirkeeper.statistics.binning import FEW

RNG = np.random.default_rng(17)
WORDS = np.array(["late", "delivery", "thanks", "again", "broken", "refund", "Great", "service"])
COMMENTS = np.array([" ".join(RNG.choice(WORDS, RNG.integers(3, 30))) for _ in range(2000)], dtype=object)


def profile_of(column: Any, **said: Any) -> ReferenceProfile:
    return ReferenceProfile.from_columns({"x": np.asarray(column)}, {}, (), {"x": Described(**said)})


def counts_of(profile: ReferenceProfile, column: Any) -> dict[str, Any]:
    counters = ProfileCounters(profile)
    counters.ingest({"x": column}, {})
    return dict(counters.totals()["inputs"])


# Free text.


def test_free_text_is_its_length_and_its_kinds_of_characters() -> None:
    profile = profile_of(COMMENTS)
    length, characters = profile.features
    assert (length.name, length.type, length.columns) == ("length of x", "numeric", ("x",))
    assert (length.least, length.most) == (min(map(len, COMMENTS)), max(map(len, COMMENTS)))
    assert set(characters.values) <= {"lower+spaces", "lower+upper+spaces"}
    assert not any(word in profile.to_bytes().decode() for word in WORDS if word != "late")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"), ("abc", "lower"), ("ABC", "upper"), ("aB", "lower+upper"), ("12", "digits"),
        ("a b", "lower+spaces"),
        ("x-1", "lower+digits+punctuation"), ("straße", "lower+beyond ASCII"), ("日本", "beyond ASCII"),
        ("\ud800", "beyond ASCII"), ("a\x00", "lower+punctuation"), ("🙂!", "punctuation+beyond ASCII"),
    ],
)  # fmt: skip
def test_kinds_of_characters(text: str, named: str) -> None:
    assert list(View("characters", "x").of(np.array([text, "a", text], dtype=object))[0]) == [named, named, "lower"]


def test_what_a_free_text_can_be() -> None:
    found = counts_of(profile_of(COMMENTS), np.array(["late again", "", None, np.nan, 7, b"ok", b"\xff"], dtype=object))
    for counts in found.values():
        assert (sum(counts["counts"]) + counts["unseen"], counts["missing"], counts["invalid"]) == (3, 2, 2)


def test_another_length_and_other_characters_are_drift() -> None:
    profile = profile_of(COMMENTS)
    shouted = np.array([comment.upper()[:20] for comment in COMMENTS], dtype=object)
    report = assess(profile, counts_of(profile, shouted), alpha=1e-4)
    assert {feature.name for feature in report.drifting} == {"length of x", "characters of x"}
    assert any(feature.message.startswith("length of x: median ") for feature in report.drifting)
    assert assess(profile, counts_of(profile, COMMENTS[::2]), alpha=1e-4).state == "OK"


def test_few_different_texts_are_categories_however_the_rows_are() -> None:
    assert [feature.type for feature in profile_of(RNG.choice(WORDS, 500)).features] == ["categorical"]
    assert [feature.type for feature in profile_of(WORDS).features] == ["categorical"]


# Moments.

NOON = np.datetime64("2026-11-21T12:30:00")  # a Saturday
HOURS = NOON + np.arange(0, 5000) * np.timedelta64(7, "h")


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(HOURS, id="datetime64"),
        pytest.param(HOURS.astype("M8[ns]"), id="nanoseconds"),
        pytest.param(np.array(HOURS.tolist(), dtype=object), id="datetime"),
        pytest.param(pd.Series(HOURS).dt.tz_localize("UTC").to_numpy(), id="pandas with a zone"),
        pytest.param(HOURS.astype(str), id="text"),
        pytest.param(np.array([f"{text}Z" for text in HOURS.astype(str)], dtype=object), id="text in UTC"),
        pytest.param(np.char.add(HOURS.astype(str), "+00:00").astype("S"), id="bytes with a zone"),
    ],
)
def test_moments_are_their_hour_and_weekday(column: Any) -> None:
    profile = profile_of(column)
    hour, weekday = profile.features
    assert (hour.name, weekday.name) == ("hour of x", "weekday of x")
    assert hour.counts[:-1] == tuple(np.bincount((12 + np.arange(5000) * 7) % 24, minlength=24))
    expected = np.bincount([moment.weekday() for moment in HOURS.tolist()], minlength=7)
    assert weekday.counts[:-1] == tuple(expected)
    assert expected[5] == weekday.to_json()["counts"][weekday.to_json()["values"].index("Saturday")]
    assert {name: tuple(found["counts"]) for name, found in counts_of(profile, column).items()} == {
        "hour of x": hour.counts,
        "weekday of x": weekday.counts,
    }


def test_moments_before_1970_and_of_another_zone() -> None:
    zone = dt.timezone(dt.timedelta(hours=-7))
    moments = [dt.datetime(1965, 3, 1, 20, tzinfo=zone), dt.datetime(1969, 12, 31, 23, 59, 59, 999)]  # noqa: DTZ001
    profile = profile_of(np.array(moments, dtype=object))
    hour, weekday = profile.features
    assert [place for place, count in enumerate(hour.counts) if count] == [3, 23]
    assert [day for day, count in zip(weekday.values, weekday.counts, strict=False) if count] == [
        "Tuesday",
        "Wednesday",
    ]


def test_dates_alone_have_no_hour() -> None:
    for column in (HOURS.astype("M8[D]"), HOURS.astype("M8[D]").astype(str)):
        assert [feature.name for feature in profile_of(column).features] == ["weekday of x"]


def test_what_a_moment_can_be() -> None:
    column = np.array(["2026-11-21T12:30:00", NOON, None, "yesterday", 7, "20261121", "9999-99-99"], dtype=object)
    for counts in counts_of(profile_of(HOURS), column).values():
        assert (sum(counts["counts"]), counts["missing"], counts["invalid"]) == (2, 1, 4)
    for counts in counts_of(profile_of(HOURS), np.array([NOON, "NaT"], dtype="M8[s]")).values():
        assert (sum(counts["counts"]), counts["missing"], counts["invalid"]) == (1, 1, 0)
    for counts in counts_of(profile_of(HOURS), np.array([1.0, np.nan])).values():
        assert (sum(counts["counts"]), counts["missing"], counts["invalid"]) == (0, 1, 1)


def test_texts_of_digits_are_no_dates() -> None:
    assert profile_of([f"2026{i:04}" for i in range(200)]).features[0].name == "length of x"


# Sensitive columns.

FAITHS = np.array(["catholic", "protestant", "muslim", "jewish", "none"])


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(RNG.choice(FAITHS, 2000, p=[0.4, 0.3, 0.1, 0.05, 0.15]), id="categories"),
        pytest.param(np.array([f"patient-{i:06}@example.org" for i in range(2000)], dtype=object), id="free text"),
        pytest.param(np.round(RNG.lognormal(10, 1, 2000), 2), id="numbers"),
        pytest.param(np.where(RNG.random(2000) < 0.3, 1234.56, RNG.normal(4321, 77, 2000)), id="a frequent number"),
        pytest.param(RNG.integers(700, 712, 2000), id="few whole numbers"),
    ],
)
def test_of_a_sensitive_column_no_value_is_kept_anywhere(column: Any) -> None:
    profile = profile_of(column, sensitive=True)
    report = assess(profile, counts_of(profile, column[:650][::-1]), alpha=0.5, delta=0.0)
    # Integers are compared where values can stand: counts may be equal to anything.
    kept = {key: value for key, value in profile.features[0].to_json().items() if key not in ("counts", "count")}
    told = json.dumps(kept) + report.message + "".join(feature.message for feature in report.features)
    assert not [value for value in map(str, np.unique(column).tolist()) if value in told]
    assert counts_of(profile, column)["x"]["sum"] == 0 or profile.features[0].view is not None
    (feature,) = profile.features
    assert (feature.least, feature.most, feature.mean, feature.std, feature.atoms) == (None, None, None, None, ())
    assert ReferenceProfile.from_json(json.loads(profile.to_bytes())) == profile


@pytest.mark.parametrize(
    ("column", "live"),
    [
        pytest.param(RNG.choice(FAITHS, 4000), RNG.choice(FAITHS[:2], 1000), id="categories"),
        pytest.param(RNG.lognormal(10, 1, 4000), RNG.lognormal(11.5, 1, 1000), id="numbers"),
        pytest.param(RNG.random(4000) < 0.2, RNG.random(1000) < 0.8, id="booleans"),
        pytest.param(RNG.integers(0, 4, 4000), RNG.integers(0, 4, 1000) // 2, id="few whole numbers"),
    ],
)
def test_drift_of_a_sensitive_column_is_seen_without_its_values(column: Any, live: Any) -> None:
    profile = profile_of(column, sensitive=True)
    report = assess(profile, counts_of(profile, live), alpha=1e-4)
    assert [feature.name for feature in report.drifting] == ["x"]
    assert "sensitive: no value is told" in report.message
    assert assess(profile, counts_of(profile, column[:1000]), alpha=1e-4).state == "OK"


def test_groups_tell_frequent_values_apart() -> None:
    feature = profile_of(RNG.choice(FAITHS, 500), sensitive=True).features[0]
    assert sum(count > 0 for count in feature.counts) == len(FAITHS)


def test_no_bin_of_a_sensitive_number_stands_for_a_few_people() -> None:
    feature = profile_of(RNG.pareto(1.0, 3000) * 1e4, sensitive=True).features[0]
    assert min(feature.counts) >= FEW
    assert len(feature.counts) > 3


def test_sensitive_columns_are_in_no_correlation() -> None:
    columns = {name: RNG.normal(size=500) for name in ("a", "b", "c")}
    profile = ReferenceProfile.from_columns(columns, {}, (), {"b": Described(sensitive=True)})
    assert not any("b" in feature.columns for feature in profile.features if feature.name != "b")


def test_a_sensitive_answer_keeps_none_either() -> None:
    answers = {"label": RNG.choice(FAITHS, 500)}
    profile = ReferenceProfile.from_columns({}, answers, (), {"label": Described(sensitive=True)})
    assert not any(faith in profile.to_bytes().decode() for faith in FAITHS)


# What the maker says.


@pytest.mark.parametrize(("importance", "expected"), [(0.0, (0.0, 1e6)), (0, (0, 1_000_000))])
def test_what_is_said_of_a_column_is_kept(importance: float, expected: tuple[float, float]) -> None:
    said = Described(unit="EUR", importance=importance, expected=expected)
    profile = ReferenceProfile.from_columns({"x": RNG.lognormal(10, 1, 500)}, {}, (), {"x": said})
    (feature,) = ReferenceProfile.from_json(json.loads(profile.to_bytes())).features
    assert (feature.unit, feature.importance, feature.expected, feature.bounds) == ("EUR", 0.0, (0.0, 1e6), (0.0, 1e6))


@pytest.mark.parametrize(
    ("name", "said", "message"),
    [
        ("y", Described(), "'y', which is no column; there are 'x', 't'"),
        ("x", Described(importance=-1.0), "importance -1.0, expected a number of at least 0"),
        ("x", Described(importance=float("nan")), "expected a number of at least 0"),
        ("x", Described(expected=(2.0, 1.0)), "give the least first"),
        ("t", Described(expected=(0.0, 1.0)), "holds text and has no range"),
    ],
)
def test_what_cannot_be_said_is_refused(name: str, said: Described, message: str) -> None:
    columns = {"x": np.arange(9.0), "t": np.array(["a", "b", "c"] * 3)}
    with pytest.raises(ProfileError, match=message):
        ReferenceProfile.from_columns(columns, {}, (), {name: said})
