"""Held-out rows in a bundle's profile are counted as a server counts the labels of its own answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.linear_model import LinearRegression, LogisticRegression

from tests.unit.server.churn import fitted, rows
from weirkeeper.bundling import held_out as held_out_module
from weirkeeper.bundling import maker
from weirkeeper.statistics import ProfileCounters
from weirkeeper.statistics.concept import concept_drift
from weirkeeper.statistics.expected import expected_performance
from weirkeeper.statistics.held_out import HeldOut
from weirkeeper.statistics.performance import performance
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper_server.bundle import read_bundle
from weirkeeper_server.counting import profile_columns


def profile_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Any, *given: Any, **more: Any
) -> ReferenceProfile:
    monkeypatch.setattr(maker, "verify", lambda *_: None)
    return read_bundle(maker.bundle(model, *given, path=tmp_path / "bundle", **more)).profile


def counted(profile: ReferenceProfile) -> HeldOut:
    assert profile.held_out is not None
    return profile.held_out


def test_two_classes_keep_scores_and_strata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model: Any = fitted()
    frame, random = rows(800), np.random.default_rng(3)
    scores = model.predict_proba(frame)[:, 1]
    labels = np.where(random.random(800) < scores, "stay", "leave")
    profile = profile_of(tmp_path, monkeypatch, model, rows(300), held_out=(frame, labels))
    held_out = counted(profile)
    found = performance(held_out.labels)
    offline = {metric.metric: metric.value for metric in profile.performance}
    assert {name: found[name] for name in ("Accuracy", "Precision", "Recall", "F1")} == pytest.approx(
        {name: offline[name] for name in ("Accuracy", "Precision", "Recall", "F1")}
    )
    assert found["Brier"] == pytest.approx(offline["Brier"], abs=1e-4)
    counters = ProfileCounters(profile)
    outputs = {"predict": model.predict(frame), "predict_proba": model.predict_proba(frame)}
    counters.ingest({}, profile_columns(outputs))
    expected = expected_performance(held_out, counters.totals()["outputs"])
    assert expected.estimates["F1"].value == pytest.approx(offline["F1"])
    assert concept_drift(held_out, held_out.labels, alpha=0.05).statistic == pytest.approx(0.0, abs=1e-9)


def test_several_classes_keep_confidence_and_what_was_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(5)
    frame = pd.DataFrame(random.normal(size=(600, 3)), columns=["a", "b", "c"])
    labels = np.argmax(frame.to_numpy() + random.normal(size=(600, 3)), axis=1)
    model = LogisticRegression().fit(frame, labels)
    held_out = counted(profile_of(tmp_path, monkeypatch, model, frame, held_out=(frame, labels)))
    assert performance(held_out.labels)["Accuracy"] == metrics.accuracy_score(labels, model.predict(frame))
    assert performance(held_out.labels)["LogLoss"] == pytest.approx(
        metrics.log_loss(labels, model.predict_proba(frame)), rel=1e-3
    )
    assert held_out.strata is not None
    assert (held_out.strata.output, sum(held_out.strata.counts.values())) == ("predict", 600)
    assert {name: one.output for name, one in held_out.class_strata.items()} == {
        str(place): f"predict_proba[{place}]" for place in range(3)
    }
    monkeypatch.setattr(held_out_module, "MOST_CELLS", 5)
    held_out = counted(profile_of(tmp_path, monkeypatch, model, frame, held_out=(frame, labels)))
    assert (held_out.strata, held_out.labels.unlisted) == (None, 600)


def test_numbers_keep_their_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(6)
    frame = pd.DataFrame(random.normal(size=(200, 2)), columns=["a", "b"])
    labels = frame["a"] + random.normal(size=200)
    model = LinearRegression().fit(frame, labels)
    held_out = counted(profile_of(tmp_path, monkeypatch, model, frame, held_out=(frame, labels)))
    assert performance(held_out.labels)["MAE"] == pytest.approx(
        metrics.mean_absolute_error(labels, model.predict(frame))
    )
    assert held_out.strata is None
    assert held_out.errors is not None
    assert held_out.errors.output == "predict"
    assert sum(sums.rows for sums in held_out.errors.bins.values()) == 200


def test_errors_are_kept_by_the_bins_that_the_profile_has_of_predictions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(6)
    frame = pd.DataFrame(random.normal(size=(400, 2)), columns=["a", "b"])
    labels = frame["a"] + random.normal(size=400)
    model = LinearRegression().fit(frame, labels)
    profile = profile_of(tmp_path, monkeypatch, model, frame, held_out=(frame, labels))
    (output,), bins = profile.outputs, counted(profile).labels.error_bins
    places = np.searchsorted(output.edges, model.predict(frame))
    assert {place: found.rows for place, found in bins.items()} == dict(enumerate(np.bincount(places).tolist()))
    errors = np.abs(model.predict(frame) - labels)
    assert bins[3].sums["absolute"].total == pytest.approx(errors[places == 3].sum())


def test_labels_that_are_equal_to_a_class_are_counted_as_that_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(7)
    frame = pd.DataFrame(random.normal(size=(200, 2)), columns=["a", "b"])
    labels = frame["a"].to_numpy() + random.normal(size=200) > 0
    model = LogisticRegression().fit(frame, labels.astype(int))
    held_out = counted(profile_of(tmp_path, monkeypatch, model, frame, held_out=(frame, labels)))
    assert held_out.labels.positive == "1"
    assert {name for pair in held_out.labels.confusion for name in pair} == {"0", "1"}


def test_numbers_that_no_server_counts_are_not_held_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame(np.random.default_rng(6).normal(size=(50, 2)), columns=["a", "b"])
    model = LinearRegression().fit(frame, frame["a"])
    labels = frame["a"].to_numpy().copy()
    labels[3] = 1e80
    assert profile_of(tmp_path, monkeypatch, model, frame, held_out=(frame, labels)).held_out is None


def test_rows_that_the_model_may_have_learnt_from_are_not_held_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = rows(200)
    labels = np.asarray(fitted().predict(frame))
    assert profile_of(tmp_path, monkeypatch, fitted(), frame, labels).held_out is None


def test_a_profile_without_room_goes_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = rows(200)
    labels = np.asarray(fitted().predict(frame))
    whole = profile_of(tmp_path, monkeypatch, fitted(), frame, held_out=(frame, labels))
    room = len(whole.to_bytes()) - 1
    monkeypatch.setattr("weirkeeper.statistics.profile.LARGEST_BYTES", room)
    assert profile_of(tmp_path, monkeypatch, fitted(), frame, held_out=(frame, labels)).held_out is None
