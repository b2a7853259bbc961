"""Shortcuts that bundles keep: taken where they answer as scikit-learn did, and never at their word."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from skops.io import _sklearn, _trusted_types

from tests.corpus import forging
from tests.unit.server.churn import request
from tests.unit.server.test_choosing import CASES, MATRIX, golden, mixed, signature
from weirkeeper.api.bundle import SHORTCUT_FILE
from weirkeeper_server.bundle import Bundle, read_bundle
from weirkeeper_server.decode import read_request
from weirkeeper_server.errors import BundleError
from weirkeeper_server.estimator import EstimatorPredictor
from weirkeeper_server.loading import LoadedModel, load_model
from weirkeeper_server.recorded.document import DOCUMENT, NUMBERS, NotRecorded, Recorded, from_bytes, to_bytes
from weirkeeper_server.recorded.making import shortcut_file
from weirkeeper_server.recorded.predicting import is_proven, predictor_of
from weirkeeper_server.recorded.skops_names import KNOWN, unknown_types
from weirkeeper_server.settings import Settings
from weirkeeper_server.shortcuts.plan import Linear, Trees
from weirkeeper_server.shortcuts.predicting import ShortcutPredictor
from weirkeeper_server.trusted import TRUSTED_TYPES

HEAVY = ("joblib", "onnx", "pandas", "scipy", "sklearn", "skops")
PROGRAM = """
import json, sys
from pathlib import Path
from weirkeeper_server.bundle import read_bundle
from weirkeeper_server.decode import read_request
from weirkeeper_server.loading import load_model
from weirkeeper_server.settings import Settings

given = Settings(bundle=Path(sys.argv[1]), model="churn", revision="churn-1")
model = load_model(read_bundle(given.bundle), given)
asked = read_request(json.loads(sys.argv[2]), model.predictor.signature, 10)
told = {name: array.tolist() for name, array in model.predictor.predict(asked.inputs).items()}
import weirkeeper_server.process, weirkeeper_server.fetching.command
print(json.dumps({"told": told, "by": model.choice.taken[1], "heavy": [n for n in sys.argv[3:] if n in sys.modules]}))
"""


@pytest.fixture
def copied(bundle_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))


def loaded(settings: Settings) -> LoadedModel:
    return load_model(read_bundle(settings.bundle), settings)


def change(folder: Path, made: Callable[[Recorded], Recorded]) -> None:
    file = folder / SHORTCUT_FILE
    file.write_bytes(to_bytes(made(from_bytes(file.read_bytes()))))


def said_by_scikit_learn(bundle: Path, settings: Settings) -> Any:
    (bundle / SHORTCUT_FILE).unlink()
    model = loaded(settings)
    assert "the bundle has no shortcut.zip" in model.choice.reason
    return answer(model)


def answer(model: LoadedModel, **columns: Any) -> Any:
    asked = read_request(request(**columns), model.predictor.signature, 10)
    return {name: array.tolist() for name, array in model.predictor.predict(asked.inputs).items()}


def test_a_server_predicts_without_importing_scikit_learn(copied: Path, settings: Callable[..., Settings]) -> None:
    command = [sys.executable, "-c", PROGRAM, str(copied), json.dumps(request()), *HEAVY]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found = json.loads(done.stdout)
    assert found["heavy"] == []
    assert found["by"] == "numpy"
    wanted = said_by_scikit_learn(copied, settings(bundle=copied))
    assert found["told"]["predict"] == wanted["predict"]
    np.testing.assert_allclose(found["told"]["predict_proba"], wanted["predict_proba"], rtol=1e-12)


def test_what_the_shortcut_is_stands_in_the_metadata(settings: Callable[..., Settings]) -> None:
    told = loaded(settings()).choice.described()
    assert told["computed_by"] == "numpy"
    assert "answers of scikit-learn" in told["reason"]
    assert "without loading it" in told["reason"]


def test_an_unknown_category_is_refused_as_scikit_learn_refuses_it(settings: Callable[..., Settings]) -> None:
    model = loaded(settings())
    assert isinstance(model.predictor, ShortcutPredictor)
    with pytest.raises(ValueError, match="unknown categories"):
        answer(model, region={"data": ["elsewhere"]})


def other_weights(recorded: Recorded) -> Recorded:
    last = recorded.shortcut.last
    assert isinstance(last, Linear)
    moved = last.model_copy(update={"weights": last.weights + 1e-6})
    return recorded.model_copy(update={"shortcut": recorded.shortcut.model_copy(update={"last": moved})})


def other_answers(recorded: Recorded) -> Recorded:
    answers = {**recorded.edges.answers, "predictions": recorded.edges.answers["predictions"][::-1]}
    return recorded.model_copy(update={"edges": recorded.edges.model_copy(update={"answers": answers})})


def less_strict(recorded: Recorded) -> Recorded:
    text = recorded.model_dump_json(context=Arrays()).replace('"strict":true', '"strict":false')
    return Recorded.model_validate_json(text, context=Arrays())


class Arrays:
    kept: list[Any] = []  # noqa: RUF012  of one test after the other

    def keep(self, array: Any) -> dict[str, Any]:
        self.kept.append(array)
        return {"number": len(self.kept) - 1}

    def take(self, reference: Any) -> Any:
        return self.kept[reference["number"]]


def no_answers(recorded: Recorded) -> Recorded:
    empty = recorded.said.model_copy(update={"asked": {}, "answers": {}, "refused": {}})
    return recorded.model_copy(update={"said": empty, "edges": empty})


def last_with(recorded: Recorded, **changes: Any) -> Recorded:
    last = recorded.shortcut.last.model_copy(update=changes)
    return recorded.model_copy(update={"shortcut": recorded.shortcut.model_copy(update={"last": last})})


def words_for_weights(recorded: Recorded) -> Recorded:
    return last_with(recorded, weights=np.array([["heavy"]]))


def one_class(recorded: Recorded) -> Recorded:
    return last_with(recorded, classes=np.array("stay"))


def rows_without_length(recorded: Recorded) -> Recorded:
    asked = {name: np.array(1.0) for name in recorded.said.asked}
    return recorded.model_copy(update={"said": recorded.said.model_copy(update={"asked": asked})})


def of_another_model(recorded: Recorded) -> Recorded:
    return recorded.model_copy(update={"model_sha256": "0" * 64})


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (other_weights, "answers otherwise"),
        (other_answers, "answers otherwise"),
        (less_strict, "answers otherwise"),
        (no_answers, "answers otherwise"),
        (words_for_weights, "answers otherwise"),
        (one_class, "answers otherwise"),
        (rows_without_length, "cannot be computed"),
        (of_another_model, "of another model.skops"),
    ],
)
def test_a_shortcut_that_was_changed_is_not_taken(
    copied: Path, settings: Callable[..., Settings], made: Callable[[Recorded], Recorded], why: str
) -> None:
    change(copied, made)
    model = loaded(settings(bundle=copied))
    assert why in model.choice.reason
    assert "scikit-learn is loaded" in model.choice.reason
    assert answer(model) == said_by_scikit_learn(copied, settings(bundle=copied))


def zipped(file: Path, **members: bytes) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr({"document": DOCUMENT, "numbers": NUMBERS}.get(name, name), content)


def damaged(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-40])


def other_version(file: Path) -> None:
    zipped(file, document=b'{"api_version": "shortcut/v2"}', numbers=b"")


def no_json(file: Path) -> None:
    zipped(file, document=b"[" * 100_000, numbers=b"")


def other_members(file: Path) -> None:
    zipped(file, document=b"{}", numbers=b"", more=b"")


def without_numbers(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        document = archive.read(DOCUMENT)
    zipped(file, document=document, numbers=b"")


def swollen(file: Path) -> None:
    zipped(file, document=b" " * (17 * 2**20), numbers=b"")


def encrypted(file: Path) -> None:
    data = bytearray(file.read_bytes())
    for magic, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(magic) + offset] |= 1
    file.write_bytes(data)


@pytest.mark.parametrize("spoil", [encrypted, damaged, other_version, no_json, other_members, without_numbers, swollen])
def test_a_file_that_is_no_shortcut_does_no_harm(
    copied: Path, settings: Callable[..., Settings], spoil: Callable[[Path], None]
) -> None:
    spoil(copied / SHORTCUT_FILE)
    with pytest.raises(NotRecorded):
        from_bytes((copied / SHORTCUT_FILE).read_bytes())
    model = loaded(settings(bundle=copied))
    assert "scikit-learn is loaded because it" in model.choice.reason


def test_types_that_are_not_known_are_left_to_skops(copied: Path, settings: Callable[..., Settings]) -> None:
    """A shortcut whose digest fits is no way around the list of types."""
    model = copied / "model.skops"
    with zipfile.ZipFile(model) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    forged = forging.zip_of({**members, "schema.json": members["schema.json"].replace(b"LogisticRegression", b"Evil")})
    model.write_bytes(forged)
    change(copied, lambda one: one.model_copy(update={"model_sha256": hashlib.sha256(forged).hexdigest()}))
    with pytest.raises(BundleError) as caught:
        loaded(settings(bundle=copied))
    assert caught.value.reason == "UntrustedType"


def test_the_known_types_are_those_that_skops_would_load() -> None:
    numpys = {"numpy.ndarray", *_trusted_types.NUMPY_DTYPE_TYPE_NAMES}
    skops_own = {*_trusted_types.SKLEARN_ESTIMATOR_TYPE_NAMES, *_trusted_types.SKLEARN_INTERNAL_TYPE_NAMES}
    losses = {f"{one.__module__}.{one.__name__}" for one in _sklearn.ALLOWED_LOSSES}
    assert KNOWN["ObjectNode"] <= skops_own | TRUSTED_TYPES
    assert KNOWN["LossNode"] <= losses
    assert KNOWN["NdArrayNode"] <= numpys
    assert KNOWN["TypeNode"] <= numpys | set(_trusted_types.PRIMITIVE_TYPE_NAMES)
    assert KNOWN["TreeNode"] | KNOWN["DTypeNode"] <= TRUSTED_TYPES


@pytest.fixture(scope="module")
def kept() -> dict[str, tuple[EstimatorPredictor, Recorded]]:
    """Every estimator with a shortcut, and what a bundle would keep of it."""
    found = {}
    for name, case in CASES.items():
        estimator = case.make().fit(MATRIX, case.labels)
        plain = EstimatorPredictor(estimator, signature(estimator), {})
        data = shortcut_file(plain, skops.io.dumps(estimator), golden(), {})
        found[name] = plain, from_bytes(data)
    return found


@pytest.mark.parametrize("name", CASES)
def test_what_is_kept_answers_and_refuses_as_the_estimator(
    name: str, kept: dict[str, tuple[EstimatorPredictor, Recorded]]
) -> None:
    plain, recorded = kept[name]
    by, quick = predictor_of(recorded.shortcut, plain.signature, {})
    assert by == CASES[name].by
    assert is_proven(recorded, quick)
    same(quick.predict({"input": MATRIX}), plain.predict({"input": MATRIX}))


def same(got: Any, wanted: Any) -> None:
    assert got["predict"].dtype.kind == wanted["predict"].dtype.kind
    for output, array in wanted.items():
        if array.dtype.kind == "f":
            np.testing.assert_allclose(got[output], array, rtol=1e-10, atol=1e-12)
        else:
            assert got[output].tolist() == array.tolist()


def test_missing_values_are_refused_or_answered_as_the_estimator_does(
    kept: dict[str, tuple[EstimatorPredictor, Recorded]],
) -> None:
    asked = {name: recorded.edges.refused.get("features", np.zeros(1)) for name, (_, recorded) in kept.items()}
    refused = {name for name, rows in asked.items() if np.isnan(rows).any()}
    assert {"logistic", "ridge", "boosted"} <= refused
    assert not {"forest", "binned", "tree"} & refused


def outside(plan: Trees) -> dict[str, Any]:
    return {"left": np.where(plan.left == 1, 10**6, plan.left)}


def in_a_circle(plan: Trees) -> dict[str, Any]:
    return {"right": np.where(plan.right > 1, 0, plan.right)}


def other_column(plan: Trees) -> dict[str, Any]:
    return {"feature": np.where(plan.left >= 0, plan.width, plan.feature)}


def fewer(plan: Trees) -> dict[str, Any]:
    return {"threshold": plan.threshold[1:]}


def far_sum(plan: Trees) -> dict[str, Any]:
    return {"targets": plan.targets + 2**30}


def sizes_whose_sum_overflows(plan: Trees) -> dict[str, Any]:
    return {"sizes": np.array([2**62] * 4 + [len(plan.left)]), "targets": np.zeros(5, dtype=int)}


def half_as_long(plan: Trees) -> dict[str, Any]:
    return {"values": plan.values.astype(np.float32)}


def texts(plan: Trees) -> dict[str, Any]:
    return {"threshold": plan.threshold.astype(str)}


def no_number(plan: Trees) -> dict[str, Any]:
    return {"threshold": np.where(plan.left >= 0, np.nan, plan.threshold)}


def without_sign(plan: Trees) -> dict[str, Any]:
    return {"right": plan.right.astype(np.uint64)}


@pytest.mark.parametrize(
    "forge",
    [
        outside,
        in_a_circle,
        other_column,
        fewer,
        far_sum,
        sizes_whose_sum_overflows,
        half_as_long,
        texts,
        no_number,
        without_sign,
    ],
)
def test_trees_whose_nodes_lead_elsewhere_are_refused(
    forge: Callable[[Trees], dict[str, Any]], kept: dict[str, tuple[EstimatorPredictor, Recorded]]
) -> None:
    recorded = kept["boosted"][1]
    last = recorded.shortcut.last
    assert isinstance(last, Trees)
    forged = last.model_copy(update=forge(last))
    whole = recorded.model_copy(update={"shortcut": recorded.shortcut.model_copy(update={"last": forged})})
    with pytest.raises(NotRecorded, match="cannot be read"):
        from_bytes(to_bytes(whole))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("at", 10**30, "too large"),
        ("at", 0, "more bytes together"),
        ("shape", [10**30], "more bytes together"),
        ("shape", [0, 10**30], "dimension"),
        ("dtype", "U0", "are not read"),
    ],
)
def test_references_that_lead_nowhere_or_to_the_same_bytes_are_refused(
    key: str, value: Any, words: str, kept: dict[str, tuple[EstimatorPredictor, Recorded]], tmp_path: Path
) -> None:
    """Many arrays of the same bytes would fill the memory of a server."""
    file = tmp_path / "shortcut.zip"
    file.write_bytes(to_bytes(kept["boosted"][1]))
    with zipfile.ZipFile(file) as archive:
        document, numbers = json.loads(archive.read(DOCUMENT)), archive.read(NUMBERS)
    last = document["shortcut"]["last"]
    last["values"][key] = value
    if value == 0:
        last["values"]["shape"] = [len(numbers) // 8, 1]
    zipped(file, document=json.dumps(document).encode(), numbers=numbers)
    with pytest.raises(NotRecorded, match=f"cannot be read: .*{words}"):
        from_bytes(file.read_bytes())


def test_mixed_columns_are_kept_with_their_categories() -> None:
    pipeline, told, rows = mixed("error")
    plain = EstimatorPredictor(pipeline, told, {})
    recorded = from_bytes(shortcut_file(plain, skops.io.dumps(pipeline), rows, {}))
    assert len(recorded.said.refused["kind of"]) == 1
    assert unknown_types(skops.io.dumps(pipeline)) == frozenset()


def test_the_file_is_the_same_when_it_is_made_again(bundle_folder: Path) -> None:
    data = (bundle_folder / SHORTCUT_FILE).read_bytes()
    assert to_bytes(from_bytes(data)) == data


def test_a_threshold_of_the_model_is_kept_to(settings: Callable[..., Settings]) -> None:
    for threshold, predicted in (("0.0", "stay"), ("1.1", "leave")):
        model = loaded(settings(parameters={"threshold": threshold}))
        assert isinstance(model.predictor, ShortcutPredictor)
        assert answer(model)["predict"] == [predicted]
    with pytest.raises(BundleError, match="knows only 'threshold'"):
        loaded(settings(parameters={"temperature": "1"}))


def test_what_was_loaded_no_longer_holds_the_files(bundle_folder: Path) -> None:
    bundle: Bundle = read_bundle(bundle_folder).without_files()
    assert (bundle.model, bundle.shortcut) == (b"", None)
    assert bundle.golden
