"""How well a model is expected to do on rows without labels, by its answers to them.

Each bin of the model's own score (or predicted class) held so many rows of each predicted and actual class among the
held-out rows; live rows of that bin are taken to be like them. So the expected confusion matrix follows from counters
alone, with the calibration in it (CBPE: Białek, Kuberski, Perrakis and Bifet, "Estimating Model Performance Under
Covariate Shift Without Labels", arXiv 2401.08348, 2024; the estimator is post-stratification, Holt and Smith 1979).
Errors of a regression are expected likewise, by bins of the predicted value. NannyML's direct loss estimation asks a
second model about all inputs of each row, which counters do not have.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.confusion import CLASS_METRICS, Cells, measured, variance_of_row
from weirkeeper.statistics.error_strata import ErrorStrata
from weirkeeper.statistics.errors import ProfileMismatch
from weirkeeper.statistics.held_out import HeldOut, Strata
from weirkeeper.statistics.intervals import LEVEL, positive_mean, within_unit
from weirkeeper.statistics.performance import Estimate, Metric
from weirkeeper.statistics.scores import area_under_curve

Floats = npt.NDArray[np.float64]

LEAST_ROWS: Final = 50
"""Held-out rows, and live ones, from which on anything is expected."""

LEAST_COVERED: Final = 0.95
"""The share of live rows that must fall into bins in which there were held-out rows."""

ASSUMPTION: Final = (
    "holds as far as rows of one score still have the labels that held-out rows of that score had:"
    " an error of that calibration (concept drift) shows in labels alone, and goes into the expectation in full"
)

ASSUMPTION_OF_ERRORS: Final = (
    "holds as far as errors at one predicted value are still those of held-out rows with that value: what changes them"
    " otherwise shows in labels alone, and goes into the expectation in full"
)


@dataclass(frozen=True)
class ExpectedPerformance:
    """What is expected of `rows` live rows, of which the share `covered` fell into bins that held-out rows know.

    Intervals are for the number of held-out rows alone; ASSUMPTION and ASSUMPTION_OF_ERRORS say what they cannot tell.
    Never act on it alone.
    """

    state: Literal["OK", "Insufficient"]
    estimates: Mapping[Metric, Estimate]
    rows: int
    covered: float
    message: str


def expected_performance(
    held_out: HeldOut | None, outputs: Mapping[str, Mapping[str, Any]], level: float = LEVEL
) -> ExpectedPerformance:
    """Expect Accuracy, Precision, Recall, F1 and, with scores, AUC of live rows; of a regression MAE and RMSE.

    Of more than two classes, Precision, Recall and F1 are means over the classes, AUC that of each against the rest.

    `outputs` are the live counts of ProfileCounters' `outputs`, by name, of the profile that `held_out` came with.

    Raises:
        ProfileMismatch: the counts have fewer bins than the strata; they are of another profile.
    """
    if held_out is not None and held_out.errors is not None:
        return _of_numbers(held_out.errors, outputs, level)
    strata = held_out.strata if held_out else None
    if held_out is None or strata is None:
        return _nothing(
            "the profile has no held-out rows by bins of the model's answers; make the bundle with held_out"
        )
    known = _Known.of(strata, outputs)
    if isinstance(known, ExpectedPerformance):
        return known
    estimates = [*_of_classes(known, held_out.labels.positive, level), *_of_scores(known, held_out, outputs, level)]
    return known.told(estimates, ASSUMPTION)


def _nothing(why: str, rows: int = 0, covered: float = 0.0) -> ExpectedPerformance:
    return ExpectedPerformance("Insufficient", {}, rows, covered, f"no performance is expected: {why}")


@dataclass(frozen=True)
class _Live:
    """Live rows of one output by bin, as `weights` of the bins that held-out rows know; `held` are these rows."""

    weights: Floats
    held: Floats
    rows: int
    covered: float

    @classmethod
    def of(
        cls, output: str, held_rows: Mapping[int, float], outputs: Mapping[str, Mapping[str, Any]]
    ) -> _Live | ExpectedPerformance:
        """Compare the bins of both; what is said where nothing can be expected."""
        if output not in outputs:
            return _nothing(f"no live counts of the output {output}")
        counts = outputs[output]
        live = np.asarray(counts["counts"], dtype=np.float64)
        held = np.zeros(live.size)
        for place, count in held_rows.items():
            if place >= live.size:
                raise ProfileMismatch(
                    f"output {output!r} was counted in {live.size} bins, held-out rows in {place + 1} or more:"
                    " the counts are of another profile"
                )
            held[place] = count
        rows = int(live.sum() + counts["unseen"] + counts["missing"] + counts["invalid"])
        inside = float(live[held > 0].sum())
        covered = inside / rows if rows else 0.0
        if rows < LEAST_ROWS or held.sum() < LEAST_ROWS:
            found = f"{rows} live and {int(held.sum())} held-out rows"
            return _nothing(f"{found}, at least {LEAST_ROWS} of each are needed", rows, covered)
        if covered < LEAST_COVERED:
            told = f"{covered:.0%} of live rows have answers that held-out rows had, {LEAST_COVERED:.0%} are needed"
            return _nothing(told.replace("%", " %"), rows, covered)
        return cls(np.where(held > 0, live, 0.0) / inside, held, rows, covered)

    def told(self, estimates: Sequence[Estimate], assumption: str) -> ExpectedPerformance:
        """Sum up what is expected."""
        found = {one.metric: one for one in estimates}
        return ExpectedPerformance("OK", found, self.rows, self.covered, f"expected; {assumption}")


class _Known:
    """Held-out rows of a classifier: `shares` [bins, cells] of each bin's rows by cell, beside the `live` ones."""

    def __init__(self, strata: Strata, live: _Live) -> None:
        self.live, self.scores, self.cells = live, strata.scores, Cells(strata.pairs)
        places = {pair: place for place, pair in enumerate(self.cells.pairs)}
        table = np.zeros((live.held.size, len(places)))
        for (place, predicted, actual), count in strata.counts.items():
            table[place, places[predicted, actual]] = count
        held = live.held[:, None]
        self.shares = np.divide(table, held, out=np.zeros_like(table), where=held > 0)
        overall = table.sum(axis=0) / max(1.0, table.sum())
        # One row as all held-out ones are: a bin whose few rows are all alike is not sure of it.
        self.cautious = (table + overall) / (held + 1.0)

    @classmethod
    def of(cls, strata: Strata, outputs: Mapping[str, Mapping[str, Any]]) -> _Known | ExpectedPerformance:
        """Compare strata with live counts; what is said where nothing can be expected."""
        held: Counter[int] = Counter()
        for (place, _, _), count in strata.counts.items():
            held[place] += count
        live = _Live.of(strata.output, held, outputs)
        return live if isinstance(live, ExpectedPerformance) else cls(strata, live)

    def told(self, estimates: Sequence[Estimate], assumption: str) -> ExpectedPerformance:
        """Sum up what is expected."""
        return self.live.told(estimates, assumption)


def _of_classes(known: _Known, positive: str, level: float) -> Iterator[Estimate]:
    weights, held = known.live.weights, known.live.held
    shares = weights @ known.shares
    for metric in CLASS_METRICS:
        found = measured(metric, known.cells, shares, positive)
        if found is None:
            continue
        by_bin = [variance_of_row(found.gradient, one) for one in known.cautious]
        variance = float((weights**2 * by_bin / np.maximum(1.0, held)).sum())
        low, high = within_unit(found.value, variance, float(held.sum()), level)
        yield Estimate(metric, found.value, low, high, known.live.rows, "Delta")


def _of_scores(
    known: _Known, held_out: HeldOut, outputs: Mapping[str, Mapping[str, Any]], level: float
) -> Iterator[Estimate]:
    """Expect the AUC: of two classes, else the mean of each class against the rest.

    Areas of several classes are of the same rows, and are taken to err the same way, as realised ones are.
    """
    if held_out.labels.positive:
        areas = [_area(known, held_out.labels.positive)]
    else:
        by_class = {name: _Known.of(strata, outputs) for name, strata in held_out.class_strata.items()}
        if any(isinstance(one, ExpectedPerformance) for one in by_class.values()):
            return
        areas = [_area(one, name) for name, one in by_class.items() if isinstance(one, _Known)]
    found = [one for one in areas if one is not None]
    if not found:
        return
    value, half_width, deviation = (float(np.mean(column)) for column in zip(*found, strict=True))
    low, high = within_unit(value, deviation**2, float(known.live.held.sum()), level)
    bounds = max(0.0, low - half_width), min(1.0, high + half_width)
    yield Estimate("AUC", value, *bounds, known.live.rows, "Delta")


class _Area(NamedTuple):
    """An expected AUC, by how much bins may hide of it, and its standard deviation by the held-out rows."""

    value: float
    half_width: float
    deviation: float


def _area(known: _Known, positive: str) -> _Area | None:
    """Expect one AUC: its derivative by a bin's share of positives is what it varies by with the held-out rows."""
    live = known.live
    places = [place for place in sorted(known.scores, key=known.scores.__getitem__) if place < live.held.size]
    actual = np.asarray([actual == positive for _, actual in known.cells.pairs], dtype=np.float64)
    weight, held, share, cautious = (
        values[places] for values in (live.weights, live.held, known.shares @ actual, known.cautious @ actual)
    )
    positives, negatives = weight * share, weight * (1.0 - share)
    found = area_under_curve(negatives, positives)
    if found is None:
        return None
    below = np.cumsum(negatives) - negatives / 2.0
    above = positives.sum() - np.cumsum(positives) + positives / 2.0
    pairs = found.negatives * found.positives
    gradient = weight * ((below - above) / pairs - found.value * (1.0 / found.positives - 1.0 / found.negatives))
    variance = float((gradient**2 * cautious * (1.0 - cautious) / np.maximum(1.0, held)).sum())
    return _Area(found.value, found.half_width, math.sqrt(variance))


def _of_numbers(errors: ErrorStrata, outputs: Mapping[str, Mapping[str, Any]], level: float) -> ExpectedPerformance:
    """Expect the errors of a regression: means of the bins' errors, weighted as live predictions are."""
    live = _Live.of(errors.output, {place: sums.rows for place, sums in errors.bins.items()}, outputs)
    if isinstance(live, ExpectedPerformance):
        return live
    sums = np.zeros((live.held.size, 3))
    for place, found in errors.bins.items():
        sums[place] = found[1:]
    means = sums / np.maximum(1.0, live.held)[:, None]
    absolute, squared, _ = (live.weights @ means).tolist()
    mae = positive_mean(absolute, _variance(live, means[:, 0], means[:, 1]), level)
    mse = positive_mean(squared, _variance(live, means[:, 1], means[:, 2]), level)
    low, high = (None if bound is None else math.sqrt(bound) for bound in mse)
    return live.told(
        [
            Estimate("MAE", absolute, *mae, live.rows, "Delta"),
            Estimate("RMSE", math.sqrt(squared), low, high, live.rows, "Delta"),
        ],
        ASSUMPTION_OF_ERRORS,
    )


def _variance(live: _Live, means: Floats, squares: Floats) -> float:
    """How much the weighted mean varies with the held-out rows; of a bin of one row, as much as its mean is large."""
    scatter = np.where(live.held > 1.0, np.maximum(0.0, squares - means**2), squares)
    return float((live.weights**2 * scatter / np.maximum(1.0, live.held - 1.0)).sum())
