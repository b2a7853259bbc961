"""Reading, loading and probing bundles."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.corpus import artifacts
from weirkeeper.api.bundle import GoldenRequest
from weirkeeper_server.bundle import FETCHED_FILE, Bundle, read_bundle
from weirkeeper_server.digest import digest_of
from weirkeeper_server.errors import BundleError
from weirkeeper_server.loading import LoadedModel, load_model
from weirkeeper_server.probed import ProbeError
from weirkeeper_server.settings import Settings


@pytest.fixture
def copied(bundle_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))


def loaded(settings: Settings) -> LoadedModel:
    return load_model(read_bundle(settings.bundle), settings)


def refused(folder: Path) -> BundleError:
    with pytest.raises(BundleError) as caught:
        read_bundle(folder)
    return caught.value


def test_a_bundle_is_read_without_opening_the_model(copied: Path) -> None:
    (copied / "model.skops").write_bytes(b"never opened")
    bundle = read_bundle(copied)
    assert bundle.model == b"never opened"
    assert [tensor.name for tensor in bundle.manifest.signature.inputs] == ["income", "visits", "region"]
    assert bundle.sha256 == digest_of(copied)


@pytest.mark.parametrize("name", ["model.skops", "model.yaml", "profile.json", "golden.json"])
def test_a_folder_without_one_of_its_files_is_no_bundle(copied: Path, name: str) -> None:
    (copied / name).unlink()
    error = refused(copied)
    assert error.reason == "NotABundle"
    assert str(error).partition(" lacks")[0] == name.replace("model.skops", "model.skops or model.onnx")


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.PKL.gz"])
def test_a_pickle_in_place_of_a_model_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(artifacts.evil_pickles(tmp_path / "opened")["protocol 5"])
    assert refused(tmp_path).reason == "PickleRefused"
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.yaml", "runtime: Keras", "model.yaml does not follow its schema"),
        ("model.yaml", "{", "model.yaml does not follow its schema"),
        ("model.yaml", "!!python/object/apply:os.system [true]", "model.yaml does not follow its schema"),
        ("profile.json", "[]", "profile.json is no JSON object"),
        ("profile.json", "{}", "profile.json does not follow its schema"),
        ("profile.json", " " * 300_000, "more than 262144"),
        ("golden.json", '[{"request": {}}]', "golden.json does not follow its schema"),
    ],
)
def test_a_file_that_does_not_follow_its_schema_is_named(copied: Path, name: str, content: str, message: str) -> None:
    (copied / name).write_text(content)
    error = refused(copied)
    assert error.reason == "NotABundle"
    assert message in str(error)


def test_files_that_changed_after_they_were_fetched_are_not_loaded(copied: Path) -> None:
    (copied / FETCHED_FILE).write_text(json.dumps({"sha256": "a" * 64, "folder": digest_of(copied)}))
    assert read_bundle(copied).sha256 == "a" * 64
    (copied / "golden.json").write_text("[]")
    error = refused(copied)
    assert error.reason == "ModelLoadFailed"
    assert "not those that were fetched" in str(error)


def test_golden_requests_pass_on_the_model_they_came_with(settings: Callable[..., Settings]) -> None:
    model = loaded(settings())
    assert model.probed.failures == ()
    assert model.probed.passed == len(model.bundle.golden) >= 8
    assert model.remark == ""


def change_golden(folder: Path, output: str, change: Callable[[Any], Any]) -> None:
    golden = json.loads((folder / "golden.json").read_text())
    for expected in golden[2]["expect"]["outputs"]:
        if expected["name"] == output:
            expected["data"] = change(expected["data"])
    (folder / "golden.json").write_text(json.dumps(golden))


@pytest.mark.parametrize(
    ("output", "change", "message"),
    [
        ("predict", lambda _: ["elsewhere"], "output predict: expected 'elsewhere', got '"),
        ("predict_proba", lambda data: [data[0] + 2e-6, data[1]], "output predict_proba: expected"),
        ("predict_proba", lambda data: data[:1], "output predict_proba: expected 1 values, got 2"),
    ],
)
def test_another_answer_names_the_request_and_both_values(
    copied: Path, settings: Callable[..., Settings], output: str, change: Callable[[Any], Any], message: str
) -> None:
    change_golden(copied, output, change)
    with pytest.raises(ProbeError, match=r"1 of \d+ golden requests failed: golden request row 2: ") as caught:
        loaded(settings(bundle=copied))
    assert caught.value.reason == "ProbeFailed"
    assert message in str(caught.value)


def test_an_answer_within_the_tolerance_passes(copied: Path, settings: Callable[..., Settings]) -> None:
    change_golden(copied, "predict_proba", lambda data: [data[0] + 5e-7, data[1]])
    assert loaded(settings(bundle=copied)).probed.failures == ()


def probe_of(bundle: Bundle, **changes: Any) -> GoldenRequest:
    return GoldenRequest.model_validate({**bundle.golden[0].to_json(), **changes})


def test_the_models_own_probes_are_asked_as_well(settings: Callable[..., Settings], bundle_folder: Path) -> None:
    unanswerable = probe_of(read_bundle(bundle_folder), name="empty", request={"inputs": []})
    with pytest.raises(ProbeError, match="probe empty: the request is refused: missing input 'income'"):
        loaded(settings(probe=(unanswerable,)))


def test_a_model_that_raises_on_a_golden_request_fails_its_probe(
    settings: Callable[..., Settings], bundle_folder: Path
) -> None:
    request = json.loads(json.dumps(read_bundle(bundle_folder).golden[0].request.to_json()))
    request["inputs"][2]["data"] = ["west"]
    unknown = probe_of(read_bundle(bundle_folder), request=request)
    with pytest.raises(ProbeError, match="probe row 0: the model raised ValueError: Found unknown categories"):
        loaded(settings(probe=(unknown,)))


def make_older(folder: Path) -> None:
    manifest = yaml.safe_load((folder / "model.yaml").read_text())
    manifest["versions"]["scikit-learn"] = "1.2.3"
    (folder / "model.yaml").write_text(yaml.safe_dump(manifest))


def test_other_versions_do_when_the_golden_requests_agree(copied: Path, settings: Callable[..., Settings]) -> None:
    make_older(copied)
    assert loaded(settings(bundle=copied)).remark.startswith("LibraryMismatch: the bundle was made with scikit-learn")


def test_other_versions_are_the_reason_when_the_golden_requests_disagree(
    copied: Path, settings: Callable[..., Settings]
) -> None:
    make_older(copied)
    change_golden(copied, "predict", lambda _: ["elsewhere"])
    with pytest.raises(ProbeError, match=r"made with scikit-learn 1\.2\.3 .*expected 'elsewhere'") as caught:
        loaded(settings(bundle=copied))
    assert caught.value.reason == "LibraryMismatch"


def test_other_versions_need_golden_requests_that_show_their_harmlessness(
    copied: Path, settings: Callable[..., Settings]
) -> None:
    (copied / "golden.json").write_text("[]")
    assert loaded(settings(bundle=copied)).remark == ""
    make_older(copied)
    with pytest.raises(BundleError, match=r"made with scikit-learn 1\.2\.3 .*has no golden requests") as caught:
        loaded(settings(bundle=copied))
    assert caught.value.reason == "LibraryMismatch"


@pytest.mark.parametrize(
    ("module", "reason", "named"),
    [
        (
            "sklearn.linear_model._old",
            "LibraryMismatch",
            r"made with scikit-learn 1\.2\.3 .*holds sklearn.linear_model._old",
        ),
        ("os", "UntrustedType", "holds os.gone, not on the list"),
    ],
)
def test_a_type_that_another_version_named_otherwise_is_told_as_such(
    copied: Path, settings: Callable[..., Settings], module: str, reason: str, named: str
) -> None:
    make_older(copied)
    (copied / "model.skops").write_bytes(artifacts.skops_file(artifacts.function_schema(module, "gone")))
    with pytest.raises(BundleError, match=named) as caught:
        loaded(settings(bundle=copied))
    assert caught.value.reason == reason


def test_a_type_is_untrusted_where_versions_are_the_same(copied: Path, settings: Callable[..., Settings]) -> None:
    schema = artifacts.function_schema("sklearn.linear_model._old", "gone")
    (copied / "model.skops").write_bytes(artifacts.skops_file(schema))
    with pytest.raises(BundleError) as caught:
        loaded(settings(bundle=copied))
    assert caught.value.reason == "UntrustedType"


def test_other_versions_are_not_to_blame_for_a_probe_that_nobody_could_pass(
    copied: Path, settings: Callable[..., Settings]
) -> None:
    make_older(copied)
    unanswerable = probe_of(read_bundle(copied), request={"inputs": []})
    with pytest.raises(ProbeError, match=r"^1 of \d+ golden requests failed: probe row 0") as caught:
        loaded(settings(bundle=copied, probe=(unanswerable,)))
    assert caught.value.reason == "ProbeFailed"


def test_a_threshold_moves_the_models_answers_and_not_the_bundles_probe(settings: Callable[..., Settings]) -> None:
    model = loaded(settings(parameters={"threshold": "0.0"}))
    assert model.probed.failures == ()
    arrays = model.predictor.predict(inputs_of(model.bundle))
    assert set(arrays["predict"]) == {"stay"}


def inputs_of(bundle: Bundle) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415

    columns = bundle.golden[0].request.inputs
    return {column["name"]: np.array(column["data"], dtype=object) for column in columns}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"treshold": "0.5"}, "parameters name treshold"), ({"threshold": "half"}, "give a number as a string")],
)
def test_parameters_that_mean_nothing_are_refused(
    settings: Callable[..., Settings], parameters: dict[str, str], message: str
) -> None:
    with pytest.raises(BundleError, match=message) as caught:
        loaded(settings(parameters=parameters))
    assert caught.value.reason == "ModelLoadFailed"
