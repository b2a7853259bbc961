"""Says in words for people how a feature changed: how much and in which direction, in its own unit.

Of numbers it is the median that moved, or the middle half that widened, or the share of a frequent value; of categories
the share of the one that moved most; of several columns together their correlation. Of a sensitive column no value is
told, only how many rows moved.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from weirkeeper.statistics.distances import total_variation
from weirkeeper.statistics.feature import SUM_UNIT, Counts, FeatureProfile
from weirkeeper.statistics.joint import Projection
from weirkeeper.statistics.ordered import quantile

LONGEST_VALUE: Final = 40
WORTH_TELLING: Final = 0.01
"""Missing or misplaced values are told from a change of one row in a hundred."""

MOVED: Final = 0.1
"""A median is told that moved by so many interquartile ranges, a spread that changed by so much."""

FAR: Final = 1_000.0
"""Of values so many deviations away, counters may have summed up less than there is."""

PLAIN_BELOW: Final = 10_000.0
SMALLEST_PLAIN: Final = 1e-4
SUFFIXES: Final = ((1e9, " G"), (1e6, " M"), (1e3, " k"))
DIGITS: Final = (3, 4, 6, 9)
MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400


def change_of(feature: FeatureProfile, counts: Counts) -> str:
    """Say what changed from the reference to the live `counts` of the feature."""
    return ", ".join([_distribution(feature, counts), *_quality(feature, counts)])


def number(value: float, digits: int = 3) -> str:
    """Write a number with so many significant digits: 0.25, 2019, 51.2 k, 1.3 M, 1e+30."""
    rounded = float(f"{value:.{digits}g}")
    if abs(value) < PLAIN_BELOW:
        return f"{value:.{max(digits, 4)}g}" if abs(rounded) >= 1000.0 else f"{rounded:.{digits}g}"  # noqa: PLR2004  years
    for factor, suffix in SUFFIXES:
        if factor <= abs(rounded) < 1000.0 * factor:
            return f"{rounded / factor:.{digits}g}{suffix}"
    return f"{value:.{digits}g}"


def lasted(seconds: float) -> str:
    """Write how long something took: 40 s, 12 min, 3.5 h, 30 d."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR:
        return f"{seconds / MINUTE:.0f} min"
    part, unit = (HOUR, "h") if seconds < 2 * DAY else (DAY, "d")
    return f"{seconds / part:.1f}".removesuffix(".0") + f" {unit}"


def printable(text: str) -> str:
    """Write control characters as their escapes: a name must not move a cursor, or reorder what stands beside it."""
    return text if text.isprintable() else "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def percent(part: float) -> str:
    """Write a share in percent: 12 %, 3.4 %, <0.1 %."""
    hundredths = 100.0 * part
    if 0.0 < hundredths < 0.05:  # noqa: PLR2004  would be written as 0.0
        return "<0.1 %"
    if hundredths in (0.0, 100.0) or 10.0 <= hundredths < 99.0:  # noqa: PLR2004  the second digit matters below and above
        return f"{hundredths:.0f} %"
    return f"{min(hundredths, 99.9):.1f} %"


def _distribution(feature: FeatureProfile, counts: Counts) -> str:
    live = sum(counts["counts"]) + counts["unseen"]
    if not live or not feature.count:
        return f"{live} values, {feature.count} in the reference"
    if isinstance(feature.view, Projection):
        return _direction(feature, feature.view, counts)
    if feature.sensitive:
        return f"{_moved_rows(feature, counts)} (sensitive: no value is told)"
    return _moved_share(feature, counts) if feature.enumerated else _moved_numbers(feature, counts)


def _quality(feature: FeatureProfile, counts: Counts) -> list[str]:
    rows = sum(counts["counts"]) + counts["unseen"] + counts["missing"] + counts["invalid"]
    known = feature.count + feature.missing + feature.invalid
    if not rows or not known or isinstance(feature.view, Projection):
        return []
    parts = (
        ("missing", feature.missing / known, counts["missing"] / rows),
        ("invalid", feature.invalid / known, counts["invalid"] / rows),
        ("out of range", 0.0, counts.get("outOfRange", 0) / rows),
    )
    return [f"{kind} {_pair(percent(a), percent(b))}" for kind, a, b in parts if abs(b - a) >= WORTH_TELLING]


def _moved_share(feature: FeatureProfile, counts: Counts) -> str:
    reference = np.asarray((*feature.counts, 0)) / feature.count
    live = np.asarray((*counts["counts"], counts["unseen"]))
    shares = live / live.sum()
    changes = np.round(shares - reference, 9)
    # Where one gained what another lost, the gain is told.
    moved = int(np.lexsort((changes, np.abs(changes)))[-1])
    return f"{_called(feature, moved)} {_pair(percent(reference[moved]), percent(shares[moved]))}"


def _called(feature: FeatureProfile, place: int) -> str:
    if place < len(feature.values):
        value = feature.values[place]
        return f"share of {_quoted(str(bool(value)).lower() if feature.type == 'boolean' else value)}"
    return "other known values" if place == len(feature.values) else "values that the reference never had"


def _quoted(value: str | float) -> str:
    text = value if isinstance(value, str) else f"{value:.6g}"
    return f"`{text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + '…'}`"


def _moved_numbers(feature: FeatureProfile, counts: Counts) -> str:
    told = _moved_atom(feature, counts) or _infinite(feature, counts) or _beyond(feature, counts)
    if told:
        return told
    low, median, high = (
        (quantile(feature, feature.counts, part), quantile(feature, counts["counts"], part))
        for part in (0.25, 0.5, 0.75)
    )
    spread = high[0] / 2.0 - low[0] / 2.0
    if abs(median[1] / 2.0 - median[0] / 2.0) >= MOVED * spread:
        return f"median {_numbers(*median)}{_unit(feature)}"
    before, after = (" to ".join(map(number, ends)) for ends in zip(low, high, strict=True))
    return f"middle half {_pair(before, after)}{_unit(feature)}"


def _moved_atom(feature: FeatureProfile, counts: Counts) -> str:
    """Tell of a frequent value, where it makes out most of the change."""
    if not feature.atoms:
        return ""
    first = len(feature.edges) + 1
    reference = np.asarray(feature.counts) / feature.count
    live = np.asarray(counts["counts"]) / sum(counts["counts"])
    changes = np.abs(live - reference)[first:]
    most = int(changes.argmax())
    if changes[most] < total_variation(feature.counts, counts["counts"]) or not live[first:].any():
        return ""
    before, after = percent(reference[first + most]), percent(live[first + most])
    return f"share of {_quoted(feature.atoms[most])} {_pair(before, after)}"


def _infinite(feature: FeatureProfile, counts: Counts) -> str:
    before = (feature.pos_inf + feature.neg_inf) / feature.count
    after = (counts["posInf"] + counts["negInf"]) / sum(counts["counts"])
    return f"share of infinite values {_pair(percent(before), percent(after))}" if after - before > MOVED else ""


def _beyond(feature: FeatureProfile, counts: Counts) -> str:
    """Tell the mean where the median left what the reference had: bins tell nothing there."""
    finite = sum(counts["counts"]) - counts["posInf"] - counts["negInf"]
    if feature.mean is None or not finite or 2 * counts.get("outOfRange", 0) < finite:
        return ""
    offset = counts["sum"] * SUM_UNIT / finite
    with np.errstate(over="ignore"):
        live = float(np.float64(feature.mean) + offset * np.float64(feature.scale))
    cut = "" if abs(offset) < FAR else " or more" if offset > 0 else " or less"
    return f"mean {_numbers(feature.mean, live)}{_unit(feature)}{cut}"


def _moved_rows(feature: FeatureProfile, counts: Counts) -> str:
    moved = total_variation((*feature.counts, 0), (*counts["counts"], counts["unseen"]))
    return f"{percent(moved)} of the rows moved"


def _direction(feature: FeatureProfile, projection: Projection, counts: Counts) -> str:
    """Tell the correlation that the spread of a pair's axis stands for, if the columns by themselves are as before."""
    parts = (0.25, 0.5, 0.75)
    low, middle, high = (quantile(feature, feature.counts, part) for part in parts)
    lower, median, higher = (quantile(feature, counts["counts"], part) for part in parts)
    before, after = high - low, higher - lower
    if not before or not after:
        return _moved_rows(feature, counts)
    ratio = after / before
    if abs(ratio - 1.0) < MOVED:
        return f"median {_numbers(middle, median)} spreads"
    if projection.correlation is None:
        return f"spread {_numbers(before, after)}"
    return f"about {_pair(f'{projection.correlation:.2f}', f'{_implied(projection, ratio):.2f}')}"


def _implied(projection: Projection, ratio: float) -> float:
    """1 - r is proportional to the variance of the difference, 1 + r to that of the sum."""
    correlation = projection.correlation or 0.0
    if projection.weights[0] * projection.weights[1] < 0.0:
        return max(-1.0, min(1.0, 1.0 - (1.0 - correlation) * ratio**2))
    return max(-1.0, min(1.0, (1.0 + correlation) * ratio**2 - 1.0))


def _numbers(before: float, after: float) -> str:
    """Write two numbers with as many digits as it takes to tell them apart."""
    for digits in DIGITS:
        if number(before, digits) != number(after, digits):
            break
    return _pair(number(before, digits), number(after, digits))


def _pair(before: str, after: str) -> str:
    return f"{before} → {after}"


def _unit(feature: FeatureProfile) -> str:
    return f" {feature.unit}" if feature.unit else ""
