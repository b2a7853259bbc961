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
from weirkeeper_server.fitted.columns import plan_of, preparation
from weirkeeper_server.fitted.finals import answering, last_plan
from weirkeeper_server.fitted.forests import predictions, probabilities
from weirkeeper_server.predictor import Predictor
from weirkeeper_server.shortcuts.agreement import Said, matrices, of_matrix, said, says_the_same
from weirkeeper_server.shortcuts.last_steps import edge_rows, last_step
from weirkeeper_server.shortcuts.plan import Shortcut
from weirkeeper_server.shortcuts.predicting import PREDICT, PROBABILITIES, ShortcutPredictor, threshold_of
from weirkeeper_server.shortcuts.preparing import preparing
from weirkeeper_server.tensors import Array, Columns

PREPARED: Final = "scikit-learn after numpy"
"""What computes where a pipeline's transforming steps, or the mean over a forest, are shortcuts and the rest is not."""

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
        self._threshold = threshold_of(parameters, signature, getattr(final, "classes_", None))

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
        if prepare is None and (plan := plan_of(self.estimator, self.signature)):
            prepare = preparing(plan)
        last = last_plan(self._final) if prepare and self._is_probable else None
        if prepare and last:
            by, answer = last_step(last)
            found[by] = ShortcutPredictor(self.signature, prepare, answer, last.classes, self._threshold)
        return found

    def shortcut(self) -> Shortcut | None:
        """Give as data what computes all of it, None where something of it needs scikit-learn."""
        preparation, last = plan_of(self.estimator, self.signature), last_plan(self._final)
        return Shortcut(preparation=preparation, last=last) if preparation and last and self._is_probable else None

    def agrees_at_edges(self, shortcut: Predictor, rows: Sequence[Columns]) -> bool:
        """Compare the last steps alone, at trees' thresholds and where the decision changes."""
        if not isinstance(shortcut, ShortcutPredictor):
            return True
        share = 0.5 if self._threshold is None else self._threshold
        told = self.said_at_edges([shortcut.prepare(row) for row in rows], share)
        return says_the_same(of_matrix(shortcut.answer), told)

    def said_at_edges(self, prepared: Sequence[Any], share: float = 0.5) -> Said:
        """Give what the last step says to rows where its answer changes, and to some that it may refuse.

        `prepared` are matrices of rows as the last step gets them; `share` is as in `edge_rows`.
        """
        last = last_plan(self._final)
        rows = edge_rows(last, np.concatenate(prepared), share) if last else []
        return said(of_matrix(answering(self._final)), matrices(rows))

    @property
    def _is_probable(self) -> bool:
        """Say whether it has the probabilities that the signature has."""
        return hasattr(self._final, PROBABILITIES) or not self._probabilities

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


def _stages(estimator: Any) -> tuple[Any, Any]:
    """Part a plain pipeline into what transforms and what predicts; anything else predicts as a whole."""
    if type(estimator) is Pipeline and len(estimator.steps) > 1:
        return estimator[:-1].transform, estimator.steps[-1][1]
    return _unchanged, estimator


def _unchanged(features: Any) -> Any:
    return features
