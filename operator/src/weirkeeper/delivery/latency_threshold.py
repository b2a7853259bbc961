"""One threshold of the latency gate: who counts as slow in a slot, and the evidence of it so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from weirkeeper.delivery.evidence import LatencySlot
from weirkeeper.delivery.projection import rounded
from weirkeeper.statistics.latency import BINS, exceeding, quantile_bin
from weirkeeper.statistics.sequential import (
    LOWER_GRID,
    UPPER_GRID,
    Block,
    PairedScatter,
    relative_log_ratios,
    with_another_start,
)

TOLERATED_ODDS_RATIO = 1.0
"""Fail: the candidate exceeds its thresholds more often than stable does; the tolerance lies in the thresholds."""

EXCLUDED_ODDS_RATIO = 2.0
"""Pass excludes that the candidate's odds of exceeding a threshold are this many times those of stable."""

UNSEEN = PairedScatter()


@dataclass(frozen=True)
class Threshold:
    """What a slot is asked at one quantile, and the evidence so far.

    `stable` and `candidate` are bins above whose upper edge a request of that arm counts as slow. `factor` is the
    dispersion of stable alone before the attempt, by which evidence is divided until that between the arms is known:
    `failing` and `passing` are what the two tests have seen of it, each before the slot that it divides. `slower` is
    the Fail process summed over its starts, `no_slower` that of Pass. The counts are of the slots folded for Fail.
    """

    quantile: float
    stable: int
    candidate: int
    factor: float
    slower: tuple[float, ...] = ()
    no_slower: tuple[float, ...] = (0.0,) * len(LOWER_GRID)
    candidate_slow: int = 0
    stable_slow: int = 0
    passed_requests: int = 0
    failing: PairedScatter = UNSEEN
    passing: PairedScatter = UNSEEN

    def to_json(self) -> list[Any]:
        """Write it without names: there are several."""
        settings = [self.quantile, self.stable, self.candidate, self.factor]
        counts = [self.candidate_slow, self.stable_slow, self.passed_requests]
        scatters = [list(scatter) for scatter in (self.failing, self.passing)]
        return [settings, list(self.slower), list(self.no_slower), counts, scatters]

    @classmethod
    def from_json(cls, found: Sequence[Any]) -> Threshold:
        """Read what `to_json` wrote."""
        (quantile, stable, candidate, factor), slower, no_slower, counts, scatters = found
        fail, passing = (tuple(float(value) for value in values) for values in (slower, no_slower))
        failing, passed = (PairedScatter(*scatter) for scatter in scatters)
        slow, usual, requests = counts
        return cls(
            float(quantile), stable, candidate, float(factor), fail, passing, slow, usual, requests, failing, passed
        )

    def block(self, candidate: LatencySlot, stable: LatencySlot) -> Block:
        """Count who is slow; what is still active when a slot may be folded has been for longer than the threshold."""
        return Block(
            exceeding(candidate.counts, self.candidate) + candidate.active,
            requests_of(candidate),
            exceeding(stable.counts, self.stable) + stable.active,
            requests_of(stable),
        )

    def start(self) -> Threshold:
        """Start one more Fail process."""
        return replace(self, slower=rounded(with_another_start(self.slower, len(UPPER_GRID))))

    def fold_fail(self, block: Block) -> Threshold:
        """Add a slot to the Fail processes."""
        gained = relative_log_ratios(block, TOLERATED_ODDS_RATIO, UPPER_GRID) / self.failing.factor(self.factor)
        return replace(
            self,
            slower=rounded(self.slower + gained) if self.slower else (),
            candidate_slow=self.candidate_slow + block.candidate_bad,
            stable_slow=self.stable_slow + block.stable_bad,
            failing=self.failing.with_slot(block),
        )

    def fold_pass(self, block: Block) -> Threshold:
        """Add a slot to the Pass process."""
        gained = relative_log_ratios(block, EXCLUDED_ODDS_RATIO, LOWER_GRID) / self.passing.factor(self.factor)
        requests = self.passed_requests + block.candidate
        passing = self.passing.with_slot(block)
        return replace(self, no_slower=rounded(self.no_slower + gained), passed_requests=requests, passing=passing)


def requests_of(slot: LatencySlot) -> int:
    """Count the requests that started in a slot, finished or not."""
    return sum(slot.counts.values()) + slot.active


def telling_bin(histogram: Mapping[int, int], quantile: float) -> int:
    """Choose the edge, of those around the quantile, that is exceeded by nearest to 1 - quantile of the requests.

    An edge that (almost) nothing exceeds would never tell anything, as where all durations lie in one bin.
    """
    reached = min(quantile_bin(histogram, quantile), BINS - 1)
    total = sum(histogram.values())
    wanted = math.log(1.0 - quantile)

    def distance(i: int) -> float:
        above = exceeding(histogram, i)
        return abs(math.log(above / total) - wanted) if above else math.inf

    return min((reached, max(reached - 1, 0)), key=distance)
