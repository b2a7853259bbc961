"""Errors of a regression by bins of the predicted value: what tells a changed world from other inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from weirkeeper.statistics.exact import ExactSum

BINNED: Final = ("predicted", "error", "absolute", "squared", "root", "signedRoot")
"""What is summed of the rows of a bin: the prediction, the error (predicted less actual) as it is, absolute, squared,
and the root of its size, without and with the error's sign."""

MOST_ERROR_BINS: Final = 256


@dataclass
class ErrorBin:
    """The rows whose prediction fell into one bin, and exact sums of BINNED over them."""

    rows: int = 0
    sums: dict[str, ExactSum] = field(default_factory=lambda: {name: ExactSum() for name in BINNED})

    def add(self, predicted: float, actual: float) -> None:
        """Count a row."""
        error = predicted - actual
        root = math.sqrt(abs(error))
        numbers = (predicted, error, abs(error), error * error, root, math.copysign(root, error))
        self.rows += 1
        for name, number in zip(BINNED, numbers, strict=True):
            self.sums[name].add(number)

    def merge(self, other: ErrorBin) -> None:
        """Add what another has counted."""
        self.rows += other.rows
        for name, total in other.sums.items():
            self.sums[name].merge(total)

    def totals(self) -> list[float]:
        """Tell the rows, and each sum rounded once."""
        return [float(self.rows), *(self.sums[name].total for name in BINNED)]

    def to_json(self) -> dict[str, Any]:
        """Write it; sums of nothing are left out."""
        return {"rows": self.rows} | {name: total.to_json() for name, total in self.sums.items() if total.parts}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; that it is that, the caller has checked."""
        read = cls(told["rows"])
        read.sums.update({name: ExactSum.from_json(told[name]) for name in BINNED if name in told})
        return read
