"""Is the data whole? Shares of rows that are missing, unseen, out of range or invalid, against limits somebody set.

A share is above its limit where so many rows would come by chance with less than the alarm's probability if the true
share were at the limit: an exact binomial test (Clopper and Pearson, Biometrika 26, 1934). What the reference had of it
already, with the upper end of its 95 % interval, is added to the limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from weirkeeper.statistics.dispersion import INDEPENDENT, Dispersion, dispersions
from weirkeeper.statistics.feature import Counts, FeatureProfile
from weirkeeper.statistics.fisher import binomial_sf
from weirkeeper.statistics.intervals import Share, wilson
from weirkeeper.statistics.joint import Projection
from weirkeeper.statistics.wording import percent

Kind = Literal["missing", "unseen", "outOfRange", "invalid"]
KINDS: Final[tuple[Kind, ...]] = ("missing", "unseen", "outOfRange", "invalid")
TOLD: Final[Mapping[Kind, str]] = {
    "missing": "missing",
    "unseen": "never seen in the reference",
    "outOfRange": "out of range",
    "invalid": "invalid",
}
CLEARED: Final = 0.7
"""Part of the limit below which a share must fall before it is well again."""


class QualityFinding(NamedTuple):
    """One share of one column: `share` of the rows, `limit` above which it matters, with what the reference had.

    `p_value` is the probability of so many rows or more at the limit; `above` whether that is less than was allowed.
    """

    name: str
    kind: Kind
    share: float
    limit: float
    p_value: float
    above: bool
    lingers: bool

    @property
    def told(self) -> str:
        """The numbers, for people."""
        return f"{self.name}: {percent(self.share)} {TOLD[self.kind]} (limit {percent(self.limit)})"


def columns_of(features: Sequence[FeatureProfile]) -> dict[str, FeatureProfile]:
    """Pick one feature for each column: its own, or the first that is made of it alone."""
    found: dict[str, FeatureProfile] = {}
    for feature in features:
        if not isinstance(feature.view, Projection):
            (column,) = feature.columns
            if feature.view is None or column not in found:
                found[column] = feature
    return found


def quality(
    columns: Mapping[str, FeatureProfile],
    counts: Mapping[str, Counts],
    limits: Mapping[Kind, float],
    alpha: float,
    slots: Sequence[Mapping[str, Counts]] = (),
) -> tuple[QualityFinding, ...]:
    """Judge the shares of a window's `counts`, those above their limit first.

    `columns` are those of `columns_of`; `limits` are shares by kind; `alpha` is the probability of a false alarm for
    one share of one column; with `slots`, which the window is the sum of, rows that hang together count as fewer.
    """
    cells = {
        (name, kind): (feature, _cells(counts[feature.name], kind))
        for name, feature in columns.items()
        if feature.name in counts
        for kind in limits
        if kind != "outOfRange" or "outOfRange" in counts[feature.name]
    }
    together = _scatter(cells, slots)
    found = [
        _judged(place, feature, share, limits[place[1]], (alpha, together.get(place, INDEPENDENT)))
        for place, (feature, share) in cells.items()
        if share.rows
    ]
    return tuple(sorted(found, key=lambda one: (not one.above, one.p_value, -one.share)))


def _cells(counts: Counts, kind: Kind) -> Share:
    values = sum(counts["counts"]) + counts["unseen"]
    rows = values + counts["missing"] + counts["invalid"]
    return Share(counts[kind], values if kind in ("unseen", "outOfRange") else rows)


_Place = tuple[str, Kind]


def _scatter(
    cells: Mapping[_Place, tuple[FeatureProfile, Share]], slots: Sequence[Mapping[str, Counts]]
) -> dict[_Place, Dispersion]:
    """How rows hang together that have what only some rows have; where none or all do, there is nothing to see."""
    tables: dict[str, list[list[int]]] = {}
    names: dict[str, _Place] = {}
    for place, (feature, share) in cells.items():
        if not 0 < share.hits < share.rows:
            continue
        shares = [_cells(slot[feature.name], place[1]) for slot in slots if feature.name in slot]
        names["\0".join(place)] = place
        tables["\0".join(place)] = [[int(one.hits), int(one.rows - one.hits)] for one in shares]
    return {names[key]: dispersion for key, dispersion in dispersions(tables).items()}


def _judged(
    place: _Place, feature: FeatureProfile, share: Share, allowed: float, sure: tuple[float, Dispersion]
) -> QualityFinding:
    alpha, dispersion = sure
    factor = dispersion.allowance(alpha)
    limit = min(1.0, allowed + _had(feature, place[1]))
    p_value = binomial_sf(share.hits / factor, share.rows / factor, limit)
    lingers = share.value > limit - (1.0 - CLEARED) * allowed
    return QualityFinding(*place, share.value, limit, p_value, p_value < alpha and share.value > limit, lingers)


def _had(feature: FeatureProfile, kind: Kind) -> float:
    """What share the reference may have of it, where it has any."""
    known = feature.count + feature.missing + feature.invalid
    hits = {"missing": feature.missing, "invalid": feature.invalid}.get(kind, 0)
    return wilson(Share(hits, known))[1] if hits else 0.0
