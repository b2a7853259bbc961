"""Counts of a number by the bins of one profile, seen at the edges of another: what they are at least and at most.

At an edge that only the other profile has, the number of values below it is known up to one bin. Within these brackets
lie a distribution that is nearest to the other counts and one that is furthest from them. Distances between
distributions only shrink where bins are merged (Csiszár, Studia Sci. Math. Hungar. 2, 1967), so few bins keep the
brackets small beside them and lose little of a shift.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import Final

import numpy as np

from weirkeeper.statistics.distances import psi
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.feature_drift import Floats
from weirkeeper.statistics.ordered import intervals_of

LEAST_PART: Final = 0.2
"""A part has at least so much of its profile's own rows."""

SWEEPS: Final = 60
"""With so few cuts, descending along one after the other has long settled by then."""


def cuts_of(one: FeatureProfile, other: FeatureProfile) -> tuple[float, ...]:
    """Choose two edges of `other`, or one, at which most is known of what is counted by `one`.

    Both profiles decide, by their own rows, and no live count. None where `other` has no edges.
    """
    edges, rows = other.edges, np.asarray(intervals_of(other, other.counts), dtype=np.float64)
    pairs = combinations(range(len(edges)), 2)
    chosen: list[tuple[int, ...]] = [cuts for cuts in pairs if _parts(rows, cuts).min() >= LEAST_PART * rows.sum()]
    found = [tuple(edges[i] for i in cuts) for cuts in chosen or [(i,) for i in range(len(edges))]]
    return min(found, key=lambda cuts: _most(one, other, cuts), default=())


def _parts(rows: Floats, cuts: tuple[int, ...]) -> Floats:
    return np.add.reduceat(rows, [0, *(i + 1 for i in cuts)])


def _most(one: FeatureProfile, other: FeatureProfile, cuts: tuple[float, ...]) -> float:
    """The PSI that there may be between the two profiles' own rows, as far as the cuts tell."""
    below = between(other, other.counts, cuts)[0]
    counts = np.diff([0.0, *below, float(other.count)])
    return psi(counts, _furthest(counts, *between(one, one.counts, cuts), float(one.count)))


def between(feature: FeatureProfile, counts: Sequence[float], cuts: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Tell how many of the counted values lie at or below each cut, at least and at most."""
    below = np.concatenate(([0], np.cumsum(intervals_of(feature, [int(count) for count in counts]))))
    edges = np.asarray(feature.edges)
    whole = np.searchsorted(edges, cuts, side="right")
    cut = np.searchsorted(edges, cuts, side="left") == whole
    return below[whole].astype(np.float64), below[whole + cut].astype(np.float64)


def nearest_and_furthest(other: Floats, low: Floats, high: Floats, total: float) -> tuple[Floats, Floats]:
    """Give the counts within the brackets that have the smallest and the largest PSI to `other`, by the same parts.

    `low` and `high` are of the cuts between the parts, `total` is of all parts.
    """
    return _nearest(other, low, high, total), _furthest(other, low, high, total)


def _nearest(other: Floats, low: Floats, high: Floats, total: float) -> Floats:
    """Descend along one cut after the other: convex, and bounded along each, so it ends at the smallest."""
    below = np.concatenate(([0.0], (low + high) / 2.0, [total]))
    shares = other / max(1.0, float(other.sum()))
    for _ in range(SWEEPS):
        for i in range(1, below.size - 1):
            both = shares[i - 1] + shares[i]
            part = shares[i - 1] / both if both > 0.0 else 0.5
            even = below[i - 1] + (below[i + 1] - below[i - 1]) * part
            below[i] = min(max(even, low[i - 1]), high[i - 1])
    return np.diff(below)


def _furthest(other: Floats, low: Floats, high: Floats, total: float) -> Floats:
    """A convex distance is largest at a corner; where cuts would pass each other, one stops at the other."""
    corners = [np.array(corner) for corner in product(*zip(low, high, strict=True))]
    corners += [np.maximum.accumulate(one) for one in corners]
    corners += [np.minimum.accumulate(one[::-1])[::-1] for one in corners]
    found = (np.diff([0.0, *one, total]) for one in corners)
    return max((one for one in found if (one >= 0.0).all()), key=lambda one: psi(other, one))
