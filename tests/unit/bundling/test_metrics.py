"""Offline metrics: scikit-learn's values; tests/simulation shows what their intervals cover."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier

import weirkeeper
from tests.unit.server.churn import fitted, rows
from weirkeeper.bundling import metrics
from weirkeeper.bundling.errors import UnsuitableSample
from weirkeeper.bundling.metrics import Answers, measure
from weirkeeper.statistics.errors import ProfileError
from weirkeeper.statistics.offline import OfflineMetric
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper_server.bundle import read_bundle

RANDOM = np.random.default_rng(21)


def classified(count: int, classes: Sequence[str], skill: float, random: Any = RANDOM) -> tuple[Any, Answers]:
    """Labels, and answers that know something of them."""
    actual = random.integers(0, len(classes), count)
    scores = random.normal(size=(count, len(classes)))
    scores[np.arange(count), actual] += skill
    likely = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    names = np.array(classes, dtype=object)
    return names[actual], Answers(names[likely.argmax(axis=1)], likely, classes)


def by_name(found: Sequence[OfflineMetric]) -> dict[str, OfflineMetric]:
    return {metric.metric: metric for metric in found}


def test_two_classes_are_measured_as_scikit_learn_does() -> None:
    labels, answers = classified(400, ["no", "yes"], 1.0)
    assert answers.probabilities is not None
    positive = answers.probabilities[:, 1]
    found = {name: metric.value for name, metric in by_name(measure(labels, answers, "HeldOut")).items()}
    assert found == pytest.approx(
        {
            "Accuracy": reference.accuracy_score(labels, answers.predicted),
            "Precision": reference.precision_score(labels, answers.predicted, pos_label="yes"),
            "Recall": reference.recall_score(labels, answers.predicted, pos_label="yes"),
            "F1": reference.f1_score(labels, answers.predicted, pos_label="yes"),
            "AUC": reference.roc_auc_score(labels == "yes", positive),
            "Brier": reference.brier_score_loss(labels == "yes", positive),
            "LogLoss": reference.log_loss(labels == "yes", positive),
        }
    )


def test_several_classes_are_measured_as_scikit_learn_does() -> None:
    labels, answers = classified(300, ["a", "b", "c"], 1.5)
    found = {name: metric.value for name, metric in by_name(measure(labels, answers, "HeldOut")).items()}
    assert found == pytest.approx(
        {
            "Accuracy": reference.accuracy_score(labels, answers.predicted),
            "Precision": reference.precision_score(labels, answers.predicted, average="macro"),
            "Recall": reference.recall_score(labels, answers.predicted, average="macro"),
            "F1": reference.f1_score(labels, answers.predicted, average="macro"),
            "AUC": reference.roc_auc_score(labels, answers.probabilities, multi_class="ovr"),
            "Brier": reference.brier_score_loss(labels, answers.probabilities, labels=["a", "b", "c"]),
            "LogLoss": reference.log_loss(labels, answers.probabilities),
        }
    )


def test_numbers_are_measured_as_scikit_learn_does() -> None:
    actual = RANDOM.normal(size=200)
    predicted = actual + RANDOM.normal(size=200)
    found = {name: m.value for name, m in by_name(measure(actual, Answers(predicted, None, None), "Sample")).items()}
    assert found == pytest.approx(
        {
            "MAE": reference.mean_absolute_error(actual, predicted),
            "RMSE": reference.root_mean_squared_error(actual, predicted),
        }
    )


def test_the_same_rows_give_the_same_intervals() -> None:
    labels, answers = classified(100, ["no", "yes"], 1.0)
    assert measure(labels, answers, "HeldOut") == measure(labels, answers, "HeldOut")


def test_very_many_rows_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST_ROWS", 50)
    labels, answers = classified(120, ["no", "yes"], 1.0)
    assert {metric.rows for metric in measure(labels, answers, "HeldOut")} == {50}


def test_classes_that_the_rows_lack_leave_out_what_cannot_be_measured() -> None:
    labels, answers = classified(60, ["no", "yes"], 1.0)
    few = labels == "no"
    assert answers.probabilities is not None
    found = measure(labels[few], Answers(answers.predicted[few], answers.probabilities[few], ["no", "yes"]), "HeldOut")
    assert "AUC" not in by_name(found)
    assert by_name(found)["Recall"].value == 0.0


def test_scores_that_are_no_probabilities_are_not_judged_as_such() -> None:
    labels, answers = classified(60, ["no", "yes"], 1.0)
    assert answers.probabilities is not None
    found = measure(labels, Answers(answers.predicted, answers.probabilities * 3, ["no", "yes"]), "HeldOut")
    assert set(by_name(found)) == {"Accuracy", "Precision", "Recall", "F1"}


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        (["no", "maybe"], ["no", "yes"], "y holds 'maybe', which is no class of the model; it knows 'no', 'yes'"),
        (["no"], ["no", "yes"], "y has 1 labels for 2 rows"),
        (["no", "yes"], None, "y holds 'no'; a regressor is measured against numbers"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: list[str], classes: list[str] | None, message: str) -> None:
    predicted = np.array(["no", "yes"], dtype=object) if classes else np.zeros(2)
    with pytest.raises(UnsuitableSample, match=message):
        measure(np.array(labels, dtype=object), Answers(predicted, None, classes), "HeldOut")


def measured(path: Path) -> dict[str, OfflineMetric]:
    return by_name(read_bundle(path).profile.performance)


@pytest.mark.usefixtures("unverified")
def test_held_out_rows_come_before_the_samples_own(tmp_path: Path) -> None:
    frame = rows()
    labels = np.where(frame["income"] > 50_000, "stay", "leave")
    own = measured(weirkeeper.bundle(fitted(), frame, labels, path=tmp_path / "own"))
    kept = measured(
        weirkeeper.bundle(fitted(), frame, labels, held_out=(frame[:50], labels[:50]), path=tmp_path / "kept")
    )
    assert {(metric.measured_on, metric.rows) for metric in own.values()} == {("Sample", 200)}
    assert {(metric.measured_on, metric.rows) for metric in kept.values()} == {("HeldOut", 50)}
    assert kept["Accuracy"].value == np.mean(fitted().predict(frame[:50]) == labels[:50])
    assert kept["Accuracy"].low < kept["Accuracy"].value <= kept["Accuracy"].high


MATRIX = RANDOM.normal(size=(80, 3))
WHOLE = np.arange(80) % 2


@pytest.mark.parametrize(
    ("estimator", "labels", "names"),
    [
        (
            LogisticRegression().fit(MATRIX, WHOLE),
            WHOLE,
            {"Accuracy", "Precision", "Recall", "F1", "AUC", "Brier", "LogLoss"},
        ),
        (SGDClassifier(random_state=0).fit(MATRIX, WHOLE), WHOLE, {"Accuracy", "Precision", "Recall", "F1"}),
        (LinearRegression().fit(MATRIX, WHOLE), WHOLE, {"MAE", "RMSE"}),
        (LinearRegression().fit(MATRIX, WHOLE), WHOLE.reshape(-1, 1), {"MAE", "RMSE"}),
        (RandomForestRegressor(3).fit(MATRIX, MATRIX), MATRIX, set()),
        (KMeans(2, n_init=1).fit(MATRIX), WHOLE, set()),
        (LinearRegression().fit(MATRIX, WHOLE), None, set()),
    ],
    ids=[
        "classifier",
        "no probabilities",
        "regressor",
        "a column of labels",
        "several outputs",
        "clusters",
        "no labels",
    ],
)
@pytest.mark.usefixtures("unverified")
def test_each_kind_has_the_metrics_that_apply(estimator: Any, labels: Any, names: set[str], tmp_path: Path) -> None:
    assert set(measured(weirkeeper.bundle(estimator, MATRIX, labels, path=tmp_path / "bundle"))) == names


@pytest.mark.usefixtures("unverified")
def test_labels_that_lack_are_refused(tmp_path: Path) -> None:
    labels = np.where(WHOLE > 0, np.nan, 1.0)
    with pytest.raises(UnsuitableSample, match="y lacks values; leave rows without a label out"):
        weirkeeper.bundle(LinearRegression().fit(MATRIX, WHOLE), MATRIX, labels, path=tmp_path / "bundle")


GOOD = OfflineMetric("AUC", 0.9, 0.8, 0.95, 100, "Bootstrap", "HeldOut")


def test_a_profile_keeps_what_was_measured() -> None:
    profile = ReferenceProfile.from_columns({"x": np.arange(9.0)}, {}, (GOOD,))
    again = ReferenceProfile.from_json(json.loads(profile.to_bytes()))
    assert again == profile
    assert again.sha256 != ReferenceProfile.from_columns({"x": np.arange(9.0)}, {}).sha256


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metric": "Luck"}, "metric 'Luck', expected one of Accuracy"),
        ({"interval": "Guess"}, "expected one of Wilson, Bootstrap"),
        ({"measuredOn": None}, "expected one of HeldOut, Sample"),
        ({"ci95": [0.1]}, "expected value and ci95 as finite numbers"),
        ({"value": float("nan")}, "expected value and ci95 as finite numbers"),
        ({"rows": 0}, "expected how many rows"),
    ],
)
def test_a_metric_that_is_none_is_refused(change: dict[str, Any], message: str) -> None:
    assert OfflineMetric.from_json(GOOD.to_json()) == GOOD
    with pytest.raises(ProfileError, match=message):
        OfflineMetric.from_json({**GOOD.to_json(), **change})
