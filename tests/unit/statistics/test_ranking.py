from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from weirkeeper.statistics import Described, ReferenceProfile, ranked


@dataclass(frozen=True)
class Judged:
    name: str
    severity: float = 0.5
    drifting: bool = False


RNG = np.random.default_rng(29)
COLUMNS = {name: RNG.normal(size=300) for name in ("a", "b", "c")}


def names(*judged: Judged, importance: dict[str, float] | None = None) -> list[str]:
    said = {name: Described(importance=weight) for name, weight in (importance or {}).items()}
    profile = ReferenceProfile.from_columns(COLUMNS, {}, (), said)
    return [one.name for one in ranked(profile.features, judged)]


def test_what_drifts_comes_first_and_the_farthest_of_it() -> None:
    assert names(Judged("a", 0.9), Judged("b", 1.2, drifting=True), Judged("c", 3.0, drifting=True)) == ["c", "b", "a"]


def test_importance_weighs_the_distance() -> None:
    judged = (Judged("a", 1.2, drifting=True), Judged("b", 1.5, drifting=True))
    assert names(*judged) == ["b", "a"]
    assert names(*judged, importance={"a": 3.0, "b": 1.0}) == ["a", "b"]
    assert names(*judged, importance={"a": 0.0, "b": 0.0}) == ["b", "a"]


def test_one_without_importance_weighs_as_much_as_the_mean() -> None:
    judged = (Judged("a", 1.0), Judged("b", 1.0), Judged("c", 1.0))
    assert names(*judged, importance={"a": 1.0, "c": 3.0}) == ["c", "b", "a"]


def test_a_correlation_of_a_column_that_drifts_repeats_it_and_another_does_not() -> None:
    joint = [f"correlation of {pair} (difference)" for pair in ("a and b", "b and c")]
    profile = ReferenceProfile.from_columns(COLUMNS, {})
    known = {feature.name for feature in profile.features}
    signs = [name if name in known else name.replace("difference", "sum") for name in joint]
    judged = [Judged("a", 2.0, drifting=True), *(Judged(name, 5.0, drifting=True) for name in signs)]
    assert names(*judged) == [signs[1], "a"]
