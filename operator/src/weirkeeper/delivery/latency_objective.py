"""A latency that a share of the answers must stay below, whatever stable does: for where no stable arm is left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from weirkeeper.delivery.evidence import LatencySlot
from weirkeeper.delivery.gate_kind import Look, floats
from weirkeeper.delivery.latency_threshold import milliseconds, requests_of, slow_of
from weirkeeper.delivery.verdict import ArmCounts
from weirkeeper.statistics.latency import bin_of, upper_edge_us
from weirkeeper.statistics.projection import requests_to_reach
from weirkeeper.statistics.sequential import LOWER_GRID, UPPER_GRID, Scatter, absolute_log_ratios, log_e, rounded

if TYPE_CHECKING:
    from weirkeeper.api.gates import LatencyObjective

UNSCATTERED = Scatter()


@dataclass(frozen=True)
class ObjectiveMemory:
    """What is allowed, and the evidence of it in slots without a stable arm.

    A request is slow above the upper edge of bin `slow_bin`; `allowed` is their share, between 0 and 1. `failing` is
    the Fail process (empty until a slot was folded), `within` that of Pass. `cursor` is the start of the latest slot.
    """

    slow_bin: int
    allowed: float
    failing: tuple[float, ...] = ()
    within: tuple[float, ...] = (0.0,) * len(LOWER_GRID)
    cursor: int = 0
    requests: int = 0
    slow: int = 0
    scatter: Scatter = UNSCATTERED

    @classmethod
    def of(cls, objective: LatencyObjective) -> ObjectiveMemory:
        """Take the settings of a Rollout's gate; the duration is rounded up to a whole bin."""
        return cls(bin_of(objective.below.seconds * 1e6), round(1.0 - objective.target.number / 100.0, 12))

    def to_json(self) -> list[Any]:
        """Write it for a status."""
        counts = [self.cursor, self.requests, self.slow]
        return [[self.slow_bin, self.allowed], list(self.failing), list(self.within), counts, self.scatter.to_json()]

    @classmethod
    def from_json(cls, found: Sequence[Any]) -> ObjectiveMemory:
        """Read what `to_json` wrote."""
        (slow_bin, allowed), failing, within, (cursor, requests, slow), sums = found
        scatter = Scatter.from_json(sums)
        return cls(slow_bin, float(allowed), floats(failing), floats(within), cursor, requests, slow, scatter)

    @property
    def factor(self) -> float:
        """By how much the evidence of a slot is divided, because slow requests come together."""
        return self.scatter.cautious_factor

    @property
    def counts(self) -> ArmCounts:
        """The requests that were judged, and how many of them were slow."""
        return ArmCounts(self.requests, self.slow)

    @property
    def log_e_pass(self) -> float:
        """How sure it is that fewer are slow than allowed."""
        return log_e(self.within)

    def fold(self, look: Look) -> ObjectiveMemory:
        """Add the candidate's slots of which it is known who is slow: those that ended longer ago than is allowed."""
        comparison = look.comparison
        longest = min(upper_edge_us(self.slow_bin) / 1e6, comparison.route_timeout)
        told = look.now - 2 * comparison.slot - longest
        first = max(self.cursor + 1, comparison.latency_from)
        slots = look.evidence.latency.get(comparison.candidate, ())
        return self._with(slot for slot in slots if first <= slot.start <= told)

    def _with(self, slots: Iterable[LatencySlot]) -> ObjectiveMemory:
        memory = self
        for slot in slots:
            memory = memory.with_slot(slot)
        return memory

    def with_slot(self, slot: LatencySlot) -> ObjectiveMemory:
        """Add one slot; how its slow requests cluster is learned after it was judged."""
        requests, slow = requests_of(slot), slow_of(slot, self.slow_bin)
        worse = absolute_log_ratios(slow, requests, self.allowed, UPPER_GRID) / self.factor
        better = absolute_log_ratios(slow, requests, self.allowed, LOWER_GRID) / self.factor
        return replace(
            self,
            failing=rounded((self.failing or (0.0,) * len(UPPER_GRID)) + worse),
            within=rounded(self.within + better),
            cursor=slot.start,
            requests=self.requests + requests,
            slow=self.slow + slow,
            scatter=self.scatter.with_slot(slow, requests),
        )

    def needed(self, pass_at: float) -> int | None:
        """Tell how many more requests a Pass takes if they go on like this."""
        slow, fast = (absolute_log_ratios(bad, 1, self.allowed, LOWER_GRID) / self.factor for bad in (1, 0))
        share = self.counts.share
        return requests_to_reach(pass_at, self.within, share * slow + (1.0 - share) * fast)

    def told(self) -> str:
        """Say it like `3 of 2100 over 203 ms (0.1 %), at most 1 % allowed`."""
        edge = milliseconds(upper_edge_us(self.slow_bin))
        share = f"{self.counts.share:.1%}".replace("%", " %")
        return f"{self.slow} of {self.requests} over {edge} ({share}), at most {self.allowed * 100:g} % allowed"
