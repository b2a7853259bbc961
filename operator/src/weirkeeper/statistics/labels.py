"""Counts of predictions whose labels came back, from which a model's realised performance follows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

SCORE_BINS: Final = 100
MOST_PAIRS: Final = 2_500
"""Pairs of predicted and actual class that one table lists; rows of further pairs are counted as `unlisted`."""

SCORE_UNITS: Final = 65_535
"""Scores come back in so many steps from 0 to 1."""

LEAST_SCORE: Final = 0.5 / SCORE_UNITS
"""Logarithms are taken of no less: the smallest score that differs from 0 by half a step."""

NUMBERS: Final = ("error", "absolute", "squared", "logLoss", "value", "valueSquared")


@dataclass
class LabelCounts:
    """What is counted of labelled rows; everything adds up, so that parts merge in any order.

    `rows` have a label, `correct` of them were predicted so. `confusion` is by (predicted, actual) class; `positive`
    is the second of two classes, whose probability is the score. `scores` are [negatives, positives] by bin of
    1/SCORE_BINS. `numbered` rows have a number to compare: the score against 0 or 1, or a regression's prediction
    against its label. `sums` are of their errors (predicted less actual) and of the `valued` rows' business values.
    Sums are of floating point: merged in another order they differ in their last digits.
    """

    rows: int = 0
    correct: int = 0
    numbered: int = 0
    unlisted: int = 0
    valued: int = 0
    positive: str = ""
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    scores: dict[int, list[int]] = field(default_factory=dict)
    sums: dict[str, float] = field(default_factory=lambda: dict.fromkeys(NUMBERS, 0.0))

    def add_class(self, predicted: str, actual: str, positive: str = "") -> None:
        """Count a row by its predicted and actual class; `positive` is the second class where there are two."""
        self.rows += 1
        self.correct += predicted == actual
        self.positive = positive or self.positive
        self._pair((predicted, actual), 1)

    def _pair(self, pair: tuple[str, str], count: int) -> None:
        if pair in self.confusion or len(self.confusion) < MOST_PAIRS:
            self.confusion[pair] += count
        else:
            self.unlisted += count

    def add_score(self, score: float, *, is_positive: bool) -> None:
        """Count the score of a row that `add_class` counts: the probability of the positive class, 0 to 1."""
        counted = self.scores.setdefault(min(int(score * SCORE_BINS), SCORE_BINS - 1), [0, 0])
        counted[is_positive] += 1
        self._error(score - is_positive)
        likelihood = score if is_positive else 1.0 - score
        self.sums["logLoss"] -= math.log(min(max(likelihood, LEAST_SCORE), 1.0 - LEAST_SCORE))

    def add_number(self, predicted: float, actual: float) -> None:
        """Count a row of a regression."""
        self.rows += 1
        self._error(predicted - actual)

    def _error(self, error: float) -> None:
        self.numbered += 1
        self.sums["error"] += error
        self.sums["absolute"] += abs(error)
        self.sums["squared"] += error * error

    def add_value(self, value: float) -> None:
        """Count what a prediction was worth to the business, in whatever unit."""
        self.valued += 1
        self.sums["value"] += value
        self.sums["valueSquared"] += value * value

    def merge(self, other: LabelCounts) -> None:
        """Add what another has counted."""
        for name in ("rows", "correct", "numbered", "unlisted", "valued"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.positive = self.positive or other.positive
        for pair, count in other.confusion.items():
            self._pair(pair, count)
        for score, counted in other.scores.items():
            mine = self.scores.setdefault(score, [0, 0])
            mine[0] += counted[0]
            mine[1] += counted[1]
        for name, value in other.sums.items():
            self.sums[name] += value

    @property
    def size(self) -> int:
        """How many numbers it holds, about."""
        return 8 + len(self.confusion) + len(self.scores)

    def to_json(self) -> dict[str, Any]:
        """Write it; what is empty is left out."""
        told: dict[str, Any] = {
            "rows": self.rows,
            "correct": self.correct,
            "numbered": self.numbered,
            "unlisted": self.unlisted,
            "valued": self.valued,
            "positive": self.positive,
            "confusion": [[*pair, count] for pair, count in sorted(self.confusion.items())],
            "scores": {str(score): counted for score, counted in sorted(self.scores.items())},
            "sums": {name: value for name, value in self.sums.items() if value},
        }
        return {name: value for name, value in told.items() if value}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; that it is that, the caller has checked."""
        counts = cls(**{name: told.get(name, 0) for name in ("rows", "correct", "numbered", "unlisted", "valued")})
        counts.positive = told.get("positive", "")
        counts.confusion.update({(predicted, actual): count for predicted, actual, count in told.get("confusion", ())})
        counts.scores.update({int(score): list(counted) for score, counted in told.get("scores", {}).items()})
        counts.sums.update({name: float(value) for name, value in told.get("sums", {}).items()})
        return counts


def performance(counts: LabelCounts) -> dict[str, float]:
    """Give every metric that the counts allow, by its name in cards and gates.

    Of two classes, Precision, Recall and F1 are those of the positive one; of more, means over all classes, predicted
    or actual (macro). AUC is of binned scores: scores of one bin count as equal.
    """
    found: dict[str, float | None] = {}
    if counts.confusion or counts.unlisted:
        found |= {"Accuracy": counts.correct / counts.rows, **_by_class(counts)}
    if counts.scores:
        found |= {"AUC": _auc(counts.scores), "Brier": counts.sums["squared"] / counts.numbered}
        found["LogLoss"] = counts.sums["logLoss"] / counts.numbered
    elif counts.numbered:
        found["MAE"] = counts.sums["absolute"] / counts.numbered
        found["RMSE"] = math.sqrt(counts.sums["squared"] / counts.numbered)
    if counts.valued:
        found["Value"] = counts.sums["value"] / counts.valued
    return {name: value for name, value in found.items() if value is not None}


def _by_class(counts: LabelCounts) -> dict[str, float | None]:
    if counts.unlisted:
        return {}
    confusion = counts.confusion
    names = [counts.positive] if counts.positive else sorted({name for pair in confusion for name in pair})
    hits = [confusion[name, name] for name in names]
    predicted = [sum(count for (one, _), count in confusion.items() if one == name) for name in names]
    actual = [sum(count for (_, one), count in confusion.items() if one == name) for name in names]
    return {
        "Precision": _mean(hits, predicted),
        "Recall": _mean(hits, actual),
        "F1": _mean([2 * hit for hit in hits], [a + b for a, b in zip(predicted, actual, strict=True)]),
    }


def _mean(tops: list[int], bottoms: list[int]) -> float | None:
    """The mean of the ratios; one of nothing counts as 0 beside others, and is none by itself."""
    if not any(bottoms):
        return None
    return sum(top / bottom for top, bottom in zip(tops, bottoms, strict=True) if bottom) / len(tops)


def _auc(scores: Mapping[int, list[int]]) -> float | None:
    """The probability that a positive has the higher score (Mann-Whitney U), half where both fall into one bin."""
    below = 0
    pairs = 0.0
    for _, (negatives, positives) in sorted(scores.items()):
        pairs += positives * (below + negatives / 2)
        below += negatives
    positives = sum(counted[1] for counted in scores.values())
    return pairs / (below * positives) if below and positives else None
