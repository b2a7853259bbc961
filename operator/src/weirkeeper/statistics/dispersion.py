"""How many rows count as one: rows that come in bursts scatter more from slot to slot than independent ones would.

The design effect D (Kish 1965) is Pearson's chi-square of a feature's slots by its degrees of freedom, at least 1; a
window of m rows then says as much as m / D independent ones. Where the slots scatter more than chance explains, the
distance of the window is a sum of chi-squares of unequal weights, which is matched by its first two moments (Rao and
Scott 1984, second-order correction; Satterthwaite 1946), slots that resemble their neighbours count as even fewer
(variance of the mean of a first-order autoregression), and what is uncertain about D itself is added by Fisher's F.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.fisher import f_isf
from weirkeeper.statistics.noncentral import chi2_sf, ncx2_isf

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

LEAST_SLOTS = 4
"""Fewer slots with rows tell nothing about how rows scatter."""

SUSPICIOUS_TOGETHER = 0.05
SUSPICIOUS_ALONE = 0.01
"""Slots that scatter as widely as independent rows do with a larger probability than these count as independent."""

MOST_ALIKE = 0.9
"""Neighbouring slots are taken to correlate at most so much; beyond, the window holds about one independent slot."""

ALIKE = 2.33
"""Standard errors above 0 from which on neighbouring slots are taken to be alike (one-sided 1 %)."""


class Dispersion(NamedTuple):
    """How a feature's rows hang together.

    A row counts as 1 / `factor`; the distance of a window then scatters with `df` degrees of freedom (None: as many as
    bins allow). `known` are those with which the factor was measured, infinite for independent rows; `slots` is 0 where
    nothing could be measured.
    """

    factor: float = 1.0
    df: float | None = None
    known: float = math.inf
    slots: int = 0

    @property
    def independent(self) -> bool:
        """Whether rows count one by one."""
        return self.known == math.inf

    def allowance(self, alpha: float) -> float:
        """The factor with what must be added at confidence 1 - `alpha` because it is only estimated."""
        if self.known == math.inf or self.df is None:
            return self.factor
        return self.factor * self.df * f_isf(alpha, self.df, self.known) / ncx2_isf(alpha, self.df, 0.0)


INDEPENDENT = Dispersion()


class Scattering(NamedTuple):
    """Standardised residuals of one feature's slots: `residuals` is slots by bins, `df` their degrees of freedom."""

    residuals: Floats
    df: int

    @property
    def chi_square(self) -> float:
        """Pearson's statistic of the slots' homogeneity."""
        return float((self.residuals**2).sum())


def dispersions(slots: Mapping[str, Sequence[Sequence[int]]]) -> dict[str, Dispersion]:
    """Measure the design effect of features, given their counts slot by slot: by name, slots of counts a bin.

    Features in which slots scatter no wider than chance explains, each by itself (1 %) and all of them together (5 %),
    are independent: what the few slots of one feature leave open, the many of all features decide.
    """
    measured = {name: scattering(counts) for name, counts in slots.items()}
    known = {name: one for name, one in measured.items() if one is not None}
    chi_square, df = sum(one.chi_square for one in known.values()), sum(one.df for one in known.values())
    suspicious = df > 0 and chi2_sf(chi_square, df) < SUSPICIOUS_TOGETHER
    return {
        name: INDEPENDENT if one is None else _dispersion(one, suspicious=suspicious) for name, one in measured.items()
    }


def scattering(counts: Sequence[Sequence[int]]) -> Scattering | None:
    """Compare the slots of one feature (counts a bin each) with each other; None where there are too few."""
    table = np.asarray(counts, dtype=np.float64)
    table = table[table.sum(axis=1) > 0] if table.ndim > 1 else table
    if table.ndim < 2 or table.shape[0] < LEAST_SLOTS:  # noqa: PLR2004  slots by bins
        return None
    # A bin that has not even one value a slot would make the statistic jump.
    rare = table.sum(axis=0) < table.shape[0]
    table = np.column_stack((table[:, ~rare], table[:, rare].sum(axis=1)))
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:  # noqa: PLR2004  all rows lie in one bin
        return None
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return Scattering((table - expected) / np.sqrt(expected), (table.shape[0] - 1) * (table.shape[1] - 1))


def _dispersion(found: Scattering, *, suspicious: bool) -> Dispersion:
    slots, bins = found.residuals.shape
    if not suspicious and chi2_sf(found.chi_square, found.df) >= SUSPICIOUS_ALONE:
        return Dispersion(slots=slots)
    mean, squares = _moments(found, bins - 1)
    df = mean**2 / squares
    factor = max(1.0, squares / mean * _likeness(found, df))
    return Dispersion(factor, df, (slots - 1) * df, slots)


def _moments(found: Scattering, dimensions: int) -> tuple[float, float]:
    """Estimate the sums of the eigenvalues of the slots' covariance and of their squares, without bias."""
    free = found.residuals.shape[0] - 1
    covariance = found.residuals.T @ found.residuals / free
    trace = float(np.trace(covariance))
    squares = free**2 / ((free - 1) * (free + 2)) * (float((covariance**2).sum()) - trace**2 / free)
    return trace, min(max(squares, trace**2 / dimensions), trace**2)


def _likeness(found: Scattering, df: float) -> float:
    """Tell by how much more the mean of slots scatters because neighbours are alike."""
    neighbours = float((found.residuals[1:] * found.residuals[:-1]).sum())
    correlation = neighbours / found.chi_square
    if correlation < ALIKE / math.sqrt(found.residuals.shape[0] * df):
        return 1.0
    alike = min(correlation, MOST_ALIKE)
    return (1.0 + alike) / (1.0 - alike)
