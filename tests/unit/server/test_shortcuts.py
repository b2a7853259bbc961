"""Shortcuts: the same answers as the estimator's own, or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

from tests.unit.server.agreeing import agrees
from weirkeeper.api.bundle import Signature, Tensor
from weirkeeper_server.bundle import read_bundle
from weirkeeper_server.estimator import EstimatorPredictor
from weirkeeper_server.fitted import blocks
from weirkeeper_server.fitted.columns import preparation
from weirkeeper_server.fitted.forests import predictions, probabilities
from weirkeeper_server.loading import judge, load
from weirkeeper_server.settings import Settings
from weirkeeper_server.shortcuts.plan import Scaled

RANDOM = np.random.default_rng(11)
COUNT = 90
FRAME = pd.DataFrame(
    {
        "a": np.where(RANDOM.random(COUNT) < 0.1, np.nan, RANDOM.normal(5, 3, COUNT)),
        "b": RANDOM.normal(-1, 1e-3, COUNT),
        "n": RANDOM.integers(-5, 50, COUNT),
        "kind": RANDOM.choice(["x", "y", "zz"], COUNT),
        "grade": RANDOM.integers(0, 4, COUNT),
        "member": RANDOM.random(COUNT) < 0.5,
        "words": RANDOM.choice(["one two", "two three", "three"], COUNT),
    }
)
LABELS = np.where(FRAME["b"] > -1, "up", "down")
SIGNATURE = Signature(
    inputs=(
        Tensor(name="a", datatype="FP64", shape=(-1,), nullable=True),
        Tensor(name="b", datatype="FP64", shape=(-1,)),
        Tensor(name="n", datatype="INT64", shape=(-1,)),
        Tensor(name="kind", datatype="BYTES", shape=(-1,)),
        Tensor(name="grade", datatype="INT64", shape=(-1,)),
        Tensor(name="member", datatype="BOOL", shape=(-1,)),
        Tensor(name="words", datatype="BYTES", shape=(-1,)),
    ),
    outputs=(
        Tensor(name="predict", datatype="BYTES", shape=(-1,)),
        Tensor(name="predict_proba", datatype="FP64", shape=(-1, 2)),
    ),
)


def columns(*parts: Any, **given: Any) -> ColumnTransformer:
    return ColumnTransformer([(str(number), *part) for number, part in enumerate(parts)], **given)


def rows(count: int = 7) -> list[dict[str, Any]]:
    arrays: dict[str, Any] = {str(name): FRAME[name].to_numpy() for name in FRAME}
    arrays = {name: column.astype(object) if name in ("kind", "words") else column for name, column in arrays.items()}
    singles = [{name: column[i : i + 1] for name, column in arrays.items()} for i in range(count)]
    return [*singles, {name: column[:20] for name, column in arrays.items()}]


NUMBERS = ["a", "b", "n"]
FILLED = make_pipeline(SimpleImputer(), StandardScaler())
TAKEN: dict[str, list[Any]] = {
    "scaled and encoded": [columns((FILLED, NUMBERS), (OneHotEncoder(), ["kind", "grade", "member"]))],
    "unknown ignored": [columns((FILLED, NUMBERS), (OneHotEncoder(handle_unknown="ignore"), ["kind"]))],
    "median, robust": [columns((make_pipeline(SimpleImputer(strategy="median"), RobustScaler()), NUMBERS))],
    "bounded": [columns((SimpleImputer(fill_value=0, strategy="constant"), NUMBERS)), MinMaxScaler()],
    "ordered": [
        columns(
            (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["kind", "grade"]),
            (SimpleImputer(), ["a"]),
        )
    ],
    "encoded, then scaled": [columns((make_pipeline(OrdinalEncoder(), StandardScaler()), ["kind"]), ("drop", ["a"]))],
    "remainder": [columns((OneHotEncoder(), ["kind", "words", "member"]), ("drop", ["a"]), remainder="passthrough")],
    "half known": [
        columns((KBinsDiscretizer(3, encode="ordinal", strategy="uniform"), ["b", "n"]), (FILLED, NUMBERS)),
        "passthrough",
        StandardScaler(),
    ],
    "words": [columns((TfidfVectorizer(), "words"), (FILLED, NUMBERS), sparse_threshold=0)],
    "rare categories": [columns((OneHotEncoder(min_frequency=40), ["kind"]), (FILLED, NUMBERS), sparse_threshold=0)],
    "first dropped": [columns((OneHotEncoder(drop="first"), ["kind"]), (FILLED, NUMBERS), sparse_threshold=0)],
    "an indicator": [columns((SimpleImputer(add_indicator=True), NUMBERS))],
}


@pytest.mark.parametrize("final", [LogisticRegression(max_iter=2000), RandomForestClassifier(5, random_state=1)])
@pytest.mark.parametrize("name", TAKEN)
def test_a_shortcut_gives_the_same(name: str, final: Any) -> None:
    pipeline = make_pipeline(*TAKEN[name], final).fit(FRAME, LABELS)
    assert preparation(pipeline, SIGNATURE) is not None
    plain = EstimatorPredictor(pipeline, SIGNATURE, {})
    assert agrees(plain, EstimatorPredictor(pipeline, SIGNATURE, {}, prepared=True), rows())


def formatted() -> Pipeline:
    return make_pipeline(columns((FILLED, NUMBERS)), LogisticRegression()).set_output(transform="pandas")


def sparse() -> Pipeline:
    return make_pipeline(
        columns((OneHotEncoder(), ["kind", "grade", "member"]), sparse_threshold=1), LogisticRegression()
    )


def by_number() -> Pipeline:
    return make_pipeline(columns((FILLED, [0, 1])), LogisticRegression())


def without_columns() -> Pipeline:
    return make_pipeline(FILLED, LogisticRegression())


@pytest.mark.parametrize("make", [formatted, sparse, by_number, without_columns])
def test_what_is_not_known_has_no_shortcut(make: Callable[[], Pipeline]) -> None:
    frame = FRAME[NUMBERS] if make is without_columns else FRAME
    assert preparation(make().fit(frame, LABELS), SIGNATURE) is None


@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
@pytest.mark.parametrize("make", [RandomForestClassifier, RandomForestRegressor, ExtraTreesRegressor])
def test_the_mean_of_trees_is_the_forests_own(make: Any) -> None:
    matrix = FRAME[["b", "n", "grade"]].to_numpy()
    forest = make(7, random_state=2).fit(matrix, LABELS if make is RandomForestClassifier else matrix[:, 0])
    if make is RandomForestClassifier:
        quick, plain = probabilities(forest), forest.predict_proba
    else:
        quick, plain = predictions(forest), forest.predict
    assert quick is not None
    assert np.array_equal(quick(matrix), plain(matrix))
    for wrong in (np.full((1, 3), np.nan), np.full((1, 3), 1e300), matrix[:, :2]):
        assert _outcome(quick, wrong) == _outcome(plain, wrong)


def _outcome(predict: Callable[[Any], Any], features: Any) -> str:
    try:
        return str(predict(features))
    except ValueError as error:
        return str(error)[:40]


def test_other_estimators_have_no_mean() -> None:
    several = RandomForestRegressor(3).fit(FRAME[["b", "n"]].to_numpy(), FRAME[["b", "n"]].to_numpy())
    assert predictions(several) is None
    assert probabilities(LinearRegression()) is None


def test_a_shortcut_that_would_answer_otherwise_is_not_taken(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings()
    bundle = read_bundle(given.bundle)
    plain, differences = load(bundle, given)
    assert judge(bundle, plain, differences, given).predictor is not plain
    monkeypatch.setitem(blocks._NUMERIC, StandardScaler, lambda scaler: Scaled(scale=scaler.scale_))
    assert judge(bundle, plain, differences, given).predictor is plain


def test_a_shortcut_that_knows_fewer_categories_is_found_out(settings: Callable[..., Settings]) -> None:
    """Golden rows hold known categories alone; the rows around them show what an unknown one does."""
    given = settings()
    bundle = read_bundle(given.bundle)
    plain, _ = load(bundle, given)
    lenient, _ = load(bundle, given)
    assert isinstance(lenient, EstimatorPredictor)
    lenient.estimator[0].named_transformers_["region"].handle_unknown = "ignore"
    rows = [
        {"income": np.array([5e4]), "visits": np.array([3]), "region": np.array(["north"], dtype=object)},
    ]
    assert agrees(plain, plain, rows)
    assert not agrees(plain, lenient, rows)
