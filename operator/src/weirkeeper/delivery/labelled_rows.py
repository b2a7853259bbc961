"""What labelled rows of one arm measure, and in which slots the arms' share of the requests stood still."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from weirkeeper.delivery.evidence import LabelSlots
from weirkeeper.delivery.label_tests import NO_ROWS, Rows
from weirkeeper.statistics.labels import LabelCounts

SPANS_LIMIT: Final = 24
"""Stretches that are remembered: labels of older ones come too late."""

SUMS: Final = {
    "MAE": ("absolute", "squared"),
    "RMSE": ("squared", "fourth"),
    "Brier": ("squared", "fourth"),
    "LogLoss": ("logLoss", "logLossSquared"),
    "Value": ("value", "valueSquared"),
}
"""By metric, the sums of what is measured on each row and of its square."""

OF_SCORES: Final = ("Brier", "LogLoss")
DIGITS: Final = 9


def rows_of(counts: LabelCounts, metric: str) -> Rows:
    """Tell how many rows a metric is of, and the sum of what it measures: wrong rows, losses, or values."""
    if metric in SUMS:
        return _measured(counts, metric)
    cells, positive = counts.confusion, counts.positive
    if metric == "Accuracy":
        judged = sum(cells.values()) + counts.unlisted
        return _wrong(judged, judged - counts.correct)
    hits = cells[positive, positive]
    predicted = sum(count for (one, _), count in cells.items() if one == positive)
    actual = sum(count for (_, one), count in cells.items() if one == positive)
    of = {"Precision": predicted, "Recall": actual, "F1": predicted + actual - hits}[metric] if positive else 0
    return _wrong(of, of - hits if of else 0)


def _wrong(rows: int, wrong: int) -> Rows:
    return Rows(rows, float(wrong), float(wrong))


def _measured(counts: LabelCounts, metric: str) -> Rows:
    if metric == "Value":
        rows = counts.valued
    else:
        # Scores have errors too; MAE and RMSE are of regressions.
        rows = counts.numbered if bool(counts.scores) == (metric in OF_SCORES) else 0
    total, squares = (round(counts.total(name), DIGITS) for name in SUMS[metric])
    return Rows(rows, total, squares) if rows else Rows()


@dataclass(frozen=True)
class Span:
    """A stretch of time in which no weight changed, from `since` until `until` (Unix seconds; 0: it goes on).

    `candidate` and `stable` are the rows of it that were folded already. All slots of a span count as one stratum:
    each request went to the candidate with the same probability, whenever it was.
    """

    since: int
    until: int = 0
    candidate: Rows = NO_ROWS
    stable: Rows = NO_ROWS

    def to_json(self) -> list[Any]:
        """Write it for a status."""
        return [self.since, self.until, list(self.candidate), list(self.stable)]

    @classmethod
    def from_json(cls, found: Sequence[Any]) -> Span:
        """Read what `to_json` wrote."""
        since, until, *arms = found
        candidate, stable = (Rows(int(rows), float(total), float(squares)) for rows, total, squares in arms)
        return cls(since, until, candidate, stable)

    def labels(self, labels: LabelSlots, revision: str, now: float) -> Iterable[LabelCounts]:
        """The labels of a revision's predictions in the slots that lie wholly within the span and have ended."""
        end = self.until or now
        slots: Mapping[int, Mapping[str, LabelCounts]] = labels.revisions.get(revision, {})
        for start in slots:
            if self.since <= start and labels.end_of(start) <= end:
                yield slots[start].get("", LabelCounts())


def spans_until(spans: tuple[Span, ...], clean_from: int, looked: int) -> tuple[Span, ...]:
    """Go on with the span that began at `clean_from`, or begin it; the one before ended when it was `looked` at."""
    if spans and spans[-1].since == clean_from:
        return spans
    ended = (*spans[:-1], replace(spans[-1], until=looked)) if spans else ()
    return (*ended, Span(clean_from))[-SPANS_LIMIT:]


def total_of(labels: Iterable[LabelCounts], metric: str) -> tuple[Rows, int]:
    """Add up what a metric measures, and how many posts brought it."""
    rows, posts = Rows(), 0
    for counts in labels:
        rows = rows.plus(rows_of(counts, metric))
        posts += counts.posts
    return rows, posts
