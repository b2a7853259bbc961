"""A shortcut behind the model's signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from weirkeeper.api.bundle import Signature
from weirkeeper_server.errors import BundleError
from weirkeeper_server.predictor import Predictor
from weirkeeper_server.shortcuts.finals import TWO_CLASSES, Answer
from weirkeeper_server.shortcuts.preparing import Prepare
from weirkeeper_server.tensors import Array, Columns

PREDICT: Final = "predict"
PROBABILITIES: Final = "predict_proba"
THRESHOLD: Final = "threshold"


class ShortcutPredictor:
    """Computes what an estimator would answer, and refuses what it would refuse.

    With a `threshold` a two-class model predicts its second class from that probability on; `classes` are those of
    the estimator, if it has any.
    """

    def __init__(
        self,
        signature: Signature,
        prepare: Prepare,
        answer: Answer,
        classes: Array | None,
        threshold: float | None = None,
    ) -> None:
        self.signature = signature
        self.prepare = prepare
        self.answer = answer
        self._classes = classes
        self._threshold = threshold
        self._probable = any(tensor.name == PROBABILITIES for tensor in signature.outputs)

    def predict(self, inputs: Columns) -> dict[str, Array]:
        """Give every output of the signature, as `Predictor` says."""
        predicted, likelihood = self.answer(self.prepare(inputs))
        if not self._probable:
            return {PREDICT: predicted}
        if likelihood is None:
            raise ValueError("the model has no probabilities")
        if self._threshold is not None and self._classes is not None:
            predicted = self._classes.take((likelihood[:, 1] >= self._threshold).view(np.int8))
        return {PREDICT: predicted, PROBABILITIES: likelihood}

    def unconfigured(self) -> ShortcutPredictor:
        """Give the model as its bundle has it, without the Model's parameters."""
        return ShortcutPredictor(self.signature, self.prepare, self.answer, self._classes)

    def shortcuts(self) -> Mapping[str, Predictor]:
        """Give none: it is one."""
        return {}

    def agrees_at_edges(self, shortcut: Predictor, rows: Sequence[Columns]) -> bool:  # noqa: ARG002  as Predictor has it
        """Say that there is nothing to compare: it has no shortcuts."""
        return True


def threshold_of(parameters: Mapping[str, str], signature: Signature, classes: Array | None) -> float | None:
    """Read the parameter `threshold`, None where it is not given.

    Raises:
        BundleError: ModelLoadFailed, it is no number, the model has not two classes, or another parameter is given.
    """
    if unknown := sorted(set(parameters) - {THRESHOLD}):
        raise BundleError(
            "ModelLoadFailed", f"parameters name {', '.join(unknown)}; a scikit-learn bundle knows only {THRESHOLD!r}"
        )
    if THRESHOLD not in parameters:
        return None
    names = {tensor.name for tensor in signature.outputs}
    if PROBABILITIES not in names or classes is None or len(classes) != TWO_CLASSES:
        raise BundleError("ModelLoadFailed", f"parameter {THRESHOLD!r} needs a model of two classes with probabilities")
    try:
        return float(parameters[THRESHOLD])
    except ValueError:
        message = f'parameter {THRESHOLD!r} is {parameters[THRESHOLD]!r}; give a number as a string, such as "0.42"'
        raise BundleError("ModelLoadFailed", message) from None
