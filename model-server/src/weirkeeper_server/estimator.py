"""A scikit-learn estimator behind its signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from weirkeeper.api.bundle import Signature
from weirkeeper_server.errors import BundleError
from weirkeeper_server.predictor import Predictor
from weirkeeper_server.shortcuts.columns import Preparation, matrix, preparation
from weirkeeper_server.shortcuts.finals import LastStep
from weirkeeper_server.shortcuts.forests import predictions, probabilities
from weirkeeper_server.shortcuts.last_steps import agrees_at_edges, last_step
from weirkeeper_server.tensors import Array, Columns

PREDICT: Final = "predict"
PROBABILITIES: Final = "predict_proba"
THRESHOLD: Final = "threshold"
PREPARED: Final = "scikit-learn after numpy"
"""What computes where a pipeline's transforming steps, or the mean over a forest, are shortcuts and the rest is not."""

TWO_CLASSES: Final = 2
_CLASS_IS_LIKELIEST: Final = (RandomForestClassifier, ExtraTreesClassifier, DecisionTreeClassifier)
"""Estimators whose own `predict` is the likeliest class by `predict_proba`, so that one walk of the trees will do."""


class EstimatorPredictor:
    """Calls the estimator the way it was fitted: with an array, or with a frame of named columns.

    A pipeline's transforming steps run once for both outputs, which is what its own methods do twice. With the
    parameter `threshold` a two-class model predicts its second class from that probability on. With `prepared` it
    computes itself the transforming steps and the mean over a forest that it knows to compute.
    """

    def __init__(
        self, estimator: Any, signature: Signature, parameters: Mapping[str, str], *, prepared: bool = False
    ) -> None:
        self.signature = signature
        self.estimator = estimator
        self._parameters = parameters
        # What was fitted on a frame knows its columns' names; vectorisers are fitted on a list of texts.
        self._takes_texts = len(signature.inputs) == 1 and not hasattr(estimator, "feature_names_in_")
        transform, final = _stages(estimator)
        self._final = final
        self._given = (prepared and preparation(estimator, signature)) or (lambda i: transform(self._features(i)))
        self._likelihood = (prepared and probabilities(final)) or getattr(final, PROBABILITIES, None)
        self._result = (prepared and predictions(final)) or final.predict
        self._probabilities = any(tensor.name == PROBABILITIES for tensor in signature.outputs)
        self._threshold = _threshold(final, signature, parameters)

    def predict(self, inputs: Columns) -> dict[str, Array]:
        """Give every output of the signature, as `Predictor` says; raises whatever the estimator raises."""
        features = self._given(inputs)
        outputs: dict[str, Array] = {}
        if self._probabilities and self._likelihood is not None:
            outputs[PROBABILITIES] = np.asarray(self._likelihood(features))
        return {PREDICT: self._predictions(features, outputs), **outputs}

    def unconfigured(self) -> EstimatorPredictor:
        """Give the model as its bundle has it, without the Model's parameters."""
        return EstimatorPredictor(self.estimator, self.signature, {})

    def shortcuts(self) -> dict[str, Predictor]:
        """Give what computes all of it by numpy or onnxruntime, and what does so up to the last step alone."""
        found: dict[str, Predictor] = {}
        prepare = preparation(self.estimator, self.signature)
        if prepare or probabilities(self._final) or predictions(self._final):
            found[PREPARED] = EstimatorPredictor(self.estimator, self.signature, self._parameters, prepared=True)
        prepare = prepare or matrix(self.estimator, self.signature)
        last = last_step(self._final) if prepare else None
        if prepare and last and (hasattr(self._final, PROBABILITIES) or not self._probabilities):
            found[last.by] = QuickPredictor(self, prepare, last, self._probabilities, self._threshold)
        return found

    def agrees_at_edges(self, shortcut: Predictor, rows: Sequence[Columns]) -> bool:
        """Compare the last steps alone, at trees' thresholds and where the decision changes."""
        if not isinstance(shortcut, QuickPredictor):
            return True
        share = 0.5 if self._threshold is None else self._threshold
        return agrees_at_edges(self._final, shortcut.last, [shortcut.prepare(row) for row in rows], share)

    def _features(self, inputs: Columns) -> Any:
        if self.signature.takes_array:
            return inputs[self.signature.inputs[0].name]
        if self._takes_texts:
            return next(iter(inputs.values()))
        return pd.DataFrame(dict(inputs), copy=False)

    def _predictions(self, features: Any, outputs: Mapping[str, Array]) -> Array:
        if self._threshold is not None:
            return self._classes((outputs[PROBABILITIES][:, 1] >= self._threshold).astype(np.intp))
        if self._probabilities and isinstance(self._final, _CLASS_IS_LIKELIEST):
            return self._classes(np.argmax(outputs[PROBABILITIES], axis=1))
        return np.asarray(self._result(features))

    def _classes(self, chosen: Array) -> Array:
        return self.classes.take(chosen)

    @property
    def classes(self) -> Array:
        """The classes in the order of their probabilities."""
        return np.asarray(self._final.classes_)


class QuickPredictor:
    """Computes what an estimator would answer, and asks the estimator itself where it has no rule for a row."""

    def __init__(
        self,
        plain: EstimatorPredictor,
        prepare: Preparation,
        last: LastStep,
        probable: bool,  # noqa: FBT001  the signature has probabilities or has none
        threshold: float | None,
    ) -> None:
        self.signature = plain.signature
        self.prepare = prepare
        self.last = last
        self._plain = plain
        self._probable = probable
        self._threshold = threshold

    def predict(self, inputs: Columns) -> dict[str, Array]:
        """Give every output of the signature, as `Predictor` says."""
        answers = self.last.answer(self.prepare(inputs))
        if answers is None or (self._probable and answers.probabilities is None):
            return self._plain.predict(inputs)
        predicted, likelihood = answers
        if not self._probable or likelihood is None:
            return {PREDICT: predicted}
        if self._threshold is not None:
            predicted = self._plain.classes.take((likelihood[:, 1] >= self._threshold).view(np.int8))
        return {PREDICT: predicted, PROBABILITIES: likelihood}

    def unconfigured(self) -> EstimatorPredictor:
        """Give the model as its bundle has it, without the Model's parameters."""
        return self._plain.unconfigured()

    def shortcuts(self) -> dict[str, Predictor]:
        """Give none: it is one."""
        return {}

    def agrees_at_edges(self, shortcut: Predictor, rows: Sequence[Columns]) -> bool:
        """Compare as the estimator's own predictor does."""
        return self._plain.agrees_at_edges(shortcut, rows)


def _stages(estimator: Any) -> tuple[Any, Any]:
    """Part a plain pipeline into what transforms and what predicts; anything else predicts as a whole."""
    if type(estimator) is Pipeline and len(estimator.steps) > 1:
        return estimator[:-1].transform, estimator.steps[-1][1]
    return _unchanged, estimator


def _unchanged(features: Any) -> Any:
    return features


def _threshold(final: Any, signature: Signature, parameters: Mapping[str, str]) -> float | None:
    if unknown := sorted(set(parameters) - {THRESHOLD}):
        raise BundleError(
            "ModelLoadFailed", f"parameters name {', '.join(unknown)}; a scikit-learn bundle knows only {THRESHOLD!r}"
        )
    if THRESHOLD not in parameters:
        return None
    names = {tensor.name for tensor in signature.outputs}
    if PROBABILITIES not in names or len(getattr(final, "classes_", ())) != TWO_CLASSES:
        raise BundleError("ModelLoadFailed", f"parameter {THRESHOLD!r} needs a model of two classes with probabilities")
    try:
        return float(parameters[THRESHOLD])
    except ValueError:
        message = f'parameter {THRESHOLD!r} is {parameters[THRESHOLD]!r}; give a number as a string, such as "0.42"'
        raise BundleError("ModelLoadFailed", message) from None
