"""The mean over a forest's trees, without a dispatcher's work for each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor

from weirkeeper_server.tensors import Array

Mean = Callable[[Any], Array]


def probabilities(forest: Any) -> Mean | None:
    """Find the shortcut for a forest's `predict_proba`, None for other estimators."""
    if type(forest) not in (RandomForestClassifier, ExtraTreesClassifier) or forest.n_outputs_ != 1:
        return None
    return _mean(forest, forest.predict_proba, forest.n_classes_)


def predictions(forest: Any) -> Mean | None:
    """Find the shortcut for a forest's regression, None for other estimators."""
    if type(forest) not in (RandomForestRegressor, ExtraTreesRegressor) or forest.n_outputs_ != 1:
        return None
    mean = _mean(forest, forest.predict, 1)
    return lambda features: mean(features).reshape(-1)


def _mean(forest: Any, plain: Mean, width: int) -> Mean:
    trees = [member.tree_ for member in forest.estimators_]

    def mean(features: Any) -> Array:
        if not isinstance(features, np.ndarray) or features.ndim != 2 or features.shape[1] != forest.n_features_in_:  # noqa: PLR2004  a matrix
            return plain(features)
        with np.errstate(over="ignore"):
            values = np.ascontiguousarray(features, dtype=np.float32)
        # What is missing, or too large for the trees' single precision, has rules of its own.
        if not np.isfinite(values).all():
            return plain(features)
        total = np.zeros((len(values), width))
        for tree in trees:
            total += tree.predict(values).reshape(len(values), -1)[:, :width]
        total /= len(trees)
        return total

    return mean
