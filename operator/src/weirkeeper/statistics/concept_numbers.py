"""Concept drift of a regression: whether errors at each predicted value are what they were on held-out rows.

A shift of the inputs changes how often which value is predicted, and with that the mean error where errors depend on
the value. So live rows are compared with held-out rows of the same bin of the prediction, weighted as live rows are
(post-stratification, Holt and Smith 1979). Within a bin the mean predictions of both sides may differ, which is allowed
for along the line between the means of neighbouring bins.

Two looks, each with half of alpha: errors larger or smaller than they were, and errors to one side. Both compare means
of roots of the error's size, without and with its sign: whatever is a function of the error has the same distribution
as before where nothing changed, and roots of even heavy-tailed errors have means that are nearly normal. The mean of
such squares is that of the size, which is summed too, so variances are known exactly (Student's t with Satterthwaite's
degrees of freedom, 1946).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.concept_drift import ConceptDrift
from weirkeeper.statistics.error_bins import BINNED, ErrorBin
from weirkeeper.statistics.fisher import f_isf, f_sf
from weirkeeper.statistics.intervals import LEVEL
from weirkeeper.statistics.stratifying import joined

Floats = npt.NDArray[np.float64]

LEAST_ROWS: Final = 50
"""Labelled live rows, and held-out ones, from which on errors are compared."""


def of_numbers(
    held_out: Mapping[int, ErrorBin], live: Mapping[int, ErrorBin], *, alpha: float, tolerated: float, factor: float
) -> ConceptDrift:
    """Compare errors by bin of the prediction; arguments are those of `concept_drift`, `factor` its design effect."""
    places = range(max((*held_out, *live)) + 1)
    known, new = (np.array([bins.get(place, ErrorBin()).totals() for place in places]) for bins in (held_out, live))
    rows = int(new[:, 0].sum())
    if known[:, 0].sum() < LEAST_ROWS or rows < LEAST_ROWS * factor:
        least = math.ceil(LEAST_ROWS * factor)
        told = f"{rows} labelled and {int(known[:, 0].sum())} held-out rows; {least} and {LEAST_ROWS} are needed"
        return ConceptDrift("Insufficient", rows, told)
    return _judged(_Sides(*joined(known, new)), alpha, tolerated, factor)


class _Gap(NamedTuple):
    """The mean of something over live rows, what it would be by held-out rows, and the error of the difference."""

    realised: float
    explained: float
    error: float
    df: float

    @property
    def difference(self) -> float:
        return self.realised - self.explained

    def bounds(self, level: float) -> tuple[float, float]:
        half = self.error * math.sqrt(f_isf(1.0 - level, 1.0, self.df))
        return self.difference - half, self.difference + half

    def statistic(self, allowed: float) -> float:
        """The squared t statistic of what is beyond `allowed` either way."""
        beyond = max(0.0, abs(self.difference) - allowed)
        return (beyond / self.error) ** 2 if self.error > 0.0 else math.inf if beyond > 0.0 else 0.0


class _Sides:
    """Strata of both sides: their rows, means of what is summed, and how live ones are explained by held-out ones.

    `weights` [strata, strata] says of which held-out strata a live one is taken to be a mixture.
    """

    def __init__(self, held_out: Floats, live: Floats) -> None:
        self.sides = held_out, live
        self.m, self.n = held_out[:, 0], live[:, 0]
        self.weights = _mixtures(self._means("predicted", held_out), self._means("predicted", live), self.n)
        self.rows = float(self.n.sum())

    def _means(self, name: str, side: Floats) -> Floats:
        return np.asarray(_sums(name, side) / np.maximum(1.0, side[:, 0]), dtype=np.float64)

    def gap(self, name: str, squares: str, factor: float) -> _Gap:
        """Compare the mean of what is summed as `name`, whose squares are summed as `squares`."""
        held_out, live = self.sides
        by_held_out = self.n @ self.weights
        realised = float(_sums(name, live).sum()) / self.rows
        explained = float(by_held_out @ self._means(name, held_out)) / self.rows
        scatter = sum(_scatter(name, squares, side) for side in self.sides)
        free = np.maximum(1.0, self.m + self.n - 1.0 - (self.n > 0.0))
        parts = scatter / free * (self.n + by_held_out**2 / np.maximum(1.0, self.m))
        variance = float(parts.sum())
        # Of shares, because the squares of the smallest numbers are 0.
        df = 1.0 / float(((parts / variance) ** 2 / free).sum()) if variance > 0.0 else float(free.sum())
        return _Gap(realised, explained, math.sqrt(factor * variance) / self.rows, df)


def _sums(name: str, side: Floats) -> Floats:
    return side[:, 1 + BINNED.index(name)]


def _scatter(name: str, squares: str, side: Floats) -> Floats:
    """The sum of squares about the mean, in each stratum."""
    about = _sums(squares, side) - _sums(name, side) ** 2 / np.maximum(1.0, side[:, 0])
    return np.asarray(np.maximum(0.0, about), dtype=np.float64)


def _mixtures(known: Floats, new: Floats, rows: Floats) -> Floats:
    """Put a live stratum's mean prediction between the held-out mean and that of the neighbour on its side.

    At the ends, it is as far beyond the held-out mean as the neighbour is before it, at most.
    """
    last = known.size - 1
    weights = np.eye(known.size)
    for place in np.flatnonzero(rows) if last else ():
        beside = place + 1 if new[place] > known[place] else place - 1
        other = int(beside) if 0 <= beside <= last else int(2 * place - beside)
        gap = known[other] - known[place]
        part = float(np.clip((new[place] - known[place]) / gap, -1.0, 1.0)) if gap else 0.0
        weights[place, place] -= part
        weights[place, other] += part
    return weights


def _judged(sides: _Sides, alpha: float, tolerated: float, factor: float) -> ConceptDrift:
    size, side = (sides.gap(name, "absolute", factor) for name in ("root", "signedRoot"))
    # The root of a size that is larger by a factor is larger by its root.
    allowed = ((math.sqrt(tolerated) - 1.0) * size.explained, (tolerated - 1.0) * size.explained)
    looks = [
        (gap.statistic(most), f_isf(alpha / 2.0, 1.0, gap.df), gap)
        for gap, most in zip((size, side), allowed, strict=True)
    ]
    statistic, threshold, _ = max(looks, key=lambda look: look[0] / look[1])
    p_value = min(1.0, 2.0 * min(f_sf(gap.statistic(0.0), 1.0, gap.df) for _, _, gap in looks))
    gaps = {"MAE": sides.gap("absolute", "squared", factor), "Bias": sides.gap("error", "squared", factor)}
    state = "Drifting" if statistic > threshold else "OK"
    bounds = {name: gap.bounds(LEVEL) for name, gap in gaps.items()}
    told = ", and ".join(
        f"{name} {gap.realised:.4g} where their predictions explain {gap.explained:.4g} (difference between"
        f" {bounds[name][0]:.3g} and {bounds[name][1]:.3g})"
        for name, gap in gaps.items()
    )
    return ConceptDrift(
        state,  # type: ignore[arg-type]
        int(sides.rows),
        f"{int(sides.rows)} labelled rows have {told}; squared t {statistic:.1f}, threshold {threshold:.1f}",
        statistic,
        threshold,
        p_value,
        1,
        {name: gap.realised for name, gap in gaps.items()},
        {name: gap.explained for name, gap in gaps.items()},
        bounds,
    )
