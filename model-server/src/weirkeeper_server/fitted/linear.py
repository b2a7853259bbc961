"""Linear models: their weights."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from sklearn import linear_model, svm

from weirkeeper_server.shortcuts.plan import Linear

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
_MATRIX: Final = 2


def linear(final: Any) -> Linear | None:
    """Read a linear model, None for other estimators."""
    kind = type(final)
    if kind in _REGRESSORS:
        return Linear(weights=np.asarray(final.coef_).T, intercept=np.asarray(final.intercept_))
    if kind in _WITH_PROBABILITIES + _WITHOUT and np.ndim(final.coef_) == _MATRIX and final.classes_.ndim == 1:
        return Linear(
            weights=final.coef_.T,
            intercept=np.asarray(final.intercept_),
            classes=final.classes_,
            probable=kind in _WITH_PROBABILITIES,
        )
    return None
