"""Making a bundle: the estimator as skops, its signature, its reference profile and answers that it must give again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
import yaml
from skops.io.exceptions import UnsupportedTypeException

from weirkeeper.api.bundle import (
    GOLDEN_FILE,
    MANIFEST_FILE,
    MODEL_FILE,
    PROFILE_FILE,
    BundleManifest,
    Expected,
    GoldenRequest,
    Inputs,
    Signature,
    Tensor,
)
from weirkeeper.bundling.errors import BundleRefused, BundlingError, UnsuitableEstimator, UnsuitableSample
from weirkeeper.bundling.golden import chosen_rows
from weirkeeper.bundling.sample import as_request, conform, describe, rows_of, tensors_of
from weirkeeper.statistics.errors import ProfileError
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper_server.counting import profile_columns
from weirkeeper_server.loading import running_versions
from weirkeeper_server.predictor import PREDICT, PROBABILITIES, Predictor
from weirkeeper_server.tensors import Array, datatype_of, tensor_data

MOST_ROWS_PROFILED = 200_000


def bundle(
    estimator: Any,
    X: pd.DataFrame | Array,  # noqa: N803  scikit-learn's own name for it
    y: object = None,  # noqa: ARG001  taken as scikit-learn does; what the labels say of the model comes with metrics
    *,
    path: str | Path,
    trusted_types: Sequence[str] = (),
) -> Path:
    """Write the bundle of a fitted scikit-learn estimator to the folder `path`, and give it back.

    `X` holds rows like those the model was trained on, raw as callers will send them: a frame where the estimator
    was fitted on one (one input a column), a matrix otherwise (one input `[rows, k]`). It gives the signature, the
    reference profile and the golden requests. The finished bundle is loaded in a process of its own and asked its
    golden requests before anything appears at `path`; a bundle that is there already is replaced.

    Raises:
        BundlingError: the estimator or the sample will not do, or a server would refuse the result.
    """
    tensors = tensors_of(conform(X, estimator) if isinstance(X, pd.DataFrame) else X)
    outputs = _answers(estimator, tensors)
    manifest = _manifest(estimator, tensors, outputs)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as folder:
        made = Path(folder) / "bundle"
        made.mkdir()
        _write(made, estimator, manifest, tensors, outputs)
        verify(made, trusted_types)
        _replace(target, made)
    return target


def _answers(estimator: Any, tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Ask the estimator through the server's own predictor, so that both see the same columns."""
    if not hasattr(estimator, "predict"):
        raise UnsuitableEstimator(f"{type(estimator).__name__} has no predict; give an estimator that predicts")
    inputs = tuple(describe(name, array) for name, array in tensors.items())
    # With several outputs at once, scikit-learn gives a list of matrices, for which the protocol has no tensor.
    several = isinstance(getattr(estimator, "classes_", None), list)
    names = [PREDICT, PROBABILITIES] if hasattr(estimator, PROBABILITIES) and not several else [PREDICT]
    outputs = tuple(Tensor(name=name, datatype="FP64", shape=(-1,)) for name in names)
    predictor = Predictor(estimator, Signature(inputs=inputs, outputs=outputs), {})
    try:
        return predictor.predict(tensors)
    except Exception as error:
        raise UnsuitableEstimator(
            f"{type(estimator).__name__} cannot predict the sample: {type(error).__name__}: {error}"
        ) from error


def _manifest(estimator: Any, tensors: Mapping[str, Array], outputs: Mapping[str, Array]) -> BundleManifest:
    try:
        described = tuple(
            Tensor(name=name, datatype=datatype_of(answer.dtype), shape=(-1, *answer.shape[1:]))
            for name, answer in outputs.items()
        )
    except ValueError as error:
        raise UnsuitableEstimator(f"the estimator's answers cannot be sent: {error}") from error
    inputs = tuple(describe(name, array) for name, array in tensors.items())
    classes = getattr(estimator, "classes_", None)
    return BundleManifest(
        signature=Signature(inputs=inputs, outputs=described),
        classes=tuple(classes.tolist()) if isinstance(classes, np.ndarray) else None,
        versions=running_versions(),
    )


def _write(
    folder: Path, estimator: Any, manifest: BundleManifest, tensors: Mapping[str, Array], outputs: Mapping[str, Array]
) -> None:
    try:
        skops.io.dump(estimator, folder / MODEL_FILE, compression=zipfile.ZIP_DEFLATED)
    except UnsupportedTypeException as error:
        raise UnsuitableEstimator(f"skops cannot write this estimator: {error}") from error
    text = yaml.safe_dump(manifest.to_json(), sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
    (folder / MANIFEST_FILE).write_text(text)
    (folder / PROFILE_FILE).write_bytes(_profile(tensors, outputs).to_bytes())
    golden = [json.dumps(request.to_json(), allow_nan=False) for request in _golden(manifest, tensors, outputs)]
    (folder / GOLDEN_FILE).write_text("[\n" + ",\n".join(golden) + "\n]\n")


def _profile(tensors: Mapping[str, Array], outputs: Mapping[str, Array]) -> ReferenceProfile:
    few = np.arange(min(MOST_ROWS_PROFILED, len(next(iter(tensors.values())))))
    try:
        return ReferenceProfile.from_columns(
            profile_columns(rows_of(tensors, few)), profile_columns(rows_of(outputs, few))
        )
    except ProfileError as error:
        raise UnsuitableSample(f"no reference profile can be made: {error}") from error


def _golden(
    manifest: BundleManifest, tensors: Mapping[str, Array], outputs: Mapping[str, Array]
) -> list[GoldenRequest]:
    return [
        GoldenRequest(
            name=name,
            request=Inputs(inputs=tuple(as_request(rows_of(tensors, np.array([row]))))),
            expect=Expected(outputs=tuple(_expected(manifest, rows_of(outputs, np.array([row]))))),
        )
        for name, row in chosen_rows(tensors).items()
    ]


def _expected(manifest: BundleManifest, outputs: Mapping[str, Array]) -> list[dict[str, Any]]:
    return [
        {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": list(outputs[tensor.name].shape),
            "data": list(tensor_data(outputs[tensor.name])),
        }
        for tensor in manifest.signature.outputs
    ]


def verify(folder: Path, trusted_types: Sequence[str] = ()) -> None:
    """Load a bundle in a fresh process, as a server would, and ask its golden requests.

    Raises:
        BundleRefused: it does not load, or answers otherwise than the estimator did.
    """
    command = [sys.executable, "-m", "weirkeeper.bundling.verification", str(folder), *trusted_types]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  our own module
    if done.returncode != 0:
        raise BundleRefused(done.stdout.strip() or done.stderr.strip().splitlines()[-1])


def _replace(target: Path, made: Path) -> None:
    """Put the finished folder where a former bundle may be; nothing else is ever replaced."""
    if target.exists():
        if any(target.iterdir()) and not (target / MANIFEST_FILE).is_file():
            raise BundlingError(f"{target} exists and is no bundle; give another path, or remove it")
        shutil.rmtree(target)
    made.chmod(0o755)
    made.rename(target)
