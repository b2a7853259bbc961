"""What is said of all features together, or how many rows an answer lacks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from weirkeeper.statistics import DriftState, FeatureDrift, WindowReport
from weirkeeper.statistics.feature_drift import LEAST_VALUES


@dataclass(frozen=True)
class Side:
    """One side of a comparison: what it is called, and how many rows it has."""

    name: str
    rows: int


@dataclass(frozen=True)
class Conclusion:
    """A state, why, how many more rows an answer takes (0 where there is one), and the features behind it."""

    state: DriftState
    message: str
    rows_needed: int = 0
    features: tuple[FeatureDrift, ...] = ()


def conclude(reference: Side, current: Side, report: WindowReport, min_rows: int) -> Conclusion:
    """Conclude from a report, where both sides have enough rows for one."""
    lacking = [(min_rows - side.rows, side) for side in (reference, current) if side.rows < min_rows]
    if lacking:
        told = " and ".join(f"{more:,} more in {side.name} (it has {side.rows:,})" for more, side in lacking)
        return _insufficient(max(more for more, _ in lacking), f"not enough rows: {told}; {min_rows:,} are needed")
    if report.state == "Error":
        return Conclusion("Error", report.message)
    judged = [feature for feature in report.features if feature.state != "Insufficient"]
    if not judged:
        return _without_values(reference, current, report)
    unjudged = len(report.features) - len(judged)
    few = f"; {unjudged} had too few values to be judged" if unjudged else ""
    drifting, features = len(report.drifting), f"{len(judged):,} feature{'s' if len(judged) > 1 else ''}"
    told = f"drift in {drifting:,} of {features}" if drifting else f"no drift in {features}"
    return Conclusion(report.state, f"{told} over {current.rows:,} rows{few}", 0, report.features)


def _without_values(reference: Side, current: Side, report: WindowReport) -> Conclusion:
    """Say how many rows it takes until the fullest feature has enough values, if it goes on as it is."""
    most = max((feature.values for feature in report.features), default=0)
    if most == 0:
        return _insufficient(0, f"not enough rows: no column of {current.name} has a value that can be compared")
    if most >= LEAST_VALUES:
        return _insufficient(0, f"not enough rows: no column of {reference.name} has a value")
    more = math.ceil(LEAST_VALUES * current.rows / most) - current.rows
    return _insufficient(
        more,
        f"not enough rows: about {more:,} more in {current.name}, where no column has {LEAST_VALUES} values (the"
        f" fullest has {most})",
    )


def _insufficient(more: int, told: str) -> Conclusion:
    return Conclusion("Insufficient", told, more)
