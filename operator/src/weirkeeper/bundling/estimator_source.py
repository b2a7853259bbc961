"""Bundles of fitted scikit-learn estimators."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.base import is_classifier, is_regressor
from skops.io.exceptions import UnsupportedTypeException

from weirkeeper.api.bundle import SHORTCUT_FILE, Runtime, Signature, Tensor
from weirkeeper.bundling.errors import UnsuitableEstimator
from weirkeeper.bundling.metrics import Answers
from weirkeeper.bundling.sample import Sample, conform, describe, tensors_of
from weirkeeper_server.bundle import Bundle
from weirkeeper_server.estimator import EstimatorPredictor
from weirkeeper_server.loading import golden_rows
from weirkeeper_server.recorded.document import NotRecorded
from weirkeeper_server.recorded.making import shortcut_file
from weirkeeper_server.shortcuts.predicting import PREDICT, PROBABILITIES
from weirkeeper_server.tensors import Array

log = logging.getLogger(__name__)


class EstimatorSource:
    """A fitted estimator or pipeline that has `predict`."""

    runtime: Runtime = "ScikitLearn"

    def __init__(self, estimator: Any) -> None:
        if not hasattr(estimator, "predict"):
            raise UnsuitableEstimator(f"{type(estimator).__name__} has no predict; give an estimator that predicts")
        self._estimator = estimator

    def tensors(self, sample: Sample) -> dict[str, Array]:
        """Take the columns that the estimator was fitted with, in its order, or the matrix or the texts."""
        return tensors_of(conform(sample, self._estimator) if isinstance(sample, pd.DataFrame) else sample)

    def answers(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """Ask the estimator through the server's own predictor, so that both see the same columns."""
        inputs = tuple(describe(name, array) for name, array in tensors.items())
        # With several outputs at once, scikit-learn gives a list of matrices, for which the protocol has no tensor.
        several = isinstance(getattr(self._estimator, "classes_", None), list)
        names = [PREDICT, PROBABILITIES] if hasattr(self._estimator, PROBABILITIES) and not several else [PREDICT]
        outputs = tuple(Tensor(name=name, datatype="FP64", shape=(-1,)) for name in names)
        predictor = EstimatorPredictor(self._estimator, Signature(inputs=inputs, outputs=outputs), {})
        try:
            return predictor.predict(tensors)
        except Exception as error:
            raise UnsuitableEstimator(
                f"{type(self._estimator).__name__} cannot predict the sample: {type(error).__name__}: {error}"
            ) from error

    def classes(self) -> tuple[Any, ...] | None:
        """Name the classes of a classifier with one output."""
        classes = getattr(self._estimator, "classes_", None)
        return tuple(classes.tolist()) if isinstance(classes, np.ndarray) else None

    def comparable(self, outputs: Mapping[str, Array], labels: Array) -> Answers | None:  # noqa: ARG002  as Source has it
        """Compare a classifier's or a regressor's one prediction a row."""
        predicted, classes = outputs[PREDICT], self.classes()
        if predicted.ndim != 1 or not (is_classifier(self._estimator) or is_regressor(self._estimator)):
            return None
        return Answers(predicted, outputs.get(PROBABILITIES), classes if is_classifier(self._estimator) else None)

    def write(self, file: Path) -> None:
        """Write it as skops."""
        try:
            skops.io.dump(self._estimator, file, compression=zipfile.ZIP_DEFLATED)
        except UnsupportedTypeException as error:
            raise UnsuitableEstimator(f"skops cannot write this estimator: {error}") from error

    def shortcut(self, bundle: Bundle) -> bytes | None:
        """Write down what predicts without scikit-learn, and what scikit-learn says to the golden requests' rows."""
        plain = EstimatorPredictor(self._estimator, bundle.manifest.signature, {})
        try:
            return shortcut_file(plain, bundle.model, golden_rows(bundle), bundle.manifest.versions)
        except NotRecorded as why:
            log.info("the bundle has no %s: %s; servers load scikit-learn", SHORTCUT_FILE, why)
            return None
