"""Counts of labelled rows, made from arrays as a server makes them from rows."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.error_bins import BINNED, ErrorBin
from weirkeeper.statistics.exact import ExactSum
from weirkeeper.statistics.labels import SCORE_BINS, SCORE_UNITS, LabelCounts

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def sigmoid(x: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-x)), dtype=np.float64)


def stepped(scores: Floats) -> Floats:
    """Scores as they come back in tokens."""
    return np.asarray(np.rint(scores * SCORE_UNITS) / SCORE_UNITS, dtype=np.float64)


def scored(scores: Floats, positive: Bools, threshold: float = 0.5) -> LabelCounts:
    """Count rows of the classes a and b one by one; `scores` are those of b."""
    counts = LabelCounts()
    for score, truth in zip(stepped(scores).tolist(), positive.tolist(), strict=True):
        counts.add_class("b" if score > threshold else "a", "b" if truth else "a", "b")
        counts.add_score(score, is_positive=truth)
    return counts


def binned(scores: Floats, positive: Bools) -> LabelCounts:
    """Count the scores alone, quickly."""
    counts = LabelCounts(rows=scores.size, positive="b")
    units = np.rint(scores * SCORE_UNITS)
    places = np.minimum((units / SCORE_UNITS * SCORE_BINS).astype(np.int64), SCORE_BINS - 1)
    rows, positives, sums = (
        np.bincount(places, weights=one, minlength=SCORE_BINS).astype(np.int64)
        for one in (np.ones_like(scores), positive, units)
    )
    for place in np.flatnonzero(rows).tolist():
        counts.scores[place] = [int(rows[place] - positives[place]), int(positives[place])]
        counts.score_units[place] = int(sums[place])
    return counts


def likely(probabilities: Floats, actual: npt.NDArray[np.int64]) -> LabelCounts:
    """Count rows of the classes 0, 1, 2 … with `[rows, classes]` probabilities one by one, as a server does."""
    counts = LabelCounts()
    for row, truth in zip(stepped(probabilities).tolist(), actual.tolist(), strict=True):
        predicted = int(np.argmax(row))
        counts.add_class(str(predicted), str(truth))
        squares = sum(share * share for share in row)
        counts.add_probabilities(row[predicted], row[truth], squares, right=predicted == truth)
        counts.add_class_scores({str(name): share for name, share in enumerate(row)}, str(truth))
    return counts


def classified(cells: dict[tuple[str, str], int], positive: str = "") -> LabelCounts:
    """Count rows by predicted and actual class."""
    counts = LabelCounts(positive=positive)
    counts.confusion.update(cells)
    counts.rows = sum(cells.values())
    counts.correct = sum(count for (predicted, actual), count in cells.items() if predicted == actual)
    return counts


def numbered(predicted: Floats, actual: Floats) -> LabelCounts:
    counts = LabelCounts()
    for one, other in zip(predicted.tolist(), actual.tolist(), strict=True):
        counts.add_number(one, other)
    return counts


def summed(scores: Floats, positive: Bools) -> LabelCounts:
    """Count all that `scored` counts, quickly; sums are rounded once."""
    counts = binned(scores, positive)
    predicted = scores > 0.5
    for said, was in product((False, True), repeat=2):
        counts.confusion["ab"[said], "ab"[was]] = int(((predicted == said) & (positive == was)).sum())
    counts.correct = int((predicted == positive).sum())
    counts.numbered = scores.size
    squared = (scores - positive) ** 2
    loss = -np.log(np.where(positive, scores, 1.0 - scores))
    sums = {"squared": squared, "fourth": squared**2, "logLoss": loss, "logLossSquared": loss**2}
    counts.sums |= {name: ExactSum([float(values.sum())]) for name, values in sums.items()}
    return counts


def erring(predicted: Floats, actual: Floats, edges: Floats) -> LabelCounts:
    """Count all that a regression's rows are counted by, quickly, by bins between `edges`; sums are rounded once."""
    counts = LabelCounts(rows=predicted.size, numbered=predicted.size)
    places = np.searchsorted(edges, predicted, side="left")
    error = predicted - actual
    root = np.sqrt(np.abs(error))
    numbers = (predicted, error, np.abs(error), error**2, root, np.copysign(root, error))
    for place in np.unique(places).tolist():
        found = ErrorBin(int((places == place).sum()))
        for name, one in zip(BINNED, numbers, strict=True):
            found.sums[name] = ExactSum([float(one[places == place].sum())])
        counts.error_bins[place] = found
    return counts
