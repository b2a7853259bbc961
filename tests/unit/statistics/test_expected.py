"""What is expected without labels of models with more than two classes, and of regressions."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics

from tests.unit.statistics.labelled import likely
from weirkeeper.statistics import ProfileCounters, ProfileError, ProfileMismatch, ReferenceProfile
from weirkeeper.statistics.error_strata import ErrorStrata, ErrorSums, error_strata_of
from weirkeeper.statistics.expected import ASSUMPTION_OF_ERRORS, expected_performance
from weirkeeper.statistics.held_out import HeldOut, class_strata_of, strata_of
from weirkeeper.statistics.labels import LabelCounts

Floats = npt.NDArray[np.float64]
CLASSES = ("0", "1", "2")


def answers(rng: np.random.Generator, rows: int, spread: float = 1.5, odds: float = 1.0) -> tuple[Floats, Any]:
    """Probabilities of three classes, and classes drawn with the odds that they stand for, to the power `odds`."""
    logits = rng.normal(0, spread, (rows, 3))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    true = np.exp(odds * logits) / np.exp(odds * logits).sum(axis=1, keepdims=True)
    return shares, (true.cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1)


def outputs_of(shares: Floats) -> dict[str, Any]:
    named = np.array(CLASSES, dtype=object)[shares.argmax(axis=1)]
    return {"predict": named, **{f"proba[{place}]": shares[:, place] for place in range(3)}}


def counted(profile: ReferenceProfile, outputs: dict[str, Any]) -> Any:
    counters = ProfileCounters(profile)
    counters.ingest({}, outputs)
    return counters.totals()["outputs"]


def held_out_of(profile: ReferenceProfile, shares: Floats, actual: Any) -> HeldOut:
    known, columns = {one.name: one for one in profile.outputs}, outputs_of(shares)
    named = [str(one) for one in actual]
    strata = strata_of(known["predict"], columns["predict"], columns["predict"].tolist(), named)
    by_class = {
        name: class_strata_of(known[f"proba[{place}]"], shares[:, place], name, named)
        for place, name in enumerate(CLASSES)
    }
    return HeldOut(likely(shares, actual), strata, class_strata=by_class)


def area(shares: Floats, actual: Any) -> float:
    return float(metrics.roc_auc_score(actual, shares, multi_class="ovr"))


@pytest.fixture(scope="module")
def several() -> tuple[ReferenceProfile, HeldOut, Floats, Any]:
    shares, actual = answers(np.random.default_rng(1), 3000)
    profile = ReferenceProfile.from_columns({}, outputs_of(shares))
    return profile, held_out_of(profile, shares, actual), shares, actual


def test_the_auc_of_several_classes_is_expected_before_labels(several: Any) -> None:
    profile, held_out, shares, actual = several
    own = expected_performance(held_out, counted(profile, outputs_of(shares))).estimates["AUC"]
    assert own.value == pytest.approx(area(shares, actual), abs=0.01)
    shifted, then = answers(np.random.default_rng(2), 3000, spread=0.9)
    found = expected_performance(held_out, counted(profile, outputs_of(shifted))).estimates["AUC"]
    assert found.low is not None
    assert found.high is not None
    assert found.low <= area(shifted, then) <= found.high
    assert 0.0 < found.high - found.low < 0.16
    # The inputs alone make it differ by more than that.
    assert abs(area(shifted, then) - area(shares, actual)) > 0.05


def test_the_auc_of_several_classes_needs_every_class(several: Any) -> None:
    profile, held_out, shares, _ = several
    counts = counted(profile, outputs_of(shares))
    without = expected_performance(held_out, {name: one for name, one in counts.items() if name != "proba[2]"})
    assert without.state == "OK"
    assert "AUC" not in without.estimates
    assert "Accuracy" in without.estimates


def test_a_changed_concept_makes_the_expectation_wrong(several: Any) -> None:
    profile, held_out, _, _ = several
    shares, actual = answers(np.random.default_rng(3), 3000, odds=0.3)
    found = expected_performance(held_out, counted(profile, outputs_of(shares))).estimates["AUC"]
    assert found.low is not None
    assert found.low > area(shares, actual)


def regression(rng: np.random.Generator, rows: int, shift: float = 0.0, factor: float = 1.0) -> tuple[Floats, Floats]:
    """Errors grow with the prediction; half of a tenth of the predictions are exactly 0."""
    predicted = np.exp(rng.normal(shift, 0.7, rows))
    predicted[rng.random(rows) < 0.15] = 0.0
    return predicted, predicted + factor * rng.normal(0, 0.2 + 0.3 * predicted)


def known_of(rng: np.random.Generator, rows: int) -> tuple[ReferenceProfile, HeldOut, Floats, Floats]:
    predicted, actual = regression(rng, rows)
    profile = ReferenceProfile.from_columns({}, {"predict": predicted})
    return (
        profile,
        HeldOut(LabelCounts(), errors=error_strata_of(profile.outputs[0], predicted, actual)),
        predicted,
        actual,
    )


def test_errors_of_the_held_out_rows_are_their_own() -> None:
    profile, held_out, predicted, actual = known_of(np.random.default_rng(4), 2000)
    assert profile.outputs[0].atoms == (0.0,)
    found = expected_performance(held_out, counted(profile, {"predict": predicted}))
    assert (found.state, found.covered, found.rows) == ("OK", 1.0, 2000)
    assert found.estimates["MAE"].value == pytest.approx(np.abs(actual - predicted).mean())
    assert found.estimates["RMSE"].value == pytest.approx(metrics.root_mean_squared_error(actual, predicted))
    assert ASSUMPTION_OF_ERRORS in found.message


def test_intervals_hold_the_error_of_rows_like_the_held_out_ones() -> None:
    """150 sets of held-out rows; with 95 % each, 130 or fewer would come once in 7,000 times."""
    rng = np.random.default_rng(5)
    predicted, actual = regression(rng, 100_000)
    true = {"MAE": np.abs(actual - predicted).mean(), "RMSE": metrics.root_mean_squared_error(actual, predicted)}
    inside = dict.fromkeys(true, 0)
    for _ in range(150):
        profile, held_out, own, _ = known_of(rng, 1000)
        found = expected_performance(held_out, counted(profile, {"predict": own})).estimates
        # As many rows as come: the bins' shares are those of the sample, and their error is not the interval's matter.
        for name, value in true.items():
            low, high = found[name].low, found[name].high  # type: ignore[index]
            inside[name] += low is not None and high is not None and low <= value <= high
    assert min(inside.values()) > 130


def test_a_shift_towards_rows_with_larger_errors_is_expected() -> None:
    profile, held_out, _, _ = known_of(np.random.default_rng(6), 5000)
    predicted, actual = regression(np.random.default_rng(7), 5000, shift=0.4)
    found = expected_performance(held_out, counted(profile, {"predict": predicted})).estimates["MAE"]
    realised = float(np.abs(actual - predicted).mean())
    before = float(np.abs(np.subtract(*regression(np.random.default_rng(8), 50_000))).mean())
    assert found.value > 1.2 * before
    # Beyond the outermost edge rows are taken to be like those that were there: too low, and said so.
    assert found.value == pytest.approx(realised, rel=0.15)


def test_errors_that_grew_at_every_prediction_are_not_expected() -> None:
    profile, held_out, _, _ = known_of(np.random.default_rng(9), 5000)
    predicted, actual = regression(np.random.default_rng(10), 5000, factor=2.0)
    found = expected_performance(held_out, counted(profile, {"predict": predicted})).estimates["MAE"]
    assert found.high is not None
    assert found.high < np.abs(actual - predicted).mean()


def test_numbers_of_few_kinds_have_a_bin_each() -> None:
    predicted = np.array([1, 2, 3] * 40)
    profile = ReferenceProfile.from_columns({}, {"predict": predicted})
    strata = error_strata_of(profile.outputs[0], np.array([1.0, 1.0, 3.0, 7.0]), np.array([0.0, 3.0, 3.0, 0.0]))
    assert dict(strata.bins) == {0: ErrorSums(2, 3.0, 5.0, 17.0), 2: ErrorSums(1, 0.0, 0.0, 0.0)}


def test_too_few_rows_and_foreign_counts_are_told() -> None:
    profile, held_out, predicted, _ = known_of(np.random.default_rng(11), 500)
    few = expected_performance(held_out, counted(profile, {"predict": predicted[:10]}))
    assert (few.state, few.estimates) == ("Insufficient", {})
    assert "10 live and 500 held-out rows" in few.message
    assert "no live counts of the output predict" in expected_performance(held_out, {}).message
    other = ReferenceProfile.from_columns({}, {"predict": np.array([0.5, 1.5] * 100)})
    with pytest.raises(ProfileMismatch, match="of another profile"):
        expected_performance(held_out, counted(other, {"predict": predicted}))


def test_both_come_back_from_json_as_they_were(several: Any) -> None:
    _, of_errors, _, _ = known_of(np.random.default_rng(12), 300)
    for held_out in (several[1], of_errors):
        assert HeldOut.from_json(json.loads(json.dumps(held_out.to_json()))) == held_out


@pytest.mark.parametrize("sums", [[1, 2.0, 3.0], [-1, 0.0, 0.0, 0.0], [1, 0.0, float("nan"), 0.0], [1.5, 0, 0, 0]])
def test_sums_that_are_none_are_refused(sums: list[Any]) -> None:
    told = {"labels": LabelCounts().to_json(), "errors": {"output": "predict", "bins": {"0": sums}}}
    with pytest.raises(ProfileError, match="make the bundle anew"):
        HeldOut.from_json(told)


def test_errors_of_nothing_are_none() -> None:
    profile = ReferenceProfile.from_columns({}, {"predict": np.linspace(0, 1, 200)})
    assert error_strata_of(profile.outputs[0], np.zeros(0), np.zeros(0)) == ErrorStrata("predict", {})
