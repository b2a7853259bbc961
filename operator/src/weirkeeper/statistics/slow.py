"""Slow drift of one feature: the windows before the one that is judged, and that one, as one e-detector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.budget import INCREASE, MISSING, SHIFT
from weirkeeper.statistics.detector import REFERENCE_LUCK, log_evidence, sustained_delta, with_window
from weirkeeper.statistics.distances import pooled, psi
from weirkeeper.statistics.feature import Counts, FeatureProfile
from weirkeeper.statistics.feature_drift import LEAST_EFFECTIVE, LEAST_VALUES, both_bins
from weirkeeper.statistics.missing import limits
from weirkeeper.statistics.ordering import scores_of, shift
from weirkeeper.statistics.sequential import UPPER_GRID, absolute_log_ratios, log_sum_exp, with_another_start

Floats = npt.NDArray[np.float64]

NOTHING: Floats = np.zeros(0)

FEWER: Final = tuple(1.0 / factor for factor in UPPER_GRID)
"""Alternatives for the odds of a missing value that are below those of the limit."""


class Sums(NamedTuple):
    """The detectors of the three looks, that at missing values in two directions.

    Each is a sum for each of its alternatives; there is none before the first window.
    """

    by_psi: Floats = NOTHING
    by_shift: Floats = NOTHING
    by_more: Floats = NOTHING
    by_fewer: Floats = NOTHING

    @property
    def log_r(self) -> float:
        """The logarithm of R, weighted as a window's looks are; minus infinity before the first window."""
        missing = MISSING if self.by_more.size else 0.0
        shift = SHIFT if self.by_shift.size else 0.0
        rest = 1.0 - missing
        weights = (rest * (1.0 - shift), rest * shift, missing * INCREASE, missing * (1.0 - INCREASE))
        parts = [(weight, log_evidence(part)) for weight, part in zip(weights, self, strict=True) if part.size]
        whole = sum(weight for weight, _ in parts)
        return log_sum_exp([math.log(weight / whole) + part for weight, part in parts]) if parts else -math.inf


class SlowRule(NamedTuple):
    """What slow drift is: sustained PSI above `delta`; `alpha` false alarms a window, `design_effect` rows are one."""

    delta: float
    alpha: float
    design_effect: float = 1.0


@dataclass(frozen=True)
class SlowDrift:
    """What all windows say together: R = e^`log_r`, above `log_threshold` an alarm; `windows` said something."""

    log_r: float
    log_threshold: float
    windows: int

    @property
    def drifting(self) -> bool:
        """Whether it alarms."""
        return self.log_r >= self.log_threshold

    @property
    def told(self) -> str:
        """The numbers, for a message."""
        return (
            f"sustained over {self.windows} windows: log evidence {self.log_r:.1f}, threshold {self.log_threshold:.1f}"
        )


def slow_drift(feature: FeatureProfile, windows: Sequence[Counts], rule: SlowRule) -> SlowDrift:
    """Judge disjoint windows, the oldest first, by the counts of one feature.

    The mean of the detectors of the PSI, of its part along the order of the values where there is one, and of missing
    values where the reference has any: a mean of e-detectors is one (Shin, Ramdas and Rinaldo 2024, section 2). Weights
    are those by which a window shares its probability among the looks. After an alarm it begins anew, so what is told
    is whether the last window brought one.
    """
    limit, sums, said = -math.log(rule.alpha), Sums(), 0
    last = with_counts(feature, windows[-1], rule, sums) if windows else None
    if last is None or all(float(part.max()) <= 0.0 for part in last if part.size):
        # A window that speaks against a drift cannot be the one that brings the alarm.
        return SlowDrift(-math.inf, limit, said)
    for counts in windows:
        if sums.log_r >= limit:
            sums, said = Sums(), 0
        gone_on = with_counts(feature, counts, rule, sums)
        sums, said = (sums, said) if gone_on is None else (gone_on, said + 1)
    return SlowDrift(sums.log_r, limit, said)


def with_counts(feature: FeatureProfile, counts: Counts, rule: SlowRule, sums: Sums) -> Sums | None:
    """Go on by one window; None where it holds too few values to say anything."""
    reference, live = both_bins(feature, counts)
    values = float(live.sum())
    if values < LEAST_VALUES or values < LEAST_EFFECTIVE * rule.design_effect or feature.count == 0:
        return None
    live /= rule.design_effect
    rows = (float(live.sum()), float(feature.count))
    by_psi, by_shift, by_more, by_fewer = sums
    a, b = pooled(reference, live)
    if a.size > 1:
        by_psi = _gone_on(by_psi, psi(a, b), a.size, rows, rule.delta)
    # Slots are too few to tell how rows that hang together scatter in one direction alone.
    scores = scores_of(feature) if rule.design_effect == 1.0 else None
    if scores is not None:
        by_shift = _gone_on(by_shift, shift(reference, live, scores[: live.size]), 2, rows, rule.delta)
    # Which detectors there are must be known before the window, so what the reference has decides.
    if feature.missing:
        lost = (counts["missing"] / rule.design_effect, (values + counts["missing"]) / rule.design_effect)
        by_more, by_fewer = _missing_gone_on((by_more, by_fewer), lost, feature, rule.delta)
    return Sums(by_psi, by_shift, by_more, by_fewer)


def _gone_on(sums: Floats, value: float, bins: int, rows: tuple[float, float], delta: float) -> Floats:
    live, reference = rows
    # A PSI of exactly 0 has no density; it is the least evidence that there is.
    return with_window(sums, max(value, 1e-12), bins, live, sustained_delta(bins, reference, delta))


def _missing_gone_on(
    sums: tuple[Floats, Floats], lost: tuple[float, float], feature: FeatureProfile, delta: float
) -> tuple[Floats, Floats]:
    """Go on by so many missing of so many rows: likelihood ratios of shares, exact for any number of rows.

    Their mean is at most 1 for every share within the limits, since they rise with what is missing, or fall.
    """
    allowed = limits(feature.missing, feature.count + feature.missing, delta, REFERENCE_LUCK)
    more = with_another_start(sums[0], len(UPPER_GRID)) + absolute_log_ratios(*lost, allowed.most, UPPER_GRID)
    if allowed.least is None:
        return more, sums[1]
    return more, with_another_start(sums[1], len(FEWER)) + absolute_log_ratios(*lost, allowed.least, FEWER)
