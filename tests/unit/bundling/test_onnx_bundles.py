"""Bundles of ONNX models: served over HTTP, asked by the client, compared with the session's own answers."""

from __future__ import annotations

import asyncio
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import yaml
from onnx import ModelProto, TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import (
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

import weirkeeper
from tests.corpus import onnx_models
from tests.unit.bundling.serving import served
from tests.unit.server.churn import fitted, rows
from weirkeeper.bundling import verification
from weirkeeper.bundling.errors import BundlingError, UnsuitableEstimator, UnsuitableSample
from weirkeeper_server.bundle import read_bundle
from weirkeeper_server.errors import BundleError
from weirkeeper_server.loading import judge, load
from weirkeeper_server.probed import ProbeError
from weirkeeper_server.settings import Settings

RANDOM = np.random.default_rng(12)
MATRIX = RANDOM.normal(size=(90, 3))
NUMBERS = np.arange(90) % 3
CHURN = [
    ("income", FloatTensorType([None, 1])),
    ("visits", Int64TensorType([None, 1])),
    ("region", StringTensorType([None, 1])),
]
LABELS = np.where(rows()["income"] > 50_000, "stay", "leave")
NOTES = pd.DataFrame({"note": np.array(["all well", "broken", "late and broken"])[NUMBERS]})


def converted(estimator: Any, types: Any, **options: Any) -> ModelProto:
    made: ModelProto = to_onnx(estimator, initial_types=types, options={id(estimator): options} if options else None)
    return made


def words(locale: str) -> ModelProto:
    notes, counter = NOTES.to_numpy(), CountVectorizer()
    pipeline = make_pipeline(ColumnTransformer([("note", counter, 0)]), LogisticRegression()).fit(notes, NUMBERS)
    made: ModelProto = to_onnx(
        pipeline, initial_types=[("note", StringTensorType([None, 1]))], options={CountVectorizer: {"locale": locale}}
    )
    return made


def zero_for_nothing() -> ModelProto:
    return onnx_models.model(
        [
            helper.make_node("IsNaN", ["x"], ["absent"]),
            helper.make_node("Where", ["absent", "zero", "x"], ["y"]),
        ],
        [onnx_models.value("x", ["rows"])],
        [onnx_models.value("y", ["rows"])],
        [numpy_helper.from_array(np.zeros(1, dtype=np.float32), "zero")],
    )


def passed_on(kind: int, name: str = "x") -> ModelProto:
    return onnx_models.model(
        [helper.make_node("Identity", [name], ["y"])],
        [onnx_models.value(name, ["rows"], kind)],
        [onnx_models.value("y", ["rows"], kind)],
    )


BOOSTED = GradientBoostingClassifier(n_estimators=4).fit(MATRIX, NUMBERS)
MATRIX_32 = [("input", FloatTensorType([None, 3]))]
CASES: dict[str, tuple[ModelProto, Any]] = {
    "named columns, a map by name": (converted(fitted(), CHURN), rows()),
    "named columns, a matrix": (converted(fitted(), CHURN, zipmap=False), rows()),
    "named columns, columns": (converted(fitted(), CHURN, zipmap="columns"), rows()),
    "one tensor, a map by number": (converted(BOOSTED, MATRIX_32), MATRIX),
    "one tensor of a frame": (converted(BOOSTED, MATRIX_32), pd.DataFrame(MATRIX, columns=list("abc"))),
    "one tensor of double precision": (
        converted(LinearRegression().fit(MATRIX, NUMBERS), [("input", DoubleTensorType([None, 3]))]),
        MATRIX,
    ),
    "several numbers": (converted(RandomForestRegressor(3).fit(MATRIX, MATRIX[:, :2]), MATRIX_32), MATRIX),
    "words": (words("C"), NOTES),
    "a column of booleans": (passed_on(TensorProto.BOOL), pd.DataFrame({"x": NUMBERS > 1})),
    "a column of small integers": (passed_on(TensorProto.UINT8), pd.DataFrame({"x": NUMBERS})),
    "a column of half precision": (passed_on(TensorProto.FLOAT16), pd.DataFrame({"x": MATRIX[:, 0]})),
    "a column that lacks values": (
        zero_for_nothing(),
        pd.DataFrame({"x": np.where(NUMBERS > 0, MATRIX[:, 0], np.nan)}),
    ),
}
NUMPY = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64, "tensor(bool)": np.bool_,
         "tensor(uint8)": np.uint8, "tensor(float16)": np.float16, "tensor(string)": object}  # fmt: skip


def own_answers(model: ModelProto, sample: Any) -> dict[str, Any]:
    """What onnxruntime gives by itself, asked in the plainest way."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = {}
    for one in session.get_inputs():
        values = sample[one.name] if isinstance(sample, pd.DataFrame) and one.name in sample else sample
        array: Any = np.asarray(values).astype(NUMPY[one.type])
        given[one.name] = array.reshape(len(sample), -1) if len(one.shape) == 2 else array
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, given), strict=True))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("unverified")
async def test_a_served_onnx_model_answers_as_its_session_does(name: str, tmp_path: Path) -> None:
    model, sample = CASES[name]
    bundle = weirkeeper.bundle(model, sample, path=tmp_path / "bundle")
    assert verification.refusal(bundle, ()) == ""
    async with served(bundle) as url:
        answers = await asyncio.to_thread(weirkeeper.predict, url, sample, batch_rows=40)
    for output, own in own_answers(model, sample).items():
        named = [column for column in map(str, answers) if column == output or column.startswith(f"{output}[")]
        got = answers[named].to_numpy()
        wanted = [list(row.values()) for row in own] if isinstance(own, list) else own
        _same(got, np.asarray(wanted).reshape(got.shape))
    assert answers.shape[1] >= len(own_answers(model, sample))


def _same(got: Any, wanted: Any) -> None:
    """In single precision the last bit depends on how many rows are asked about at once."""
    if wanted.dtype.kind == "f":
        assert np.allclose(got.astype(float), wanted, rtol=1e-6, atol=1e-6)
    else:
        assert got.tolist() == wanted.tolist()


@pytest.mark.parametrize("name", ["named columns, a map by name", "named columns, a matrix"])
@pytest.mark.usefixtures("unverified")
async def test_a_converted_pipeline_answers_as_the_pipeline(name: str, tmp_path: Path) -> None:
    model, sample = CASES[name]
    bundle = weirkeeper.bundle(model, sample, path=tmp_path / "bundle")
    async with served(bundle) as url:
        answers = await asyncio.to_thread(weirkeeper.predict, url, sample)
    pipeline = fitted()
    assert answers.iloc[:, 0].tolist() == pipeline.predict(sample).tolist()
    assert np.allclose(answers.iloc[:, 1:].astype(float), pipeline.predict_proba(sample), atol=1e-5)


def test_an_onnx_bundle_is_verified_in_a_process_of_its_own_and_describes_itself(tmp_path: Path) -> None:
    model, sample = CASES["named columns, a map by name"]
    path = weirkeeper.bundle(model.SerializeToString(), sample, held_out=(sample, LABELS), path=tmp_path / "bundle")
    assert {file.name for file in path.iterdir()} == {"model.onnx", "model.yaml", "profile.json", "golden.json"}
    bundle = read_bundle(path)
    manifest = bundle.manifest
    assert (manifest.runtime, manifest.platform, manifest.classes) == ("ONNX", "onnxruntime_onnx", ("leave", "stay"))
    assert set(manifest.versions) == {"onnxruntime"}
    assert {tensor.name: (tensor.datatype, tensor.shape) for tensor in manifest.signature.inputs} == {
        "income": ("FP32", (-1,)),
        "visits": ("INT64", (-1,)),
        "region": ("BYTES", (-1,)),
    }
    measured = {metric.metric: metric for metric in bundle.profile.performance}
    assert set(measured) == {"Accuracy", "Precision", "Recall", "F1", "AUC", "Brier", "LogLoss"}
    assert measured["Accuracy"].value == np.mean(fitted().predict(sample) == LABELS)


@pytest.mark.parametrize(
    ("name", "labels", "names"),
    [
        ("named columns, a matrix", LABELS, {"Accuracy", "Precision", "Recall", "F1", "AUC", "Brier", "LogLoss"}),
        ("one tensor, a map by number", NUMBERS, {"Accuracy", "Precision", "Recall", "F1", "AUC", "Brier", "LogLoss"}),
        ("one tensor of double precision", NUMBERS, {"MAE", "RMSE"}),
        ("a column of booleans", NUMBERS > 1, {"Accuracy", "Precision", "Recall", "F1"}),
        ("several numbers", NUMBERS, set()),
    ],
)
@pytest.mark.usefixtures("unverified")
def test_each_kind_has_the_metrics_that_apply(name: str, labels: Any, names: set[str], tmp_path: Path) -> None:
    model, sample = CASES[name]
    path = weirkeeper.bundle(model, sample, labels, path=tmp_path / "bundle")
    assert {metric.metric for metric in read_bundle(path).profile.performance} == names


def test_labels_of_another_type_than_the_answers_are_refused(tmp_path: Path) -> None:
    model, sample = CASES["named columns, a matrix"]
    with pytest.raises(
        UnsuitableSample, match=r"y holds 0 and the model answers '.*'; give labels as the model answers"
    ):
        weirkeeper.bundle(model, sample, np.arange(200), path=tmp_path / "bundle")


def test_one_session_answers_several_threads_at_once(made: Path) -> None:
    settings = Settings(bundle=made, model="churn", revision="churn-1")
    predictor, _ = load(read_bundle(made), settings)
    columns = {name: column.to_numpy() for name, column in rows().items()}
    columns["income"] = columns["income"].astype(np.float32)

    def ask(row: int) -> tuple[Any, list[float]]:
        answer = predictor.predict({str(name): column[row : row + 1] for name, column in columns.items()})
        return answer["output_label"][0], answer["output_probability"][0].tolist()

    alone = [ask(row) for row in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(200))) == alone


def sequence_output() -> ModelProto:
    made = onnx_models.identity([None, 2])
    made.graph.node[0].CopyFrom(helper.make_node("SequenceConstruct", ["x"], ["y"]))
    made.graph.output[0].CopyFrom(helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None))
    return made


def summed() -> ModelProto:
    return onnx_models.model(
        [helper.make_node("ReduceSum", ["x"], ["y"], keepdims=1)],
        [onnx_models.value("x", [None, 2])],
        [onnx_models.value("y", [1, 1])],
    )


TWO = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})


@pytest.mark.parametrize(
    ("model", "sample", "error", "message"),
    [
        (
            onnx_models.identity([None, 2, 2]),
            TWO,
            UnsuitableEstimator,
            r"input 'x' has shape .*; a bundle serves columns",
        ),
        (onnx_models.identity([1, 2]), TWO, UnsuitableEstimator, "takes exactly 1 rows; export the model with an open"),
        (onnx_models.identity([None, 2], TensorProto.BFLOAT16), TWO, UnsuitableEstimator, "which the protocol has no"),
        (sequence_output(), TWO, UnsuitableEstimator, r"output 'y' is seq\(tensor\(float\)\), which cannot be served"),
        (summed(), TWO, UnsuitableEstimator, r"output 'y' has shape \(1,\) for 2 rows"),
        (onnx_models.stranger(), TWO, UnsuitableEstimator, "ModelLoadFailed: model.onnx uses operator Identity"),
        (onnx_models.linear(), TWO.iloc[:0], UnsuitableSample, "the sample has no rows"),
        (onnx_models.linear(), TWO.assign(c=1), UnsuitableSample, r"has shape \(2, 3\); input 'x' takes \[rows, 2\]"),
        (converted(fitted(), CHURN), rows().drop(columns="region"), UnsuitableSample, "the sample lacks region"),
        (converted(fitted(), CHURN), MATRIX, UnsuitableSample, "the model takes columns income, visits, region"),
        (converted(fitted(), CHURN), rows().assign(region=None), UnsuitableSample, "takes strings only, none may lack"),
        (converted(fitted(), CHURN), rows().assign(visits=np.nan), UnsuitableSample, "no word for a missing value"),
        (converted(fitted(), CHURN), rows().assign(visits=0.5), UnsuitableSample, "values that do not fit into it"),
        (converted(fitted(), CHURN), rows().assign(income="a"), UnsuitableSample, "the sample does not: could not"),
        (converted(fitted(), CHURN), rows().assign(region="west"), UnsuitableEstimator, "cannot predict the sample"),
        (
            passed_on(TensorProto.FLOAT),
            pd.DataFrame({"x": [1.0, np.nan]}),
            UnsuitableEstimator,
            "NaN or infinite for row 1",
        ),
        (words("xx_XX"), NOTES, UnsuitableEstimator, "by the locale xx_XX, which is neither here"),
        (b"\x80\x05K\x01.", TWO, UnsuitableEstimator, "PickleRefused: model.onnx is a pickle"),
    ],
)
def test_what_cannot_be_served_is_refused(
    model: ModelProto | bytes, sample: Any, error: type[BundlingError], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        weirkeeper.bundle(model, sample, path=tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model, sample = CASES["named columns, a map by name"]
    return weirkeeper.bundle(model, sample, path=tmp_path_factory.mktemp("bundles") / "churn")


@pytest.fixture
def copied(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "bundle"))


def change_manifest(folder: Path, **changes: Any) -> None:
    manifest = yaml.safe_load((folder / "model.yaml").read_text())
    (folder / "model.yaml").write_text(yaml.safe_dump({**manifest, **changes}))


def remark_of(folder: Path, **changes: Any) -> str:
    settings = Settings(bundle=folder, model="churn", revision="churn-1", **changes)
    bundle = read_bundle(folder)
    predictor, differences = load(bundle, settings)
    return judge(bundle, predictor, differences, settings).remark


def test_another_onnxruntime_does_when_the_golden_requests_agree(copied: Path) -> None:
    assert remark_of(copied) == ""
    change_manifest(copied, versions={"onnxruntime": "1.2.3", "python": "3.9.1"})
    here = onnxruntime.__version__
    assert remark_of(copied).startswith(
        f"LibraryMismatch: the bundle was made with onnxruntime 1.2.3 (here {here}); the "
    )


def test_another_onnxruntime_is_the_reason_when_they_disagree(copied: Path) -> None:
    change_manifest(copied, versions={"onnxruntime": "1.2.3"})
    golden = (copied / "golden.json").read_text()
    (copied / "golden.json").write_text(golden.replace('"stay"', '"elsewhere"'))
    with pytest.raises(ProbeError, match=r"made with onnxruntime 1\.2\.3 .*expected 'elsewhere'") as caught:
        remark_of(copied)
    assert caught.value.reason == "LibraryMismatch"


@pytest.mark.parametrize("same", [True, False], ids=["the same onnxruntime", "another onnxruntime"])
def test_versions_are_to_blame_for_a_model_that_cannot_run(copied: Path, *, same: bool) -> None:
    (copied / "model.onnx").write_bytes(onnx_models.linear(opset=99).SerializeToString())
    if not same:
        change_manifest(copied, versions={"onnxruntime": "9.9.9"})
    with pytest.raises(BundleError, match="it asks for opset 99") as caught:
        remark_of(copied)
    assert caught.value.reason == ("ModelLoadFailed" if same else "LibraryMismatch")


def test_versions_are_not_to_blame_for_what_no_version_would_take(copied: Path) -> None:
    change_manifest(copied, versions={"onnxruntime": "9.9.9"})
    (copied / "model.onnx").write_bytes(onnx_models.with_external_data("w")["subgraph"].SerializeToString())
    for changes in ({}, {"parameters": {"threshold": "0.5"}}):
        with pytest.raises(BundleError) as caught:
            remark_of(copied, **changes)
        assert caught.value.reason == "ModelLoadFailed"


def test_parameters_mean_nothing_to_an_onnx_model(copied: Path) -> None:
    with pytest.raises(BundleError, match="parameters name threshold; an ONNX bundle takes no parameters"):
        remark_of(copied, parameters={"threshold": "0.5"})


@pytest.mark.parametrize(
    ("part", "number", "field", "value", "message"),
    [
        ("inputs", 0, "datatype", "FP64", "model.onnx takes income tensor.*not what model.yaml says of income"),
        ("inputs", 0, "name", "wages", "not what model.yaml says of wages, income"),
        ("inputs", 1, "shape", [-1, 2], "not what model.yaml says of visits"),
        ("outputs", 0, "name", "answer", "model.onnx gives output_label .*says of answer"),
        ("outputs", 1, "datatype", "FP64", "not what model.yaml says of output_probability"),
    ],
)
def test_a_model_that_is_not_what_its_bundle_says_is_refused(
    copied: Path, part: str, number: int, field: str, value: Any, message: str
) -> None:
    signature = yaml.safe_load((copied / "model.yaml").read_text())["signature"]
    signature[part][number][field] = value
    change_manifest(copied, signature=signature)
    with pytest.raises(BundleError, match=message) as caught:
        remark_of(copied)
    assert caught.value.reason == "ModelLoadFailed"


def test_other_classes_than_the_models_fail_the_golden_requests(copied: Path) -> None:
    change_manifest(copied, classes=["leave", "go"])
    with pytest.raises(ProbeError, match="output 'output_probability' is no tensor, nor a map"):
        remark_of(copied)


def test_the_manifest_alone_says_which_file_is_the_model(copied: Path) -> None:
    change_manifest(copied, runtime="ScikitLearn")
    with pytest.raises(BundleError, match=r"runtime ScikitLearn, which reads model\.skops, not model\.onnx"):
        read_bundle(copied)
    (copied / "model.onnx").rename(copied / "model.skops")
    with pytest.raises(BundleError, match=r"model\.skops is no skops file") as caught:
        remark_of(copied)
    assert caught.value.reason == "NotABundle"


def test_two_models_are_no_bundle(copied: Path) -> None:
    (copied / "model.skops").touch()
    with pytest.raises(BundleError, match=r"holds model\.skops and model\.onnx; a bundle has one model"):
        read_bundle(copied)
