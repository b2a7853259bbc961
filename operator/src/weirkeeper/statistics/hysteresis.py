"""When a state begins and when it ends: so that one that is near its threshold does not flutter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weirkeeper.statistics.errors import StatisticsError

CLEARED = 0.7
"""Part of delta below which an index without what chance adds must fall before a feature drifts no more."""

CHANCE = 0.5
"""Where delta is smaller than that: part of what chance adds on average."""


@dataclass(frozen=True)
class Hysteresis:
    """Drift begins with `needed` alarms in the last `of` windows.

    One alarm of one is enough where thresholds follow from a budget: more of them make false alarms rarer than was
    asked for, and true ones later.
    """

    needed: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.needed <= self.of:
            raise StatisticsError(
                f"{self.needed} alarms in the last {self.of} windows; give 1 or more of as many or more"
            )

    def begins(self, alarms: Sequence[bool]) -> bool:
        """Tell whether drift begins: whether each of the last windows alarmed, the latest last."""
        return bool(alarms) and alarms[-1] and sum(alarms[-self.of :]) >= self.needed


def lingers(debiased: float, chance: float, delta: float) -> bool:
    """Tell whether what has begun goes on, by an index without what `chance` adds to it on average."""
    return debiased >= max(CLEARED * delta, CHANCE * chance)
