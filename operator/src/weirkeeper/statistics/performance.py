"""How well a model did on rows whose labels came back: each metric with its confidence interval, from counts alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from weirkeeper.statistics.confusion import CLASS_METRICS, Cells, ClassMetric, measured, variance_of_row
from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.intervals import (
    LEVEL,
    UNBOUNDED,
    Bounds,
    Share,
    mean,
    positive_mean,
    variance_of_mean,
    wilson,
    within_unit,
)
from weirkeeper.statistics.labels import SCORE_UNITS, LabelCounts
from weirkeeper.statistics.scores import AreaUnderCurve, area_under_curve, calibration_error, mean_area

Metric = Literal["Accuracy", "Precision", "Recall", "F1", "AUC", "Brier", "LogLoss", "ECE", "MAE", "RMSE", "Value"]
Source = Literal["Wilson", "Delta", "DeLong", "Folded", "Normal"]

NEVER_NEGATIVE_BINNED: Final = ("absolute", "squared", "root")
NEVER_NEGATIVE: Final = ("absolute", "squared", "fourth", "logLoss", "logLossSquared", "valueSquared")


@dataclass(frozen=True)
class Estimate:
    """A metric with the confidence interval from `low` to `high`; None where the counts do not bound it on that side.

    `rows` are those that it is a metric of: of precision those predicted positive, of recall those that are. `source`
    says how the interval was found: Wilson (1927) on a share, by the Delta method, with DeLong's variance (1988) and
    the width of the bins, from Folded normals, or as Normal.
    """

    metric: Metric
    value: float
    low: float | None
    high: float | None
    rows: int
    source: Source

    def to_json(self) -> dict[str, Any]:
        """Write it; a side that is not bounded is null."""
        return {
            "metric": self.metric, "value": self.value, "interval": [self.low, self.high], "rows": self.rows,
            "source": self.source,
        }  # fmt: skip


def performance(counts: LabelCounts) -> dict[str, float]:
    """Give every metric that the counts allow, by its name; intervals come from `estimates`."""
    return {name: found.value for name, found in estimates(counts).items()}


def estimates(counts: LabelCounts, level: float = LEVEL, design_effect: float = 1.0) -> dict[Metric, Estimate]:
    """Give every metric that the counts allow, with an interval that holds the true value with probability `level`.

    Of two classes, Precision, Recall and F1 are those of the positive one; of more, means over all classes, predicted
    or actual (macro). AUC is of binned scores: scores of one bin count as equal; of more than two classes it is the
    mean of each class against the rest, over those that rows are of. Intervals are for independent rows; where rows
    come in clusters, `design_effect` (at least 1, Kish 1965) is by how much more they vary.

    Raises:
        StatisticsError: counts that cannot be counts of anything, a level or a design effect out of range.
    """
    if not 1.0 <= design_effect < math.inf:
        raise StatisticsError(f"a design effect of {design_effect} was given; give 1 for independent rows, else more")
    check(counts)
    found = [
        *_of_classes(counts, level, design_effect),
        *(_of_scores(counts, level, design_effect) if counts.scores else _of_numbers(counts, level, design_effect)),
        *_of_values(counts, level, design_effect),
    ]
    return {one.metric: one for one in found}


def check(counts: LabelCounts) -> None:
    """Make sure that counts can be counts of rows at all; what comes from other processes may be anything.

    Raises:
        StatisticsError: they are negative, or more of a part than of the whole.
    """
    parts = {
        "correct": counts.correct,
        "numbered": counts.numbered,
        "confusion": sum(counts.confusion.values()) + counts.unlisted,
        "scores": sum(map(sum, counts.scores.values())),
        **{f"scores of {name!r:.80}": sum(map(sum, bins.values())) for name, bins in counts.class_scores.items()},
    }
    parts["error bins"] = sum(found.rows for found in counts.error_bins.values())
    pairs = [*counts.scores.values(), *(pair for bins in counts.class_scores.values() for pair in bins.values())]
    bins = counts.error_bins.values()
    whole = [counts.rows, *parts.values(), counts.valued, *counts.confusion.values(), *counts.score_units.values()]
    if min(whole) < 0 or any(min(pair) < 0 for pair in pairs):
        raise StatisticsError("counts of labels hold a negative one; give the counts of one process as they are")
    if more := [f"{count} in {name}" for name, count in parts.items() if count > counts.rows]:
        raise StatisticsError(
            f"counts of {counts.rows} labelled rows hold {', '.join(more)}; expected no more than rows:"
            " give counts of one and the same time"
        )
    if any(units > SCORE_UNITS * sum(counts.scores.get(place, ())) for place, units in counts.score_units.items()):
        raise StatisticsError("scores add up to more than 1 a row; give sums of scores in the bins that they fall into")
    if any(found.rows < 0 or found.sums[name].total < 0.0 for found in bins for name in NEVER_NEGATIVE_BINNED):
        raise StatisticsError("a bin of errors has a negative number of rows or a negative size; give it as counted")
    if negative := [name for name in NEVER_NEGATIVE if counts.total(name) < 0.0]:
        raise StatisticsError(f"the sum {negative[0]!r} is negative; expected one of squares, losses or sizes")


def _of_classes(counts: LabelCounts, level: float, design_effect: float) -> Iterator[Estimate]:
    if not counts.rows or not (counts.confusion or counts.unlisted):
        return
    share = Share(counts.correct / design_effect, counts.rows / design_effect)
    yield Estimate("Accuracy", counts.correct / counts.rows, *wilson(share, level), counts.rows, "Wilson")
    if counts.unlisted:
        return
    cells = Cells(counts.confusion)
    shares = np.asarray([*counts.confusion.values()], dtype=np.float64) / counts.rows
    for metric in CLASS_METRICS[1:]:
        found = measured(metric, cells, shares, counts.positive)
        if found is not None and counts.positive:
            yield _of_positive(metric, counts, found.value, level, design_effect)
        elif found is not None:
            effective = counts.rows / design_effect
            variance = variance_of_row(found.gradient, shares) / effective
            bounds = within_unit(found.value, variance, found.effective * effective, level)
            yield Estimate(metric, found.value, *bounds, counts.rows, "Delta")


def _of_positive(
    metric: ClassMetric, counts: LabelCounts, value: float, level: float, design_effect: float
) -> Estimate:
    """Precision and recall are shares; F1 = 2J / (1 + J) rises with the share J of hits among all but true negatives.

    Given how many rows are no true negatives, J is a share of them (the Jaccard index).
    """
    hits = counts.confusion[counts.positive, counts.positive]
    predicted = sum(count for (one, _), count in counts.confusion.items() if one == counts.positive)
    actual = sum(count for (_, one), count in counts.confusion.items() if one == counts.positive)
    rows = {"Precision": predicted, "Recall": actual}.get(metric, predicted + actual - hits)
    low, high = wilson(Share(hits / design_effect, rows / design_effect), level)
    if metric == "F1":
        low, high = 2.0 * low / (1.0 + low), 2.0 * high / (1.0 + high)
    return Estimate(metric, value, low, high, rows, "Wilson")


def _of_scores(counts: LabelCounts, level: float, design_effect: float) -> Iterator[Estimate]:
    bins = [counts.scores] if counts.positive else counts.class_scores.values()
    areas = [area for one in bins if (area := _area(one))]
    if areas:
        value, bounds = mean_area(areas, level, design_effect)
        yield Estimate("AUC", value, *bounds, int(areas[0].negatives + areas[0].positives), "DeLong")
    if counts.numbered:
        yield _brier(counts, level, design_effect)
        yield _log_loss(counts, level, design_effect)
    calibration = calibration_error(counts.scores, counts.score_units, level, design_effect)
    if calibration is not None and counts.score_units:
        rows = sum(map(sum, counts.scores.values()))
        yield Estimate("ECE", calibration.value, *calibration.bounds, rows, "Folded")


def _area(bins: Mapping[int, Sequence[int]]) -> AreaUnderCurve | None:
    table = np.asarray([bins[place] for place in sorted(bins)], dtype=np.float64).reshape(-1, 2)
    return area_under_curve(table[:, 0], table[:, 1])


def _brier(counts: LabelCounts, level: float, design_effect: float) -> Estimate:
    """Of two classes it lies between 0 and 1, of more between 0 and 2, as scikit-learn has it."""
    most = 1.0 if counts.positive else 2.0
    value = counts.total("squared") / counts.numbered
    variance = variance_of_mean(counts.total("squared"), counts.total("fourth"), counts.numbered) * design_effect
    low, high = within_unit(value / most, variance / most**2, counts.numbered / design_effect, level)
    return Estimate("Brier", value, most * low, most * high, counts.numbered, "Delta")


def _log_loss(counts: LabelCounts, level: float, design_effect: float) -> Estimate:
    value = counts.total("logLoss") / counts.numbered
    variance = variance_of_mean(counts.total("logLoss"), counts.total("logLossSquared"), counts.numbered)
    bounds = positive_mean(value, variance * design_effect, level)
    return Estimate("LogLoss", value, *bounds, counts.numbered, "Delta")


def _of_numbers(counts: LabelCounts, level: float, design_effect: float) -> Iterator[Estimate]:
    rows = counts.numbered
    if not rows:
        return
    absolute, squared = counts.total("absolute"), counts.total("squared")
    variance = variance_of_mean(absolute, squared, rows) * design_effect
    yield Estimate("MAE", absolute / rows, *positive_mean(absolute / rows, variance, level), rows, "Delta")
    variance = variance_of_mean(squared, counts.total("fourth"), rows) * design_effect
    low, high = positive_mean(squared / rows, variance, level)
    bounds = Bounds(math.sqrt(low or 0.0), None if high is None else math.sqrt(high))
    yield Estimate("RMSE", math.sqrt(squared / rows), *bounds, rows, "Delta")


def _of_values(counts: LabelCounts, level: float, design_effect: float) -> Iterator[Estimate]:
    if not counts.valued:
        return
    total = counts.total("value")
    variance = variance_of_mean(total, counts.total("valueSquared"), counts.valued) * design_effect
    bounds = mean(total / counts.valued, variance, level) if counts.valued > 1 else UNBOUNDED
    yield Estimate("Value", total / counts.valued, *bounds, counts.valued, "Normal")
