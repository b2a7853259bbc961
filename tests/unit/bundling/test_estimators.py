"""Many kinds of estimators: bundled, served over HTTP, asked by the client, compared with their own answers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

import weirkeeper
from tests.unit.bundling.serving import served
from weirkeeper.bundling import verification

RANDOM = np.random.default_rng(8)
ROWS = 120
MATRIX = RANDOM.normal(size=(ROWS, 4))
NUMBERS = np.arange(ROWS) % 3
NAMES = np.array(["bronze", "silver", "gold"])[NUMBERS]
YES = np.where(MATRIX[:, 0] > 0, "yes", "no")
WORDS = ["late delivery", "broken box", "all well", "very well packed", "late and broken"]
FRAME = pd.DataFrame(MATRIX[:, :2], columns=["income", "debt"]).assign(
    visits=NUMBERS * 7,
    region=np.array(["north", "south", "east"])[(NUMBERS + MATRIX[:, 1].astype(int)) % 3],
    member=MATRIX[:, 2] > 0,
    note=[WORDS[row % len(WORDS)] for row in range(ROWS)],
)
LACKING = FRAME.assign(
    income=FRAME["income"].where(NUMBERS > 0), region=FRAME["region"].where(MATRIX[:, 3] > -1.0).astype(object)
)


def mixed(final: Any, **options: Any) -> Any:
    """Numbers, categories, booleans and text, each prepared in its own way."""
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["income", "debt", "visits"]),
            ("region", OneHotEncoder(handle_unknown="ignore"), ["region", "member"]),
            ("note", TfidfVectorizer(), "note"),
        ],
        **options,
    )
    return make_pipeline(columns, final)


CLASSIFIERS: dict[str, tuple[Any, Any, Any]] = {
    "mixed columns, names as classes": (mixed(LogisticRegression()), FRAME, NAMES),
    "mixed columns that lack values": (mixed(LogisticRegression()), LACKING, NAMES),
    "mixed columns, two classes": (mixed(RandomForestClassifier(5)), FRAME, YES),
    "mixed columns, dense": (mixed(LogisticRegression(), sparse_threshold=0.0), FRAME, YES),
    "mixed columns, frames within": (
        make_pipeline(
            ColumnTransformer(
                [("order", OrdinalEncoder(), ["region"]), ("rest", "passthrough", ["income", "visits"])],
                verbose_feature_names_out=False,
            ).set_output(transform="pandas"),
            HistGradientBoostingClassifier(max_iter=3),
        ),
        FRAME,
        NAMES,
    ),
    "target encoding": (
        make_pipeline(
            ColumnTransformer([("region", TargetEncoder(cv=2), ["region"])], remainder="drop"), LogisticRegression()
        ),
        FRAME,
        YES,
    ),
    "words counted": (
        make_pipeline(ColumnTransformer([("note", CountVectorizer(ngram_range=(1, 2)), "note")]), MultinomialNB()),
        FRAME,
        NAMES,
    ),
    "texts alone": (make_pipeline(TfidfVectorizer(), LogisticRegression()), FRAME["note"], NAMES),
    "a list of texts": (make_pipeline(CountVectorizer(), MultinomialNB()), FRAME["note"].tolist(), YES),
    "histogram boosting with what lacks": (
        HistGradientBoostingClassifier(max_iter=3),
        LACKING[["income", "debt", "visits"]],
        YES,
    ),
    "union of features": (
        make_pipeline(make_union(PCA(2), SelectKBest(k=2)), PolynomialFeatures(), LogisticRegression()),
        MATRIX,
        NAMES,
    ),
    "numbers as classes": (GradientBoostingClassifier(n_estimators=4), MATRIX, NUMBERS + 10),
    "booleans as classes": (DecisionTreeClassifier(max_depth=3), MATRIX, MATRIX[:, 0] > 0),
    "decimals as classes": (KNeighborsClassifier(), MATRIX, NUMBERS * 2.0),
    "calibrated": (CalibratedClassifierCV(LogisticRegression(), cv=2), MATRIX, YES),
    "stacked": (
        StackingClassifier([("tree", DecisionTreeClassifier(max_depth=2)), ("line", LogisticRegression())], cv=2),
        MATRIX,
        NAMES,
    ),
    "voting softly": (
        VotingClassifier(
            [("tree", DecisionTreeClassifier(max_depth=2)), ("near", KNeighborsClassifier())], voting="soft"
        ),
        MATRIX,
        NAMES,
    ),
    "without probabilities": (SGDClassifier(random_state=0), MATRIX, NAMES),
    "support vectors": (make_pipeline(StandardScaler(), SVC()), MATRIX, YES),
}
OTHERS: dict[str, tuple[Any, Any, Any]] = {
    "mixed columns, a number": (mixed(Ridge()), LACKING, MATRIX[:, 0]),
    "a matrix": (LinearRegression(), MATRIX, MATRIX @ [1, 2, 3, 4]),
    "a matrix of single precision": (RandomForestRegressor(4), MATRIX.astype(np.float32), MATRIX[:, 0]),
    "whole numbers": (ExtraTreesRegressor(4), np.round(MATRIX * 10).astype(np.int64), MATRIX[:, 0]),
    "counts": (HistGradientBoostingRegressor(loss="poisson", max_iter=3), MATRIX, NUMBERS),
    "several numbers": (RandomForestRegressor(4), MATRIX, MATRIX[:, :3]),
    "several numbers, each its own": (MultiOutputRegressor(Ridge()), FRAME[["income", "debt"]], MATRIX[:, 2:]),
    "several classes at once": (RandomForestClassifier(4), MATRIX, np.c_[NUMBERS, MATRIX[:, 0] > 0]),
    "a target of its own scale": (
        TransformedTargetRegressor(Ridge(), func=np.arctan, inverse_func=np.tan),
        MATRIX,
        MATRIX[:, 0],
    ),
    "bins and functions": (
        make_pipeline(FunctionTransformer(np.abs), KBinsDiscretizer(3, strategy="uniform"), Ridge()),
        MATRIX,
        MATRIX[:, 0],
    ),
    "support vectors": (make_pipeline(StandardScaler(), SVR()), FRAME[["income", "visits"]], MATRIX[:, 0]),
    "a network": (MLPRegressor(hidden_layer_sizes=(4,), max_iter=5, tol=1e9, n_iter_no_change=1), MATRIX, MATRIX[:, 0]),
    "clusters": (KMeans(3, n_init=1, random_state=0), MATRIX, None),
}


async def asked(folder: Path, features: Any) -> pd.DataFrame:
    async with served(folder) as url:
        return await asyncio.to_thread(weirkeeper.predict, url, features, batch_rows=50)


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.usefixtures("unverified")
async def test_a_served_classifier_answers_as_itself(name: str, tmp_path: Path) -> None:
    estimator, features, labels = CLASSIFIERS[name]
    bundle = weirkeeper.bundle(estimator.fit(features, labels), features, path=tmp_path / "bundle")
    assert verification.refusal(bundle, ()) == ""
    answers = await asked(bundle, features)
    assert answers["predict"].tolist() == estimator.predict(features).tolist()
    assert hasattr(estimator, "predict_proba") == (answers.shape[1] > 1)
    if hasattr(estimator, "predict_proba"):
        likely = answers.drop(columns="predict").to_numpy(dtype=np.float64)
        assert np.allclose(likely, estimator.predict_proba(features), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.usefixtures("unverified")
async def test_a_served_estimator_answers_as_itself(name: str, tmp_path: Path) -> None:
    estimator, features, labels = OTHERS[name]
    bundle = weirkeeper.bundle(estimator.fit(features, labels), features, path=tmp_path / "bundle")
    assert verification.refusal(bundle, ()) == ""
    answers = (await asked(bundle, features)).to_numpy(dtype=np.float64)
    own = np.asarray(estimator.predict(features), dtype=np.float64).reshape(ROWS, -1)
    assert np.allclose(answers, own, rtol=1e-9, atol=1e-12)
