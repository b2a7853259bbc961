"""Realised performance: the numbers of scikit-learn and SciPy, intervals without NaN, counts that add up exactly."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from tests.unit.statistics.labelled import Floats, classified, likely, numbered, scored, stepped
from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.exact import MOST_PARTS, ExactSum
from weirkeeper.statistics.intervals import Share, difference, positive_mean, ratio, wilson
from weirkeeper.statistics.labels import LARGEST, SCORE_BINS, LabelCounts
from weirkeeper.statistics.performance import estimates, performance
from weirkeeper.statistics.scores import area_under_curve

RANDOM = np.random.default_rng(17)
SCORES = RANDOM.beta(2, 3, 400)
POSITIVE = RANDOM.random(400) < SCORES
finite = st.floats(-LARGEST, LARGEST)


def test_two_classes_have_the_metrics_of_scikit_learn() -> None:
    found = performance(scored(SCORES, POSITIVE))
    score = stepped(SCORES)
    predicted = score > 0.5
    places = np.minimum((score * SCORE_BINS).astype(int), SCORE_BINS - 1)
    share, mean = calibration_curve(POSITIVE, score, n_bins=10)
    weights = np.histogram(score, np.linspace(0, 1, 11))[0] / 400
    assert found == pytest.approx(
        {
            "Accuracy": metrics.accuracy_score(POSITIVE, predicted),
            "Precision": metrics.precision_score(POSITIVE, predicted),
            "Recall": metrics.recall_score(POSITIVE, predicted),
            "F1": metrics.f1_score(POSITIVE, predicted),
            "AUC": metrics.roc_auc_score(POSITIVE, places),
            "Brier": metrics.brier_score_loss(POSITIVE, score),
            "LogLoss": metrics.log_loss(POSITIVE, score),
            "ECE": float(weights[weights > 0] @ np.abs(share - mean)),
        },
        rel=1e-9,
    )


def test_several_classes_have_the_metrics_of_scikit_learn() -> None:
    actual = RANDOM.integers(0, 4, 300)
    predicted = np.where(RANDOM.random(300) < 0.6, actual, RANDOM.integers(0, 5, 300))
    cells: dict[tuple[str, str], int] = {}
    for pair in zip(predicted.astype(str).tolist(), actual.astype(str).tolist(), strict=True):
        cells[pair] = cells.get(pair, 0) + 1
    found = performance(classified(cells))
    macro = metrics.precision_recall_fscore_support(actual, predicted, average="macro", zero_division=0.0)
    assert [found["Precision"], found["Recall"], found["F1"]] == pytest.approx(macro[:3], rel=1e-12)


def four_classes(rows: int, random: np.random.Generator) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Probabilities of four classes that occur unequally often, and are told apart somewhat."""
    actual = random.choice(4, rows, p=[0.5, 0.3, 0.15, 0.05])
    odds = np.exp(random.normal(0, 1, (rows, 4)) + 1.5 * np.eye(4)[actual])
    return odds / odds.sum(axis=1, keepdims=True), actual


def test_probabilities_of_several_classes_have_the_metrics_of_scikit_learn() -> None:
    probabilities, actual = four_classes(500, np.random.default_rng(21))
    found = estimates(likely(probabilities, actual))
    score = stepped(probabilities)
    places = np.minimum((score * SCORE_BINS).astype(int), SCORE_BINS - 1)
    each = [metrics.roc_auc_score(actual == one, places[:, one]) for one in range(4)]
    confidence, right = score.max(axis=1), score.argmax(axis=1) == actual
    share, mean = calibration_curve(right, confidence, n_bins=10)
    weights = np.histogram(confidence, np.linspace(0, 1, 11))[0] / 500
    expected = {
        "AUC": float(np.mean(each)),
        "ECE": float(weights[weights > 0] @ np.abs(share - mean)),
    }
    assert {name: one.value for name, one in found.items() if name in expected} == pytest.approx(expected, rel=1e-9)
    # Steps of 1/65,535 do not add up to 1.
    brier = metrics.brier_score_loss(actual, probabilities, labels=range(4), scale_by_half=False)
    assert found["Brier"].value == pytest.approx(brier, abs=1e-4)
    assert found["LogLoss"].value == pytest.approx(metrics.log_loss(actual, probabilities), abs=1e-3)
    auc = found["AUC"]
    assert auc.low is not None
    assert auc.high is not None
    assert auc.rows == 500
    assert auc.low < metrics.roc_auc_score(actual, probabilities, multi_class="ovr") < auc.high


def test_two_classes_counted_one_against_the_rest_have_the_area_of_two_classes() -> None:
    both = np.column_stack([1.0 - stepped(SCORES), stepped(SCORES)])
    each = estimates(likely(both, POSITIVE.astype(np.int64)))["AUC"]
    alone = estimates(scored(SCORES, POSITIVE))["AUC"]
    assert each.value == pytest.approx(alone.value, abs=0.01)
    assert (each.low, each.high) == pytest.approx((alone.low, alone.high), abs=0.01)


def test_a_class_that_no_row_is_of_has_no_part_in_the_area() -> None:
    probabilities, actual = four_classes(300, np.random.default_rng(22))
    kept = actual != 3
    found = performance(likely(probabilities[kept], actual[kept]))
    each = [metrics.roc_auc_score(actual[kept] == one, probabilities[kept, one]) for one in range(3)]
    assert found["AUC"] == pytest.approx(np.mean(each), abs=0.005)
    assert "AUC" not in performance(likely(probabilities[actual == 0], actual[actual == 0]))


@pytest.mark.parametrize(("hits", "rows"), [(0, 1), (1, 1), (0, 20), (81, 263), (15, 148), (999_999, 1_000_000)])
def test_a_share_has_the_interval_of_scipy(hits: int, rows: int) -> None:
    expected = binomtest(hits, rows).proportion_ci(0.9, "wilson")
    assert wilson(Share(hits, rows), 0.9) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_a_difference_of_shares_has_the_interval_of_newcombes_example() -> None:
    """Newcombe 1998, table II, example a, method 10."""
    assert difference(Share(56, 70), Share(48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_a_ratio_of_shares_mirrors_and_agrees_with_the_sign_of_the_difference() -> None:
    one, other = Share(56, 70), Share(48, 80)
    low, high = ratio(one, other)
    mirrored = ratio(other, one)
    assert low is not None
    assert high is not None
    assert (1 / high, 1 / low) == pytest.approx(mirrored, rel=1e-9)
    assert low > 1.0
    assert ratio(Share(3, 10), Share(0, 10)).high is None
    assert ratio(Share(0, 10), Share(3, 10)).low == 0.0


def test_the_area_under_the_curve_has_the_variance_that_delong_defines() -> None:
    random = np.random.default_rng(3)
    negatives, positives = random.integers(0, 12, 40), random.integers(4, 16, 25)
    counted = [np.bincount(part, minlength=16) for part in (negatives, positives)]
    above = (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)
    variance = above.mean(axis=1).var(ddof=1) / 25 + above.mean(axis=0).var(ddof=1) / 40
    found = area_under_curve(*(part.tolist() for part in counted))
    assert found is not None
    assert (found.value, found.variance) == pytest.approx((above.mean(), variance), rel=1e-12)


def test_the_exact_area_lies_within_the_width_of_the_bins() -> None:
    random = np.random.default_rng(4)
    for _ in range(20):
        scores = random.beta(random.uniform(0.3, 4), random.uniform(0.3, 4), 200)
        positive = random.random(200) < 0.5
        counts = scored(scores, positive)
        table = np.asarray([counts.scores[place] for place in sorted(counts.scores)], dtype=np.float64)
        found = area_under_curve(table[:, 0], table[:, 1])
        assert found is not None
        assert abs(found.value - metrics.roc_auc_score(positive, scores)) <= found.half_width + 1e-12


def test_an_interval_gets_narrower_with_rows_and_wider_with_level_and_design_effect() -> None:
    few, many = estimates(scored(SCORES[:100], POSITIVE[:100])), estimates(scored(SCORES, POSITIVE))
    surer = estimates(scored(SCORES, POSITIVE), level=0.999)
    clustered = estimates(scored(SCORES, POSITIVE), design_effect=4.0)

    def width(found: object) -> float:
        low, high = (getattr(found, side) for side in ("low", "high"))
        return float(high - low)

    for name, found in many.items():
        assert width(found) < width(few[name])
        assert width(found) < width(surer[name])
        assert width(found) < width(clustered[name])


def test_four_times_the_variance_are_a_quarter_of_the_rows() -> None:
    cells = {("a", "a"): 400, ("a", "b"): 40, ("b", "a"): 80, ("b", "b"): 480}
    clustered = estimates(classified(cells, "b"), design_effect=4.0)
    quarter = estimates(classified({pair: count // 4 for pair, count in cells.items()}, "b"))
    for name, found in clustered.items():
        assert (found.low, found.high) == pytest.approx((quarter[name].low, quarter[name].high), rel=1e-12)


@pytest.mark.parametrize("wrong", [False, True], ids=["all right", "all wrong"])
def test_what_was_always_alike_is_not_sure_for_ever(*, wrong: bool) -> None:
    positive = np.arange(60) % 2 == 0
    found = estimates(scored(np.where(positive != wrong, 1.0, 0.0), positive))
    for name in ("Accuracy", "Precision", "Recall", "F1", "AUC"):
        one = found[name]
        assert one.value == (0.0 if wrong else 1.0)
        assert one.low is not None
        assert one.high is not None
        assert 0.05 < one.high - one.low < 0.25
    macro = estimates(classified({(one, "b" if wrong else one): 20 for one in "ac"}))["F1"]
    assert macro.value == (0.0 if wrong else 1.0)
    assert macro.low != macro.high


def test_one_class_alone_has_no_area_and_no_precision_where_nothing_was_called_positive() -> None:
    counts = scored(np.full(20, 0.2), np.zeros(20, dtype=np.bool_))
    assert estimates(counts).keys() == {"Accuracy", "Brier", "LogLoss", "ECE"}


def test_no_labels_have_no_performance() -> None:
    assert estimates(LabelCounts()) == {}


def test_one_row_bounds_nothing_but_what_is_bounded_anyway() -> None:
    found = estimates(numbered(np.array([3.0]), np.array([5.0])))
    assert (found["MAE"].value, found["MAE"].low, found["MAE"].high) == (2.0, 0.0, None)
    counts = LabelCounts()
    counts.add_value(-3.0)
    assert (estimates(counts)["Value"].low, estimates(counts)["Value"].high) == (None, None)


def test_sums_of_a_server_that_keeps_no_fourth_powers_have_no_upper_bound() -> None:
    counts = numbered(np.array([3.0, 1.0, 4.0]), np.array([5.0, 1.5, 4.0]))
    counts.sums["fourth"] = ExactSum()
    found = estimates(counts)["RMSE"]
    assert (found.low, found.high) == (0.0, None)


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        pytest.param(LabelCounts(rows=3, correct=4), "4 in correct", id="more correct than rows"),
        pytest.param(LabelCounts(rows=-1), "negative", id="negative rows"),
        pytest.param(LabelCounts(rows=1, scores={3: [2, -1]}), "negative", id="negative score"),
        pytest.param(LabelCounts(rows=1, class_scores={"a": {3: [2, -1]}}), "negative", id="negative class score"),
        pytest.param(LabelCounts(rows=1, class_scores={"a": {3: [2, 1]}}), "scores of 'a'", id="more class scores"),
    ],
)
def test_counts_of_nothing_are_refused(counts: LabelCounts, told: str) -> None:
    with pytest.raises(StatisticsError, match=told):
        estimates(counts)


def test_what_is_out_of_range_is_refused() -> None:
    with pytest.raises(StatisticsError, match=r"level of 95 .* such as 0\.95"):
        estimates(scored(SCORES[:5], POSITIVE[:5]), level=95)
    with pytest.raises(StatisticsError, match=r"design effect of 0\.5"):
        estimates(LabelCounts(), design_effect=0.5)
    with pytest.raises(StatisticsError, match="4 of 3 rows"):
        wilson(Share(4, 3))
    with pytest.raises(StatisticsError, match="give finite numbers"):
        ExactSum([math.nan, *[1.0] * 20])


rows = st.tuples(st.floats(0, 1), st.booleans(), st.floats(0, 1))


def filled(drawn: list[tuple[float, bool, float]]) -> LabelCounts:
    counts = scored(
        np.asarray([score for score, _, _ in drawn]), np.asarray([truth for _, truth, _ in drawn], dtype=np.bool_), 0.3
    )
    for _, _, value in drawn:
        counts.add_value(value)
    return counts


@settings(deadline=None, max_examples=60)
@given(st.lists(rows, max_size=30))
def test_every_metric_lies_within_its_finite_interval(drawn: list[tuple[float, bool, float]]) -> None:
    for one in estimates(filled(drawn)).values():
        assert math.isfinite(one.value)
        assert one.low is None or one.low <= one.value + 1e-12
        assert one.high is None or one.value - 1e-12 <= one.high < math.inf
        if one.metric not in ("LogLoss", "Value"):
            assert one.low is not None
            assert one.high is not None
            assert 0.0 <= one.low <= one.high <= 1.0


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(rows, max_size=8), min_size=3, max_size=3))
def test_parts_add_up_to_the_last_bit_in_any_order(parts: list[list[tuple[float, bool, float]]]) -> None:
    together = filled([row for part in parts for row in part])
    for order in permutations(parts):
        merged = LabelCounts()
        for part in order:
            merged.merge(LabelCounts.from_json(filled(part).to_json()))
        assert merged == together
        assert merged.to_json() == together.to_json()


def test_probabilities_of_parts_add_up_in_any_order() -> None:
    probabilities, actual = four_classes(90, np.random.default_rng(23))
    together = likely(probabilities, actual)
    for order in permutations((slice(0, 20), slice(20, 50), slice(50, 90))):
        merged = LabelCounts()
        for part in order:
            merged.merge(LabelCounts.from_json(likely(probabilities[part], actual[part]).to_json()))
        assert merged == together
        assert merged.to_json() == together.to_json()
    assert together.size > sum(map(len, together.class_scores.values())) > 40


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(finite, finite), max_size=20))
def test_numbers_of_any_size_have_finite_metrics(drawn: list[tuple[float, float]]) -> None:
    counts = numbered(np.asarray([one for one, _ in drawn]), np.asarray([other for _, other in drawn]))
    for one in estimates(counts).values():
        assert math.isfinite(one.value)
        assert 0.0 <= (one.low or 0.0) <= one.value * (1 + 1e-9)
        assert one.high is None or one.value <= one.high * (1 + 1e-9) < math.inf
    assert all(len(parts) <= MOST_PARTS for parts in (total.parts for total in counts.sums.values()))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, max_value=1e280, min_value=-1e280), max_size=60))
def test_a_sum_is_exact_whatever_the_order(numbers: list[float]) -> None:
    assert ExactSum(numbers) == ExactSum(sorted(numbers)) == ExactSum(ExactSum(numbers[::-1]).parts)
    assert ExactSum(numbers).total == math.fsum(numbers)
    assert ExactSum([*numbers, *(-number for number in numbers)]).parts == ()


def test_a_mean_that_may_be_anything_above_0_is_not_bounded_by_an_absurd_factor() -> None:
    assert positive_mean(1e-3, 1.0).high is None
    assert positive_mean(0.0, 1.0) == (0.0, None)


def test_extreme_counts_have_metrics() -> None:
    most = 2**53
    found = estimates(classified({("a", "a"): most, ("b", "b"): 1, ("a", "b"): 1}, "b"))
    assert found["Accuracy"].value == pytest.approx(1.0)
    assert found["Precision"].rows == 1
    assert all(math.isfinite(one.value) for one in found.values())
