"""What changed in a feature, said in its own unit."""

from __future__ import annotations

from typing import Any

from weirkeeper.statistics.feature import SUM_UNIT, Counts, FeatureProfile


def change_of(feature: FeatureProfile, counts: Counts) -> str:
    """Say what changed: the mean of numbers, or the share of the value that moved most.

    The window must hold at least one valid value of the feature, and so must its reference.
    """
    if not feature.enumerated and feature.mean is not None:
        return f"mean {feature.mean:.4g} -> {_live_mean(feature, counts):.4g}"
    live = (*counts["counts"], counts["unseen"])
    before = [count / feature.count for count in (*feature.counts, 0)]
    now = [count / sum(live) for count in live]
    moved = max(range(len(now)), key=lambda place: abs(now[place] - before[place]))
    return f"{_called(feature, moved)} {percent(before[moved])} -> {percent(now[moved])}"


def percent(share: float) -> str:
    """Write a share in percent."""
    return f"{100 * share:.1f} %"


def _called(feature: FeatureProfile, place: int) -> str:
    if place < len(feature.values):
        value: Any = feature.values[place]
        return f"share of {value if isinstance(value, str) else f'{value:g}'}"
    return "other known values" if place == len(feature.values) else "values that the reference never had"


def _live_mean(feature: FeatureProfile, counts: Counts) -> float:
    finite = sum(counts["counts"]) - counts["posInf"] - counts["negInf"]
    offset = counts["sum"] * SUM_UNIT * feature.scale / finite if finite else 0.0
    return float((feature.mean or 0.0) + offset)
