"""Evidence that a PSI is above what is allowed, or well below it, from blocks of rows; valid at every look."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from weirkeeper.statistics.detector import psi_log_ratios
from weirkeeper.statistics.distances import psi
from weirkeeper.statistics.feature_drift import Floats
from weirkeeper.statistics.sequential import log_e

STEPS: Final = (0.12, 0.4)
"""Alternatives of Fail: so much is the root of the PSI above that of what is allowed."""

ALIKE: Final = 0.25
"""The alternative of Pass, as a part of the PSI that is allowed."""

CAUTIOUS_FACTOR: Final = 2.0
"""By how much the evidence of a block is divided: rows of one request hang together."""

TINY: Final = 1e-9
"""Counts that agree exactly have a PSI of 0, at which a chi-square has no density."""

DIGITS: Final = 2

Sums = tuple[float, ...]
"""Of one column: the sums of the log-likelihood ratios of Fail, one for each of STEPS, and of Pass."""

NO_SUMS: Final[Sums] = (0.0,) * (len(STEPS) + 1)


@dataclass(frozen=True)
class BlockEvidence:
    """What one block says of a column: its PSI, of so many rows, and what the sums gain."""

    psi: float = 0.0
    rows: int = 0
    gained: Sums = NO_SUMS


PAIRED_BINS: Final = 2
"""Answers to the same rows differ by the model alone: chance may add (almost) nothing to their PSI."""


def block_evidence(
    reference: Floats, live: Floats, size: float, surely: float, most: float, *, same_rows: bool = False
) -> BlockEvidence:
    """Judge counts that were pooled; `size` is the effective size by which their PSI scatters.

    `most` is the PSI that is allowed, `surely` the one up to which Fail takes nothing for more. Where both sides count
    the `same_rows`, what chance adds lies between nothing and what it adds to independent ones: Fail reckons with the
    latter, Pass with the least that the density has, one degree of freedom.
    """
    rows = int(live.sum())
    if reference.size <= 1:
        # A column that stays as it was: the likelihood ratio of a PSI of 0.
        return BlockEvidence(0.0, rows, (*NO_SUMS[:-1], size * most * (1.0 - ALIKE) / 2.0 / CAUTIOUS_FACTOR))
    found, bins = max(psi(reference, live), TINY), reference.size
    worse = psi_log_ratios(found, bins, size, surely, [(math.sqrt(surely) + step) ** 2 for step in STEPS])
    alike = psi_log_ratios(found, PAIRED_BINS if same_rows else bins, size, most, [ALIKE * most])
    return BlockEvidence(found, rows, tuple(float(gain) / CAUTIOUS_FACTOR for gain in (*worse, *alike)))


def added(sums: Sums, gained: Sums) -> Sums:
    """Add what a block gained; rounded to what is kept in a status."""
    return tuple(round(old + more, DIGITS) for old, more in zip(sums, gained, strict=True))


def log_e_of_fail(sums: Sums) -> float:
    """How sure it is that one column's PSI is above what is allowed."""
    return log_e(sums[:-1])


def log_e_of_worst(columns: Sequence[Sums]) -> float:
    """That of the column that fails most, which pays for having been chosen among all."""
    return max(map(log_e_of_fail, columns), default=0.0) - math.log(max(1, len(columns)))


def log_e_of_least(columns: Iterable[Sums]) -> float:
    """How sure it is that every column's PSI is below what is allowed."""
    return min((sums[-1] for sums in columns), default=0.0)
