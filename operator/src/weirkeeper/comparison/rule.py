"""What is called drift: the shift that does not matter, the false alarms that are put up with, the rows it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from weirkeeper.api.monitor import LARGEST_DELTA, MOST_ALARMS
from weirkeeper.api.values import Duration
from weirkeeper.comparison.errors import UnusableRule
from weirkeeper.comparison.names import check_known
from weirkeeper.statistics import FeaturePolicy, FeatureProfile, alarm_share

LEAST_ROWS: Final = 50
MOST_FALSE_ALARM: Final = 0.5


@dataclass(frozen=True)
class Rule:
    """By what two sets of rows are judged.

    A feature whose PSI is not above `delta` (`deltas` for some features alone) does not drift. `false_alarm` is the
    probability that a comparison of rows that did not change finds drift in any feature. Where comparisons are made
    again and again, `false_alarms_per_month` with `every`, the time between two of them (such as 24h), takes its
    place, as in a Monitor. Features in `ignore` are left out. Both sides need `min_rows` rows.

    Raises:
        UnusableRule: a number is out of its range, or only one of `false_alarms_per_month` and `every` is given.
    """

    delta: float = 0.1
    deltas: Mapping[str, float] = field(default_factory=dict)
    false_alarm: float = 0.01
    false_alarms_per_month: float | None = None
    every: str | None = None
    min_rows: int = 500
    ignore: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        for name, delta in {
            "delta": self.delta,
            **{f"delta of {name!r}": d for name, d in self.deltas.items()},
        }.items():
            if not 0 <= delta <= LARGEST_DELTA:
                raise UnusableRule(f"{name} is {delta:g}; give a PSI from 0 to {LARGEST_DELTA}, such as 0.1")
        if not 0 < self.false_alarm <= MOST_FALSE_ALARM:
            raise UnusableRule(
                f"false_alarm is {self.false_alarm:g}; give a probability above 0 and up to {MOST_FALSE_ALARM}, such"
                " as 0.01 for one in a hundred comparisons"
            )
        if self.min_rows < LEAST_ROWS:
            raise UnusableRule(f"min_rows is {self.min_rows}; give at least {LEAST_ROWS}, such as 500")
        self._check_budget()

    def _check_budget(self) -> None:
        alarms, every = self.false_alarms_per_month, self.every
        if (alarms is None) != (every is None):
            given, lacking = (
                ("every", "false_alarms_per_month") if alarms is None else ("false_alarms_per_month", "every")
            )
            raise UnusableRule(
                f"{given} is given without {lacking}: a budget for a month needs both, such as 0.1 and 24h"
            )
        if alarms is not None and not 0 < alarms <= MOST_ALARMS:
            raise UnusableRule(
                f"false_alarms_per_month is {alarms:g}; give a number above 0 and up to {MOST_ALARMS}, such as 0.1 for"
                " one in ten months"
            )
        if every is not None and _seconds(every) <= 0:
            raise UnusableRule(f"every is {every!r}; give the time between two comparisons, such as 24h")

    def alpha(self, features: int) -> float:
        """Give the probability with which one of so many features may alarm although it did not change."""
        if self.false_alarms_per_month is None or self.every is None:
            return self.false_alarm / max(1, features)
        return alarm_share(self.false_alarms_per_month, _seconds(self.every), features)

    def policies(self, features: Sequence[FeatureProfile]) -> dict[str, FeaturePolicy]:
        """Say how features are watched that are not by the rule: not at all where one or a column of it is left out.

        Raises:
            UnfitColumns: a delta is given for a feature that is not there.
        """
        check_known(self.deltas, [feature.name for feature in features], "the reference")
        left_out = set(self.ignore)
        without = {feature.name for feature in features if not left_out.isdisjoint((feature.name, *feature.columns))}
        return {name: FeaturePolicy(self.deltas.get(name), name not in without) for name in (*without, *self.deltas)}

    def to_dict(self) -> dict[str, Any]:
        """Write it as JSON has it; of the two budgets the one that is in force."""
        monthly = {"falseAlarmsPerMonth": self.false_alarms_per_month, "every": self.every}
        budget = {"falseAlarm": self.false_alarm} if self.false_alarms_per_month is None else monthly
        return {
            "delta": self.delta,
            "deltas": dict(self.deltas),
            **budget,
            "minRows": self.min_rows,
            "ignore": list(self.ignore),
        }


def _seconds(every: str) -> float:
    try:
        return Duration.parse(every).seconds
    except (TypeError, ValueError) as error:
        raise UnusableRule(f"every is {every!r}: {error}") from None
