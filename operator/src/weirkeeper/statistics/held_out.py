"""Labelled rows that a model has not learnt from, counted as servers count labels: what labels are compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any, Final

from weirkeeper.statistics.cleaning import Column
from weirkeeper.statistics.confusion import Pair
from weirkeeper.statistics.counters import FeatureCounter
from weirkeeper.statistics.error_bins import MOST_ERROR_BINS
from weirkeeper.statistics.error_strata import ErrorStrata
from weirkeeper.statistics.errors import ProfileError
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.labels import NUMBERS, SCORE_BINS, LabelCounts
from weirkeeper.statistics.performance import check

MOST_CELLS: Final = 400
"""Pairs of predicted and actual class that a profile keeps; of a model with more nothing is expected."""


@dataclass(frozen=True)
class Strata:
    """Held-out rows by the bins that the profile has of one `output`, and in each by predicted and actual class.

    `counts` are by (bin, predicted, actual). `scores` put the bins in order where the output is the score of the
    positive class: the middle of each; else there are none.
    """

    output: str
    counts: Mapping[tuple[int, str, str], int]
    scores: Mapping[int, float]

    def to_json(self) -> dict[str, Any]:
        """Write it."""
        return {
            "output": self.output,
            "counts": [[*cell, count] for cell, count in sorted(self.counts.items())],
            "scores": {str(place): score for place, score in sorted(self.scores.items())},
        }

    @property
    def pairs(self) -> list[Pair]:
        """The pairs of predicted and actual class that occur."""
        return sorted({(predicted, actual) for _, predicted, actual in self.counts})


@dataclass(frozen=True)
class HeldOut:
    """The counts of held-out rows, and their strata: of classes, or of a regression's errors.

    `class_strata` are, of more than two classes, by each class's own probability: rows of it, and of the others.
    """

    labels: LabelCounts
    strata: Strata | None = None
    errors: ErrorStrata | None = None
    class_strata: Mapping[str, Strata] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Write it as profile.json has it."""
        written: dict[str, Any] = {"labels": self.labels.to_json()}
        if self.strata:
            written["strata"] = self.strata.to_json()
        if self.errors:
            written["errors"] = self.errors.to_json()
        if self.class_strata:
            written["classStrata"] = {name: one.to_json() for name, one in sorted(self.class_strata.items())}
        return written

    @classmethod
    def from_json(cls, found: object) -> HeldOut:
        """Read what `to_json` wrote.

        Raises:
            ProfileError: it is no such counts; the message says why.
        """
        if not isinstance(found, Mapping):
            raise ProfileError(f"the profile's heldOut is {found!r:.80}, expected an object; make the bundle anew")
        try:
            read = cls(
                LabelCounts.from_json(found["labels"]),
                _strata(found["strata"]) if "strata" in found else None,
                ErrorStrata.from_json(found["errors"]) if "errors" in found else None,
                {str(name): _strata(one) for name, one in found.get("classStrata", {}).items()},
            )
            _check(read)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ProfileError(f"the profile's heldOut cannot be read: {error!r:.200}; make the bundle anew") from error
        return read


def strata_of(output: FeatureProfile, column: Column, predicted: Sequence[str], actual: Sequence[str]) -> Strata:
    """Count rows by the bins of a profile's output: `column` is that output, with the predicted and actual classes."""
    members: dict[Pair, list[int]] = {}
    for row, pair in enumerate(zip(predicted, actual, strict=True)):
        members.setdefault(pair, []).append(row)
    counts: dict[tuple[int, str, str], int] = {}
    for (said, was), rows in members.items():
        # The same rules as for live rows decide which bin a row falls into.
        counter = FeatureCounter(output)
        counter.ingest(column[rows])
        found = counter.totals()["counts"]
        counts.update({(place, said, was): count for place, count in enumerate(found) if count})
    return Strata(output.name, counts, {} if output.enumerated else dict(enumerate(_middles(output))))


def class_strata_of(output: FeatureProfile, column: Column, name: str, actual: Sequence[str]) -> Strata:
    """Count rows by the bins of a class's probability: those of the class `name`, and all others."""
    rest = f"not {name}"
    return strata_of(output, column, [name] * len(actual), [name if one == name else rest for one in actual])


def _middles(output: FeatureProfile) -> list[float]:
    """The middle of each interval, as far as there are values, then the atoms themselves."""
    known = [*output.edges, *output.atoms, 0.0]
    ends = [
        known[0] if output.least is None else output.least,
        *output.edges,
        max(known) if output.most is None else output.most,
    ]
    return [(low + high) / 2.0 for low, high in pairwise(ends)] + list(output.atoms)


def _strata(found: Mapping[str, Any]) -> Strata:
    counts = {(place, predicted, actual): count for place, predicted, actual, count in found["counts"]}
    return Strata(str(found["output"]), counts, {int(place): float(score) for place, score in found["scores"].items()})


def _check(held_out: HeldOut) -> None:
    labels, strata = held_out.labels, held_out.strata
    counts = [labels.rows, labels.correct, labels.numbered, labels.unlisted, labels.valued]
    bins = [labels.scores, *labels.class_scores.values()]
    counts += [*labels.confusion.values(), *labels.score_units.values()]
    counts += [found.rows for found in labels.error_bins.values()]
    counts += [count for one in bins for pair in one.values() for count in pair]
    names = [*labels.class_scores, *chain(*labels.confusion)]
    for one in [*held_out.class_strata.values(), *([strata] if strata else [])]:
        counts += [*one.counts.values(), *(place for place, _, _ in one.counts)]
        names += [name for _, *pair in one.counts for name in pair]
        if not all(map(math.isfinite, one.scores.values())):
            raise ValueError("a score of a bin is not finite")
    if any(type(count) is not int or count < 0 for count in counts):
        raise ValueError("a count is none; expected whole numbers of 0 or more")
    if not all(isinstance(name, str) for name in names):
        raise TypeError("a class is no text")
    if not all(len(pair) == 2 for one in bins for pair in one.values()):  # noqa: PLR2004  negatives and positives
        raise ValueError("a bin of the score has not two counts")
    if unknown := labels.sums.keys() - set(NUMBERS):
        raise ValueError(f"an unknown sum {min(unknown)!r}")
    if any(place not in range(MOST_ERROR_BINS) for place in labels.error_bins):
        raise ValueError(f"a bin of errors is beyond {MOST_ERROR_BINS - 1}")
    check(labels)
    if any(not 0 <= place < SCORE_BINS for place in chain(labels.score_units, *bins)):
        raise ValueError(f"a bin of the score is beyond {SCORE_BINS - 1}")
