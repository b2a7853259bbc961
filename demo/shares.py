"""Requests per revision against the weights: what the routers were told, and what the callers met."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final

DEVIATIONS: Final = 5.0  # binomial; one in two million steps would miss it by chance


@dataclass(frozen=True)
class Sample:
    """A look at the weight in force (None while it changes) and, after it, at the answers of candidate and all."""

    weight: int | None
    candidate: int
    total: int


@dataclass(frozen=True)
class Share:
    """What the candidate answered while a weight was in force."""

    weight: int
    candidate: int
    total: int

    @property
    def percent(self) -> float:
        """The candidate's share of the answers, in percent; 0 without any."""
        return 100 * self.candidate / self.total if self.total else 0.0

    @property
    def tolerance(self) -> float:
        """``DEVIATIONS`` standard deviations of a binomial share, in percent."""
        p = self.weight / 100
        return 100 * DEVIATIONS * math.sqrt(p * (1 - p) / self.total) if self.total else 0.0

    @property
    def fits(self) -> bool:
        """Whether the answers fit the weight; no answers fit no weight."""
        return self.total > 0 and abs(self.percent - self.weight) <= self.tolerance

    def __str__(self) -> str:
        return f"weight {self.weight} %: {self.candidate} of {self.total} requests ({self.percent:.1f} %)"


def shares(samples: Iterable[Sample]) -> list[Share]:
    """Count the answers while each weight was in force, in the order of time.

    The counts of a sample are read after its weight, so a change may lie between them: only the answers between two
    samples that are followed by a third of the same weight are counted.
    """
    return [share for weight, run in _runs(samples) if (share := _share(weight, run)) is not None]


def _runs(samples: Iterable[Sample]) -> Iterator[tuple[int, list[Sample]]]:
    for weight, run in groupby(samples, key=lambda sample: sample.weight):
        if weight is not None:
            yield weight, list(run)


def _share(weight: int, run: list[Sample]) -> Share | None:
    certain = run[:-1]
    if len(certain) < 2:
        return None
    first, last = certain[0], certain[-1]
    return Share(weight, last.candidate - first.candidate, last.total - first.total)


def rises(weights: Iterable[int]) -> bool:
    """Whether each weight is larger than the one before."""
    return all(before < after for before, after in pairwise(weights))
