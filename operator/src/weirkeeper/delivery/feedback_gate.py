"""The feedback gate asks whether the candidate's predictions are worse than stable's, by labels that came back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from weirkeeper.api.gates import SHARES
from weirkeeper.delivery.areas import LEAST_OF_CLASS, Areas, AreaTest, area_of
from weirkeeper.delivery.gate_kind import Look, NothingBefore, Tally
from weirkeeper.delivery.label_tests import NO_ROWS, LabelTest, MeanTest, OddsTest, Rows
from weirkeeper.delivery.labelled_rows import SUMS, Span, spans_until, total_of
from weirkeeper.delivery.verdict import ArmCounts, Comparison, GateResult, Levels, Mode, Verdict, odds_ratio
from weirkeeper.statistics.scores import AreaUnderCurve

if TYPE_CHECKING:
    from weirkeeper.api.gates import FeedbackGate

LEAST_POSTS: Final = 20
"""Posts that must have brought labels of the candidate: those of one often hang together."""

ODDS: Final = 1.5
AREA: Final = "AUC"
DECREASE: Final = 5
WEIGHTED: Final[frozenset[Mode]] = frozenset({"Weight"})


@dataclass(frozen=True)
class FeedbackMemory(NothingBefore):
    """The gate's settings and what it has learned.

    `spans` are the stretches of the attempt in which no weight changed; `looked` is when they were looked at last
    (Unix seconds). `candidate` and `stable` are the rows that were folded; `waiting` are rows of the candidate that
    were not, for want of others; `posts` brought labels of the candidate.
    """

    in_alpha: ClassVar[bool] = True

    name: str
    metric: str
    min_labels: int
    test: LabelTest | AreaTest
    spans: tuple[Span, ...] = ()
    looked: int = 0
    candidate: Rows = NO_ROWS
    stable: Rows = NO_ROWS
    waiting: int = 0
    posts: int = 0

    @classmethod
    def of(cls, name: str, settings: FeedbackGate, steps: int) -> FeedbackMemory:
        """Take the settings of a Rollout's gate."""
        return cls(name, settings.metric, settings.min_labels, _test_of(settings, steps))

    def to_json(self) -> dict[str, Any]:
        """Write it with short names; it lies in a status."""
        return {
            "n": self.name, "set": [self.metric, self.min_labels], "test": self.test.to_json(),
            "spans": [span.to_json() for span in self.spans], "at": self.looked,
            "of": [list(self.candidate), list(self.stable)], "seen": [self.waiting, self.posts],
        }  # fmt: skip

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> FeedbackMemory:
        """Read what `to_json` wrote."""
        metric, least = found["set"]
        test = _kind_of(metric).from_json(found["test"])
        candidate, stable = (Rows(rows, float(total), float(squares)) for rows, total, squares in found["of"])
        spans = tuple(Span.from_json(span) for span in found["spans"])
        return cls(found["n"], metric, least, test, spans, found["at"], candidate, stable, *found["seen"])

    @property
    def modes(self) -> frozenset[Mode]:
        """Copies are answered to nobody, and chosen callers are not everyone."""
        return WEIGHTED

    @property
    def seen(self) -> bool:
        """Whether a label of the candidate's predictions came back."""
        return self.candidate.rows + self.waiting > 0

    def begin_step(self) -> FeedbackMemory:
        """Begin a step."""
        return replace(self, test=self.test.begin_step())

    def fold(self, look: Look) -> FeedbackMemory:
        """Add the labels that came since the last look, each to the span of its prediction."""
        memory = replace(self, spans=spans_until(self.spans, look.comparison.clean_from, self.looked))
        memory = replace(memory, looked=int(look.now), waiting=0, posts=0)
        if isinstance(memory.test, AreaTest):
            return memory.with_areas(memory.test, look)
        for place in range(len(memory.spans)):
            memory = memory.with_span(place, look)
        return memory

    def with_areas(self, test: AreaTest, look: Look) -> FeedbackMemory:
        """Judge the areas under the curves of all labels so far, one stratum a span."""
        labels, arms = look.evidence.labels, (look.comparison.candidate, look.comparison.stable or "")
        found = [[list(span.labels(labels, arm, look.now)) for arm in arms] for span in self.spans]
        pairs = [tuple(map(area_of, pair)) for pair in found]
        strata = [Areas(candidate, stable) for candidate, stable in pairs if candidate and stable]
        came = sum(counts.rows for candidate, _ in found for counts in candidate)
        candidate, stable = (_of_areas([areas[arm] for areas in strata]) for arm in (0, 1))
        posts = sum(counts.posts for candidate, _ in found for counts in candidate)
        return replace(
            self,
            test=test.of_strata(strata),
            candidate=candidate,
            stable=stable,
            waiting=max(0, came - candidate.rows),
            posts=posts,
        )

    def with_span(self, place: int, look: Look) -> FeedbackMemory:
        """Add what came of one span, once both arms have enough of it."""
        span, labels = self.spans[place], look.evidence.labels
        if isinstance(self.test, AreaTest):
            return self
        arms = (look.comparison.candidate, look.comparison.stable or "")
        (candidate, posts), (stable, _) = (total_of(span.labels(labels, arm, look.now), self.metric) for arm in arms)
        new, others = candidate.minus(span.candidate), stable.minus(span.stable)
        seen = replace(self, posts=self.posts + posts)
        if min(new.rows, others.rows) < 0:
            # A restart lost counts: what comes from now on is new.
            return seen.knowing(place, candidate, stable)
        if min(new.rows, others.rows) < self.test.least_rows:
            return replace(seen, waiting=self.waiting + new.rows)
        return replace(
            seen.knowing(place, candidate, stable),
            test=self.test.with_block(new, others, self.min_labels),
            candidate=_rounded(self.candidate.plus(new)),
            stable=_rounded(self.stable.plus(others)),
        )

    def knowing(self, place: int, candidate: Rows, stable: Rows) -> FeedbackMemory:
        """Take rows of a span as counted."""
        known = replace(self.spans[place], candidate=_rounded(candidate), stable=_rounded(stable))
        return replace(self, spans=(*self.spans[:place], known, *self.spans[place + 1 :]))

    @property
    def asked(self) -> str:
        """Which labels nothing is decided without."""
        return f"{self.min_labels} labelled rows of the candidate, in {LEAST_POSTS} posts or more"

    @property
    def lacking(self) -> str:
        """What must still come before anything is decided; empty when nothing."""
        if not self.seen:
            return (
                "no label came yet of a whole slot's predictions, and only the built-in server takes any: send"
                f" {self.min_labels} of the candidate's or more, in {LEAST_POSTS} posts or more"
            )
        lacking = []
        if self.candidate.rows < self.min_labels:
            lacking.append(
                f"{self.min_labels} labelled rows of the candidate, {self.candidate.rows + self.waiting} came"
            )
        if self.metric == AREA and not self.candidate.rows:
            lacking.append(f"{LEAST_OF_CLASS} rows of either of two classes in both arms")
        if self.posts < LEAST_POSTS:
            lacking.append(f"{LEAST_POSTS} posts, {self.posts} came")
        return f"waits for {' and '.join(lacking)}" if lacking else ""

    def result(self, comparison: Comparison, tally: Tally, levels: Levels) -> GateResult:  # noqa: ARG002  own counts
        """Judge what was folded."""
        candidate, stable = (ArmCounts(rows.rows, round(rows.total)) for rows in (self.candidate, self.stable))
        shares = self.metric in SHARES
        arms = (candidate, stable) if shares else (ArmCounts(candidate.requests), ArmCounts(stable.requests))
        told = f"{self.name}: {self.metric}: candidate {self._told(self.candidate)}, stable {self._told(self.stable)}"
        return GateResult(
            self.name, self._verdict(levels), *arms, self.test.log_e_fail, self.test.log_e_pass, *levels, None,
            odds_ratio(*arms) if shares else _ratio(self.candidate, self.stable),
            "; ".join(part for part in (told, self.lacking) if part),
            needs=self.asked if self.lacking else "",
            lacks=max(0, self.min_labels - self.candidate.rows - self.waiting),
        )  # fmt: skip

    def _verdict(self, levels: Levels) -> Verdict:
        if self.lacking or (self.metric not in SHARES and self.stable.mean <= 0.0):
            return "Inconclusive"
        return levels.verdict(self.test.log_e_fail, self.test.log_e_pass)

    def _told(self, rows: Rows) -> str:
        if not rows.rows:
            return "no labels"
        if self.metric == "F1":
            share = 1.0 - rows.mean
            return f"{2.0 * share / (1.0 + share):.3f} over {rows.rows} labels"
        value = 1.0 - rows.mean if self.metric in SHARES else rows.mean
        return f"{math.sqrt(value) if self.metric == 'RMSE' else value:.4g} over {rows.rows} labels"


def _kind_of(metric: str) -> type[MeanTest | OddsTest | AreaTest]:
    if metric == AREA:
        return AreaTest
    return MeanTest if metric in SUMS else OddsTest


def _test_of(settings: FeedbackGate, steps: int) -> LabelTest | AreaTest:
    if settings.metric in SHARES:
        limit = settings.max_odds_ratio
        return OddsTest(limit.number if limit else ODDS, steps)
    part = (settings.max_decrease or DECREASE) / 100.0
    if settings.metric == AREA:
        return AreaTest(part)
    if settings.metric == "RMSE":
        # What is measured is its square.
        part = round((1.0 + part) ** 2 - 1.0, 9)
    return MeanTest(part, 1 if settings.metric == "Value" else -1)


def _of_areas(areas: Sequence[AreaUnderCurve]) -> Rows:
    """Rows whose mean is the mean area."""
    rows = [(round(area.negatives + area.positives), area.value) for area in areas]
    return _rounded(Rows(sum(count for count, _ in rows), sum(count * value for count, value in rows)))


def _ratio(candidate: Rows, stable: Rows) -> float | None:
    return candidate.mean / stable.mean if stable.mean else None


def _rounded(rows: Rows) -> Rows:
    return Rows(rows.rows, round(rows.total, 9), round(rows.squares, 9))
