"""What computes: the same answers and the same refusals as scikit-learn's own, for every kind of estimator."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import ensemble, linear_model, svm
from sklearn.compose import ColumnTransformer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.unit.server.agreeing import agrees
from weirkeeper.api.bundle import Signature, Tensor
from weirkeeper_server import choosing
from weirkeeper_server.choosing import Choice, choose
from weirkeeper_server.estimator import PREPARED, EstimatorPredictor
from weirkeeper_server.fitted.finals import last_plan
from weirkeeper_server.recorded.document import NotRecorded
from weirkeeper_server.recorded.making import shortcut_file
from weirkeeper_server.shortcuts import shallow_trees, tree_graph, trees
from weirkeeper_server.shortcuts.plan import Trees
from weirkeeper_server.shortcuts.predicting import ShortcutPredictor
from weirkeeper_server.tensors import Columns, datatype_of

RANDOM = np.random.default_rng(5)
WIDTH = 4
MATRIX = RANDOM.normal(size=(150, WIDTH)) * [1.0, 50.0, 1e-3, 1e4]
TWO = np.where(MATRIX[:, 0] + MATRIX[:, 1] / 50 > 0, "yes", "no")
THREE = np.digitize(MATRIX[:, 0] * MATRIX[:, 2] + 1e-3 * MATRIX[:, 1], [-0.02, 0.02])
NUMBER = MATRIX[:, 0] + 0.1 * MATRIX[:, 1]


def signature(estimator: Any, datatype: Any = "FP64", width: int = WIDTH) -> Signature:
    some = np.zeros((1, width))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outputs = [("predict", np.asarray(estimator.predict(some)))]
        if hasattr(estimator, "predict_proba"):
            outputs.append(("predict_proba", estimator.predict_proba(some)))
    told = tuple(Tensor(name=n, datatype=datatype_of(a.dtype), shape=(-1, *a.shape[1:])) for n, a in outputs)
    return Signature(inputs=(Tensor(name="input", datatype=datatype, shape=(-1, width)),), outputs=told)


def golden(count: int = 8, dtype: Any = np.float64) -> list[Columns]:
    return [{"input": MATRIX[row : row + 1].astype(dtype)} for row in range(count)]


@dataclass(frozen=True)
class Case:
    make: Callable[[], Any]
    labels: Any
    by: str


TREES = {"n_estimators": 12, "random_state": 1}
ROUNDS = {"max_iter": 12, "random_state": 1}
NUMPY, DEEP, SHALLOW = "numpy", "onnxruntime", "compiled"
CASES: dict[str, Case] = {
    "logistic": Case(lambda: linear_model.LogisticRegression(max_iter=5000), TWO, NUMPY),
    "logistic of three": Case(lambda: make_pipeline(StandardScaler(), linear_model.LogisticRegression()), THREE, NUMPY),
    "logistic scaled otherwise": Case(
        lambda: make_pipeline(RobustScaler(), MinMaxScaler(), linear_model.LogisticRegression()), TWO, NUMPY
    ),
    "ridge of classes": Case(linear_model.RidgeClassifier, THREE, NUMPY),
    "support vectors on a line": Case(lambda: make_pipeline(StandardScaler(), svm.LinearSVC()), TWO, NUMPY),
    "least squares": Case(linear_model.LinearRegression, NUMBER, NUMPY),
    "ridge": Case(lambda: make_pipeline(StandardScaler(with_mean=False), linear_model.Ridge()), NUMBER, NUMPY),
    "lasso": Case(linear_model.Lasso, NUMBER, NUMPY),
    "tree": Case(lambda: DecisionTreeClassifier(max_depth=5), THREE, SHALLOW),
    "tree of one leaf": Case(lambda: DecisionTreeRegressor(max_depth=1, min_samples_leaf=120), NUMBER, DEEP),
    "forest": Case(lambda: ensemble.RandomForestClassifier(**TREES), TWO, DEEP),
    "shallow forest": Case(lambda: ensemble.RandomForestClassifier(max_depth=4, **TREES), THREE, SHALLOW),
    "shallow forest of numbers": Case(
        lambda: ensemble.ExtraTreesRegressor(13, max_depth=2, random_state=1), NUMBER, SHALLOW
    ),
    "forest of three": Case(lambda: ensemble.ExtraTreesClassifier(**TREES), THREE, DEEP),
    "forest of numbers": Case(
        lambda: make_pipeline(StandardScaler(), ensemble.RandomForestRegressor(**TREES)), NUMBER, DEEP
    ),
    "boosted": Case(lambda: ensemble.GradientBoostingClassifier(**TREES), TWO, SHALLOW),
    "boosted from zero": Case(
        lambda: ensemble.GradientBoostingClassifier(init="zero", loss="exponential", **TREES), TWO, SHALLOW
    ),
    "boosted of three": Case(lambda: ensemble.GradientBoostingClassifier(**TREES), THREE, SHALLOW),
    "boosted of numbers": Case(lambda: ensemble.GradientBoostingRegressor(**TREES), NUMBER, SHALLOW),
    "binned": Case(lambda: ensemble.HistGradientBoostingClassifier(**ROUNDS), TWO, SHALLOW),
    "binned of three": Case(lambda: ensemble.HistGradientBoostingClassifier(**ROUNDS), THREE, SHALLOW),
    "binned of counts": Case(
        lambda: ensemble.HistGradientBoostingRegressor(loss="poisson", **ROUNDS), np.abs(NUMBER), SHALLOW
    ),
}


WAYS = [
    *((name, case.by) for name, case in CASES.items()),
    *((name, DEEP) for name, case in CASES.items() if case.by == SHALLOW),
]


@pytest.fixture(scope="module")
def fitted() -> dict[str, Any]:
    return {name: case.make().fit(MATRIX, case.labels) for name, case in CASES.items()}


def ways(*names: str) -> list[tuple[str, str]]:
    return [(name, by) for name, by in WAYS if name in names]


def way_of(estimator: Any, by: str, datatype: Any = "FP64") -> tuple[EstimatorPredictor, ShortcutPredictor]:
    """Give an estimator and what computes it by that name: shallow trees by onnxruntime where nothing was compiled."""
    plain = EstimatorPredictor(estimator, signature(estimator, datatype), {})
    with pytest.MonkeyPatch.context() as patch:
        if by == DEEP:
            patch.setattr(shallow_trees, "LIBRARY", None)
        quick = plain.shortcuts()[by]
    assert isinstance(quick, ShortcutPredictor)
    return plain, quick


@pytest.mark.parametrize("name", CASES)
def test_each_estimator_has_the_way_that_is_known_for_it(name: str, fitted: dict[str, Any]) -> None:
    estimator = fitted[name]
    ways = EstimatorPredictor(estimator, signature(estimator), {}).shortcuts()
    assert [by for by, way in ways.items() if isinstance(way, ShortcutPredictor)] == [CASES[name].by]


@pytest.mark.parametrize(("name", "by"), WAYS)
def test_it_answers_like_the_estimator_also_at_its_thresholds(name: str, by: str, fitted: dict[str, Any]) -> None:
    plain, quick = way_of(fitted[name], by)
    assert agrees(plain, quick, golden())
    assert plain.agrees_at_edges(quick, golden())


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize(("name", "by"), ways("logistic of three", "ridge", "forest of numbers", "boosted", "binned"))
def test_single_precision_is_computed_as_scikit_learn_computes_it(name: str, by: str, fitted: dict[str, Any]) -> None:
    plain, quick = way_of(fitted[name], by, "FP32")
    assert agrees(plain, quick, golden(dtype=np.float32))


VALUES = st.one_of(
    st.floats(-1e5, 1e5),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, np.nan, np.inf, -np.inf, 1e300, -1e-320, 3.5e38]),
)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.lists(VALUES, min_size=WIDTH, max_size=WIDTH), min_size=1, max_size=3))
@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("logistic", "numpy"),
        ("logistic of three", "numpy"),
        ("lasso", "numpy"),
        ("forest", "onnxruntime"),
        ("boosted of three", "onnxruntime"),
        ("boosted of three", "compiled"),
        ("shallow forest", "compiled"),
        ("binned", "onnxruntime"),
        ("binned", "compiled"),
    ],
)
def test_any_row_is_answered_or_refused_as_the_estimator_does(
    name: str, by: str, fitted: dict[str, Any], rows: list[list[float]]
) -> None:
    plain, quick = way_of(fitted[name], by)
    got, wanted = _said(quick, rows), _said(plain, rows)
    if isinstance(got, str) or isinstance(wanted, str):
        assert got == wanted
        return
    assert got["predict"].dtype == wanted["predict"].dtype
    for output, array in wanted.items():
        if array.dtype.kind == "f":
            np.testing.assert_allclose(got[output], array, rtol=1e-9, atol=1e-12)
        else:
            assert got[output].tolist() == array.tolist()


def _said(predictor: Any, rows: Sequence[Sequence[float]]) -> Any:
    try:
        return predictor.predict({"input": np.array(rows)})
    except ValueError:
        return "refused"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "by"), ways("tree", "forest", "boosted", "shallow forest", "binned"))
def test_each_neighbour_of_each_threshold_goes_the_same_way(
    name: str, by: str, dtype: Any, fitted: dict[str, Any]
) -> None:
    rows = trees.threshold_rows(trees_of(fitted[name]), MATRIX[:5], most=10_000).astype(dtype)
    assert len(rows) >= 30
    plain, quick = way_of(fitted[name], by)
    wanted = plain.predict({"input": rows.astype(np.float64)})
    got = quick.predict({"input": rows.astype(np.float64)})
    assert got["predict"].tolist() == wanted["predict"].tolist()
    np.testing.assert_allclose(got["predict_proba"], wanted["predict_proba"], rtol=1e-12)


@pytest.mark.parametrize("name", ["boosted of three", "shallow forest", "shallow forest of numbers", "binned"])
def test_rows_of_several_parts_are_answered_as_each_by_itself(name: str, fitted: dict[str, Any]) -> None:
    plain, quick = way_of(fitted[name], SHALLOW)
    rows = np.where(RANDOM.random(MATRIX.shape) < 0.1, np.nan, MATRIX) if name == "binned" else MATRIX
    assert len(rows) > 128
    assert agrees(plain, quick, [{"input": rows[:count]} for count in (1, 6, 7, 63, 64, 65, 128, len(rows))])


@pytest.mark.parametrize("levels", range(1, 8))
def test_trees_of_each_number_of_levels_are_walked(levels: int) -> None:
    forest = ensemble.RandomForestRegressor(5, max_depth=levels, random_state=1).fit(MATRIX, NUMBER)
    depths = {tree.get_depth() for tree in forest.estimators_}
    assert max(depths) == levels
    by = SHALLOW if levels <= 6 else DEEP
    plain, quick = way_of(forest, by)
    assert agrees(plain, quick, [{"input": MATRIX}])
    assert plain.agrees_at_edges(quick, golden())


def test_a_question_at_which_missing_values_go_astray_is_found_out(
    fitted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = shallow_trees.sums

    def astray(plan: Trees) -> Any:
        return walk(plan.model_copy(update={"lacking_left": ~plan.lacking_left}))

    monkeypatch.setattr(trees, "shallow_sums", astray)
    plain, quick = way_of(fitted["binned"], SHALLOW)
    assert not plain.agrees_at_edges(quick, golden())


@pytest.mark.parametrize("by", [DEEP, SHALLOW])
def test_a_walk_that_rounds_its_thresholds_is_found_out(
    by: str, fitted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What converters to single precision do: far from every threshold nothing is to be seen of it."""
    for module, name in ((tree_graph, "sums"), (trees, "shallow_sums")):
        walk = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda plan, walk=walk: walk(plan.model_copy(update={"threshold": rounded(plan)}))
        )
    plain, quick = way_of(fitted["binned"], by)
    assert not plain.agrees_at_edges(quick, golden())


def rounded(plan: Trees) -> Any:
    return plan.threshold.astype(np.float16).astype(float)


def trees_of(estimator: Any) -> Trees:
    plan = last_plan(estimator)
    assert isinstance(plan, Trees)
    return plan


def mixed(unknown: str) -> tuple[Pipeline, Signature, list[Columns]]:
    frame = pd.DataFrame(MATRIX, columns=[f"n{number}" for number in range(WIDTH)])
    frame["kind of"] = RANDOM.choice(["a", "b:c", "ä"], len(frame))
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), [f"n{number}" for number in range(WIDTH)]),
            ("kinds", OneHotEncoder(handle_unknown=unknown), ["kind of"]),
        ]
    )
    pipeline = make_pipeline(columns, linear_model.LogisticRegression()).fit(frame, TWO)
    inputs = tuple(
        Tensor(name=str(name), datatype="BYTES" if name == "kind of" else "FP64", shape=(-1,)) for name in frame
    )
    told = Signature(inputs=inputs, outputs=signature(linear_model.LogisticRegression().fit(MATRIX, TWO)).outputs)
    arrays = {str(name): frame[name].to_numpy() for name in frame}
    arrays["kind of"] = arrays["kind of"].astype(object)
    return pipeline, told, [{name: array[row : row + 1] for name, array in arrays.items()} for row in range(6)]


@pytest.mark.parametrize("unknown", ["error", "ignore"])
def test_mixed_columns_are_computed_by_numpy_and_refused_alike(unknown: str) -> None:
    pipeline, told, rows = mixed(unknown)
    plain = EstimatorPredictor(pipeline, told, {})
    choice = choose(plain, "scikit-learn", rows)
    assert choice.taken[1] == "numpy"
    strange = {**rows[0], "kind of": np.array(["never seen"], dtype=object)}
    if unknown == "error":
        with pytest.raises(ValueError, match="unknown categories"):
            choice.predictor.predict(strange)
    else:
        assert agrees(plain, choice.predictor, [*rows, strange])


@pytest.mark.parametrize("threshold", ["0.2", "0.5", "0.9"])
def test_a_threshold_is_kept_to(threshold: str, fitted: dict[str, Any]) -> None:
    estimator = fitted["logistic"]
    plain = EstimatorPredictor(estimator, signature(estimator), {"threshold": threshold})
    quick = plain.shortcuts()["numpy"]
    assert agrees(plain, quick, golden(40))
    assert plain.agrees_at_edges(quick, golden())


def test_what_is_not_known_is_computed_by_scikit_learn() -> None:
    estimator = KNeighborsClassifier().fit(MATRIX, TWO)
    plain = EstimatorPredictor(estimator, signature(estimator), {})
    choice = choose(plain, "scikit-learn", golden())
    assert choice.predictor is plain
    assert choice.described()["computed_by"] == "scikit-learn"
    assert "no shortcut is known" in choice.reason
    assert choice.together


def test_without_golden_requests_nothing_is_proven(fitted: dict[str, Any]) -> None:
    plain = EstimatorPredictor(fitted["forest"], signature(fitted["forest"]), {})
    choice = choose(plain, "scikit-learn", [])
    assert (choice.predictor, choice.loop_rows, choice.together) == (plain, 0, False)
    assert "no golden requests" in choice.reason


class Timed:
    """A predictor that seems to take `first` seconds, and `each` more for every row."""

    now = 0.0

    def __init__(self, first: float, each: float, *shortcuts: Timed) -> None:
        self.signature = signature(linear_model.LinearRegression().fit(MATRIX, NUMBER))
        self._first, self._each, self._shortcuts = first, each, shortcuts

    def predict(self, inputs: Columns) -> Any:
        Timed.now += self._first + self._each * len(inputs["input"])
        return {"predict": inputs["input"].sum(axis=1)}

    def shortcuts(self) -> dict[str, Any]:
        return {f"quick {number}": quick for number, quick in enumerate(self._shortcuts)}

    def agrees_at_edges(self, _: Any, __: Any) -> bool:
        return True


def timed(predictor: Any) -> Choice:
    return choose(predictor, "plain", golden(), clock=lambda: Timed.now)


def test_each_size_of_batch_is_computed_by_what_is_quickest_there() -> None:
    choice = timed(Timed(90e-6, 0.25e-6, Timed(5e-6, 1e-6)))
    assert choice.taken == {1: "quick 0", 128: "plain"}
    assert "one row took plain 90 µs, quick 0 6 µs" in choice.reason
    assert choice.described()["computed_by"].startswith("quick 0, plain from ")


def test_batches_are_measured_by_rows_that_are_not_known_by_heart() -> None:
    seen: list[Any] = []

    class Noting(Timed):
        def predict(self, inputs: Columns) -> Any:
            seen.append(inputs["input"])
            return super().predict(inputs)

    timed(Noting(1e-6, 1e-9))
    largest = max(seen, key=len)
    assert len(largest) == choosing.SIZES[-1]
    assert len(np.unique(largest, axis=0)) > 500
    for column in range(WIDTH):
        assert set(largest[:, column]) == set(MATRIX[:8, column])


@pytest.mark.parametrize(
    ("first", "each", "rows"), [(2e-3, 0.0, 0), (0.0, 1e-3, 1), (0.0, 10e-6, 100), (1e-6, 0.0, choosing.SIZES[-1])]
)
def test_as_many_rows_are_predicted_in_the_loop_as_hold_it_for_a_moment(first: float, each: float, rows: int) -> None:
    assert timed(Timed(first, each)).loop_rows == pytest.approx(rows, abs=1)


def test_other_work_on_the_machine_leaves_the_measure_as_it_is() -> None:
    """Of five calls, four wait for the processor."""

    class Interrupted(Timed):
        calls = 0

        def predict(self, inputs: Columns) -> Any:
            self.calls += 1
            Timed.now += 0.02 if self.calls % 5 else 0.0
            return super().predict(inputs)

    assert timed(Interrupted(0.0, 10e-6)).loop_rows == pytest.approx(100, abs=1)


def test_a_model_whose_rows_depend_on_each_other_is_given_one_request_at_a_time() -> None:
    class Ranked(Timed):
        def predict(self, inputs: Columns) -> Any:
            return {"predict": inputs["input"].sum(axis=1).argsort()}

    choice = timed(Ranked(0, 0))
    assert not choice.together
    assert choice.described()["batches"] == "of one request"


def test_a_model_that_takes_one_row_only_is_measured_by_that() -> None:
    class Single(Timed):
        def predict(self, inputs: Columns) -> Any:
            if len(inputs["input"]) > 1:
                raise ValueError("Got invalid dimensions: expected 1")
            return super().predict(inputs)

    choice = timed(Single(1e-4, 0))
    assert not choice.together
    assert choice.loop_rows >= 1


@pytest.mark.parametrize("lacking", ["onnxruntime refuses the graph", "there is no onnxruntime"])
def test_what_cannot_be_converted_is_computed_by_scikit_learn_which_is_told(
    lacking: str, fitted: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: Any) -> Any:
        raise RuntimeError(lacking)

    if lacking == "there is no onnxruntime":
        monkeypatch.setitem(sys.modules, "weirkeeper_server.shortcuts.tree_graph", None)
    else:
        monkeypatch.setattr(tree_graph, "sums", refuse)
    plain = EstimatorPredictor(fitted["forest"], signature(fitted["forest"]), {})
    choice = choose(plain, "scikit-learn", golden())
    assert choice.predictor is plain
    assert choice.described()["computed_by"] == "scikit-learn"
    assert choice.reason.startswith("no shortcut could be made: ")
    assert "no shortcut could be made" in caplog.text
    with pytest.raises(NotRecorded, match="it cannot be computed here"):
        shortcut_file(plain, skops.io.dumps(fitted["forest"]), golden(), {})


def test_what_would_answer_otherwise_is_told_and_not_taken(fitted: dict[str, Any]) -> None:
    class Otherwise(EstimatorPredictor):
        def shortcuts(self) -> dict[str, Any]:
            return {PREPARED: EstimatorPredictor(fitted["logistic"], self.signature, {"threshold": "0.99"})}

    plain = Otherwise(fitted["logistic"], signature(fitted["logistic"]), {})
    choice = choose(plain, "scikit-learn", golden(40))
    assert choice.predictor is plain
    assert choice.refused == (PREPARED,)
    assert f"{PREPARED} would answer otherwise" in choice.reason
