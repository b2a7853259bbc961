"""How well a model did on labelled rows before it was handed over: a number, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from weirkeeper.statistics.errors import ProfileError

MetricName = Literal["Accuracy", "Precision", "Recall", "F1", "AUC", "MAE", "RMSE", "Brier", "LogLoss"]
Interval = Literal["Wilson", "Bootstrap"]
Rows = Literal["HeldOut", "Sample"]
"""Rows kept from the training, or those of the bundle's sample, which the model may have learnt from."""


@dataclass(frozen=True)
class OfflineMetric:
    """A metric's value on `rows` labelled rows with its 95 % confidence interval from `low` to `high`."""

    metric: MetricName
    value: float
    low: float
    high: float
    rows: int
    interval: Interval
    measured_on: Rows

    def to_json(self) -> dict[str, Any]:
        """Write it as profile.json has it."""
        return {
            "metric": self.metric,
            "value": self.value,
            "ci95": [self.low, self.high],
            "interval": self.interval,
            "rows": self.rows,
            "measuredOn": self.measured_on,
        }

    @classmethod
    def from_json(cls, found: object) -> OfflineMetric:
        """Read what `to_json` wrote.

        Raises:
            ProfileError: it is no such metric; the message says why.
        """
        if not isinstance(found, Mapping):
            raise ProfileError(f"performance holds {found!r:.80}, expected an object; make the bundle anew")
        numbers = _three_numbers(found)
        for field, words in (("metric", MetricName), ("interval", Interval), ("measuredOn", Rows)):
            if found.get(field) not in get_args(words):
                raise ProfileError(
                    f"performance has {field} {found.get(field)!r:.40}, expected one of {', '.join(get_args(words))}"
                )
        rows = found.get("rows")
        if type(rows) is not int or rows < 1:
            raise ProfileError(f"performance has rows {rows!r:.40}, expected how many rows it was measured on")
        return cls(found["metric"], *numbers, rows, found["interval"], found["measuredOn"])


def _three_numbers(found: Mapping[str, Any]) -> tuple[float, float, float]:
    interval = found.get("ci95")
    numbers = [found.get("value"), *(interval if isinstance(interval, list) else [])]
    given = [float(number) for number in numbers if isinstance(number, int | float) and math.isfinite(number)]
    if len(numbers) != len(given) or len(given) != 3:  # noqa: PLR2004  value, low, high
        raise ProfileError(f"performance has {found!r:.120}; expected value and ci95 as finite numbers")
    return given[0], given[1], given[2]
