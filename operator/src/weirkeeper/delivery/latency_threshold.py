"""One threshold of the latency gate: who counts as slow in a slot, and the evidence of it so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from weirkeeper.delivery.evidence import LatencySlot
from weirkeeper.statistics.latency import BINS, exceeding, merge, quantile_bin
from weirkeeper.statistics.sequential import (
    LOWER_GRID,
    UPPER_GRID,
    Block,
    PairedScatter,
    relative_log_ratios,
    rounded,
    with_another_start,
)

TOLERATED_ODDS_RATIO = 1.0
"""Fail: the candidate exceeds its thresholds more often than stable does; the tolerance lies in the thresholds."""

EXCLUDED_ODDS_RATIO = 2.0
"""Pass excludes that the candidate's odds of exceeding a threshold are this many times those of stable."""

FOLLOW_REQUESTS = 1000
"""So many of stable's latest requests tell whether a threshold still is the percentile that it was taken as."""

LEFT_BEHIND = 4.0
"""A threshold is taken anew when stable's odds of exceeding it are off by this factor, either way."""

UNSEEN = PairedScatter()


class Bins(NamedTuple):
    """Above whose upper edges a request of each arm counts as slow, in slots that start at `since` or later."""

    since: int
    stable: int
    candidate: int


@dataclass(frozen=True)
class Threshold:
    """What a slot is asked at one quantile, and the evidence so far.

    `bins` are oldest first; the last are in force, the others are kept for slots that Pass has yet to fold. `factor`
    is the dispersion of stable alone before the attempt, by which evidence is divided until that between the arms is
    known: `failing` and `passing` are what the two tests have seen of it, each before the slot that it divides.
    `slower` is the Fail process summed over its starts, `no_slower` that of Pass. The counts are of the slots folded
    for Fail.
    """

    quantile: float
    bins: tuple[Bins, ...]
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
        settings = [self.quantile, self.factor, *(list(one) for one in self.bins)]
        counts = [self.candidate_slow, self.stable_slow, self.passed_requests]
        scatters = [list(scatter) for scatter in (self.failing, self.passing)]
        return [settings, list(self.slower), list(self.no_slower), counts, scatters]

    @classmethod
    def from_json(cls, found: Sequence[Any]) -> Threshold:
        """Read what `to_json` wrote."""
        (quantile, factor, *bins), slower, no_slower, counts, scatters = found
        fail, passing = (tuple(float(value) for value in values) for values in (slower, no_slower))
        return cls(
            float(quantile), tuple(Bins(*one) for one in bins), float(factor), fail, passing, *counts,
            *(PairedScatter(*scatter) for scatter in scatters),
        )  # fmt: skip

    @property
    def current(self) -> Bins:
        """The bins in force."""
        return self.bins[-1]

    def block(self, candidate: LatencySlot, stable: LatencySlot) -> Block:
        """Count who is slow; what is still active when a slot may be folded has been for longer than the threshold."""
        bins = next((one for one in reversed(self.bins) if one.since <= stable.start), self.bins[0])
        return Block(
            slow_of(candidate, bins.candidate),
            requests_of(candidate),
            slow_of(stable, bins.stable),
            requests_of(stable),
        )

    def left_behind(self, recent: Sequence[LatencySlot]) -> bool:
        """Tell whether stable's latest slots exceed the threshold far more, or far less often than its quantile says.

        Where (almost) no request exceeds it, or (almost) every one, it tells the arms apart no more.
        """
        slow = sum(slow_of(slot, self.current.stable) for slot in recent)
        others = sum(requests_of(slot) for slot in recent) - slow
        if slow == 0 or others == 0:
            return True
        off = slow / others * self.quantile / (1.0 - self.quantile)
        return not 1.0 / LEFT_BEHIND <= off <= LEFT_BEHIND

    def moved(self, bins: Bins) -> Threshold:
        """Ask later slots by other bins; what was found by the former ones stays."""
        same = bins[1:] == self.current[1:]
        return self if same else replace(self, bins=(*self.bins, bins))

    def without_bins_before(self, start: int) -> Threshold:
        """Forget bins that no slot from `start` on is asked by."""
        kept = [i for i, one in enumerate(self.bins) if one.since <= start]
        return replace(self, bins=self.bins[kept[-1] :]) if kept and kept[-1] else self

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


def latest(slots: Mapping[int, LatencySlot], before: int) -> list[LatencySlot]:
    """List the newest slots before a start that hold FOLLOW_REQUESTS; none where there are fewer requests."""
    taken: list[LatencySlot] = []
    requests = 0
    for start in sorted((one for one in slots if one < before), reverse=True):
        taken.append(slots[start])
        requests += requests_of(slots[start])
        if requests >= FOLLOW_REQUESTS:
            return taken
    return []


def histogram_of(slots: Sequence[LatencySlot]) -> dict[int, int]:
    """Add slots up; what never ended is slower than anything that did."""
    histogram = merge(slot.counts for slot in slots)
    histogram[BINS] = sum(slot.active for slot in slots)
    return histogram


def slow_of(slot: LatencySlot, threshold: int) -> int:
    """Count the requests of a slot that took longer than the upper edge of bin `threshold`, or have not ended."""
    return exceeding(slot.counts, threshold) + slot.active


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


def anew(threshold: Threshold) -> str:
    """Say since when a threshold holds, where that is not since before the attempt."""
    since = threshold.current.since
    return f", taken anew at {datetime.fromtimestamp(since, UTC):%H:%M:%SZ}" if since else ""


def milliseconds(us: float) -> str:
    """Write microseconds for people."""
    return f"{us / 1000:.3g} ms"
