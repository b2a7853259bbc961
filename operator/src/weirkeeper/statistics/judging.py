"""All features of a window judged at once: the same looks at each, by operations on arrays of features by bins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from weirkeeper.statistics.budget import AlarmShare
from weirkeeper.statistics.checking import LARGEST_COUNT, check_feature_counts
from weirkeeper.statistics.dispersion import Dispersion
from weirkeeper.statistics.distances import EXPECTED_LEAST, SMOOTHING, pooled, psi, psi_threshold
from weirkeeper.statistics.feature import Counts
from weirkeeper.statistics.feature_drift import (
    DIGITS,
    LEAST_EFFECTIVE,
    LEAST_VALUES,
    DriftState,
    FeatureDrift,
    Finding,
    Look,
)
from weirkeeper.statistics.missing import Sample, least_root, p_value, psi_of_shares, roots
from weirkeeper.statistics.references import References

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Rules:
    """What is asked of features: whether indices are above `deltas`, each within one `share` of false alarms."""

    share: AlarmShare
    deltas: Sequence[float]
    dispersions: Sequence[Dispersion]


class Window(NamedTuple):
    """Live rows of features: by bin and, last, unseen; without a value; in all."""

    table: Floats
    missing: Floats
    rows: Floats


class Index(NamedTuple):
    """What one look found at the features in `places`: an index, its degrees of freedom and effective size, each."""

    look: Look
    places: Places
    values: Floats
    df: Floats
    sizes: Floats
    alphas: Floats
    beyond: Floats | None = None
    """By how many standard deviations each is beyond its delta, where that decides in place of the index."""
    more: Bools | None = None
    """Whether upwards, where a look tells directions apart."""

    def only(self, some: Bools) -> Index:
        """The same of some features."""
        values, df, sizes, alphas = (one[some] for one in (self.values, self.df, self.sizes, self.alphas))
        return Index(self.look, self.places[some], values, df, sizes, alphas)


def judge_all(references: References, counts: Sequence[Mapping[str, object]], rules: Rules) -> list[FeatureDrift]:
    """Judge features by the counts of a window, which are by the bins of the references, one each.

    Raises:
        ProfileMismatch: counts are negative, or no counts.
    """
    window = _window(references, counts)
    missing = (references.missing > 0.0) | (window.missing > 0.0)
    independent = np.array([one.independent for one in rules.dispersions], dtype=bool)
    # Slots are too few to tell how rows that hang together scatter in one direction alone.
    shifting = references.ordered & independent
    values = window.table.sum(axis=1)
    worth = np.array([one.factor for one in rules.dispersions])
    enough = (values >= LEAST_VALUES) & (values >= LEAST_EFFECTIVE * worth) & (references.rows > 0.0)
    found = [
        *_of_bins(references, window, rules, np.flatnonzero(enough), (shifting, missing)),
        *_of_missing(references, window, rules, np.flatnonzero(missing)),
    ]
    return _drifts(references, counts, window, rules, (found, values, enough))


def _window(references: References, counts: Sequence[Mapping[str, object]]) -> Window:
    try:
        table = references.table([one["counts"] for one in counts])  # type: ignore[misc]
        kinds = np.array([[one["unseen"], one["missing"], one["invalid"]] for one in counts], dtype=np.float64)
    except (KeyError, TypeError, ValueError, OverflowError):
        _refuse(references, counts)
        raise
    table[:, -1] = kinds[:, 0]
    if not (min(table.min(initial=0.0), kinds.min(initial=0.0)) >= 0.0 and table.sum() + kinds.sum() < LARGEST_COUNT):
        _refuse(references, counts)
    return Window(table, kinds[:, 1], table.sum(axis=1) + kinds[:, 1] + kinds[:, 2])


def _refuse(references: References, counts: Sequence[Mapping[str, object]]) -> None:
    for feature, one in zip(references.features, counts, strict=True):
        check_feature_counts(feature, one)


def _allowances(rules: Rules, places: Places, alphas: Floats) -> Floats:
    """As how many rows one counts, with what is uncertain about that at the alarm's own probability."""
    pairs = zip(places.tolist(), alphas.tolist(), strict=True)
    return np.array([rules.dispersions[place].allowance(alpha) for place, alpha in pairs], dtype=np.float64)


def _of_bins(
    references: References, window: Window, rules: Rules, places: Places, has: tuple[Bools, Bools]
) -> tuple[Index, ...]:
    """Look at the bins, and where values have an order, at a shift along it.

    Two bins are two shares, whose PSI is far from chi-square where one of them is small: `missing.roots` decides.
    """
    shifting, missing = (one[places] for one in has)
    share = rules.share
    known = np.array([[share.shares(shift=one, missing=other) for other in (False, True)] for one in (False, True)])
    alphas = known[shifting.astype(np.intp), missing.astype(np.intp)]
    reference, live = references.counts[places], window.table[places]
    bins = references.bins[places]
    bins[:, -1] = live[:, -1] > 0.0
    # As many rows as they are worth: the half that smoothing adds would be little beside a whole burst.
    live = live / _allowances(rules, places, alphas)[:, None]
    rows = live.sum(axis=1)
    sizes = references.rows[places] * rows / (references.rows[places] + rows)
    values, kept, hits = _indices(reference, live, bins)
    free = np.array([rules.dispersions[place].df or np.inf for place in places.tolist()], dtype=np.float64)
    df = np.maximum(1.0, np.minimum(kept - 1.0, free))
    by_psi = Index("PSI", places, values, df, sizes, alphas)
    two = (kept == 2.0) & np.isinf(free)  # noqa: PLR2004  one share, and what is left of it
    before, now = (Sample(one[two], side[two].sum(axis=1)) for one, side in zip(hits, (reference, live), strict=True))
    deltas = np.array([rules.deltas[place] for place in places[two].tolist()], dtype=np.float64)
    by_share = by_psi.only(two)._replace(beyond=roots(before, now, deltas))
    moved = _shifts(reference[shifting], live[shifting], bins[shifting], references.scores[places[shifting]])
    shares = np.array([share.shift(missing=one) for one in (False, True)])[missing[shifting].astype(np.intp)]
    return (
        by_psi.only(~two),
        by_share,
        Index("shift", places[shifting], moved, np.ones(moved.size), sizes[shifting], shares),
    )


def _indices(reference: Floats, live: Floats, bins: Bools) -> tuple[Floats, Floats, tuple[Floats, Floats]]:
    """The PSI of each row of two tables after pooling (see `distances.pooled`), and of how many bins it is then.

    Beside them are the counts of the last of these bins on both sides.
    """
    n, m = reference.sum(axis=1), live.sum(axis=1)
    rare = bins & (m[:, None] * reference < EXPECTED_LEAST * n[:, None])
    kept = bins & ~rare
    # What is rare is one more bin, where there is anything in it.
    a = np.column_stack((reference, (reference * rare).sum(axis=1)))
    b = np.column_stack((live, (live * rare).sum(axis=1)))
    kept = np.column_stack((kept, a[:, -1] + b[:, -1] > 0.0))
    count = kept.sum(axis=1).astype(np.float64)
    p = (a + SMOOTHING) / (n + SMOOTHING * count)[:, None]
    q = (b + SMOOTHING) / (m + SMOOTHING * count)[:, None]
    values = np.asarray(((p - q) * np.log(p / q) * kept).sum(axis=1), dtype=np.float64)
    every, last = np.arange(count.size), kept.shape[1] - 1 - np.argmax(kept[:, ::-1], axis=1)
    hits = a[every, last], b[every, last]
    for place in np.flatnonzero((rare == bins).all(axis=1)).tolist():
        one, other = pooled(reference[place, bins[place]], live[place, bins[place]])
        values[place], count[place] = psi(one, other), one.size
        hits[0][place], hits[1][place] = (side[-1] if side.size else 0.0 for side in (one, other))
    return values, count, hits


def _shifts(reference: Floats, live: Floats, bins: Bools, scores: Floats) -> Floats:
    """How much of each row's PSI is a shift along the scores (see `ordering.shift`)."""
    count = SMOOTHING * bins.sum(axis=1, keepdims=True)
    p, q = ((side + SMOOTHING) * bins / (side.sum(axis=1, keepdims=True) + count) for side in (reference, live))
    h = (p + q) / 2.0
    centred = scores - (h * scores).sum(axis=1, keepdims=True)
    spread = (h * centred**2).sum(axis=1)
    along = (centred * (q - p)).sum(axis=1) ** 2
    return np.asarray(np.divide(along, spread, out=np.zeros_like(spread), where=spread > 0.0), dtype=np.float64)


def _of_missing(references: References, window: Window, rules: Rules, places: Places) -> tuple[Index, ...]:
    """Look at the share of missing values, where there are any, for more of them and for fewer."""
    alpha = rules.share.missing(judged=True)
    factors = _allowances(rules, places, np.full(places.size, alpha))
    known = references.rows + references.missing
    judged = (known[places] > 0.0) & (window.rows[places] >= np.maximum(LEAST_VALUES, LEAST_EFFECTIVE * factors))
    if not judged.any():
        return ()
    places, factors = places[judged], factors[judged]
    reference = Sample(references.missing[places], known[places])
    live = Sample(window.missing[places] / factors, window.rows[places] / factors)
    deltas = np.array([rules.deltas[place] for place in places.tolist()], dtype=np.float64)
    p, q = ((one.missing + SMOOTHING) / (one.rows + 2.0 * SMOOTHING) for one in (reference, live))
    sizes = reference.rows * live.rows / (reference.rows + live.rows)
    alphas = np.full(places.size, alpha)
    found, more = roots(reference, live, deltas), live.shares > reference.shares
    return (Index("missing", places, psi_of_shares(p, q), np.ones(places.size), sizes, alphas, found, more),)


def _drifts(
    references: References,
    counts: Sequence[Counts],
    window: Window,
    rules: Rules,
    judged: tuple[Sequence[Index], Floats, Bools],
) -> list[FeatureDrift]:
    indices, values, enough = judged
    found: list[list[Finding]] = [[] for _ in references.features]
    for index in indices:
        _add_findings(found, index, rules.deltas)
    missing = (window.missing / np.maximum(1.0, window.rows)).tolist()
    told = zip(references.features, counts, values.tolist(), missing, enough.tolist(), rules.dispersions, strict=True)
    drifts = []
    for place, (feature, one, valued, lost, sure, dispersion) in enumerate(told):
        mine = found[place]
        first = mine[0] if mine else None
        if len(mine) > 1:
            mine.sort(key=_severity, reverse=True)
        state: DriftState = (
            "Drifting" if mine and mine[0].value > mine[0].threshold else "OK" if sure else "Insufficient"
        )
        psi_of, threshold = (first.value, first.threshold) if sure and first else (None, None)
        decided = (psi_of, threshold, dispersion.factor, tuple(mine), (feature, one))
        drifts.append(FeatureDrift(feature.name, state, int(valued), lost, None, *decided))
    return drifts


def _severity(finding: Finding) -> float:
    return finding.value / finding.threshold


def _add_findings(found: Sequence[list[Finding]], index: Index, deltas: Sequence[float]) -> None:
    if index.beyond is not None:
        _add_by_roots(found, index, index.beyond, deltas)
        return
    thresholds: dict[tuple[float, float, float, float], float] = {}
    columns = (index.places, index.values, index.df, _rounded_down(index.sizes), index.alphas, index.sizes)
    for place, value, df, rounded, alpha, size in zip(*(column.tolist() for column in columns), strict=True):
        key = (df, rounded, alpha, deltas[place])
        threshold = thresholds.get(key)
        if threshold is None:
            threshold = thresholds[key] = psi_threshold(df + 1.0, rounded, deltas[place], alpha)
        found[place].append(Finding(index.look, value, threshold, alpha, deltas[place], size, df))


def _add_by_roots(found: Sequence[list[Finding]], index: Index, beyond: Floats, deltas: Sequence[float]) -> None:
    """Put each threshold on the scale of the PSI: as far from its value as the roots are apart."""
    ways: list[bool | None] = [None] * beyond.size if index.more is None else index.more.tolist()
    columns = (index.places, index.values, index.sizes, index.alphas, beyond)
    for place, value, size, alpha, root, more in zip(*(column.tolist() for column in columns), ways, strict=True):
        delta = deltas[place]
        middle = math.sqrt(size * delta)
        needed = middle + least_root(alpha, size, delta, more=more)
        threshold = value * (needed / (middle + root)) ** 2 if root > 0.0 else max(value, needed**2 / size)
        exceeded = p_value(root, size, delta, more=more)
        found[place].append(Finding(index.look, value, threshold, alpha, delta, size, 1.0, exceeded))


def _rounded_down(sizes: Floats) -> Floats:
    """Keep three digits: thresholds of features with nearly as many rows are the same, and rather too high."""
    scale = 10.0 ** (DIGITS - 1 - np.floor(np.log10(sizes)))
    return np.asarray(np.floor(sizes * scale) / scale, dtype=np.float64)
