"""Which last step is computed by what, and the rows at which its answers change."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from weirkeeper_server.shortcuts.finals import Answer
from weirkeeper_server.shortcuts.linear import boundary_rows, linear
from weirkeeper_server.shortcuts.plan import Floats, Linear, Trees
from weirkeeper_server.shortcuts.trees import shallow_trees, threshold_rows, trees

By = Literal["numpy", "compiled", "onnxruntime"]
BEYOND: Final = (np.inf, -np.inf, 1e300)
"""Values that some models refuse; the last one only those of single precision."""


def last_step(plan: Linear | Trees) -> tuple[By, Answer]:
    """Make what computes a last step, and name what does."""
    if isinstance(plan, Linear):
        return "numpy", linear(plan)
    shallow = shallow_trees(plan)
    return ("onnxruntime", trees(plan)) if shallow is None else ("compiled", shallow)


def edge_rows(plan: Linear | Trees, features: Floats, share: float) -> list[Floats]:
    """Give rows where a last step's answers change, in one block, then rows that it may refuse, each by itself.

    `features` are rows as the last step gets them; `share` is the probability from which the second of two classes is
    predicted. In the rows that may be refused one value each is missing, infinite or very large.
    """
    return [_changing(plan, features, share), *_lacking(features), *_beyond(features)]


def _changing(plan: Linear | Trees, features: Floats, share: float) -> Floats:
    return boundary_rows(plan, features, share) if isinstance(plan, Linear) else threshold_rows(plan, features)


def _lacking(features: Floats) -> list[Floats]:
    rows = features[np.arange(features.shape[1]) % len(features)].copy()
    np.fill_diagonal(rows, np.nan)
    return list(rows[:, None, :])


def _beyond(features: Floats) -> list[Floats]:
    rows = features[np.zeros(len(BEYOND), dtype=int)].copy()
    with np.errstate(over="ignore"):
        rows[np.arange(len(BEYOND)), np.arange(len(BEYOND)) % rows.shape[1]] = np.array(BEYOND).astype(rows.dtype)
    return list(rows[:, None, :])
