"""Slow drift: what no window is sure of by itself, many windows are together, within a budget of false alarms.

An e-detector (Shin, Ramdas and Rinaldo, NEJSDS 2024, definition 2.2) of the Shiryaev-Roberts kind: `R = (1 + R) * E`
with every window, an alarm where `R` is at least A. E is an e-value: its mean is at most 1 whatever came before, as
long as the true PSI is not above `delta`. Then windows until a false alarm are A on average, or more.

E is a mixture of likelihood ratios of the window's PSI: `m * PSI` of m live rows follows a noncentral chi-square with
noncentrality `m * PSI'`, where PSI' is the true PSI against the reference *as counted*, whose own error all windows
share. Ratios rise with the PSI, so the mean is at most 1 for every smaller one too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.distances import psi_threshold
from weirkeeper.statistics.noncentral import log_ncx2_densities
from weirkeeper.statistics.sequential import log_e, with_another_start

Floats = npt.NDArray[np.float64]

STEPS: Final = (0.03, 0.06, 0.12, 0.25, 0.5)
"""Alternatives: so much is the root of the PSI, which is about a shift in standard deviations, above that of delta."""

REFERENCE_LUCK: Final = 0.01
"""Probability that the reference's own error is larger than what is allowed for it: once a reference, not a window."""


def sustained_delta(bins: int, reference: float, delta: float) -> float:
    """Tell up to which PSI against the reference as counted the true one may still be `delta`.

    `reference` is how many values the reference has, `bins` how many it is counted in (after pooling, at least 2).
    """
    return psi_threshold(bins, reference, delta, REFERENCE_LUCK)


def with_window(log_sums: Sequence[float] | Floats, value: float, bins: int, rows: float, delta: float) -> Floats:
    """Go on by one window with the PSI `value` over `rows` (effective) live rows: one number an alternative.

    `log_sums` is what the windows before gave, empty at first; `delta` is that of `sustained_delta`.
    """
    roots = math.sqrt(delta) + np.asarray(STEPS)
    ratios = psi_log_ratios(value, bins, rows, delta, tuple(roots**2))
    return np.asarray(with_another_start(log_sums, len(STEPS)) + ratios, dtype=np.float64)


def psi_log_ratios(value: float, bins: int, rows: float, null: float, alternatives: Sequence[float]) -> Floats:
    """Compare true PSIs with `null` by one PSI `value` over `rows` live rows: a log-likelihood ratio each.

    The mean of exp of one is at most 1 for every true PSI up to `null` where the alternative is above it, and from
    `null` on where it is below: ratios of noncentral chi-squares are monotone in the noncentrality.
    """
    log_densities = log_ncx2_densities(rows * value, bins - 1, rows * np.asarray((null, *alternatives)))
    return np.asarray(log_densities[1:] - log_densities[0], dtype=np.float64)


def log_evidence(log_sums: Sequence[float] | Floats) -> float:
    """Tell log R; minus infinity before the first window. An alarm is where it reaches the logarithm of A."""
    return log_e(log_sums) if len(log_sums) else -math.inf
