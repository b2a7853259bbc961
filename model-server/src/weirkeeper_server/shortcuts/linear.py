"""Linear models: one product of matrices, and a link. In the order in which scikit-learn computes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from scipy.special import expit
from sklearn import linear_model, svm

from weirkeeper_server.shortcuts.blocks import Floats
from weirkeeper_server.shortcuts.finals import TWO_CLASSES, Answers, LastStep, pairs, softmax
from weirkeeper_server.tensors import Array

_WITH_PROBABILITIES: Final = (linear_model.LogisticRegression, linear_model.LogisticRegressionCV)
_WITHOUT: Final = (
    linear_model.Perceptron,
    linear_model.RidgeClassifier,
    linear_model.RidgeClassifierCV,
    svm.LinearSVC,
)
_REGRESSORS: Final = (
    linear_model.BayesianRidge,
    linear_model.ElasticNet,
    linear_model.ElasticNetCV,
    linear_model.HuberRegressor,
    linear_model.Lasso,
    linear_model.LassoCV,
    linear_model.LinearRegression,
    linear_model.QuantileRegressor,
    linear_model.Ridge,
    linear_model.RidgeCV,
    svm.LinearSVR,
)


def linear(final: Any) -> LastStep | None:
    """Find the shortcut of a linear model, None for other estimators."""
    kind = type(final)
    if kind in _REGRESSORS:
        return LastStep("numpy", _finite_alone(_regression(final)))
    if kind in _WITH_PROBABILITIES + _WITHOUT and np.ndim(final.coef_) == TWO_CLASSES and final.classes_.ndim == 1:
        return LastStep("numpy", _finite_alone(_classification(final, kind in _WITH_PROBABILITIES)))
    return None


def is_linear(final: Any) -> bool:
    """Say whether an estimator is one of these."""
    return type(final) in (*_WITH_PROBABILITIES, *_WITHOUT, *_REGRESSORS)


def _finite_alone(answer: Callable[[Floats], Answers]) -> Callable[[Floats], Answers | None]:
    """Leave rows with NaN or infinity to the estimator, which refuses them in its own words."""
    return lambda features: answer(features) if np.isfinite(features).all() else None


def _regression(final: Any) -> Callable[[Floats], Answers]:
    weights, intercept = np.asarray(final.coef_).T, final.intercept_
    return lambda features: Answers(features @ weights + intercept, None)


def _classification(final: Any, probable: bool) -> Callable[[Floats], Answers]:  # noqa: FBT001  an estimator has them or not
    weights, intercept, classes = final.coef_.T, final.intercept_, final.classes_
    if weights.shape[1] > 1:

        def among_many(features: Floats) -> Answers:
            scores = features @ weights + intercept
            return Answers(classes.take(scores.argmax(axis=1)), softmax(scores) if probable else None)

        return among_many

    def among_two(features: Floats) -> Answers:
        scores = (features @ weights + intercept).reshape(-1)
        return Answers(classes.take((scores > 0).view(np.int8)), pairs(expit(scores)) if probable else None)

    return among_two


def boundary_rows(final: Any, features: Floats, share: float) -> Array:
    """Move rows to where the decision changes: just before and just behind it.

    With two classes that is where the second has the probability `share`, with several where a row's likeliest two
    are equally likely. Where a decision never changes, as a regression has none, the rows come back as they are.
    """
    weights = np.atleast_2d(getattr(final, "coef_", np.zeros((1, features.shape[1]))))
    if not hasattr(final, "classes_") or not 0 < share < 1:
        return features
    scores = features @ weights.T + final.intercept_
    if weights.shape[0] == 1:
        direction, distance = np.repeat(weights, len(features), axis=0), scores[:, 0] - np.log(share / (1 - share))
    else:
        first, second = np.argsort(scores, axis=1)[:, :-3:-1].T
        direction, rows = weights[first] - weights[second], np.arange(len(features))
        distance = scores[rows, first] - scores[rows, second]
    length = (direction**2).sum(axis=1)
    known = length > 0
    direction, distance, length, base = direction[known], distance[known], length[known], features[known]
    # Far enough from the boundary for rounding to leave the side alone.
    margin = 1e-7 * (1.0 + np.abs(base).max(axis=1, initial=0.0) * np.sqrt(length))
    moved = [base - direction * ((distance + sign * margin) / length)[:, None] for sign in (-1.0, 1.0)]
    return np.concatenate(moved)
