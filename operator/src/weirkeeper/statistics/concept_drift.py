"""What is said of concept drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class ConceptDrift:
    """Whether labels left what the predictions explain.

    `statistic` is a chi-square with `df` degrees of freedom, of regressions the larger of two squared t statistics, and
    above `threshold` with probability at most alpha while nothing changed by more than what is tolerated; `p_value` is
    against no change at all. `realised` are metrics of the labelled rows, `explained` what they would be if labels
    followed the predictions as they did on held-out rows, and `gaps` the bounds of the difference. Positives is the
    share of positive labels, for more than two classes that of right predictions; Bias is the mean error, predicted
    less actual, and MAE its mean size.
    """

    state: Literal["OK", "Drifting", "Insufficient"]
    rows: int
    message: str
    statistic: float | None = None
    threshold: float | None = None
    p_value: float | None = None
    df: int = 0
    realised: Mapping[str, float] = field(default_factory=dict)
    explained: Mapping[str, float] = field(default_factory=dict)
    gaps: Mapping[str, tuple[float, float]] = field(default_factory=dict)
