"""Which directions through the reference's numbers are watched, chosen from their correlation.

Pairs of columns first: each column with its strongest partner, then the strongest others. Of a pair, the axis of less
variance is watched, whose variance 1 - |correlation| multiplies when the correlation breaks; where the correlation is
weak and there is room, the other axis too, since either may narrow. Of three columns or more, also the axes of
most and of least variance of all together. Everything follows from the reference rows alone, without chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain, combinations, islice
from typing import Final, NamedTuple

import numpy as np

from weirkeeper.statistics.binning import binned, described
from weirkeeper.statistics.cleaning import Column, Floats, numbers_of
from weirkeeper.statistics.column_counters import ColumnCounters
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.joint import Projection, standardise

PAIR_AXES: Final = 32
MOST_COLUMNS: Final = 50
"""Of more columns the most important are watched together, or the first."""

SAMPLE_ROWS: Final = 20_000
LEAST_ROWS: Final = 100
"""Correlations of fewer rows are mostly chance."""

PRESENT: Final = 0.5
COMPLETE: Final = 0.99
"""Rows that lack one column lack a projection of all: such columns are watched in pairs only."""

WEAK: Final = 0.5
NORMAL_QUARTILES: Final = 1.349
"""The interquartile range of a standard normal distribution."""

NAMED: Final = 3


class _Sample(NamedTuple):
    """Standardised columns, shape (rows, columns), NaN where a value lacks; their centers and scales."""

    names: tuple[str, ...]
    values: Floats
    centers: tuple[float, ...]
    scales: tuple[float, ...]


def profile_projections(
    columns: Mapping[str, Column], features: tuple[FeatureProfile, ...]
) -> tuple[FeatureProfile, ...]:
    """Profile what several numeric columns do together; nothing where there are not two of them, or too few rows."""
    suitable = [feature for feature in features if _is_suitable(feature)]
    suitable = sorted(suitable, key=lambda feature: -(feature.importance or 0.0))[:MOST_COLUMNS]
    sample = _sampled({feature.name: columns[feature.name] for feature in suitable})
    if len(sample.names) < 2 or len(sample.values) < LEAST_ROWS:  # noqa: PLR2004  alone, nothing correlates
        return ()
    found = tuple(_profiled(name, projection, sample) for name, projection in _projections(sample))
    counters = ColumnCounters(found)
    counters.take(columns, len(next(iter(columns.values()))))
    counters.count()
    totals = counters.totals()
    return tuple(
        replace(feature, counts=tuple(totals[feature.name]["counts"]), missing=totals[feature.name]["missing"])
        for feature in found
    )


def _is_suitable(feature: FeatureProfile) -> bool:
    return (
        feature.view is None
        and not feature.sensitive
        and feature.type in ("numeric", "discrete", "boolean")
        and feature.count >= PRESENT * (feature.count + feature.missing + feature.invalid)
    )


def _sampled(columns: Mapping[str, Column]) -> _Sample:
    names, parts, centers, scales = [], [], [], []
    for name, column in columns.items():
        step = -(-column.size // SAMPLE_ROWS)
        values = numbers_of(column[::step]).values.astype(np.float64)
        center, scale = _place(values[np.isfinite(values)])
        if scale > 0.0:
            names.append(name)
            parts.append(standardise(values, center, scale))
            centers.append(center)
            scales.append(scale)
    stacked = np.stack(parts, axis=1) if parts else np.empty((0, 0))
    return _Sample(tuple(names), stacked, tuple(centers), tuple(scales))


def _place(finite: Floats) -> tuple[float, float]:
    """Tell the median, and the spread as the normal distribution would have it; 0 where there is none to work with."""
    if finite.size == 0:
        return 0.0, 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        low, center, high = np.quantile(finite, [0.25, 0.5, 0.75])
        spread = (high - low) / NORMAL_QUARTILES or finite.std()
    usable = bool(np.isfinite(center) and np.isfinite(spread) and spread > np.finfo(np.float64).tiny)
    return (_short(center), _short(spread)) if usable else (0.0, 0.0)


def _projections(sample: _Sample) -> Iterator[tuple[str, Projection]]:
    correlations = _correlations(sample.values)
    axes = chain(_narrower(correlations), _wider(correlations))
    for one, other, sign in islice(axes, PAIR_AXES):
        called = f"correlation of {sample.names[one]} and {sample.names[other]}"
        told = "difference" if sign < 0.0 else "sum"
        correlation = _short(float(correlations[one, other]))
        yield f"{called} ({told})", _direction(sample, {one: 1.0, other: sign}, correlation)
    yield from _axes(sample, correlations)


def _narrower(correlations: Floats) -> Iterator[tuple[int, int, float]]:
    for pair in _pairs(correlations):
        yield *pair, -1.0 if correlations[pair] >= 0.0 else 1.0


def _wider(correlations: Floats) -> Iterator[tuple[int, int, float]]:
    for pair in _pairs(correlations):
        if abs(correlations[pair]) < WEAK:
            yield *pair, 1.0 if correlations[pair] >= 0.0 else -1.0


def _pairs(correlations: Floats) -> list[tuple[int, int]]:
    """Sort pairs, the strongest first, but before all those by which a column is in a pair at all."""
    pairs = sorted(combinations(range(len(correlations)), 2), key=lambda pair: -abs(correlations[pair]))
    covering, covered = [], set[int]()
    for pair in pairs:
        if not covered.issuperset(pair):
            covering.append(pair)
            covered.update(pair)
    return [*covering, *(pair for pair in pairs if pair not in set(covering))]


def _axes(sample: _Sample, correlations: Floats) -> Iterator[tuple[str, Projection]]:
    """The principal axes of most and of least variance of all columns that hardly ever lack a value."""
    kept = np.flatnonzero(np.isfinite(sample.values).mean(axis=0) >= COMPLETE)
    if kept.size < 3:  # noqa: PLR2004  a pair has been looked at
        return
    axes = np.linalg.eigh(correlations[np.ix_(kept, kept)])[1]
    for called, axis in (("widest", -1), ("narrowest", 0), ("second narrowest", 1)):
        weights = axes[:, axis] * np.sign(axes[np.abs(axes[:, axis]).argmax(), axis])
        strongest = [sample.names[kept[i]] for i in np.argsort(-np.abs(weights), kind="stable")[:NAMED]]
        more = f" and {kept.size - NAMED} more" if kept.size > NAMED else ""
        weighted = {int(place): _short(weight) for place, weight in zip(kept, weights, strict=True)}
        yield f"combination of {', '.join(strongest)}{more} ({called})", _direction(sample, weighted, None)


def _direction(sample: _Sample, weights: Mapping[int, float], correlation: float | None) -> Projection:
    return Projection(
        columns=tuple(sample.names[place] for place in weights),
        centers=tuple(sample.centers[place] for place in weights),
        scales=tuple(sample.scales[place] for place in weights),
        weights=tuple(weights.values()),
        correlation=correlation,
    )


def _correlations(values: Floats) -> Floats:
    """Pearson's correlations over the rows that have both columns; 0 where one of them does not vary."""
    present = np.isfinite(values)
    offsets = np.where(present, values - np.nanmean(values, axis=0), 0.0)
    there = present.astype(np.float64)
    squares = offsets**2
    scale = np.sqrt((squares.T @ there) * (there.T @ squares))
    found = np.divide(offsets.T @ offsets, scale, out=np.zeros_like(scale), where=scale > 0.0)
    return np.asarray(np.clip(found, -1.0, 1.0))


def _profiled(name: str, projection: Projection, sample: _Sample) -> FeatureProfile:
    keys = zip(sample.names, sample.centers, sample.scales, strict=True)
    standardised = {key: sample.values[:, place] for place, key in enumerate(keys)}
    columns = {key[0]: values for key, values in standardised.items()}
    values = projection.of(columns, standardised)
    ascending = np.sort(values[np.isfinite(values)])
    return replace(described(binned(name, ascending), ascending), view=projection)


def _short(number: float) -> float:
    return float(f"{number:.9g}")
