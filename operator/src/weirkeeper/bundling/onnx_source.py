"""Bundles of ONNX models, with a sample of what they take."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from weirkeeper.api.bundle import ARRAY_RANK, Runtime
from weirkeeper.bundling.errors import UnsuitableEstimator, UnsuitableSample
from weirkeeper.bundling.metrics import Answers
from weirkeeper.bundling.sample import Sample
from weirkeeper_server import onnx_file
from weirkeeper_server.bundle import Bundle
from weirkeeper_server.errors import BundleError
from weirkeeper_server.onnx_predictor import DATATYPES, MAPS, as_array, ask, upright
from weirkeeper_server.tensors import DTYPES, Array

NO_MAPS: Final = "export it with the option zipmap=False, or without that output"


class OnnxSource:
    """An ONNX model, as the bytes of its file; its inputs and outputs keep their names."""

    runtime: Runtime = "ONNX"

    def __init__(self, model: bytes) -> None:
        try:
            self._session = onnx_file.load(model)
        except BundleError as error:
            raise UnsuitableEstimator(f"{error.reason}: {error}") from error
        self._model = model
        self._classes: tuple[Any, ...] | None = None
        self._inputs = self._session.get_inputs()
        for one in self._inputs:
            _check_input(one)
        for one in self._session.get_outputs():
            if one.type not in DATATYPES and one.type not in MAPS:
                raise UnsuitableEstimator(f"output {one.name!r} is {one.type}, which cannot be served; {NO_MAPS}")

    def tensors(self, sample: Sample) -> dict[str, Array]:
        """Take a frame's columns by name, or a matrix for a model that takes one tensor, in the model's types."""
        if len(sample) == 0:
            raise UnsuitableSample("the sample has no rows; give the rows the model was trained or validated on")
        if len(self._inputs) == 1 and not _is_column(self._inputs[0]):
            return {self._inputs[0].name: _matrix(self._inputs[0], sample)}
        frame = _frame([one.name for one in self._inputs], sample)
        return {one.name: _column(one, frame[one.name]) for one in self._inputs}

    def answers(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """Run the session, and check that each output has an entry for each row."""
        names = [one.name for one in self._session.get_outputs()]
        try:
            answers = ask(self._session, names, tensors, upright(self._session))
        except Exception as error:
            raise UnsuitableEstimator(f"the model cannot predict the sample: {error}") from error
        rows = len(next(iter(tensors.values())))
        return {name: self._array(name, answer, rows) for name, answer in zip(names, answers, strict=True)}

    def _array(self, name: str, answer: Any, rows: int) -> Array:
        if isinstance(answer, list) and answer and isinstance(answer[0], dict):
            classes = tuple(answer[0])
            if self._classes not in (None, classes):
                raise UnsuitableEstimator(f"output {name!r} has other classes than another output; {NO_MAPS}")
            self._classes = classes
        try:
            array = as_array(name, answer, self._classes)
        except ValueError as error:
            raise UnsuitableEstimator(f"{error}; {NO_MAPS}") from error
        if array.ndim not in (1, ARRAY_RANK) or len(array) != rows:
            raise UnsuitableEstimator(
                f"output {name!r} has shape {array.shape} for {rows} rows; a bundle serves one entry, or one row of "
                "entries, for each row: export the model so, or leave the output out"
            )
        return array

    def classes(self) -> tuple[Any, ...] | None:
        """Name the classes that a map by class has, after `answers`."""
        return self._classes

    def comparable(self, outputs: Mapping[str, Array], labels: Array) -> Answers | None:
        """Compare the first output with one entry a row, and the first matrix of floats as probabilities.

        A matrix says nothing of its classes: they are the sorted labels, where there are as many of them.
        """
        predicted = next((array for array in outputs.values() if array.ndim == 1), None)
        if predicted is None:
            return None
        if predicted.dtype.kind == "f":
            return Answers(predicted, None, None)
        matrices = [array for array in outputs.values() if array.ndim == ARRAY_RANK and array.dtype.kind == "f"]
        classes = self._classes or _sorted_classes(labels, predicted)
        fitting = next((one for one in matrices if one.shape[1] == len(classes)), None)
        return Answers(predicted, fitting, classes)

    def write(self, file: Path) -> None:
        """Write the model as it came."""
        file.write_bytes(self._model)

    def shortcut(self, bundle: Bundle) -> None:  # noqa: ARG002  as Source has it
        """Give none: onnxruntime is quick to start."""
        return


def _sorted_classes(labels: Array, predicted: Array) -> tuple[Any, ...]:
    said = labels.tolist(), predicted.tolist()
    try:
        return tuple(sorted({*said[0], *said[1]}))
    except TypeError:
        raise UnsuitableSample(
            f"y holds {said[0][0]!r:.40} and the model answers {said[1][0]!r:.40}; give labels as the model answers"
        ) from None


def _check_input(one: Any) -> None:
    if one.type not in DATATYPES:
        raise UnsuitableEstimator(f"input {one.name!r} is {one.type}, which the protocol has no tensor for")
    if not 1 <= len(one.shape) <= ARRAY_RANK:
        raise UnsuitableEstimator(
            f"input {one.name!r} has shape {one.shape}; a bundle serves columns [rows] and matrices [rows, k]"
        )
    if isinstance(one.shape[0], int):
        raise UnsuitableEstimator(
            f"input {one.name!r} takes exactly {one.shape[0]} rows; export the model with an open first dimension"
        )


def _is_column(one: Any) -> bool:
    return len(one.shape) == 1 or one.shape[1] == 1


def _matrix(one: Any, sample: Sample) -> Array:
    matrix = np.asarray(sample.to_numpy() if isinstance(sample, pd.DataFrame) else sample)
    width = one.shape[1]
    if matrix.ndim != ARRAY_RANK or (isinstance(width, int) and matrix.shape[1] != width):
        wanted = width if isinstance(width, int) else "k"
        raise UnsuitableSample(f"the sample has shape {matrix.shape}; input {one.name!r} takes [rows, {wanted}]")
    return _typed(one, matrix)


def _frame(names: list[str], sample: Sample) -> pd.DataFrame:
    if not isinstance(sample, pd.DataFrame):
        raise UnsuitableSample(f"the model takes columns {', '.join(names[:10])}; give a frame that has them")
    if missing := [name for name in names if name not in sample.columns]:
        raise UnsuitableSample(
            f"the sample lacks {', '.join(missing[:5])}, which the model takes; it has "
            f"{', '.join(map(str, sample.columns[:10]))}"
        )
    return sample


def _column(one: Any, series: pd.Series[Any]) -> Array:
    return _typed(one, series.to_numpy())


def _typed(one: Any, values: Array) -> Array:
    """Turn values into the type that the model takes, where that loses nothing but precision.

    Raises:
        UnsuitableSample: text for numbers or the reverse, or nothing where the type has no word for it.
    """
    wanted = DTYPES[DATATYPES[one.type]]
    lacking = bool(pd.isna(values).any())
    if wanted.kind == "O":
        if not all(isinstance(value, str) for value in values.ravel()):
            raise UnsuitableSample(f"input {one.name!r} takes strings only, none may lack; the sample holds others")
        return values.astype(object)
    if lacking and wanted.kind != "f":
        raise UnsuitableSample(f"input {one.name!r} takes {one.type}, which has no word for a missing value; fill it")
    try:
        typed = np.where(pd.isna(values), np.nan, values).astype(wanted) if lacking else values.astype(wanted)
    except (TypeError, ValueError) as error:
        raise UnsuitableSample(f"input {one.name!r} takes {one.type}; the sample does not: {error}") from error
    if wanted.kind in "iub" and not np.array_equal(typed, values.astype(np.float64)):
        raise UnsuitableSample(f"input {one.name!r} takes {one.type}; the sample has values that do not fit into it")
    return typed
