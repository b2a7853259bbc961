"""Which last step has which shortcut, and proof of it on the rows at which the answer changes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from weirkeeper_server.shortcuts.agreement import equal
from weirkeeper_server.shortcuts.blocks import Floats
from weirkeeper_server.shortcuts.finals import LastStep
from weirkeeper_server.shortcuts.linear import boundary_rows, is_linear, linear


def last_step(final: Any) -> LastStep | None:
    """Find the shortcut of a last step, None where there is none."""
    if is_linear(final):
        return linear(final)
    from weirkeeper_server.shortcuts.ensembles import trees  # noqa: PLC0415  linear models need no onnxruntime

    return trees(final)


def agrees_at_edges(final: Any, last: LastStep, prepared: Sequence[Floats], share: float) -> bool:
    """Say whether a last step's shortcut answers like it where its decision changes, and where values lack.

    `prepared` are matrices of rows as the last step gets them; `share` is the probability from which the second of
    two classes is predicted.
    """
    features = np.concatenate(prepared)
    rows = _edge_rows(final, features, share)
    lacking = features[np.arange(features.shape[1]) % len(features)].copy()
    np.fill_diagonal(lacking, np.nan)
    return all(_same_last(final, last, block) for block in (rows, *lacking[:, None, :]))


def _same_last(final: Any, last: LastStep, features: Floats) -> bool:
    answers = last.answer(features)
    if answers is None:
        return True  # the estimator itself is asked
    with warnings.catch_warnings():
        # What was fitted on a frame misses its columns' names, which matter to nothing here.
        warnings.simplefilter("ignore", UserWarning)
        if not equal(np.asarray(final.predict(features)), answers.predictions):
            return False
        likelihood = getattr(final, "predict_proba", None)
        return likelihood is None or answers.probabilities is None or equal(likelihood(features), answers.probabilities)


def _edge_rows(final: Any, features: Floats, share: float) -> Floats:
    if is_linear(final):
        return boundary_rows(final, features, share)
    from weirkeeper_server.shortcuts.ensembles import threshold_rows  # noqa: PLC0415  see last_step

    return threshold_rows(final, features)
