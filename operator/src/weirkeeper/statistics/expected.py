"""How well a classifier is expected to do on rows without labels, by its answers to them: confidence-based estimation.

Each bin of the model's own score (or predicted class) held so many rows of each predicted and actual class among the
held-out rows; live rows of that bin are taken to be like them. So the expected confusion matrix follows from counters
alone, with the calibration in it (CBPE: Białek, Kuberski, Perrakis and Bifet, "Estimating Model Performance Under
Covariate Shift Without Labels", arXiv 2401.08348, 2024; the estimator is post-stratification, Holt and Smith 1979).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.confusion import CLASS_METRICS, Cells, measured, variance_of_row
from weirkeeper.statistics.errors import ProfileMismatch
from weirkeeper.statistics.held_out import HeldOut, Strata
from weirkeeper.statistics.intervals import LEVEL, within_unit
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


@dataclass(frozen=True)
class ExpectedPerformance:
    """What is expected of `rows` live rows, of which the share `covered` fell into bins that held-out rows know.

    Intervals are for the number of held-out rows alone; ASSUMPTION says what they cannot tell. Never act on it alone.
    """

    state: Literal["OK", "Insufficient"]
    estimates: Mapping[Metric, Estimate]
    rows: int
    covered: float
    message: str


def expected_performance(
    held_out: HeldOut | None, outputs: Mapping[str, Mapping[str, Any]], level: float = LEVEL
) -> ExpectedPerformance:
    """Expect Accuracy, Precision, Recall, F1 and, of two classes with scores, AUC of live rows.

    `outputs` are the live counts of ProfileCounters' `outputs`, by name, of the profile that `held_out` came with.

    Raises:
        ProfileMismatch: the counts have fewer bins than the strata; they are of another profile.
    """
    strata = held_out.strata if held_out else None
    if strata is None:
        return _nothing("the profile has no held-out rows of a classifier; make the bundle with held_out")
    if strata.output not in outputs:
        return _nothing(f"no live counts of the output {strata.output}")
    counts = outputs[strata.output]
    live, known = np.asarray(counts["counts"], dtype=np.float64), _Known(strata, len(counts["counts"]))
    rows = int(live.sum() + counts["unseen"] + counts["missing"] + counts["invalid"])
    covered = float(live[known.rows > 0].sum()) / rows if rows else 0.0
    if rows < LEAST_ROWS or known.rows.sum() < LEAST_ROWS:
        found = f"{rows} live and {int(known.rows.sum())} held-out rows"
        return _nothing(f"{found}, at least {LEAST_ROWS} of each are needed", rows, covered)
    if covered < LEAST_COVERED:
        told = f"{covered:.0%} of live rows have scores that held-out rows had, {LEAST_COVERED:.0%} are needed"
        return _nothing(told.replace("%", " %"), rows, covered)
    weights = np.where(known.rows > 0, live, 0.0) / live[known.rows > 0].sum()
    positive = held_out.labels.positive if held_out else ""
    estimates = [
        *_of_classes(known, weights, positive, rows, level),
        *_of_scores(known, weights, positive, rows, level),
    ]
    return ExpectedPerformance("OK", {one.metric: one for one in estimates}, rows, covered, f"expected; {ASSUMPTION}")


def _nothing(why: str, rows: int = 0, covered: float = 0.0) -> ExpectedPerformance:
    return ExpectedPerformance("Insufficient", {}, rows, covered, f"no performance is expected: {why}")


class _Known:
    """Held-out rows as arrays: `table` is [bins, cells], `rows` its sums, `shares` of each bin's rows by cell."""

    def __init__(self, strata: Strata, bins: int) -> None:
        self.cells = Cells(strata.pairs)
        places = {pair: place for place, pair in enumerate(self.cells.pairs)}
        table = np.zeros((bins, len(places)))
        for (place, predicted, actual), count in strata.counts.items():
            if place >= bins:
                raise ProfileMismatch(
                    f"output {strata.output!r} was counted in {bins} bins, held-out rows in {place + 1} or more:"
                    " the counts are of another profile"
                )
            table[place, places[predicted, actual]] = count
        self.rows = table.sum(axis=1)
        self.shares = np.divide(table, self.rows[:, None], out=np.zeros_like(table), where=self.rows[:, None] > 0)
        overall = table.sum(axis=0) / max(1.0, table.sum())
        # One row as all held-out ones are: a bin whose few rows are all alike is not sure of it.
        self.cautious = (table + overall) / (self.rows + 1.0)[:, None]
        self.scores = strata.scores


def _of_classes(known: _Known, weights: Floats, positive: str, rows: int, level: float) -> Iterator[Estimate]:
    shares = weights @ known.shares
    for metric in CLASS_METRICS:
        found = measured(metric, known.cells, shares, positive)
        if found is None:
            continue
        by_bin = [variance_of_row(found.gradient, one) for one in known.cautious]
        variance = float((weights**2 * by_bin / np.maximum(1.0, known.rows)).sum())
        low, high = within_unit(found.value, variance, float(known.rows.sum()), level)
        yield Estimate(metric, found.value, low, high, rows, "Delta")


def _of_scores(known: _Known, weights: Floats, positive: str, rows: int, level: float) -> Iterator[Estimate]:
    """Expect the AUC: its derivative by a bin's share of positives is what it varies by with the held-out rows."""
    places = [place for place in sorted(known.scores, key=known.scores.__getitem__) if place < known.rows.size]
    if not positive or not places:
        return
    actual = np.asarray([actual == positive for _, actual in known.cells.pairs], dtype=np.float64)
    weight, held, share, cautious = (
        values[places] for values in (weights, known.rows, known.shares @ actual, known.cautious @ actual)
    )
    positives, negatives = weight * share, weight * (1.0 - share)
    found = area_under_curve(negatives, positives)
    if found is None:
        return
    below = np.cumsum(negatives) - negatives / 2.0
    above = positives.sum() - np.cumsum(positives) + positives / 2.0
    pairs = found.negatives * found.positives
    gradient = weight * ((below - above) / pairs - found.value * (1.0 / found.positives - 1.0 / found.negatives))
    variance = float((gradient**2 * cautious * (1.0 - cautious) / np.maximum(1.0, held)).sum())
    low, high = within_unit(found.value, variance, float(held.sum()), level)
    bounds = max(0.0, low - found.half_width), min(1.0, high + found.half_width)
    yield Estimate("AUC", found.value, *bounds, rows, "Delta")
