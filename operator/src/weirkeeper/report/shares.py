"""The distribution of a feature as a picture: the reference beside live rows, by the bins in which both were counted.

Numbers are drawn by those bins and not along a scale: within a bin nothing is known, and bins of equal reference share
show a change alike everywhere.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np

from weirkeeper.report.chart import Bars, Columns, Pair, Tick
from weirkeeper.statistics.feature import Counts, FeatureProfile
from weirkeeper.statistics.wording import number

MOST_BARS: Final = 7
"""Categories that get a bar each, as many as a week has days; of more, the LARGEST and those that changed most do."""

BARS: Final = 5
LARGEST: Final = 2
OTHERS: Final = "rare"
UNSEEN: Final = "new"


def distribution(feature: FeatureProfile, counts: Counts) -> Columns | Bars | None:
    """Draw one feature; None where no value may be told, or where one side has none."""
    live = sum(counts["counts"]) + counts["unseen"]
    if feature.sensitive or not live or not feature.count:
        return None
    if not feature.enumerated:
        return _intervals(feature, counts, live)
    pairs = _values(feature, counts, live)
    if feature.textual or feature.type == "boolean":
        return _bars(pairs)
    return Columns(pairs, tuple(Tick(place + 0.5, pair.label) for place, pair in enumerate(pairs)))


def _values(feature: FeatureProfile, counts: Counts, live: int) -> tuple[Pair, ...]:
    labels = (*(_label(feature, value) for value in feature.values), OTHERS, UNSEEN)
    both = zip(labels, (*feature.counts, 0), (*counts["counts"], counts["unseen"]), strict=True)
    pairs = [Pair(label, before / feature.count, after / live) for label, before, after in both]
    known = len(feature.values)
    return (*pairs[:known], *(pair for pair in pairs[known:] if pair.reference or pair.live))


def _label(feature: FeatureProfile, value: str | float) -> str:
    if isinstance(value, str):
        return value
    return str(bool(value)).lower() if feature.type == "boolean" else number(value, 4)


def _bars(pairs: tuple[Pair, ...]) -> Bars:
    """Give a few categories a bar, in their order, and sum the others up."""
    if len(pairs) <= MOST_BARS:
        return Bars(pairs)
    sized = sorted(pairs, key=lambda pair: max(pair.reference, pair.live), reverse=True)
    moved = sorted(sized[LARGEST:], key=lambda pair: abs(pair.live - pair.reference), reverse=True)
    kept = (*sized[:LARGEST], *moved[: BARS - LARGEST])
    rest = [pair for pair in pairs if pair not in kept]
    before, after = (sum(getattr(pair, side) for pair in rest) for side in ("reference", "live"))
    return Bars(tuple(pair for pair in pairs if pair in kept), Pair(f"{len(rest)} others", before, after))


def _intervals(feature: FeatureProfile, counts: Counts, live: int) -> Columns:
    """Put intervals and frequent values in the order of the numbers: a frequent value comes after those beside it."""
    edges = feature.edges
    places = np.searchsorted(np.asarray(edges), np.asarray(feature.atoms), side="left")
    pairs: list[Pair] = []
    ticks: list[Tick] = []
    for place, (low, high) in enumerate(pairwise((None, *edges, None))):
        here = [index for index, found in enumerate(places) if found == place]
        pairs.append(_counted(_interval(low, high, without=bool(here)), feature, counts, (place, live)))
        for index in here:
            label = f"= {number(feature.atoms[index], 4)}"
            ticks.append(Tick(len(pairs) + 0.5, label))
            pairs.append(_counted(label, feature, counts, (len(edges) + 1 + index, live)))
        if high is not None:
            ticks.append(Tick(len(pairs), number(high)))
    return Columns(tuple(pairs), tuple(ticks))


def _counted(label: str, feature: FeatureProfile, counts: Counts, at: tuple[int, int]) -> Pair:
    place, live = at
    return Pair(label, feature.counts[place] / feature.count, counts["counts"][place] / live)


def _interval(low: float | None, high: float | None, *, without: bool) -> str:
    if low is None:
        told = "all" if high is None else f"≤ {number(high)}"
    else:
        told = f"> {number(low)}" if high is None else f"{number(low)} to {number(high)}"
    return f"{told}, others" if without else told
