"""Concept drift told apart, and what is expected without labels: from counts of held-out rows and of live ones."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2
from sklearn import metrics

from tests.unit.statistics.labelled import Bools, Floats, binned, scored, sigmoid, stepped
from weirkeeper.statistics import ReferenceProfile
from weirkeeper.statistics.concept import concept_drift
from weirkeeper.statistics.counters import FeatureCounter
from weirkeeper.statistics.errors import ProfileError, ProfileMismatch, StatisticsError
from weirkeeper.statistics.expected import ASSUMPTION, expected_performance
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.held_out import HeldOut, strata_of
from weirkeeper.statistics.labels import LabelCounts

SCORE = "predict_proba[1]"


def drawn(random: np.random.Generator, rows: int, shift: float = 0.0, concept: float = 0.0) -> tuple[Floats, Bools]:
    """Scores of a calibrated model and labels; `concept` is added to the log odds of a positive label."""
    x = random.normal(size=rows) + shift
    return sigmoid(1.5 * x - 1.0), random.random(rows) < sigmoid(1.5 * x - 1.0 + concept)


def feature_of(scores: Floats) -> FeatureProfile:
    return ReferenceProfile.from_columns({}, {SCORE: scores}).outputs[0]


def kept(scores: Floats, positive: Bools) -> tuple[HeldOut, FeatureProfile]:
    feature = feature_of(scores)
    predicted, actual = (np.where(one, "b", "a").tolist() for one in (scores > 0.5, positive))
    return HeldOut(scored(scores, positive), strata_of(feature, scores, predicted, actual)), feature


def live(feature: FeatureProfile, scores: Floats) -> dict[str, Any]:
    counter = FeatureCounter(feature)
    counter.ingest(scores)
    return {feature.name: counter.totals()}


RANDOM = np.random.default_rng(8)
BEFORE = drawn(RANDOM, 4_000)
HELD_OUT, FEATURE = kept(*BEFORE)
SHIFTED = drawn(RANDOM, 3_000, shift=0.8)
CHANGED = drawn(RANDOM, 3_000, shift=0.8, concept=0.8)


def test_a_shift_of_inputs_is_not_called_concept_drift() -> None:
    found = concept_drift(HELD_OUT, binned(*SHIFTED), alpha=0.01)
    assert found.state == "OK"
    assert found.statistic is not None
    assert found.p_value == pytest.approx(chi2.sf(found.statistic, 2), rel=1e-9)
    realised = float(SHIFTED[1].mean())
    assert found.realised["Positives"] == realised
    # Far more are positive than among the held-out rows, and their scores explain it.
    assert realised > HELD_OUT.labels.confusion["b", "b"] / 4_000 + 0.15
    assert found.explained["Positives"] == pytest.approx(realised, abs=0.03)


def test_labels_that_leave_their_scores_are() -> None:
    found = concept_drift(HELD_OUT, scored(*CHANGED), alpha=0.01)
    assert found.state == "Drifting"
    assert "positive, their scores explain" in found.message
    assert found.realised.keys() == {"Positives", "Brier", "LogLoss"} == found.gaps.keys()
    assert found.realised["Brier"] == pytest.approx(metrics.brier_score_loss(CHANGED[1], CHANGED[0]), abs=1e-4)
    for name, (low, high) in found.gaps.items():
        assert low > 0.0, name
        assert low < found.realised[name] - found.explained[name] < high


def test_a_score_that_tells_less_is_seen_though_as_many_are_positive() -> None:
    random = np.random.default_rng(9)
    x = random.normal(size=6_000)
    scores = sigmoid(2.0 * x)
    held_out, _ = kept(scores, random.random(6_000) < scores)
    found = concept_drift(held_out, binned(scores, random.random(6_000) < sigmoid(0.7 * x)), alpha=0.001)
    assert found.state == "Drifting"
    low, high = found.gaps["Positives"]
    assert low < 0.0 < high
    told = re.search(r"; furthest at scores of about (0\.\d\d): (\S+) % of \d+, not (\S+) %$", found.message)
    assert told, found.message
    score, came, explained = map(float, told.groups())
    assert abs(100.0 * score - explained) < 5.0
    assert abs(came - 50.0) < abs(explained - 50.0) - 10.0, "a score that tells less is further off at the ends"


def test_the_statistic_of_one_stratum_is_that_of_mantel_and_haenszel() -> None:
    held_out, new = LabelCounts(positive="b"), LabelCounts(positive="b")
    held_out.scores[20], new.scores[20] = [60, 40], [30, 50]
    held_out.score_units[20], new.score_units[20] = 100 * 13_500, 80 * 13_500
    new.rows = 80
    found = concept_drift(HeldOut(held_out), new, alpha=0.05, tolerated=1.0)
    variance = 80 * 100 * 90 * 90 / (180**2 * 179)
    assert found.df == 1
    assert found.statistic == pytest.approx((50 - 80 * 90 / 180) ** 2 / variance, rel=1e-9)
    assert found.threshold == pytest.approx(chi2.isf(0.05, 1), rel=1e-9)


def test_wrong_and_right_of_several_classes_are_compared_by_confidence() -> None:
    random = np.random.default_rng(10)
    confidence = random.uniform(0.4, 1.0, 3_000)
    sides = [binned(confidence, random.random(3_000) < share) for share in (confidence, confidence - 0.15)]
    for side in sides:
        side.positive = ""
    found = concept_drift(HeldOut(sides[0]), sides[1], alpha=0.001)
    assert found.state == "Drifting"
    assert "predicted right" in found.message
    assert found.realised.keys() == {"Positives"}


def test_too_little_is_said_with_how_much_is_missing() -> None:
    scores, positive = SHIFTED
    assert concept_drift(None, binned(scores, positive), alpha=0.01).message.startswith("the profile has no held-out")
    assert concept_drift(HELD_OUT, LabelCounts(), alpha=0.01).state == "Insufficient"
    few = concept_drift(HELD_OUT, binned(scores[:20], positive[:20]), alpha=0.01)
    assert (few.state, few.statistic) == ("Insufficient", None)
    assert "20 labelled rows are too few, about" in few.message


def test_a_design_effect_makes_it_slower_to_judge() -> None:
    one, other = (concept_drift(HELD_OUT, binned(*CHANGED), alpha=0.01, design_effect=effect) for effect in (1.0, 3.0))
    assert one.statistic is not None
    assert one.threshold is not None
    assert other.statistic == pytest.approx(one.statistic / 3.0)
    assert other.threshold is not None
    assert other.threshold < one.threshold


def test_what_cannot_be_compared_is_refused() -> None:
    other = binned(*SHIFTED)
    other.positive = "a"
    with pytest.raises(StatisticsError, match="positive class 'a'"):
        concept_drift(HELD_OUT, other, alpha=0.01)
    with pytest.raises(StatisticsError, match="alpha 0"):
        concept_drift(HELD_OUT, LabelCounts(), alpha=0.0)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 40), st.integers(0, 40)), max_size=12),
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 10**6), st.integers(0, 10**6)), max_size=12),
)
def test_any_counts_have_an_answer_without_nan(
    reference: list[tuple[int, int, int]], new: list[tuple[int, int, int]]
) -> None:
    sides = [LabelCounts(positive="b"), LabelCounts(positive="b")]
    for side, cells in zip(sides, (reference, new), strict=True):
        side.scores.update({place: [negatives, positives] for place, negatives, positives in cells})
        side.rows = sum(sum(pair) for pair in side.scores.values())
    found = concept_drift(HeldOut(sides[0]), sides[1], alpha=0.01)
    numbers = [found.statistic, found.threshold, found.p_value, *found.realised.values(), *found.explained.values()]
    assert all(number is None or np.isfinite(number) for number in numbers)
    assert "nan" not in found.message


def test_expected_performance_of_the_held_out_rows_is_their_own() -> None:
    scores, positive = drawn(np.random.default_rng(1), 2_000)
    held_out, feature = kept(scores, positive)
    found = expected_performance(held_out, live(feature, scores))
    assert (found.state, found.rows, found.covered) == ("OK", 2_000, 1.0)
    assert found.estimates["Accuracy"].value == pytest.approx(metrics.accuracy_score(positive, scores > 0.5))
    assert found.estimates["Precision"].value == pytest.approx(metrics.precision_score(positive, scores > 0.5))
    assert found.estimates["Recall"].value == pytest.approx(metrics.recall_score(positive, scores > 0.5))
    assert found.estimates["F1"].value == pytest.approx(metrics.f1_score(positive, scores > 0.5))
    area = found.estimates["AUC"]
    assert area.low is not None
    assert area.high is not None
    assert area.low < metrics.roc_auc_score(positive, scores) < area.high


def test_a_shift_of_inputs_changes_what_is_expected_and_labels_confirm_it() -> None:
    found = expected_performance(HELD_OUT, live(FEATURE, SHIFTED[0]))
    scores, positive = SHIFTED
    realised = {
        "Accuracy": metrics.accuracy_score(positive, scores > 0.5),
        "Precision": metrics.precision_score(positive, scores > 0.5),
        "Recall": metrics.recall_score(positive, scores > 0.5),
        "F1": metrics.f1_score(positive, scores > 0.5),
        "AUC": metrics.roc_auc_score(positive, scores),
    }
    for name, value in realised.items():
        assert found.estimates[name].value == pytest.approx(value, abs=0.04), name  # type: ignore[index]
    before = expected_performance(HELD_OUT, live(FEATURE, BEFORE[0]))
    assert realised["F1"] > before.estimates["F1"].value + 0.05


def test_where_calibration_breaks_the_expectation_is_wrong_and_says_on_what_it_rests() -> None:
    found = expected_performance(HELD_OUT, live(FEATURE, CHANGED[0]))
    realised = metrics.recall_score(CHANGED[1], CHANGED[0] > 0.5)
    assert found.estimates["Recall"].low is not None
    assert found.estimates["Recall"].low > realised + 0.03
    assert ASSUMPTION in found.message


def test_classes_without_scores_are_expected_by_what_was_predicted() -> None:
    random = np.random.default_rng(2)
    actual = random.choice(["x", "y", "z"], 900)
    predicted = np.where(random.random(900) < 0.7, actual, random.choice(["x", "y", "z"], 900)).astype(object)
    feature = ReferenceProfile.from_columns({}, {"predict": predicted}).outputs[0]
    strata = strata_of(feature, predicted, predicted.tolist(), actual.tolist())
    found = expected_performance(HeldOut(LabelCounts(), strata), live(feature, predicted))
    assert found.estimates["Accuracy"].value == pytest.approx(metrics.accuracy_score(actual, predicted.tolist()))
    assert found.estimates["F1"].value == pytest.approx(metrics.f1_score(actual, predicted.tolist(), average="macro"))
    assert "AUC" not in found.estimates
    foreign = live(feature, np.array(["w"] * 100, dtype=object))
    assert "0 % of live rows" in expected_performance(HeldOut(LabelCounts(), strata), foreign).message


def test_bins_stay_in_order_where_a_profile_keeps_no_extremes() -> None:
    scores, positive = BEFORE
    classes = [np.where(one, "b", "a").tolist() for one in (scores > 0.5, positive)]
    without = replace(FEATURE, least=None, most=None)
    found = [
        expected_performance(HeldOut(HELD_OUT.labels, strata_of(one, scores, *classes)), live(one, scores))
        for one in (FEATURE, without)
    ]
    assert found[0].estimates["AUC"] == found[1].estimates["AUC"]


def test_nothing_is_expected_of_nothing() -> None:
    assert expected_performance(None, {}).state == "Insufficient"
    assert "no live counts" in expected_performance(HELD_OUT, {}).message
    few = expected_performance(HELD_OUT, live(FEATURE, SHIFTED[0][:10]))
    assert "10 live and 4000 held-out rows" in few.message
    assert few.estimates == {}


def test_counts_of_another_profile_are_refused() -> None:
    other = live(feature_of(np.array([0.2] * 30 + [0.7] * 30)), SHIFTED[0])
    with pytest.raises(ProfileMismatch, match="of another profile"):
        expected_performance(HELD_OUT, other)


def test_held_out_counts_come_back_from_json_as_they_were() -> None:
    written = json.loads(json.dumps(HELD_OUT.to_json()))
    assert HeldOut.from_json(written) == HELD_OUT


BROKEN: dict[str, Any] = {
    "no object": 3,
    "no labels": {},
    "labels that are none": {"labels": [1]},
    "a negative count": {"labels": {"rows": -3}},
    "a count that is none": {"labels": {"rows": "3"}},
    "half a bin": {"labels": {"scores": {"3": [1]}}},
    "a bin beyond": {"labels": {"scores": {"100": [1, 1]}}},
    "an unknown sum": {"labels": {"sums": {"cubed": 1.0}}},
    "an infinite sum": {"labels": {"sums": {"squared": [float("inf")] * 20}}},
    "strata without counts": {"labels": {}, "strata": {"output": "x"}},
    "half a cell": {"labels": {}, "strata": {"output": "x", "counts": [[1, "a"]], "scores": {}}},
    "a class that is no text": {"labels": {}, "strata": {"output": "x", "counts": [[1, "a", 2, 3]], "scores": {}}},
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_are_no_held_out_counts_is_refused(case: str) -> None:
    with pytest.raises(ProfileError, match="make the bundle anew"):
        HeldOut.from_json(BROKEN[case])


def test_a_profile_keeps_held_out_counts() -> None:
    scores, positive = drawn(np.random.default_rng(1), 300)
    held_out, _ = kept(scores, positive)
    profile = ReferenceProfile(300, (), (feature_of(scores),), held_out=held_out)
    again = ReferenceProfile.from_json(json.loads(profile.to_bytes()))
    assert again == profile
    assert again.sha256 == profile.sha256
    assert stepped(scores).size == held_out.labels.rows
