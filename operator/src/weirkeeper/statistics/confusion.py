"""Metrics of a confusion matrix, and how they change with it: what intervals and expectations need.

The matrix is a list of cells, pairs of predicted and actual class, each with the share of the rows in it. Precision,
recall and F1 are those of the positive class where one is named, else the mean over all classes, predicted or actual
(macro; a class that was never predicted counts as precision 0), as scikit-learn gives them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Pair = tuple[str, str]
"""Predicted and actual class."""

ClassMetric = Literal["Accuracy", "Precision", "Recall", "F1"]
CLASS_METRICS: Final[tuple[ClassMetric, ...]] = ("Accuracy", "Precision", "Recall", "F1")

_PARTS: Final[dict[ClassMetric, tuple[float, float, float]]] = {
    "Precision": (1.0, 1.0, 0.0),
    "Recall": (1.0, 0.0, 1.0),
    "F1": (2.0, 1.0, 1.0),
}
"""Each metric of a class is hits / (predicted + actual), with these weights."""


class Cells:
    """The cells of a confusion matrix: `pairs` of predicted and actual class, each once."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self.pairs = tuple(pairs)
        self.names = tuple(sorted({name for pair in self.pairs for name in pair}))
        places = {name: place for place, name in enumerate(self.names)}
        indices = np.asarray([[places[name] for name in pair] for pair in self.pairs], dtype=np.intp).reshape(-1, 2)
        self.predicted, self.actual = indices[:, 0], indices[:, 1]
        self.right = self.predicted == self.actual

    def by(self, classes: npt.NDArray[np.intp], shares: Floats) -> Floats:
        """Add the shares of the cells up by their predicted or actual class."""
        return np.bincount(classes, weights=shares, minlength=len(self.names)).astype(np.float64)


class Measured(NamedTuple):
    """A metric of a confusion matrix.

    `gradient` is its derivative by each cell's share, by which it varies with the rows (delta method: Casella and
    Berger 2002, 5.5.24); a single share of `effective` of the rows would vary as much, were all classes alike.
    """

    value: float
    gradient: Floats
    effective: float


def measured(metric: ClassMetric, cells: Cells, shares: Floats, positive: str = "") -> Measured | None:
    """Tell a metric of a matrix whose cells hold `shares` of the rows, one each; None where it is one of nothing."""
    total = float(shares.sum())
    if total <= 0.0:
        return None
    if metric == "Accuracy":
        value = float(shares[cells.right].sum()) / total
        return Measured(value, (cells.right - value) / total, total)
    return _of_classes(_PARTS[metric], cells, shares, positive)


def _of_classes(parts: tuple[float, float, float], cells: Cells, shares: Floats, positive: str) -> Measured | None:
    hits, of_predicted, of_actual = parts
    bottoms = of_predicted * cells.by(cells.predicted, shares) + of_actual * cells.by(cells.actual, shares)
    counted = np.asarray([not positive or name == positive for name in cells.names])
    known = counted & (bottoms > 0.0)
    if not known.any():
        return None
    below = np.where(known, bottoms, np.inf)
    values = hits * cells.by(cells.predicted, shares * cells.right) / below
    gradient = hits * cells.right / below[cells.predicted]
    gradient -= of_predicted * (values / below)[cells.predicted] + of_actual * (values / below)[cells.actual]
    classes = int(counted.sum())
    largest = max(hits, of_predicted + of_actual)
    effective = classes**2 / float((largest / bottoms[known]).sum())
    return Measured(float(values.sum()) / classes, gradient / classes, effective)


def variance_of_row(gradient: Floats, shares: Floats) -> float:
    """Tell how much one row that falls into cells with these shares makes a metric vary: divide it by the rows."""
    centre = float(gradient @ shares)
    return max(0.0, float((gradient - centre) ** 2 @ shares))
