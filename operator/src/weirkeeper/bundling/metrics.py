"""Offline metrics of a finished model: scikit-learn's numbers, each with a 95 % confidence interval.

Accuracy has Wilson's interval (Wilson 1927, in scipy). The others have the percentile bootstrap over rows (Efron and
Tibshirani 1993, chapter 13) with a fixed seed: for counts of a confusion matrix, drawing rows with replacement is
drawing its cells from a multinomial distribution; for means, it is drawing the rows' losses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, rankdata
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    confusion_matrix,
    log_loss,
    mean_absolute_error,
    precision_recall_fscore_support,
    roc_auc_score,
    root_mean_squared_error,
)

from weirkeeper.bundling.errors import UnsuitableSample
from weirkeeper.statistics.offline import Interval, MetricName, OfflineMetric, Rows
from weirkeeper_server.tensors import Array

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
"""The position of each row's class in the model's classes."""

Measured = tuple[MetricName, float, float, float, Interval]

MOST_ROWS: Final = 20_000
RESAMPLES: Final = 1_000

SEED: Final = 20_261_121
LEVEL: Final = (2.5, 97.5)
TWO: Final = 2


@dataclass(frozen=True)
class Answers:
    """What a model says of labelled rows: one prediction a row, and `[rows, classes]` probabilities where it has them.

    `classes` are None for a regressor.
    """

    predicted: Array
    probabilities: Array | None
    classes: Sequence[Any] | None


def measure(labels: Array, answers: Answers, measured_on: Rows) -> tuple[OfflineMetric, ...]:
    """Compare answers with labels, on at most 20,000 rows that a fixed seed chooses.

    Raises:
        UnsuitableSample: the labels lack values, or are none of the model's classes.
    """
    if len(labels) != len(answers.predicted):
        raise UnsuitableSample(f"y has {len(labels)} labels for {len(answers.predicted)} rows; give one for each row")
    random = np.random.default_rng(SEED)
    chosen = measured_rows(len(labels), random)
    predicted = answers.predicted[chosen]
    likely = None if answers.probabilities is None else answers.probabilities[chosen].astype(np.float64)
    if answers.classes is None:
        found = _of_numbers(_numbers(labels[chosen]), predicted.astype(np.float64), random)
    else:
        actual = _positions(labels[chosen], answers.classes, "y")
        found = _of_classes(
            actual, _positions(predicted, answers.classes, "an answer"), likely, len(answers.classes), random
        )
    return tuple(
        OfflineMetric(metric, value, low, high, len(chosen), interval, measured_on)
        for metric, value, low, high, interval in found
    )


def measured_rows(rows: int, random: np.random.Generator) -> Places:
    """Choose at most 20,000 of so many rows, in their order."""
    return np.sort(random.permutation(rows)[:MOST_ROWS])


def _numbers(labels: Array) -> Floats:
    try:
        numbers = labels.astype(np.float64)
    except (TypeError, ValueError):
        raise UnsuitableSample(f"y holds {labels[0]!r:.40}; a regressor is measured against numbers") from None
    if not np.isfinite(numbers).all():
        raise UnsuitableSample("y lacks values; leave rows without a label out")
    return numbers


def _positions(labels: Array, classes: Sequence[Any], whose: str) -> Places:
    places = {label: place for place, label in enumerate(classes)}
    try:
        return np.array([places[label] for label in labels.tolist()], dtype=np.intp)
    except (KeyError, TypeError):
        strange = next(label for label in labels.tolist() if label not in classes)
        known = ", ".join(repr(label) for label in classes[:10])
        raise UnsuitableSample(
            f"{whose} holds {strange!r:.40}, which is no class of the model; it knows {known}"
        ) from None


def _of_numbers(actual: Floats, predicted: Floats, random: np.random.Generator) -> Iterator[Measured]:
    errors = actual - predicted
    value = float(mean_absolute_error(actual, predicted))
    yield "MAE", value, *_mean_interval(np.abs(errors), random), "Bootstrap"
    low, high = np.sqrt(_mean_interval(errors**2, random))
    yield "RMSE", float(root_mean_squared_error(actual, predicted)), float(low), float(high), "Bootstrap"


def _of_classes(
    actual: Places,
    predicted: Places,
    likely: Floats | None,
    count: int,
    random: np.random.Generator,
) -> Iterator[Measured]:
    right = int((actual == predicted).sum())
    interval = binomtest(right, len(actual)).proportion_ci(method="wilson")
    yield "Accuracy", float(accuracy_score(actual, predicted)), float(interval.low), float(interval.high), "Wilson"
    yield from _of_confusion(actual, predicted, count, random)
    if likely is not None and _are_probabilities(likely, count):
        # What single precision lost is made up for; scikit-learn wants sums of 1.
        yield from _of_probabilities(actual, likely / likely.sum(axis=1, keepdims=True), random)


def _are_probabilities(likely: Floats, count: int) -> bool:
    fits = likely.ndim == TWO and likely.shape[1] == count > 1 and bool((likely >= 0).all())
    return fits and np.allclose(likely.sum(axis=1), 1.0, atol=1e-3)


def _of_confusion(actual: Places, predicted: Places, count: int, random: np.random.Generator) -> Iterator[Measured]:
    """Precision, recall and F1 of the second of two classes, or the mean over more classes (macro)."""
    labels = np.arange(count)
    average = "binary" if count == TWO else "macro"
    values = precision_recall_fscore_support(actual, predicted, labels=labels, average=average, zero_division=0.0)
    cells = confusion_matrix(actual, predicted, labels=labels).ravel()
    drawn = random.multinomial(len(actual), cells / len(actual), RESAMPLES).reshape(-1, count, count)
    scores = _scores(drawn)
    names: tuple[MetricName, ...] = ("Precision", "Recall", "F1")
    for name, value, each in zip(names, values, scores, strict=False):
        low, high = np.percentile(each[:, 1] if count == TWO else each.mean(axis=1), LEVEL)
        yield name, float(value), float(low), float(high), "Bootstrap"


def _scores(matrices: npt.NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1 of each class of each `[actual, predicted]` matrix; 0 where there is none."""
    hits = np.diagonal(matrices, axis1=1, axis2=2).astype(np.float64)
    said, are = matrices.sum(axis=1), matrices.sum(axis=2)
    return _ratio(hits, said), _ratio(hits, are), _ratio(2 * hits, said + are)


def _ratio(above: Floats, below: npt.NDArray[np.int64]) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _of_probabilities(actual: Places, likely: Floats, random: np.random.Generator) -> Iterator[Measured]:
    """AUC (one against the rest, macro, where there are more than two classes), Brier score and log loss."""
    count = likely.shape[1]
    labels = np.arange(count)
    if len(np.unique(actual)) == count:
        yield "AUC", _auc(actual, likely), *_auc_interval(actual, likely, random), "Bootstrap"
    halved = TWO if count == TWO else 1
    losses = ((likely - np.eye(count)[actual]) ** 2).sum(axis=1) / halved
    value = brier_score_loss(actual, likely, labels=labels, scale_by_half=count == TWO)
    yield "Brier", float(value), *_mean_interval(losses, random), "Bootstrap"
    least = np.finfo(np.float64).eps
    losses = -np.log(np.clip(likely[np.arange(len(actual)), actual], least, 1 - least))
    yield "LogLoss", float(log_loss(actual, likely, labels=labels)), *_mean_interval(losses, random), "Bootstrap"


def _auc(actual: Places, likely: Floats) -> float:
    if likely.shape[1] == TWO:
        return float(roc_auc_score(actual, likely[:, 1]))
    return float(roc_auc_score(actual, likely, multi_class="ovr", labels=np.arange(likely.shape[1])))


def _auc_interval(actual: Places, likely: Floats, random: np.random.Generator) -> tuple[float, float]:
    """Draw within each class: a draw without one of them has no AUC."""
    members = [np.flatnonzero(actual == place) for place in range(likely.shape[1])]
    judged = range(1, TWO) if likely.shape[1] == TWO else range(likely.shape[1])

    def draw() -> float:
        rows = np.concatenate([random.choice(rows, len(rows)) for rows in members])
        return float(np.mean([_by_ranks(actual[rows] == one, likely[rows, one]) for one in judged]))

    return _interval([draw() for _ in range(RESAMPLES)])


def _by_ranks(positive: npt.NDArray[np.bool_], scores: Floats) -> float:
    """Give the AUC as Mann and Whitney's U, ties counted half: quicker than drawing the curve each time."""
    count = int(positive.sum())
    above = rankdata(scores)[positive].sum() - count * (count + 1) / 2
    return float(above / (count * (len(scores) - count)))


def _mean_interval(losses: Floats, random: np.random.Generator) -> tuple[float, float]:
    return _interval([float(random.choice(losses, len(losses)).mean()) for _ in range(RESAMPLES)])


def _interval(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.percentile(values, LEVEL)
    return float(low), float(high)
