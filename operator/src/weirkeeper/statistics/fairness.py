"""Whether groups of people fare alike: shares by group, and how far apart they lie, with intervals that hold for all.

Demographic parity compares how often each group is given the favourable class (Calders, Kamiran and Pechenizkiy 2009;
a ratio of four fifths is the rule of 29 CFR 1607.4), equal opportunity how often those of each group who deserve it are
(Hardt, Price and Srebro, NeurIPS 2016), and error how often each group is judged wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Final, Literal, get_args

from weirkeeper.statistics.errors import StatisticsError
from weirkeeper.statistics.intervals import LEVEL, Share, difference, ratio, wilson
from weirkeeper.statistics.labels import LabelCounts

FairnessMetric = Literal["DemographicParity", "EqualOpportunity", "Error"]

LEAST_ROWS: Final = 100
"""Rows of a group (for equal opportunity: rows of it that are positive) below which it is not compared."""


@dataclass(frozen=True)
class FairnessRule:
    """How far apart groups may lie.

    The lowest share is to be at least `least_ratio` of the highest, and less than it by no more than `most_difference`.
    Groups of fewer than `least_rows` rows are not compared; `level` is that of the intervals.
    """

    least_ratio: float | None = None
    most_difference: float | None = None
    least_rows: int = LEAST_ROWS
    level: float = LEVEL


@dataclass(frozen=True)
class GroupShare:
    """A group's share with its interval; `compared` says whether it has enough rows."""

    group: str
    share: float
    low: float
    high: float
    rows: int
    compared: bool


@dataclass(frozen=True)
class Disparity:
    """How far apart the groups with enough rows lie.

    `ratio` is that of the lowest to the highest share (1 is equal, None where the highest is 0), `difference` that of
    the highest less the lowest. Their bounds hold at the same time for every pair of groups.
    """

    state: Literal["OK", "Drifting", "Insufficient"]
    metric: FairnessMetric
    groups: tuple[GroupShare, ...]
    message: str
    ratio: float | None = None
    ratio_bounds: tuple[float, float] = (0.0, 1.0)
    difference: float | None = None
    difference_bounds: tuple[float, float] = (0.0, 1.0)


def groups_of(segments: Mapping[str, LabelCounts], segment: str) -> dict[str, LabelCounts]:
    """Pick the groups of one segmented input: of `sex=f` and `sex=m` under `sex`, f and m.

    Raises:
        StatisticsError: there is no such segment.
    """
    found = {name.partition("=")[2]: counts for name, counts in segments.items() if name.partition("=")[0] == segment}
    if not found:
        known = ", ".join(sorted({name.partition("=")[0] for name in segments} - {""})) or "none"
        raise StatisticsError(
            f"no labels are counted by {segment!r}, only by {known}; name it in the Model's parameter `segments`"
        )
    return found


def disparity(
    groups: Mapping[str, LabelCounts], metric: FairnessMetric, rule: FairnessRule, positive: str = ""
) -> Disparity:
    """Compare the groups' labelled rows.

    `positive` is the favourable class, by default the second of two. Drifting means that, at the rule's level for all
    pairs of groups together (Bonferroni), they lie further apart than the rule allows; OK that this is not sure.

    Raises:
        StatisticsError: an unknown metric, no favourable class where one is needed, groups with unlisted pairs of
            classes, or labels that are numbers.
    """
    if metric not in get_args(FairnessMetric):
        raise StatisticsError(f"metric {metric!r} was given, expected one of {', '.join(get_args(FairnessMetric))}")
    shares = {name: _share(name, counts, metric, positive or counts.positive) for name, counts in groups.items()}
    listed = tuple(
        GroupShare(
            name, share.value, *wilson(share, rule.level), int(share.rows), int(share.rows) >= max(1, rule.least_rows)
        )
        for name, share in sorted(shares.items())
    )
    compared = [shares[one.group] for one in listed if one.compared]
    if len(compared) < 2:  # noqa: PLR2004  a pair
        told = f"{len(compared)} of {len(listed)} groups have {rule.least_rows} rows, two are needed"
        return Disparity("Insufficient", metric, listed, f"{metric}: {told}")
    return _compared(metric, listed, compared, rule)


def _share(name: str, counts: LabelCounts, metric: FairnessMetric, positive: str) -> Share:
    if counts.numbered and not (counts.confusion or counts.unlisted):
        raise StatisticsError(f"the labels of {name!r} are numbers; {metric} is of classes: compare their `estimates`")
    if metric == "Error":
        return Share(counts.rows - counts.correct, counts.rows)
    if not positive and counts.rows:
        raise StatisticsError(
            f"{metric} of {name!r} needs a favourable class; give `positive`, one of the model's classes"
        )
    if counts.unlisted:
        raise StatisticsError(f"{name!r} has {counts.unlisted} rows of unlisted classes; {metric} cannot be told")
    rows = counts.rows
    if metric == "EqualOpportunity":
        rows = sum(count for (_, actual), count in counts.confusion.items() if actual == positive)
        return Share(counts.confusion[positive, positive], rows)
    return Share(sum(count for (predicted, _), count in counts.confusion.items() if predicted == positive), rows)


def _compared(
    metric: FairnessMetric, listed: tuple[GroupShare, ...], shares: list[Share], rule: FairnessRule
) -> Disparity:
    """The true lowest ratio is that of some ordered pair; where all pairs' bounds hold, so do the least of them."""
    pairs = list(permutations(shares, 2))
    simultaneous = 1.0 - 2.0 * (1.0 - rule.level) / len(pairs)
    ratios = [ratio(one, other, simultaneous) for one, other in pairs]
    differences = [difference(one, other, simultaneous) for one, other in pairs]
    highest, lowest = max(share.value for share in shares), min(share.value for share in shares)
    ratio_bounds = (
        min(bounds.low or 0.0 for bounds in ratios),
        min([1.0, *(bounds.high for bounds in ratios if bounds.high is not None)]),
    )
    difference_bounds = max(0.0, *(low for low, _ in differences)), max(high for _, high in differences)
    unfair = (rule.least_ratio is not None and ratio_bounds[1] < rule.least_ratio) or (
        rule.most_difference is not None and difference_bounds[0] > rule.most_difference
    )
    return Disparity(
        "Drifting" if unfair else "OK", metric, listed, _told(metric, listed), lowest / highest if highest else None,
        ratio_bounds, highest - lowest, difference_bounds,
    )  # fmt: skip


def _told(metric: FairnessMetric, listed: tuple[GroupShare, ...]) -> str:
    parts = [f"{one.group} {one.share:.1%} of {one.rows}" + ("" if one.compared else " (too few)") for one in listed]
    return f"{metric}: {', '.join(parts)}".replace("%", " %")
