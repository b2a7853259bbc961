"""One budget of false alarms, shared among all that could raise one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from weirkeeper.statistics.errors import StatisticsError

SECONDS_PER_MONTH: Final = 30 * 86_400
MOST: Final = 0.5

SLOW: Final = 0.25
"""Part of a feature's share that pays for the detector of slow drift; the rest is for windows by themselves."""

MISSING: Final = 0.5
"""Part of a window's share for missing values, where reference or window have any."""

INCREASE: Final = 0.9
"""Part of what missing values may spend for more of them; the rest is for fewer.

Data breaks by going missing. Equal parts cost an increase 3 points of power where missing values slowly become more.
"""

SHIFT: Final = 0.9
"""Part of what is left for a shift along the order of values, where there is one.

What a look costs the others is the logarithm of its part: at an alarm probability of 1e-5 a PSI that is left a twelfth
of it has a threshold 6 % higher.
"""


@dataclass(frozen=True)
class AlarmShare:
    """The probability of a false alarm that one feature may spend in one window, and on what."""

    alpha: float

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha <= MOST:
            raise StatisticsError(
                f"alpha is {self.alpha}; give the probability of a false alarm, above 0 and at most {MOST}"
            )

    def missing(self, *, judged: bool) -> float:
        """For a changed share of missing values; nothing where there are none.

        Whether there are does not depend on the values that are there, so the other looks may have what this one does
        not need.
        """
        return MISSING * self.alpha if judged else 0.0

    def shift(self, *, missing: bool) -> float:
        """For a shift along the order of the values."""
        return SHIFT * (self.alpha - self.missing(judged=missing))

    def shares(self, *, shift: bool, missing: bool) -> float:
        """For any change of the bins' shares: what the others leave."""
        rest = self.alpha - self.missing(judged=missing)
        return rest - self.shift(missing=missing) if shift else rest


def alarm_share(false_alarms_per_month: float, window_seconds: float, features: int, conditions: int = 1) -> float:
    """Share a budget of false alarms among the windows of a month, the conditions of a Monitor and their features.

    Every condition gets the same part (Bonferroni: the sum of the parts is the budget, however they depend on each
    other), every feature of it the same again. Returns the probability with which one feature may alarm in one window
    although nothing changed.

    Raises:
        StatisticsError: the budget or the window is not above 0, or no number.
    """
    if not (0.0 < false_alarms_per_month < math.inf and 0.0 < window_seconds < math.inf):
        raise StatisticsError(
            f"{false_alarms_per_month} false alarms a month and windows of {window_seconds} s were given; give both"
            " above 0"
        )
    windows = SECONDS_PER_MONTH / window_seconds
    return min(MOST, false_alarms_per_month / (windows * max(1, features) * max(1, conditions)))
