"""Bundles of many kinds of estimators: each must answer in a server as it did on its owner's machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

import weirkeeper
from tests.unit.server.churn import fitted, rows
from weirkeeper.bundling import maker, verification
from weirkeeper.bundling.errors import BundleRefused, BundlingError, UnsuitableEstimator, UnsuitableSample
from weirkeeper.bundling.golden import MOST
from weirkeeper_server.bundle import read_bundle

RANDOM = np.random.default_rng(5)
MATRIX = RANDOM.normal(size=(80, 3))
NUMBERS = np.arange(80) % 3
NAMES = np.array(["a", "b", "c"])[NUMBERS]
FRAME = pd.DataFrame(MATRIX, columns=["x", "y", "z"]).assign(
    size=np.where(NUMBERS, "large", "small"), member=NUMBERS > 1, visits=NUMBERS * 10
)
LACKING = FRAME.assign(x=FRAME["x"].where(NUMBERS > 0), size=FRAME["size"].where(NUMBERS < 2))
SORTED = make_column_transformer(
    (StandardScaler(), make_column_selector(dtype_include=np.number)), (OneHotEncoder(), ["size", "member"])
)

CASES: dict[str, tuple[Any, Any, Any]] = {
    "mixed columns": (make_pipeline(SORTED, LogisticRegression()), FRAME, NAMES),
    "columns that lack values": (
        make_pipeline(
            make_column_transformer((OrdinalEncoder(), ["size"]), remainder="passthrough"),
            HistGradientBoostingClassifier(max_iter=3),
        ),
        LACKING,
        NAMES,
    ),
    "categories": (
        HistGradientBoostingClassifier(max_iter=3, categorical_features=["size"]),
        LACKING.assign(size=LACKING["size"].astype("category")),
        NUMBERS,
    ),
    "a matrix, numbers as classes": (RandomForestClassifier(3), MATRIX, NUMBERS),
    "a matrix of single precision": (LinearRegression(), MATRIX.astype(np.float32), MATRIX[:, 0]),
    "booleans as classes": (RandomForestClassifier(3), MATRIX, NUMBERS > 1),
    "several outputs": (RandomForestRegressor(3), MATRIX, MATRIX[:, :2]),
    "several classes at once": (RandomForestClassifier(3), MATRIX, np.c_[NUMBERS, NUMBERS > 1]),
    "clusters": (KMeans(3, n_init=1), MATRIX, None),
    "pandas' nullable numbers": (
        HistGradientBoostingClassifier(max_iter=3),
        FRAME[["x", "visits"]].astype({"visits": "Int64"}),
        NUMBERS,
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("unverified")
def test_a_bundle_answers_as_its_estimator_did(name: str, tmp_path: Path) -> None:
    estimator, features, labels = CASES[name]
    path = weirkeeper.bundle(estimator.fit(features, labels), features, path=tmp_path / "bundle")
    assert verification.refusal(path, ()) == ""
    assert 4 <= len(read_bundle(path).golden) <= MOST


@pytest.mark.usefixtures("unverified")
def test_the_manifest_says_how_to_ask(tmp_path: Path) -> None:
    estimator, features, labels = CASES["columns that lack values"]
    bundle = read_bundle(weirkeeper.bundle(estimator.fit(features, labels), features, path=tmp_path / "bundle"))
    inputs = {t.name: (t.datatype, t.shape, t.nullable) for t in bundle.manifest.signature.inputs}
    assert inputs == {
        "x": ("FP64", (-1,), True),
        "y": ("FP64", (-1,), False),
        "z": ("FP64", (-1,), False),
        "size": ("BYTES", (-1,), True),
        "member": ("BOOL", (-1,), False),
        "visits": ("INT64", (-1,), False),
    }
    outputs = {t.name: (t.datatype, t.shape) for t in bundle.manifest.signature.outputs}
    assert outputs == {"predict": ("BYTES", (-1,)), "predict_proba": ("FP64", (-1, 3))}
    assert bundle.manifest.classes == ("a", "b", "c")
    assert set(bundle.manifest.versions) == {"python", "scikit-learn", "skops", "numpy"}
    assert [feature.name for feature in bundle.profile.features] == list(features.columns)
    assert bundle.profile.rows == len(features)


@pytest.mark.usefixtures("unverified")
def test_golden_requests_hold_edges(tmp_path: Path) -> None:
    estimator, features, labels = CASES["columns that lack values"]
    bundle = read_bundle(weirkeeper.bundle(estimator.fit(features, labels), features, path=tmp_path / "bundle"))
    asked = {name: [] for name in features.columns}  # type: dict[str, list[Any]]
    for golden in bundle.golden:
        for entry in golden.request.inputs:
            asked[entry["name"]] += entry["data"]
    assert None in asked["size"]
    assert features["x"].min() in asked["x"]
    assert features["x"].max() in asked["x"]


@pytest.mark.usefixtures("unverified")
def test_columns_are_put_into_the_order_of_the_fit(tmp_path: Path) -> None:
    backwards = rows()[["region", "visits", "income"]].assign(surplus=1)
    bundle = read_bundle(weirkeeper.bundle(fitted(), backwards, path=tmp_path / "bundle"))
    assert [tensor.name for tensor in bundle.manifest.signature.inputs] == ["income", "visits", "region"]


class Transformer:
    def transform(self, features: Any) -> Any:
        return features


@pytest.mark.parametrize(
    ("estimator", "features", "error", "message"),
    [
        (Transformer(), MATRIX, UnsuitableEstimator, "has no predict"),
        (LogisticRegression(), MATRIX, UnsuitableEstimator, "NotFittedError"),
        (LinearRegression().fit(MATRIX, NUMBERS), MATRIX[:0], UnsuitableSample, "has no rows"),
        (LinearRegression().fit(MATRIX, NUMBERS), MATRIX[0], UnsuitableSample, "give a frame or a matrix, or texts"),
        (fitted(), rows().drop(columns="region"), UnsuitableSample, "the sample lacks region"),
        (fitted(), rows().assign(region=pd.Timestamp("2026-11-21")), UnsuitableSample, "holds Timestamp"),
    ],
)
def test_what_cannot_be_served_is_refused(
    estimator: Any, features: Any, error: type[BundlingError], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        weirkeeper.bundle(estimator, features, path=tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("unverified")
def test_a_bundle_replaces_a_bundle_and_nothing_else(tmp_path: Path) -> None:
    for _ in range(2):
        weirkeeper.bundle(fitted(), rows(), path=tmp_path / "bundle")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").touch()
    with pytest.raises(BundlingError, match="exists and is no bundle"):
        weirkeeper.bundle(fitted(), rows(), path=tmp_path / "thesis")
    assert {path.name for path in tmp_path.iterdir()} == {"bundle", "thesis"}


class Untouched(BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Predicts what it is given."""

    def fit(self, _: Any, __: Any = None) -> Untouched:
        self.fitted_ = True
        return self

    def predict(self, features: Any) -> Any:
        return features[:, 0]


class Mine(LogisticRegression):  # type: ignore[misc]  # scikit-learn is untyped
    """A class that no server knows."""


def test_a_bundle_that_a_server_would_refuse_never_appears(tmp_path: Path) -> None:
    estimator = Mine().fit(MATRIX, NUMBERS)
    with pytest.raises(BundleRefused, match=r"UntrustedType: model\.skops holds .*Mine"):
        weirkeeper.bundle(estimator, MATRIX, path=tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_is_not_what_it_was_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Golden answers come from the estimator itself: one that is written otherwise than it is shows here."""
    other = LogisticRegression().fit(-MATRIX, NUMBERS)
    dump = skops.io.dump
    monkeypatch.setattr(skops.io, "dump", lambda _, file, **given: dump(other, file, **given))
    with pytest.raises(BundleRefused, match=r"ProbeFailed: .* golden requests failed"):
        weirkeeper.bundle(LogisticRegression().fit(MATRIX, NUMBERS), MATRIX, path=tmp_path / "bundle")


@pytest.mark.parametrize(
    ("field", "value"),
    [("datatype", "FP32"), ("shape", [1, 1]), ("name", "another")],
    ids=["datatype", "shape", "name"],
)
@pytest.mark.usefixtures("unverified")
def test_golden_answers_are_compared_whole(field: str, value: Any, tmp_path: Path) -> None:
    path = weirkeeper.bundle(LinearRegression().fit(MATRIX, NUMBERS), MATRIX, path=tmp_path / "bundle")
    golden = json.loads((path / "golden.json").read_text())
    golden[1]["expect"]["outputs"][0][field] = value
    (path / "golden.json").write_text(json.dumps(golden))
    assert verification.refusal(path, ()).startswith("ProbeFailed: ")


@pytest.mark.usefixtures("unverified")
def test_a_bundle_without_golden_requests_is_refused(tmp_path: Path) -> None:
    path = weirkeeper.bundle(LinearRegression().fit(MATRIX, NUMBERS), MATRIX, path=tmp_path / "bundle")
    (path / "golden.json").write_text("[]")
    assert verification.refusal(path, ()) == "ProbeFailed: the bundle has no golden requests"


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9: it said nothing"),
        ("raise MemoryError('all gone')", "MemoryError: all gone"),
        ("import time; time.sleep(600)", "took over 1 s"),
    ],
)
def test_a_process_that_dies_is_told(
    program: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that ends its process, or never ends, must not be taken for a good one."""
    run = subprocess.run
    monkeypatch.setattr(maker, "VERIFICATION_SECONDS", 1)
    monkeypatch.setattr(subprocess, "run", lambda _, **given: run([sys.executable, "-c", program], **given))
    with pytest.raises(BundleRefused, match=message):
        maker.verify(tmp_path)


def test_a_model_that_answers_nan_is_refused(tmp_path: Path) -> None:
    logarithm = make_pipeline(FunctionTransformer(np.log), Untouched())
    features = np.abs(MATRIX[:, :1])
    features[5] = -1.0
    with np.errstate(all="ignore"), pytest.raises(UnsuitableEstimator, match="is NaN or infinite for row 5"):
        weirkeeper.bundle(logarithm.fit(features), features, path=tmp_path / "bundle")


def test_the_package_knows_its_version_and_nothing_that_it_has_not() -> None:
    assert weirkeeper.__version__.count(".") == 2
    with pytest.raises(AttributeError, match="has no attribute 'bundel'"):
        _ = weirkeeper.bundel


@pytest.mark.usefixtures("unverified")
def test_golden_requests_are_plain_json(tmp_path: Path) -> None:
    path = weirkeeper.bundle(fitted(), rows(), path=tmp_path / "bundle")
    golden = json.loads((path / "golden.json").read_text(), parse_constant=pytest.fail)
    assert {entry["name"] for entry in golden} >= {"row 0", "least income", "most income"}
