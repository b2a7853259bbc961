"""`model.skops`: what is opened, and what is refused before it is."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
    VotingRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from tests.corpus import artifacts, forging
from weirkeeper_server import skops_file
from weirkeeper_server.errors import BundleError

RANDOM = np.random.default_rng(3)
MATRIX = RANDOM.normal(size=(60, 4))
CLASSES = (MATRIX[:, 0] > 0).astype(int)
FRAME = pd.DataFrame(MATRIX, columns=list("abcd")).assign(
    kind=np.where(CLASSES, "old", "new"), words=np.where(CLASSES, "some words", "other words")
)
MIXED = ColumnTransformer(
    [
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["a", "b"]),
        ("kind", OneHotEncoder(handle_unknown="ignore"), ["kind"]),
        ("order", OrdinalEncoder(), ["kind"]),
        ("target", TargetEncoder(cv=2), ["kind"]),
        ("words", TfidfVectorizer(), "words"),
    ]
)
ESTIMATORS: dict[str, Any] = {
    "mixed columns": make_pipeline(MIXED, LogisticRegression()),
    "forest": RandomForestClassifier(3),
    "extra trees": ExtraTreesRegressor(3),
    "boosting": GradientBoostingClassifier(n_estimators=3),
    "histogram boosting": HistGradientBoostingClassifier(max_iter=3),
    "histogram boosting, categories": HistGradientBoostingRegressor(max_iter=3, categorical_features=[3]),
    "isolation": IsolationForest(n_estimators=3),
    "calibration": CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2),
    "stack": StackingClassifier([("tree", DecisionTreeClassifier()), ("line", LogisticRegression())], cv=2),
    "vote": VotingRegressor([("ridge", Ridge()), ("line", LinearRegression())]),
    "selection": make_pipeline(make_union(SelectKBest(k=2), TruncatedSVD(2)), LogisticRegression()),
    "function": make_pipeline(FunctionTransformer(np.abs), KBinsDiscretizer(3, strategy="uniform"), Ridge()),
    "splines": make_pipeline(SplineTransformer(), Ridge()),
    "kernels": GaussianProcessRegressor(RBF() + WhiteKernel()),
    "neighbours": make_pipeline(KNNImputer(), KNeighborsClassifier(metric="manhattan", algorithm="ball_tree")),
    "network": MLPClassifier(3, max_iter=3, tol=1e9, n_iter_no_change=1),
    "vectors": SVC(),
    "counts": make_pipeline(FunctionTransformer(np.abs), MultinomialNB()),
}


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scikit_learns_own_types_need_no_trust(name: str) -> None:
    features = FRAME if name == "mixed columns" else np.c_[MATRIX[:, :3], np.round(np.abs(MATRIX[:, 3]))]
    estimator = ESTIMATORS[name].fit(features, CLASSES)
    loaded = skops_file.load(skops.io.dumps(estimator), "model.skops", ())
    assert np.array_equal(loaded.predict(features), estimator.predict(features))


PICKLES = tuple(artifacts.evil_pickles(Path("unused")))


@pytest.mark.parametrize("kind", PICKLES)
def test_a_pickle_is_refused_whatever_it_is_called(kind: str, tmp_path: Path) -> None:
    trace = tmp_path / "opened"
    with pytest.raises(BundleError, match="which can run any code and is never opened here") as refused:
        skops_file.load(artifacts.evil_pickles(trace)[kind], "model.skops", ())
    assert refused.value.reason == "PickleRefused"
    assert not trace.exists()


@pytest.mark.parametrize("data", [b"", b"not a model", b"\x7fELF" + bytes(100), b'{"a": 1}'])
def test_what_is_no_zip_is_no_bundle(data: bytes) -> None:
    with pytest.raises(BundleError) as refused:
        skops_file.load(data, "model.skops", ())
    assert refused.value.reason == "NotABundle"


class Mine:
    def predict(self, features: Any) -> Any:
        return features


def test_an_untrusted_type_is_named() -> None:
    with pytest.raises(BundleError, match=r"holds .*\.Mine, not on the list of scikit-learn's own types") as refused:
        skops_file.load(skops.io.dumps(Mine()), "model.skops", ())
    assert refused.value.reason == "UntrustedType"


def test_a_type_that_the_model_trusts_is_loaded() -> None:
    data = skops.io.dumps(Mine())
    assert skops_file.load(data, "model.skops", skops.io.get_untrusted_types(data=data)).__class__.__name__ == "Mine"


@pytest.mark.parametrize(
    ("module", "name"), [("os", "system"), ("builtins", "eval"), ("numpy", "load"), ("subprocess", "Popen")]
)
def test_a_function_that_a_forged_file_names_is_untrusted(module: str, name: str) -> None:
    data = artifacts.skops_file(artifacts.function_schema(module, name))
    with pytest.raises(BundleError, match=f"holds {module}.{name}") as refused:
        skops_file.load(data, "model.skops", ())
    assert refused.value.reason == "UntrustedType"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (artifacts.swollen(), "unpacks to more than 1000 times its size"),
        (artifacts.duplicated_names(), "two members of the same name"),
        (artifacts.skops_file({}, {"../escaped.npy": b""}), "a member with a path"),
        (artifacts.skops_file({}, {"/etc/escaped.npy": b""}), "a member with a path"),
        (artifacts.skops_file({}, {"..\\escaped.npy": b""}), "a member with a path"),
        (artifacts.skops_file({}), "cannot be read"),
        (artifacts.skops_file({"__class__": "dict", "__module__": "builtins", "__loader__": "Nothing"}), "cannot be"),
    ],
)
def test_a_forged_archive_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(BundleError, match=message) as refused:
        skops_file.load(data, "model.skops", ())
    assert refused.value.reason == "ModelLoadFailed"


def test_an_archive_of_very_many_members_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weirkeeper_server.skops_zip.MOST_MEMBERS", 50)
    data = artifacts.skops_file({}, {f"{number}.npy": b"" for number in range(50)})
    with pytest.raises(BundleError, match="has 51 members"):
        skops_file.load(data, "model.skops", ())


def test_a_zip_without_schema_is_no_bundle() -> None:
    with pytest.raises(BundleError, match=r"has no schema\.json") as refused:
        skops_file.load(artifacts.zip_with("readme"), "model.skops", ())
    assert refused.value.reason == "NotABundle"


def forged_tree(**columns: int) -> bytes:
    tree = DecisionTreeClassifier(max_depth=2).fit(MATRIX, CLASSES)
    for column, value in columns.items():
        getattr(tree.tree_, column)[0] = value
    return bytes(skops.io.dumps(tree))


@pytest.mark.parametrize(
    "columns",
    [{"children_left": 10**6}, {"children_right": 10**6}, {"children_left": 0}, {"feature": 10**6}, {"feature": -9}],
)
def test_a_tree_that_points_outside_itself_is_refused(columns: dict[str, int]) -> None:
    with pytest.raises(BundleError, match="whose nodes point outside it"):
        skops_file.load(forged_tree(**columns), "model.skops", ())


@pytest.mark.parametrize(("column", "value"), [("left", 10**6), ("right", 0), ("feature_idx", 10**6)])
def test_a_boosted_tree_that_points_outside_itself_is_refused(column: str, value: int) -> None:
    boosted = HistGradientBoostingClassifier(max_iter=2).fit(MATRIX, CLASSES)
    boosted._predictors[1][0].nodes[column][0] = value
    with pytest.raises(BundleError, match="whose nodes point outside it"):
        skops_file.load(skops.io.dumps(boosted), "model.skops", ())


def test_a_forest_whose_second_tree_reads_further_than_the_first_is_refused() -> None:
    forest = RandomForestClassifier(2).fit(MATRIX, CLASSES)
    forest.estimators_[1].fit(np.tile(MATRIX, 3), CLASSES)
    with pytest.raises(BundleError, match="whose nodes point outside it"):
        skops_file.load(skops.io.dumps(forest), "model.skops", ())


def test_the_file_is_read_from_memory_alone() -> None:
    data = skops.io.dumps(LinearRegression().fit(MATRIX, CLASSES))
    buffer = io.BytesIO(data)
    assert skops_file.load(buffer.getvalue(), "/nowhere/model.skops", ()).n_features_in_ == MATRIX.shape[1]


@pytest.mark.parametrize("change", [forging.damaged, forging.forged])
@pytest.mark.parametrize("kind", ["forest", "mixed columns"])
def test_a_file_that_was_tampered_with_is_loaded_or_refused_and_nothing_else(
    kind: str, change: Callable[[bytes, random.Random], bytes]
) -> None:
    data = skops.io.dumps(ESTIMATORS[kind].fit(FRAME if kind == "mixed columns" else MATRIX, CLASSES))
    chance = random.Random(7)
    reasons = set()
    for _ in range(60):
        try:
            skops_file.load(change(data, chance), "model.skops", ())
        except BundleError as error:
            reasons.add(error.reason)
    assert "ModelLoadFailed" in reasons


def test_a_header_that_is_no_python_is_refused() -> None:
    header = forging.npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,")
    data = artifacts.skops_file(forging.array_schema("a.npy"), {"a.npy": header})
    with pytest.raises(BundleError, match=r"model\.skops cannot be read") as refused:
        skops_file.load(data, "model.skops", ())
    assert refused.value.reason == "ModelLoadFailed"
