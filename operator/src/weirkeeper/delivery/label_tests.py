"""Sequential tests of labelled rows: of the odds that one is wrong, and of a mean over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple, Protocol, Self

from weirkeeper.delivery.gate_kind import floats
from weirkeeper.statistics.means import MeanBlock, MeanDifference, log_e_of_mean, mixture_width
from weirkeeper.statistics.sequential import (
    CAUTIOUS_FACTOR,
    LOWER_GRID,
    UPPER_GRID,
    Block,
    PairedScatter,
    log_e,
    log_e_of_starts,
    relative_log_ratios,
    rounded,
    with_another_start,
)

TOLERATED_ODDS_RATIO = 1.25
"""A candidate within these odds of stable's is never rolled back for its labels."""

INFLATION = 1.1
"""By how much the variance is taken to be larger than the one that was seen: it is an estimate."""

TOLERATED_PART = 0.5
"""A mean that is worse by no more than this part of what is allowed never fails."""

ALPHA = 0.01
DIGITS = 9
UNSEEN = PairedScatter()
NO_DIFFERENCE = MeanDifference()


class Rows(NamedTuple):
    """Labelled rows of one arm: how many, and the sums of what is measured on each and of its square.

    Of a share, each row measures 1 where it is wrong and 0 elsewhere.
    """

    rows: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """What a row measures on average."""
        return self.total / self.rows if self.rows else 0.0

    def plus(self, other: Rows) -> Rows:
        """Add other rows."""
        return Rows(self.rows + other.rows, self.total + other.total, self.squares + other.squares)

    def minus(self, other: Rows) -> Rows:
        """Leave out rows that were counted before."""
        return Rows(self.rows - other.rows, self.total - other.total, self.squares - other.squares)


NO_ROWS = Rows()


class LabelTest(Protocol):
    """Evidence for and against a candidate, from blocks of at least `least_rows` rows of each arm."""

    least_rows: ClassVar[int]

    @property
    def log_e_fail(self) -> float:
        """How sure it is that the candidate is worse than tolerated."""

    @property
    def log_e_pass(self) -> float:
        """How sure it is that it is not as bad as the limit."""

    def begin_step(self) -> Self:
        """Begin a step."""

    def with_block(self, candidate: Rows, stable: Rows, least: int) -> Self:
        """Add a block; `least` is how many rows of the candidate the gate asks for."""

    def to_json(self) -> list[Any]:
        """Write it for a status."""


@dataclass(frozen=True)
class OddsTest:
    """Whether the candidate's rows are wrong more often; `limit` is the odds ratio that Pass excludes."""

    least_rows: ClassVar[int] = 10

    limit: float
    steps: int
    started: int = 0
    due: bool = True
    worse: tuple[float, ...] = ()
    no_worse: tuple[float, ...] = (0.0,) * len(LOWER_GRID)
    scatter: PairedScatter = UNSEEN

    def to_json(self) -> list[Any]:
        """Write it for a status."""
        counts = [self.limit, self.steps, self.started, self.due]
        return [counts, list(self.worse), list(self.no_worse), list(self.scatter)]

    @classmethod
    def from_json(cls, found: Sequence[Any]) -> OddsTest:
        """Read what `to_json` wrote."""
        (limit, steps, started, due), worse, no_worse, scatter = found
        return cls(float(limit), steps, started, due, floats(worse), floats(no_worse), PairedScatter(*scatter))

    @property
    def log_e_fail(self) -> float:
        """The mixture over everything that started and will start."""
        return log_e_of_starts((self.worse,), self.started, self.steps)

    @property
    def log_e_pass(self) -> float:
        """The process against the limit."""
        return log_e(self.no_worse)

    def begin_step(self) -> OddsTest:
        """Let one more Fail process start with the next block."""
        return replace(self, due=True)

    def with_block(self, candidate: Rows, stable: Rows, least: int) -> OddsTest:  # noqa: ARG002  means ask for it
        """Add a block."""
        block = Block(round(candidate.total), candidate.rows, round(stable.total), stable.rows)
        starts = self.due and self.started < self.steps
        worse = with_another_start(self.worse, len(UPPER_GRID)) if starts else self.worse
        factor = self.scatter.factor(CAUTIOUS_FACTOR)
        gained = relative_log_ratios(block, TOLERATED_ODDS_RATIO, UPPER_GRID) / factor
        no_worse = self.no_worse + relative_log_ratios(block, self.limit, LOWER_GRID) / factor
        return replace(
            self,
            started=self.started + starts,
            due=False,
            worse=rounded(worse + gained),
            no_worse=rounded(no_worse),
            scatter=self.scatter.with_slot(block),
        )


class OfDifferences:
    """What is the same of tests by two differences: one from what is tolerated, one from what is allowed."""

    width: float
    worse: MeanDifference
    no_worse: MeanDifference

    @property
    def log_e_fail(self) -> float:
        """How sure it is that the candidate is worse by more than half of the limit."""
        return log_e_of_mean(self.worse, self.width) if self.width else 0.0

    @property
    def log_e_pass(self) -> float:
        """How sure it is that it is worse by less than the limit."""
        return log_e_of_mean(self.no_worse, self.width) if self.width else 0.0

    def begin_step(self) -> Self:
        """Nothing begins anew: what was seen is of the whole attempt."""
        return self


@dataclass(frozen=True)
class MeanTest(OfDifferences):
    """Whether the candidate's mean is worse; `limit` is by which part of stable's it may be.

    `sign` is 1 where less is worse, -1 of losses. `seen` are the rows of both arms so far, from whose variance the test
    is made: it is asymptotic (statistics.means). `width` is 0 until it is set from the first block.
    """

    least_rows: ClassVar[int] = 50

    limit: float
    sign: int
    seen: Rows = NO_ROWS
    width: float = 0.0
    worse: MeanDifference = NO_DIFFERENCE
    no_worse: MeanDifference = NO_DIFFERENCE

    def to_json(self) -> list[Any]:
        """Write it for a status."""
        return [[self.limit, self.sign, self.width], list(self.seen), list(self.worse), list(self.no_worse)]

    @classmethod
    def from_json(cls, found: Sequence[Any]) -> MeanTest:
        """Read what `to_json` wrote."""
        (limit, sign, width), (rows, *sums), worse, no_worse = found
        differences = (MeanDifference(*floats(one)) for one in (worse, no_worse))
        return cls(float(limit), sign, Rows(rows, *floats(sums)), float(width), *differences)

    def with_block(self, candidate: Rows, stable: Rows, least: int) -> MeanTest:
        """Add a block, judged by the variance of all rows so far."""
        seen = self.seen.plus(candidate).plus(stable)
        learned = replace(self, seen=Rows(seen.rows, round(seen.total, DIGITS), round(seen.squares, DIGITS)))
        variance = max(0.0, seen.squares / seen.rows - seen.mean**2) * INFLATION
        if variance <= 0.0:
            return learned
        weight = stable.rows / (candidate.rows + stable.rows)
        width = self.width or round(mixture_width(ALPHA, variance * least * weight), DIGITS) or variance
        tolerated, allowed = (1.0 - self.sign * part * self.limit for part in (TOLERATED_PART, 1.0))
        worse = _with(self.worse, candidate, stable, variance, tolerated, -self.sign)
        no_worse = _with(self.no_worse, candidate, stable, variance, allowed, self.sign)
        return replace(learned, width=width, worse=worse, no_worse=no_worse)


def _with(
    difference: MeanDifference, candidate: Rows, stable: Rows, variance: float, part: float, sign: int
) -> MeanDifference:
    """Add how far the candidate's mean lies above `part` of stable's, or below it where `sign` is -1."""
    block = MeanBlock(candidate.rows, sign * candidate.total, stable.rows, sign * part * stable.total)
    added = difference.with_block(block, variance * max(1.0, part * part))
    return MeanDifference(*(round(value, DIGITS) for value in added))
