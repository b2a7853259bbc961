"""Concept drift told apart: whether labels still follow the scores as they did, whatever inputs came.

A shift of the inputs alone changes how many rows have which score, not how often rows of one score are positive. So
labelled live rows are compared with held-out rows of the same score, bin by bin, as Mantel and Haenszel (1959) compare
strata: how many live rows of each bin came at all does not enter. Two directions are asked about at once, whether
labels are more or less often positive throughout, and whether the score tells more or less than it did (Cox 1958;
Mantel, "Chi-square tests with one degree of freedom", JASA 58, 1963). Within a bin the mean scores of both sides may
differ, which is allowed for on the scale of log odds. Regressions are in `concept_numbers`.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.concept_drift import ConceptDrift
from weirkeeper.statistics.concept_numbers import of_numbers
from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.held_out import HeldOut
from weirkeeper.statistics.intervals import LEVEL, normal_quantile
from weirkeeper.statistics.labels import LEAST_SCORE, SCORE_BINS, SCORE_UNITS, LabelCounts
from weirkeeper.statistics.noncentral import chi2_sf, ncx2_isf
from weirkeeper.statistics.performance import performance
from weirkeeper.statistics.stratifying import joined

Floats = npt.NDArray[np.float64]

TOLERATED_ODDS_RATIO: Final = 1.1
"""Odds of a positive label may change by this factor at every score before anything is called concept drift."""

FURTHEST: Final = 1e9
"""More rows than this are not told: nobody waits for them."""

LEAST_INFORMATION: Final = 10.0
"""The variance of the number of positives below which the normal approximation is not used."""

_STEPS: Final = 60


def concept_drift(
    held_out: HeldOut | None,
    live: LabelCounts,
    *,
    alpha: float,
    tolerated: float = TOLERATED_ODDS_RATIO,
    design_effect: float = 1.0,
) -> ConceptDrift:
    """Compare labelled live rows with the held-out rows of the profile.

    `alpha` is the probability of calling concept drift although no stratum's odds changed by more than the factor
    `tolerated` (at least 1), and errors of a regression at no predicted value by more than that factor in size, nor by
    the part above 1 of their size to one side. `design_effect` is by how much more than independent ones the rows vary.
    It holds for
    any shift of inputs that leaves P(label | score) alone, as it does where the model is calibrated on every kind of
    row; where it was calibrated on average only, a shift towards rows that it misjudges counts as concept drift.

    Raises:
        StatisticsError: alpha, the tolerated factor or the design effect is out of range, or the two sides name
            different positive classes.
    """
    _check(alpha, tolerated, design_effect)
    known = held_out.labels if held_out else LabelCounts()
    if known.error_bins and live.error_bins:
        return of_numbers(known.error_bins, live.error_bins, alpha=alpha, tolerated=tolerated, factor=design_effect)
    if held_out is None or not (known.scores or known.error_bins):
        told = "the profile has no held-out rows with scores or errors; bundle with held_out"
        return ConceptDrift("Insufficient", live.rows, told)
    if not live.scores:
        told = "a regression's" if known.error_bins else "a scored"
        return ConceptDrift("Insufficient", live.rows, f"no label of {told} prediction came back")
    if held_out.labels.positive != live.positive:
        raise StatisticsError(
            f"labels are of the positive class {live.positive!r}, held-out rows of {held_out.labels.positive!r};"
            " give the held-out rows of the same revision"
        )
    strata = _Strata(held_out.labels, live)
    if strata.information < LEAST_INFORMATION * design_effect:
        more = math.ceil(strata.rows * (LEAST_INFORMATION * design_effect / max(strata.information, 1e-9) - 1.0))
        told = f"{strata.rows} labelled rows are too few" + (
            f", about {more} more are needed" if more < FURTHEST else ""
        )
        return ConceptDrift("Insufficient", strata.rows, told)
    return _judged(strata, live, alpha, math.log(tolerated), design_effect)


def _check(alpha: float, tolerated: float, design_effect: float) -> None:
    if not (0.0 < alpha < 1.0 and 1.0 <= tolerated < math.inf and 1.0 <= design_effect < math.inf):
        raise StatisticsError(
            f"alpha {alpha}, a tolerated odds ratio of {tolerated} and a design effect of {design_effect} were given;"
            " expected alpha between 0 and 1, and the others of at least 1"
        )


class _Strata:
    """Rows, positives and mean scores of both sides by stratum, and what is expected of the live side.

    `expected` positives are those of the common odds of both sides (what the test compares with), `variance` their
    variance given both sides' totals, exact for equal mean scores; `explained` are those of the held-out side alone.
    """

    def __init__(self, reference: LabelCounts, live: LabelCounts) -> None:
        known, new = joined(_table(reference), _table(live))
        (self.m, j, _), (self.n, self.k, _) = known.T, new.T
        self.scores = _means(new, known)
        offset = _log_odds(self.scores) - _log_odds(_means(known, new))
        share = _common(known, new, offset)
        q, p = _share(share + offset), _share(share)
        ours, theirs = self.n * q * (1.0 - q), self.m * p * (1.0 - p)
        together = np.maximum(2.0, self.n + self.m)
        self.expected = self.n * q
        whole = ours + theirs
        product = np.divide(ours * theirs, whole, out=np.zeros_like(whole), where=whole > 0.0)
        self.variance = product * together / (together - 1.0)
        self.explained = self.n * _share(_log_odds((j + 0.5) / (self.m + 1.0)) + offset)
        self.noise = ours * (1.0 + self.n / np.maximum(1.0, self.m))
        self.rows = int(self.n.sum())
        self.information = float(self.variance.sum())


def _table(counts: LabelCounts) -> Floats:
    """By bin of the score: rows, positives, and the sum of the scores."""
    table = np.zeros((SCORE_BINS, 3))
    for place, (negatives, positives) in counts.scores.items():
        middle = (place + 0.5) / SCORE_BINS * (negatives + positives)
        units = counts.score_units.get(place)
        table[place] = (negatives + positives, positives, middle if units is None else units / SCORE_UNITS)
    return table


def _means(side: Floats, other: Floats) -> Floats:
    """The mean score of each stratum; where a side has no row in it, that of the other."""
    rows = np.where(side[:, 0] > 0.0, side[:, 0], np.maximum(1.0, other[:, 0]))
    return np.where(side[:, 0] > 0.0, side[:, 2], other[:, 2]) / rows


def _log_odds(shares: Floats) -> Floats:
    inside = np.clip(shares, LEAST_SCORE, 1.0 - LEAST_SCORE)
    return np.asarray(np.log(inside / (1.0 - inside)), dtype=np.float64)


def _share(log_odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-log_odds)), dtype=np.float64)


def _common(known: Floats, new: Floats, offset: Floats) -> Floats:
    """Find by bisection the held-out side's log odds at which both sides together have the positives that they have."""
    positives = known[:, 1] + new[:, 1]
    low, high = np.full_like(positives, -_STEPS), np.full_like(positives, _STEPS)
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        more = known[:, 0] * _share(middle) + new[:, 0] * _share(middle + offset) < positives
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    return np.asarray((low + high) / 2.0, dtype=np.float64)


def _judged(strata: _Strata, live: LabelCounts, alpha: float, tolerated: float, design_effect: float) -> ConceptDrift:
    off = strata.k - strata.expected
    centre = float(strata.variance @ strata.scores) / strata.information
    slope = strata.scores - centre
    spread = float(strata.variance @ slope**2)
    # A spread that rounding alone makes is none.
    df = 2 if spread > 1e-9 * strata.information else 1
    statistic = float(off.sum()) ** 2 / strata.information + (float(off @ slope) ** 2 / spread if df > 1 else 0.0)
    statistic /= design_effect
    threshold = ncx2_isf(alpha, df, tolerated**2 * strata.information / design_effect)
    realised, explained, gaps = _metrics(strata, live, design_effect)
    what = "positive" if live.positive else "predicted right"
    low, high = gaps["Positives"]
    told = (
        f"{realised['Positives']:.1%} of {strata.rows} labelled rows are {what}, their scores explain"
        f" {explained['Positives']:.1%} (difference between {low:.1%} and {high:.1%}; chi-square {statistic:.1f},"
        f" threshold {threshold:.1f})"
    )
    drifts = statistic > threshold
    told = (f"{told}; {_furthest(strata)}" if drifts else told).replace("%", " %")
    return ConceptDrift(
        "Drifting" if drifts else "OK", strata.rows, told, statistic, threshold,
        chi2_sf(statistic, df), df, realised, explained, gaps,
    )  # fmt: skip


def _furthest(strata: _Strata) -> str:
    """Say where labels are furthest from what scores explain: too many here and too few there leave the sum alone."""
    worst = int(np.argmax(np.abs(strata.k - strata.explained)))
    rows, came, explained = (float(one[worst]) for one in (strata.n, strata.k, strata.explained))
    told = f"{came / rows:.1%} of {rows:.0f}, not {explained / rows:.1%}"
    return f"furthest at scores of about {strata.scores[worst]:.2f}: {told}"


def _metrics(
    strata: _Strata, live: LabelCounts, design_effect: float
) -> tuple[dict[str, float], dict[str, float], dict[str, tuple[float, float]]]:
    """Brier and log loss are linear in the positives of each stratum, so their gap is that of the positives, weighted.

    Of more than two classes, only the share of right predictions is told: the other probabilities are not binned.
    """
    realised = {"Positives": float(strata.k.sum()) / strata.rows}
    weights = {"Positives": np.ones_like(strata.k)}
    if live.positive:
        found = performance(live)
        realised |= {name: found[name] for name in ("Brier", "LogLoss") if name in found}
        weights |= {"Brier": 1.0 - 2.0 * strata.scores, "LogLoss": -_log_odds(strata.scores)}
    explained, gaps = {}, {}
    for name in realised:
        gap = float(weights[name] @ (strata.k - strata.explained)) / strata.rows
        half = (
            normal_quantile(LEVEL) * math.sqrt(design_effect * float(weights[name] ** 2 @ strata.noise)) / strata.rows
        )
        explained[name], gaps[name] = realised[name] - gap, (gap - half, gap + half)
    return realised, explained, gaps
