"""Making a bundle of files: a model in skops, joblib or ONNX, and rows as CSV."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from weirkeeper.bundling.errors import UnsuitableEstimator, UnsuitableSample
from weirkeeper.bundling.maker import bundle
from weirkeeper.statistics.building import Described
from weirkeeper.statistics.offline import OfflineMetric
from weirkeeper_server.bundle import read_bundle


def bundle_of(arguments: argparse.Namespace) -> tuple[Path, tuple[OfflineMetric, ...]]:
    """Make a bundle as the command's arguments say; gives its folder and what was measured.

    Raises:
        BundlingError: as `bundle`, or a file will not do.
        BundleError: the skops file is none, or holds types that are not trusted.
        OSError: a file cannot be read.
    """
    if arguments.held_out and not arguments.label:
        raise UnsuitableSample("--held-out needs --label, the name of the column that holds the labels")
    model = _model(arguments)
    rows, labels = _rows(arguments.data, arguments.label, model)
    held_out = _rows(arguments.held_out, arguments.label, model) if arguments.held_out else None
    made = bundle(
        model,
        rows,
        labels,
        path=arguments.out,
        held_out=held_out,
        trusted_types=arguments.trusted_type,
        columns={name: Described(sensitive=True) for name in arguments.sensitive},
    )
    return made, read_bundle(made).profile.performance


def _model(arguments: argparse.Namespace) -> Any:
    if arguments.from_onnx:
        return arguments.from_onnx.read_bytes()
    if arguments.from_skops:
        from weirkeeper_server import skops_file  # noqa: PLC0415  an ONNX model needs no scikit-learn

        data = arguments.from_skops.read_bytes()
        return skops_file.load(data, arguments.from_skops.name, arguments.trusted_type)
    return _from_joblib(arguments.from_joblib)


def _from_joblib(file: Path) -> Any:
    """Open a pickle, which runs the code that it holds."""
    import joblib  # noqa: PLC0415  see _model

    try:
        return joblib.load(file)
    except OSError:
        raise
    except Exception as error:  # a pickle runs code, which may raise anything
        raise UnsuitableEstimator(
            f"{file} cannot be opened: {type(error).__name__}: {error}; it needs the packages and versions that it was "
            "written with"
        ) from error


def _rows(file: Path, label: str | None, model: Any) -> tuple[Any, Any]:
    """Read rows, and labels where there is a column of them; without names where the estimator was fitted so."""
    try:
        frame = pd.read_csv(file)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UnsuitableSample(f"{file} is no CSV file: {error}") from error
    labels = None
    if label:
        if label not in frame.columns:
            raise UnsuitableSample(
                f"{file} has no column {label!r} with labels; it has {', '.join(frame.columns[:10])}"
            )
        labels = frame.pop(label)
    if isinstance(model, bytes) or hasattr(model, "feature_names_in_"):
        return frame, labels
    texts = frame.shape[1] == 1 and frame.iloc[:, 0].map(lambda value: isinstance(value, str)).all()
    return (frame.iloc[:, 0] if texts else frame.to_numpy()), labels
