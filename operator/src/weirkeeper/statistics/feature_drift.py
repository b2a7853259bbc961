"""One feature of one window against its reference: three looks at it, each with its part of the alarm's probability.

The PSI of the bins sees every change. The part of it that is a shift along the order of the values (`ordering`) sees
shifts in fewer rows. The PSI of missing against present values sees what has no bin. All three are indices on one
scale, and are asked the same: is it above `delta` for sure?
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.distances import jensen_shannon, kolmogorov_smirnov, psi_lower
from weirkeeper.statistics.feature import Counts, FeatureProfile
from weirkeeper.statistics.noncentral import ncx2_sf
from weirkeeper.statistics.ordered import intervals_of
from weirkeeper.statistics.wording import change_of, percent

Floats = npt.NDArray[np.float64]
DriftState = Literal["OK", "Drifting", "Insufficient", "Error"]
Look = Literal["PSI", "shift", "missing"]

LEAST_VALUES = 50
"""A feature with fewer valid values in the window is not judged, however many rows there were."""

LEAST_EFFECTIVE = 20
"""Nor is one whose values hang together so much that they count as fewer independent ones."""

DIGITS = 3
"""Digits of an effective size that thresholds are made for."""


class Finding(NamedTuple):
    """What one look saw: an index on the scale of the PSI, and above which it alarms.

    `alpha` is the probability of that while the true index is `delta`; `size` and `df` are those of its distribution.
    `exceeded` is the p-value of a look that does not take it from there, as that at missing values, which tells more of
    them and fewer apart.
    """

    look: Look
    value: float
    threshold: float
    alpha: float
    delta: float
    size: float
    df: float
    exceeded: float | None = None

    @property
    def chance(self) -> float:
        """How much a change of nothing adds on average."""
        return self.df / self.size

    @property
    def debiased(self) -> float:
        """The index less what chance alone adds."""
        return self.value - self.chance

    @property
    def severity(self) -> float:
        """How far it is above its threshold, as a factor."""
        return self.value / self.threshold

    @property
    def p_value(self) -> float:
        """The probability of so much or more while the true index is `delta`."""
        if self.exceeded is not None:
            return self.exceeded
        return ncx2_sf(self.size * self.value, self.df, self.size * self.delta)

    @property
    def told(self) -> str:
        """The numbers, for a message."""
        return f"{self.look} {self.value:.2f}, threshold {self.threshold:.2f}"


@dataclass(frozen=True)
class FeatureDrift:
    """One feature in one window. PSI and its bounds are None where there was too little to judge.

    `psi_debiased` is less what chance alone adds, `psi_lower` what is sure at the alarm's own confidence. `js` is the
    Jensen-Shannon distance in natural units, `ks_lower` the least Kolmogorov-Smirnov distance (intervals only).
    `design_effect` rows count as one. `findings` are those of all looks, the one that decides first. `source` is what
    was judged: the reference and the counts; `text` is said in the place of what follows from it, and `notes` behind.
    """

    name: str
    state: DriftState
    values: int
    missing: float
    text: str | None = None
    psi: float | None = None
    threshold: float | None = None
    design_effect: float = 1.0
    findings: tuple[Finding, ...] = ()
    source: tuple[FeatureProfile, Counts] | None = field(default=None, repr=False, compare=False)
    notes: tuple[str, ...] = ()

    @cached_property
    def message(self) -> str:
        """What moved, from what to what, and by which numbers that was decided."""
        text = self.text
        if text is None and self.source is not None:
            text = f"{self.name}: {_told(self.source, self.design_effect, self.findings)}"
        return "; ".join((text or self.name, *self.notes))

    @property
    def drifting(self) -> bool:
        """Whether one of its indices is above its threshold, or was and is not yet well below."""
        return self.state == "Drifting"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is counted from."""
        return (self.name,) if self.source is None else self.source[0].columns

    @property
    def joint(self) -> bool:
        """Whether it is about several columns together."""
        return len(self.columns) > 1

    @property
    def severity(self) -> float:
        """How far it is above its threshold, as a factor: what is worst first is sorted by."""
        return self.findings[0].severity if self.findings else 0.0

    @property
    def psi_debiased(self) -> float | None:
        """The PSI less what chance alone adds."""
        return None if self._psi is None else self._psi.debiased

    @cached_property
    def psi_lower(self) -> float | None:
        """The PSI that is sure at the alarm's confidence."""
        found = self._psi
        return None if found is None else psi_lower(found.value, found.df + 1.0, found.size, found.alpha)

    @cached_property
    def p_value(self) -> float:
        """The probability that so much is seen while every index is at most `delta`: by the weights of the looks."""
        whole = sum(finding.alpha for finding in self.findings)
        return min([1.0, *(finding.p_value * whole / finding.alpha for finding in self.findings)])

    @cached_property
    def js(self) -> float | None:
        """The Jensen-Shannon distance, natural logarithm."""
        if self._psi is None or self.source is None:
            return None
        feature, counts = self.source
        return jensen_shannon((*feature.counts, 0), (*counts["counts"], counts["unseen"]))

    @cached_property
    def ks_lower(self) -> float | None:
        """The least Kolmogorov-Smirnov distance that the counts allow; None where values are counted one by one."""
        if self._psi is None or self.source is None or self.source[0].enumerated:
            return None
        feature, counts = self.source
        return kolmogorov_smirnov(*(intervals_of(feature, part) for part in (feature.counts, counts["counts"]))).lower

    @property
    def _psi(self) -> Finding | None:
        return next((finding for finding in self.findings if finding.look == "PSI"), None)


def rows_of(counts: Counts) -> int:
    """Tell how many rows were counted, whatever their values."""
    return int(sum(counts["counts"]) + counts["unseen"] + counts["missing"] + counts["invalid"])


def both_bins(feature: FeatureProfile, counts: Counts) -> tuple[Floats, Floats]:
    """Put the counts of reference and window side by side, with a last bin of unseen values where there are any."""
    unseen = counts["unseen"]
    if unseen == 0:
        return np.array(feature.counts, dtype=np.float64), np.array(counts["counts"], dtype=np.float64)
    return np.array((*feature.counts, 0), dtype=np.float64), np.array((*counts["counts"], unseen), dtype=np.float64)


def _told(source: tuple[FeatureProfile, Counts], factor: float, findings: tuple[Finding, ...]) -> str:
    feature, counts = source
    missing = counts["missing"] / max(1, rows_of(counts))
    first = sorted(findings, key=lambda finding: finding.look != "PSI")
    seen = "; ".join(finding.told for finding in first if finding.look == "PSI" or finding.severity > 1.0)
    if factor > 1.0:
        seen += f"; {factor:.1f} rows count as one"
    if findings and findings[0].look == "missing" and findings[0].severity > 1.0:
        before = feature.missing / (feature.count + feature.missing)
        return f"missing {percent(before)} → {percent(missing)} ({seen})"
    if not any(finding.look == "PSI" for finding in findings):
        values = sum(counts["counts"]) + counts["unseen"]
        alike = f", {factor:.1f} of which count as one" if factor > 1.0 else ""
        return f"{values} valid values{alike}, {percent(missing)} missing; not judged"
    return f"{change_of(feature, counts)} ({seen})"
