"""Numbers counted in bins, in ascending order: what their distribution was like, as far as bins can tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from weirkeeper.statistics.feature import FeatureProfile


class Knot(NamedTuple):
    """A value, and how many values are at most that."""

    value: float
    at_most: float


def intervals_of(feature: FeatureProfile, counts: Sequence[int]) -> list[int]:
    """Put atoms back into the intervals that they lie in: at the edges distributions are exact."""
    intervals = np.asarray(counts[: len(feature.edges) + 1], dtype=np.int64)
    places = np.searchsorted(np.asarray(feature.edges), np.asarray(feature.atoms), side="left")
    np.add.at(intervals, places, np.asarray(counts[intervals.size :], dtype=np.int64))
    return [int(count) for count in intervals]


def limits_of(feature: FeatureProfile) -> tuple[float, ...]:
    """The limits of the intervals: the outer ones end where the reference did."""
    edges = feature.edges
    least = feature.least if feature.least is not None else (edges or (0.0,))[0]
    most = feature.most if feature.most is not None else (edges or (0.0,))[-1]
    return (min((least, *edges)), *edges, max((most, *edges)))


def quantile(feature: FeatureProfile, counts: Sequence[int], share: float) -> float:
    """Tell the value that `share` of the counted ones are at most, as if they were spread evenly within each interval.

    Values outside of what the reference had are taken to lie at its ends. At least one value must have been counted.
    """
    wanted = share * sum(counts)
    for one, other in pairwise(_knots(feature, counts)):
        if other.at_most >= wanted and other.at_most > one.at_most:
            part = max(0.0, wanted - one.at_most) / (other.at_most - one.at_most)
            # The difference of two numbers may be larger than any float.
            return one.value * (1.0 - part) + other.value * part
    return limits_of(feature)[-1]


def _knots(feature: FeatureProfile, counts: Sequence[int]) -> Iterator[Knot]:
    limits = limits_of(feature)
    atoms = dict(zip(feature.atoms, counts[len(feature.edges) + 1 :], strict=True))
    total = 0.0
    yield Knot(limits[0], total)
    for (low, high), count in zip(pairwise(limits), counts, strict=False):
        reached = low
        for atom in sorted(atom for atom in atoms if low < atom <= high or atom == low == limits[0]):
            total += count * _part(reached, atom, (low, high))
            yield Knot(atom, total)
            total += atoms[atom]
            yield Knot(atom, total)
            reached = atom
        total += count * _part(reached, high, (low, high)) if high > low else count
        yield Knot(high, total)


def _part(start: float, end: float, interval: tuple[float, float]) -> float:
    """Tell which part of an interval lies between two values, of which the difference may be larger than any float."""
    low, high = interval
    width = high / 2.0 - low / 2.0
    return (end / 2.0 - start / 2.0) / width if width > 0.0 else 0.0
