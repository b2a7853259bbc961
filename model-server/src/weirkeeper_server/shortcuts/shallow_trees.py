"""Ensembles of shallow trees by compiled code: every question is asked of many rows at once, and asked but once.

A tree of few levels is made complete, so that a leaf's number is the answers on the way to it, as bits.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from weirkeeper.compiled.library import LIBRARY
from weirkeeper.compiled.trees import MOST_LEVELS, CompleteTrees, Questions, Walk
from weirkeeper_server.shortcuts.plan import Floats, Trees
from weirkeeper_server.tensors import Array

MOST_LEAVES: Final = 2**17
"""Together, of all trees that were made complete; as many questions are asked of each row at most."""
MOST_VALUES: Final = 2**22
"""Of all those leaves: a tree of seven nodes may become one of 64 leaves."""


def sums(plan: Trees) -> Callable[[Array], Floats] | None:
    """Make what `tree_graph.sums` makes; None for trees that are too deep, too many, or ask nothing.

    Rows that were rounded to single precision come in it, others in double precision.
    """
    walk = None if LIBRARY is None else _walk(LIBRARY, plan)
    return None if walk is None else walk.sums


def _walk(library: ctypes.CDLL, plan: Trees) -> Walk | None:
    sizes, columns = plan.sizes.astype(np.intp), plan.values.shape[1]
    at = roots = (np.cumsum(sizes) - sizes)[:, None]
    most = min(MOST_LEAVES, MOST_VALUES // columns)
    levels: list[npt.NDArray[Any]] = []
    while (inner := plan.left[at] >= 0).any():
        if len(levels) == MOST_LEVELS or 2 * at.size > most:
            return None
        levels.append(_questions(plan, at, inner))
        children = [np.where(inner, roots + child[at], at) for child in (plan.left, plan.right)]
        at = np.stack(children, axis=2).reshape(len(at), -1)
    if not levels:
        return None
    targets = plan.targets if columns == 1 else np.zeros_like(plan.targets)
    questions, asked = np.unique(np.concatenate(levels, axis=1), return_inverse=True)
    return Walk(
        library,
        plan.width,
        plan.sums,
        Questions(questions["feature"], questions["threshold"].copy(), questions["lacking_right"]),
        CompleteTrees(asked.reshape(len(at), -1), plan.values[at], targets.astype(np.intp)),
    )


def _questions(plan: Trees, at: npt.NDArray[np.intp], inner: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Give what nodes ask, as records; below a leaf there is a question that leads nobody to the right."""
    threshold = np.where(inner, plan.threshold[at], np.inf)
    dtype = np.float32 if plan.single else np.float64
    asked = np.empty(at.shape, [("feature", np.intp), ("threshold", dtype), ("lacking_right", np.bool_)])
    asked["feature"] = np.where(inner, plan.feature[at], 0)
    asked["threshold"] = _at_most(threshold) if plan.single else threshold
    # Rows that lack values are refused before, unless the trees take them.
    may_lack = plan.lacking or not plan.single
    asked["lacking_right"] = inner & ~plan.lacking_left[at].astype(np.bool_) & may_lack
    return asked


def _at_most(threshold: Floats) -> npt.NDArray[np.float32]:
    """Round down to single precision: a number in it is at most the one exactly where it is at most the other."""
    with np.errstate(over="ignore"):
        single = threshold.astype(np.float32)
    return np.where(single > threshold, np.nextafter(single, np.float32(-np.inf)), single)
