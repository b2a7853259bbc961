"""Making a bundle: the model, its signature, its reference profile, its metrics and answers that it must give again."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from weirkeeper.api.bundle import MANIFEST_FILE
from weirkeeper.bundling.errors import BundleRefused, BundlingError, UnsuitableEstimator, UnsuitableSample
from weirkeeper.bundling.estimator_source import EstimatorSource
from weirkeeper.bundling.held_out import Labelled
from weirkeeper.bundling.metrics import SEED, measure, measured_rows
from weirkeeper.bundling.sample import Sample, rows_of
from weirkeeper.bundling.sensitive import check_named
from weirkeeper.bundling.source import Source
from weirkeeper.bundling.writing import (
    manifest_of,
    profile_of,
    write_golden,
    write_manifest,
    write_profile,
    write_shortcut,
)
from weirkeeper.statistics.building import Described
from weirkeeper.statistics.offline import OfflineMetric, Rows
from weirkeeper_server.tensors import Array

if TYPE_CHECKING:
    from onnx import ModelProto

VERIFICATION_SECONDS: Final = 600
COLUMN_RANK: Final = 2


def bundle(  # noqa: PLR0913  each is something that its owner may say
    model: Any | ModelProto | bytes,
    X: Sample,  # noqa: N803  scikit-learn's own name for it
    y: object = None,
    *,
    path: str | Path,
    held_out: tuple[Sample, object] | None = None,
    trusted_types: Sequence[str] = (),
    columns: Mapping[str, Described] | None = None,
) -> Path:
    """Write the bundle of a model to the folder `path`, and give it back.

    `model` is a fitted scikit-learn estimator, or an ONNX model as `onnx.ModelProto` or the bytes of its file.

    `X` holds rows like those the model was trained on, raw as callers will send them: a frame where the model takes
    named columns (one input a column), a matrix otherwise (one input `[rows, k]`), or texts where it begins with a
    vectoriser (one input). It gives the signature, the
    reference profile and the golden requests.

    `columns` says more of some of them, by name: that one is sensitive, so that no value of it is kept, its unit, its
    importance, and between what its values are expected. A column of a matrix is called `input[0]`.

    Metrics with confidence intervals are measured on `held_out`, rows and labels kept from the training, or else on
    `X` and `y` where `y` is given; the profile says on which. The finished bundle is loaded in a process of its own
    and must give every golden answer before anything appears at `path`; a bundle that is there already is replaced.

    Raises:
        BundlingError: the model, the sample or the labels will not do, or a server would refuse the result.
    """
    source = _source(model)
    tensors = source.tensors(X)
    described = dict(columns or {})
    check_named(tensors, described)
    outputs = source.answers(tensors)
    _check_finite(outputs)
    performance, kept = _measured(source, (X, y), held_out)
    manifest = manifest_of(source, tensors, outputs)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as folder:
        made = Path(folder) / "bundle"
        made.mkdir()
        source.write(made / manifest.model_file)
        profile = profile_of(tensors, outputs, performance, described)
        write_profile(made, manifest, profile, kept)
        write_manifest(made, manifest)
        write_golden(made, manifest, source, tensors, {name for name, said in described.items() if said.sensitive})
        write_shortcut(made, source)
        verify(made, trusted_types)
        _replace(target, made)
    return target


def _source(model: Any) -> Source:
    if hasattr(model, "SerializeToString"):
        model = model.SerializeToString()
    if not isinstance(model, bytes):
        return EstimatorSource(model)
    from weirkeeper.bundling.onnx_source import OnnxSource  # noqa: PLC0415  an estimator's bundle needs no onnxruntime

    return OnnxSource(model)


def _check_finite(outputs: Mapping[str, Array]) -> None:
    for name, answers in outputs.items():
        if answers.dtype.kind == "f" and not np.isfinite(answers).all():
            row = int(np.argmin(np.isfinite(answers.reshape(len(answers), -1)).all(axis=1)))
            raise UnsuitableEstimator(
                f"output {name!r} is NaN or infinite for row {row} of the sample, which no answer can carry; "
                "let the model give numbers, or leave such rows out"
            )


def _measured(
    source: Source, sample: tuple[Sample, object], held_out: tuple[Sample, object] | None
) -> tuple[tuple[OfflineMetric, ...], Labelled | None]:
    """Measure the metrics; give with them the held-out rows that they were measured on."""
    rows, given = held_out or sample
    measured_on: Rows = "HeldOut" if held_out else "Sample"
    if given is None:
        return (), None
    labels = np.asarray(given)
    if labels.ndim == COLUMN_RANK and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        return (), None
    if labels.dtype.kind in "OUT":
        labels = labels.astype(object)
    if pd.isna(labels).any():
        raise UnsuitableSample("y lacks values; leave rows without a label out")
    outputs = source.answers(source.tensors(rows))
    answers = source.comparable(outputs, labels)
    if not answers:
        return (), None
    metrics = measure(labels, answers, measured_on)
    chosen = measured_rows(len(labels), np.random.default_rng(SEED))
    return metrics, Labelled(rows_of(outputs, chosen), labels[chosen]) if held_out else None


def verify(folder: Path, trusted_types: Sequence[str] = ()) -> None:
    """Load a bundle in a fresh process, as a server would, and ask its golden requests.

    The process sees no module beside the script that calls: a server would not have it either.

    Raises:
        BundleRefused: it does not load, or answers otherwise than the model did.
    """
    command = [sys.executable, "-P", "-m", "weirkeeper.bundling.verification", str(folder.resolve()), *trusted_types]
    try:
        done = subprocess.run(  # noqa: S603  our own module
            command, capture_output=True, text=True, check=False, timeout=VERIFICATION_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise BundleRefused(
            f"loading the bundle and asking its golden requests took over {VERIFICATION_SECONDS} s"
        ) from None
    if done.returncode != 0:
        said = done.stdout.strip() or (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        how = f"the process that loaded it was ended by signal {-done.returncode}: " if done.returncode < 0 else ""
        raise BundleRefused(how + said)


def _replace(target: Path, made: Path) -> None:
    """Put the finished folder where a former bundle may be; nothing else is ever replaced."""
    if target.exists():
        if any(target.iterdir()) and not (target / MANIFEST_FILE).is_file():
            raise BundlingError(f"{target} exists and is no bundle; give another path, or remove it")
        shutil.rmtree(target)
    made.chmod(0o755)
    made.rename(target)
