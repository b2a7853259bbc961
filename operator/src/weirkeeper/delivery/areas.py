"""A sequential test of the area under the curve: of all labels so far, estimated anew at each look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from weirkeeper.delivery.gate_kind import floats
from weirkeeper.delivery.label_tests import ALPHA, DIGITS, INFLATION, NO_DIFFERENCE, TOLERATED_PART, OfDifferences
from weirkeeper.statistics.labels import LabelCounts
from weirkeeper.statistics.means import MeanDifference, mixture_width
from weirkeeper.statistics.scores import AreaUnderCurve, area_under_curve, variance_of

LEAST_OF_CLASS: Final = 100
"""Rows of either class that each arm must have in a stratum: with fewer, estimates are not normal enough."""


class Areas(NamedTuple):
    """The areas of both arms in one stratum."""

    candidate: AreaUnderCurve
    stable: AreaUnderCurve


def area_of(labels: Iterable[LabelCounts]) -> AreaUnderCurve | None:
    """Tell the area of all these labels of two classes; None while there are too few of either."""
    together = LabelCounts()
    for counts in labels:
        together.merge(counts)
    bins = sorted(together.scores) if together.positive else []
    area = area_under_curve(*([together.scores[i][of] for i in bins] for of in (0, 1)))
    return area if area and min(area.negatives, area.positives) >= LEAST_OF_CLASS else None


@dataclass(frozen=True)
class AreaTest(OfDifferences):
    """Whether the candidate's area is smaller; `limit` is by which part of stable's it may be.

    Estimates of growing data have independent increments by their information (Scharfstein, Tsiatis and Robins, JASA
    92, 1997), so what the test needs is made of all labels at each look, and nothing of them has to be remembered.
    Asymptotic. `width` is 0 until it is set from the first look.
    """

    limit: float
    width: float = 0.0
    worse: MeanDifference = NO_DIFFERENCE
    no_worse: MeanDifference = NO_DIFFERENCE

    def to_json(self) -> list[Any]:
        """Write it for a status."""
        return [[self.limit, self.width], list(self.worse), list(self.no_worse)]

    @classmethod
    def from_json(cls, found: Sequence[Any]) -> AreaTest:
        """Read what `to_json` wrote."""
        (limit, width), *differences = found
        return cls(float(limit), float(width), *(MeanDifference(*floats(one)) for one in differences))

    def of_strata(self, strata: Sequence[Areas]) -> AreaTest:
        """Judge the areas of every stratum as they are now."""
        worse = no_worse = NO_DIFFERENCE
        for areas in strata:
            worse = _with(worse, areas, 1.0 - TOLERATED_PART * self.limit, -1)
            no_worse = _with(no_worse, areas, 1.0 - self.limit, 1)
        width = self.width or (round(mixture_width(ALPHA, no_worse.variance), DIGITS) if strata else 0.0)
        return replace(self, width=width, worse=worse, no_worse=no_worse)


def _with(difference: MeanDifference, areas: Areas, part: float, sign: int) -> MeanDifference:
    """Add how far the candidate's area lies above `part` of stable's, or below it where `sign` is -1."""
    candidate, stable = areas
    variance = (variance_of(candidate) + part * part * variance_of(stable)) * INFLATION
    added = difference.with_estimate(sign * (candidate.value - part * stable.value), variance)
    return MeanDifference(*(round(value, DIGITS) for value in added))
