"""Counts of predictions whose labels came back, from which a model's realised performance follows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from weirkeeper.statistics.error_bins import BINNED, ErrorBin
from weirkeeper.statistics.exact import ExactSum

SCORE_BINS: Final = 100
MOST_LIKELY: Final = 16
"""Classes up to which the probabilities of all of them are remembered, in 32 bytes a row, and counted."""

MOST_PAIRS: Final = 2_500
"""Pairs of predicted and actual class that one table lists; rows of further pairs are counted as `unlisted`."""

SCORE_UNITS: Final = 65_535
"""Scores come back in so many steps from 0 to 1."""

LEAST_SCORE: Final = 0.5 / SCORE_UNITS
"""Logarithms are taken of no less: the smallest score that differs from 0 by half a step."""

NUMBERS: Final = ("error", "absolute", "squared", "fourth", "logLoss", "logLossSquared", "value", "valueSquared")
"""What is summed: each row's error as it is, absolute, squared, to the fourth; log losses, values and their squares."""

WHOLE_NUMBERS: Final = ("rows", "correct", "numbered", "unlisted", "valued", "posts")

LARGEST: Final = 1e70
"""Predictions, labels and values are counted up to it: the fourth powers of their differences stay finite."""


@dataclass
class LabelCounts:
    """What is counted of labelled rows; everything adds up exactly, so that parts merge in any order, to the last bit.

    `rows` have a label, `correct` of them were predicted so. `confusion` is by (predicted, actual) class; `positive`
    is the second of two classes, whose probability is the score. `scores` are [negatives, positives] by bin of
    1/SCORE_BINS, and `score_units` the sum of the scores in each, in steps of 1/SCORE_UNITS. Of more than two classes
    there is no `positive`, the score is the probability of the predicted class, and `scores` are [wrong, right]; the
    probabilities of each class by themselves are `class_scores`, [rows of other classes, its own] by bin as above.
    `numbered` rows have a number to compare: the score against 0 or 1, probabilities against the class, or a
    regression's prediction against its label. `posts` are calls that brought any of the rows, each in
    one slot. `sums` are of their errors (predicted less actual; of probabilities, the distance) and of the `valued`
    rows' business values, by NUMBERS. A regression's errors are in `error_bins` too, by the bin of the profile that the
    prediction fell into, where the profile has such bins.
    """

    rows: int = 0
    correct: int = 0
    numbered: int = 0
    unlisted: int = 0
    valued: int = 0
    posts: int = 0
    positive: str = ""
    confusion: Counter[tuple[str, str]] = field(default_factory=Counter)
    scores: dict[int, list[int]] = field(default_factory=dict)
    score_units: Counter[int] = field(default_factory=Counter)
    class_scores: dict[str, dict[int, list[int]]] = field(default_factory=dict)
    sums: dict[str, ExactSum] = field(default_factory=lambda: {name: ExactSum() for name in NUMBERS})
    error_bins: dict[int, ErrorBin] = field(default_factory=dict)

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
        self._place(score, positive=is_positive)
        self._error(score - is_positive)
        self._loss(score if is_positive else 1.0 - score)

    def add_probabilities(self, confidence: float, likelihood: float, squares: float, *, right: bool) -> None:
        """Count the probabilities of a row of more than two classes that `add_class` counts.

        `confidence` is that of the predicted class, `likelihood` that of the actual one, and `squares` the sum of all
        classes' squares.
        """
        self._place(confidence, positive=right)
        distance = max(0.0, squares - 2.0 * likelihood + 1.0)
        self.numbered += 1
        self._sum(squared=distance, fourth=distance * distance)
        self._loss(likelihood)

    def add_class_scores(self, probabilities: Mapping[str, float], actual: str) -> None:
        """Count the probability of every class of a row that `add_probabilities` counts: what the AUC needs."""
        for name, score in probabilities.items():
            bins = self.class_scores.setdefault(name, {})
            bins.setdefault(bin_of_score(score), [0, 0])[name == actual] += 1

    def _place(self, score: float, *, positive: bool) -> None:
        place = bin_of_score(score)
        self.scores.setdefault(place, [0, 0])[positive] += 1
        self.score_units[place] += round(score * SCORE_UNITS)

    def _loss(self, likelihood: float) -> None:
        loss = -math.log(min(max(likelihood, LEAST_SCORE), 1.0 - LEAST_SCORE))
        self._sum(logLoss=loss, logLossSquared=loss * loss)

    def add_number(self, predicted: float, actual: float, place: int | None = None) -> None:
        """Count a row of a regression; `place` is the bin of the profile that its prediction falls into."""
        self.rows += 1
        self._error(predicted - actual)
        if place is not None:
            self.error_bins.setdefault(place, ErrorBin()).add(predicted, actual)

    def _error(self, error: float) -> None:
        self.numbered += 1
        squared = error * error
        self._sum(error=error, absolute=abs(error), squared=squared, fourth=squared * squared)

    def _sum(self, **numbers: float) -> None:
        for name, number in numbers.items():
            self.sums[name].add(number)

    def total(self, name: str) -> float:
        """Tell one of `sums`, rounded once."""
        return self.sums[name].total

    def add_value(self, value: float) -> None:
        """Count what a prediction was worth to the business, in whatever unit."""
        self.valued += 1
        self._sum(value=value, valueSquared=value * value)

    def merge(self, other: LabelCounts) -> None:
        """Add what another has counted."""
        for name in WHOLE_NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.positive = self.positive or other.positive
        for pair, count in other.confusion.items():
            self._pair(pair, count)
        _add_bins(self.scores, other.scores)
        for name, bins in other.class_scores.items():
            _add_bins(self.class_scores.setdefault(name, {}), bins)
        self.score_units.update(other.score_units)
        for name, value in other.sums.items():
            self.sums[name].merge(value)
        for place, found in other.error_bins.items():
            self.error_bins.setdefault(place, ErrorBin()).merge(found)

    @property
    def size(self) -> int:
        """How many numbers it holds, about."""
        bins = sum(map(len, self.class_scores.values()))
        errors = (1 + len(BINNED)) * len(self.error_bins)
        return 8 + len(self.confusion) + len(self.scores) + len(self.score_units) + bins + errors

    def to_json(self) -> dict[str, Any]:
        """Write it; what is empty is left out."""
        told: dict[str, Any] = {
            "rows": self.rows,
            "correct": self.correct,
            "numbered": self.numbered,
            "unlisted": self.unlisted,
            "valued": self.valued,
            "posts": self.posts,
            "positive": self.positive,
            "confusion": [[*pair, count] for pair, count in sorted(self.confusion.items())],
            "scores": _keyed(self.scores),
            "classScores": {name: _keyed(bins) for name, bins in sorted(self.class_scores.items())},
            "scoreUnits": {str(score): units for score, units in sorted(self.score_units.items())},
            "sums": {name: value.to_json() for name, value in self.sums.items() if value.parts},
            "errorBins": {str(place): found.to_json() for place, found in sorted(self.error_bins.items())},
        }
        return {name: value for name, value in told.items() if value}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; that it is that, the caller has checked."""
        counts = cls(**{name: told.get(name, 0) for name in WHOLE_NUMBERS})
        counts.positive = told.get("positive", "")
        counts.confusion.update({(predicted, actual): count for predicted, actual, count in told.get("confusion", ())})
        counts.scores.update(_bins(told.get("scores", {})))
        counts.class_scores.update({name: _bins(bins) for name, bins in told.get("classScores", {}).items()})
        counts.score_units.update({int(score): units for score, units in told.get("scoreUnits", {}).items()})
        counts.sums.update({name: ExactSum.from_json(value) for name, value in told.get("sums", {}).items()})
        read = {int(place): ErrorBin.from_json(found) for place, found in told.get("errorBins", {}).items()}
        counts.error_bins.update(read)
        return counts


def bin_of_score(score: float) -> int:
    """Tell the bin that a score from 0 to 1 falls into."""
    return min(int(score * SCORE_BINS), SCORE_BINS - 1)


def _add_bins(mine: dict[int, list[int]], others: Mapping[int, list[int]]) -> None:
    for place, counted in others.items():
        known = mine.setdefault(place, [0, 0])
        known[0] += counted[0]
        known[1] += counted[1]


def _keyed(bins: Mapping[int, list[int]]) -> dict[str, list[int]]:
    return {str(place): counted for place, counted in sorted(bins.items())}


def _bins(told: Mapping[str, list[int]]) -> dict[int, list[int]]:
    return {int(place): list(counted) for place, counted in told.items()}
