"""Shares with their bounds, and goals that are reached or missed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import beta

CONFIDENCE = 0.95


class Rate(NamedTuple):
    """How many of how many, with the upper 95 % bound (Clopper and Pearson 1934)."""

    share: float
    upper: float
    trials: int


@dataclass(frozen=True)
class Goal:
    """What was to be reached, whether it was, and by which figures; `met` is None where it could not be judged."""

    name: str
    met: bool | None
    told: str

    def to_json(self) -> dict[str, Any]:
        """Write it for a file."""
        return asdict(self)


def rate(alarms: Iterable[bool]) -> Rate:
    """Count alarms."""
    found = np.asarray(alarms, dtype=bool).ravel()
    hits, trials = int(found.sum()), found.size
    upper = 1.0 if hits == trials else float(beta.ppf(CONFIDENCE, hits + 1, trials - hits))
    return Rate(hits / trials, upper, trials)
