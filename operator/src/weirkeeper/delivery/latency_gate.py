"""The latency gate asks whether the candidate exceeds percentiles that stable had before the slot that is judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from weirkeeper.delivery.evidence import LatencySlot
from weirkeeper.delivery.gate_kind import EVERY_MODE, SAME_REQUESTS, Before, Look, OfOneSize, Tally
from weirkeeper.delivery.latency_objective import ObjectiveMemory
from weirkeeper.delivery.latency_threshold import (
    Bins,
    Threshold,
    anew,
    histogram_of,
    latest,
    milliseconds,
    requests_of,
    slow_of,
    telling_bin,
)
from weirkeeper.delivery.verdict import ArmCounts, Comparison, GateResult, Levels, Mode, Verdict, odds_ratio
from weirkeeper.statistics.latency import bin_of, upper_edge_us, whole_milliseconds_us
from weirkeeper.statistics.projection import gain_so_far, requests_to_reach
from weirkeeper.statistics.sequential import (
    Scatter,
    log_e,
    log_e_of_starts,
    log_sum_exp,
)

if TYPE_CHECKING:
    from weirkeeper.api.gates import LatencyGate

QUANTILES = (0.5, 0.9, 0.95, 0.99)
FREEZE_REQUESTS = 500
FREEZE_SECONDS = 600

Slots = Mapping[int, LatencySlot]
"""One arm's slots by their start."""


@dataclass(frozen=True)
class LatencyMemory(OfOneSize):
    """The gate's settings and what it has learned.

    `increase` is a share (0.1 is 10 %), `increase_us` in microseconds. `thresholds` are empty until they could be
    frozen; `collected` is how many requests of stable there are for that. `steps` and `due`: see ErrorsMemory. The
    cursors are the starts of the latest slots folded for Fail and for Pass.
    """

    in_alpha: ClassVar[bool] = True

    name: str
    increase: float
    increase_us: float
    steps: int
    started: int = 0
    due: bool = True
    collected: int = 0
    thresholds: tuple[Threshold, ...] = ()
    fail_cursor: int = 0
    pass_cursor: int = 0
    candidate: int = 0
    stable: int = 0
    objective: ObjectiveMemory | None = None

    @classmethod
    def of(cls, name: str, settings: LatencyGate, steps: int) -> LatencyMemory:
        """Take the settings of a Rollout's gate."""
        objective = ObjectiveMemory.of(settings.objective) if settings.objective else None
        increase_us = round(settings.min_increase.seconds * 1e6, 3)
        return cls(name, settings.max_increase / 100.0, increase_us, steps, objective=objective)

    def to_json(self) -> dict[str, Any]:
        """Write it with short names; it lies in a status."""
        return {
            "n": self.name, "set": [self.increase, self.increase_us, self.steps], "due": self.due,
            "start": self.started, "seen": self.collected, "at": [self.fail_cursor, self.pass_cursor],
            "of": [self.candidate, self.stable], "x": [threshold.to_json() for threshold in self.thresholds],
            **({"o": self.objective.to_json()} if self.objective else {}),
        }  # fmt: skip

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> LatencyMemory:
        """Read what `to_json` wrote."""
        increase, increase_us, steps = found["set"]
        thresholds = tuple(Threshold.from_json(item) for item in found["x"])
        objective = ObjectiveMemory.from_json(found["o"]) if "o" in found else None
        memory = cls(
            found["n"], float(increase), float(increase_us), steps, found["start"], found["due"], found["seen"],
            thresholds, *found["at"], *found["of"],
        )  # fmt: skip
        return replace(memory, objective=objective)

    @property
    def modes(self) -> frozenset[Mode]:
        """Without stable in the same slots a slower machine looks like a slower model, unless there is an objective."""
        return EVERY_MODE if self.objective else SAME_REQUESTS

    @property
    def frozen(self) -> bool:
        """Whether the thresholds are set."""
        return bool(self.thresholds)

    @property
    def seen(self) -> bool:
        """A step ends only after requests of the candidate anyway."""
        return True

    def begin_step(self) -> LatencyMemory:
        """Let one more Fail process start with the next slot."""
        return replace(self, due=True)

    def freeze(self, before: Before) -> LatencyMemory:
        """Set the thresholds from stable's slots of the last FREEZE_SECONDS, once they hold FREEZE_REQUESTS."""
        if self.thresholds:
            return self
        slots = before.evidence.latency.get(before.stable or "", ())
        earliest, latest_start = before.now - FREEZE_SECONDS, before.now - 2 * before.slot
        recent = [item for item in slots if earliest <= item.start <= latest_start]
        collected = sum(requests_of(item) for item in recent)
        if collected < FREEZE_REQUESTS:
            return replace(self, collected=collected)
        histogram = histogram_of(recent)
        newest = max(item.start for item in recent)
        # A slot that set a threshold is not judged by it.
        return replace(
            self,
            collected=collected,
            thresholds=tuple(self._threshold(quantile, histogram, recent) for quantile in QUANTILES),
            fail_cursor=newest,
            pass_cursor=newest,
        )

    def _threshold(self, quantile: float, histogram: Mapping[int, int], recent: Sequence[LatencySlot]) -> Threshold:
        bins = self._bins(quantile, histogram, 0, recent)
        scatter = Scatter()
        for item in recent:
            scatter = scatter.with_slot(slow_of(item, bins.stable), requests_of(item))
        return Threshold(quantile, (bins,), round(scatter.factor, 4))

    def _bins(self, quantile: float, histogram: Mapping[int, int], since: int, recent: Sequence[LatencySlot]) -> Bins:
        stable = telling_bin(histogram, quantile)
        edge = upper_edge_us(stable)
        slow = max((1.0 + self.increase) * edge, edge + self.increase_us)
        # Where the measure is coarser than our bins, the tolerance would shrink by as much as its steps are wide.
        coarse = any(item.by_router for item in recent)
        return Bins(since, stable, bin_of(whole_milliseconds_us(slow) if coarse else slow))

    def follow(self, stable: Slots, start: int) -> LatencyMemory:
        """Take thresholds anew that stable has left behind, for slots from `start` on.

        Only slots before `start` decide that, and only stable's: each slot is judged by thresholds that were chosen
        without it, so the processes stay valid.
        """
        recent = latest(stable, start)
        if not recent or not any(item.left_behind(recent) for item in self.thresholds):
            return self
        histogram = histogram_of(recent)
        moved = (
            item.moved(self._bins(item.quantile, histogram, start, recent)) if item.left_behind(recent) else item
            for item in self.thresholds
        )
        return replace(self, thresholds=tuple(moved))

    def fold(self, look: Look) -> LatencyMemory:
        """Add the slots that are complete and not folded yet: for Fail as soon as they can tell, for Pass later."""
        if not look.comparison.paired:
            return replace(self, objective=self.objective.fold(look)) if self.objective else self
        if not self.thresholds:
            return self
        comparison, latency = look.comparison, look.evidence.latency
        candidate, stable = (
            {slot.start: slot for slot in latency.get(arm or "", ())}
            for arm in (comparison.candidate, comparison.stable)
        )
        ended = look.now - comparison.slot
        memory = self.fold_fail(candidate, stable, comparison, ended)
        return memory.fold_pass(candidate, stable, comparison, ended - comparison.route_timeout)

    def tells_after(self, comparison: Comparison) -> float:
        """Tell how long after its end a slot is known: the slowest threshold, and a tick of the collector."""
        slowest = max(upper_edge_us(max(item.current[1:])) for item in self.thresholds) / 1e6
        return min(slowest, comparison.route_timeout) + comparison.slot

    def fold_fail(self, candidate: Slots, stable: Slots, comparison: Comparison, ended: float) -> LatencyMemory:
        """Add the slots up to `ended`, as far as they can tell, to the Fail processes."""
        memory = self
        for start in _unfolded(candidate, stable, max(self.fail_cursor + 1, comparison.latency_from), ended):
            memory = memory.follow(stable, start)
            if start > ended - memory.tells_after(comparison):
                break
            started = memory.started + (memory.due and memory.started < memory.steps)
            begun = (item.start() if started > memory.started else item for item in memory.thresholds)
            thresholds = tuple(item.fold_fail(item.block(candidate[start], stable[start])) for item in begun)
            memory = replace(
                memory,
                thresholds=thresholds,
                started=started,
                due=False,
                fail_cursor=start,
                candidate=memory.candidate + requests_of(candidate[start]),
                stable=memory.stable + requests_of(stable[start]),
            )
        return memory

    def fold_pass(self, candidate: Slots, stable: Slots, comparison: Comparison, ended: float) -> LatencyMemory:
        """Add the slots up to `ended` to the Pass processes, never one that Fail has not seen."""
        memory = self
        ended = min(ended, memory.fail_cursor)
        for start in _unfolded(candidate, stable, max(self.pass_cursor + 1, comparison.latency_from), ended):
            thresholds = tuple(
                item.fold_pass(item.block(candidate[start], stable[start])) for item in memory.thresholds
            )
            memory = replace(memory, thresholds=thresholds, pass_cursor=start)
        # The next slot for Pass starts after its cursor.
        needed = tuple(item.without_bins_before(memory.pass_cursor + 1) for item in memory.thresholds)
        return replace(memory, thresholds=needed)

    @property
    def log_e_fail(self) -> float:
        """The average over the thresholds of their mixtures over starts: an e-value whatever they have in common."""
        if not self.thresholds:
            return self._log_e_of(())
        return log_sum_exp([self._log_e_at(item) for item in self.thresholds]) - math.log(len(self.thresholds))

    def _log_e_at(self, threshold: Threshold) -> float:
        return self._log_e_of(threshold.slower)

    def _log_e_of(self, slower: tuple[float, ...]) -> float:
        """Mix what started against stable with the objective's own process, where there is an objective."""
        failing = self.objective.failing if self.objective else ()
        return log_e_of_starts((slower, failing), self.started + bool(failing), self.steps + bool(self.objective))

    @property
    def log_e_pass(self) -> float:
        """The least of the thresholds': each has to pass."""
        return min((log_e(item.no_slower) for item in self.thresholds), default=0.0)

    def result(self, comparison: Comparison, tally: Tally, levels: Levels) -> GateResult:  # noqa: ARG002  own counts
        """Judge what was folded."""
        if self.objective and not comparison.paired:
            return self._by_objective(self.objective, levels)
        fail_at, pass_at = levels
        verdict = self._verdict(fail_at, pass_at)
        shown = self._shown(verdict)
        candidate = ArmCounts(self.candidate, shown.candidate_slow if shown else 0)
        stable = ArmCounts(self.stable, shown.stable_slow if shown else 0)
        needed = 0 if verdict == "Pass" else self._needed(pass_at)
        return GateResult(
            self.name, verdict, candidate, stable, self.log_e_fail, self.log_e_pass, fail_at, pass_at, needed,
            odds_ratio(candidate, stable), f"{self.name}: {self._told(shown, candidate, stable)}",
        )  # fmt: skip

    def _by_objective(self, objective: ObjectiveMemory, levels: Levels) -> GateResult:
        verdict = levels.verdict(self.log_e_fail, objective.log_e_pass)
        passed = objective.log_e_pass >= levels.passing
        return GateResult(
            self.name, verdict, objective.counts, ArmCounts(), self.log_e_fail, objective.log_e_pass, *levels,
            0 if passed else objective.needed(levels.passing), None, f"{self.name}: candidate {objective.told()}",
        )  # fmt: skip

    def _verdict(self, fail_at: float, pass_at: float) -> Verdict:
        if self.log_e_fail >= fail_at:
            return "Fail"
        return "Pass" if self.thresholds and self.log_e_pass >= pass_at else "Inconclusive"

    def _shown(self, verdict: Verdict) -> Threshold | None:
        """Choose the threshold to speak of: the one that fails most, else the one furthest from its Pass."""
        if not self.thresholds:
            return None
        if verdict == "Fail":
            return max(self.thresholds, key=self._log_e_at)
        return min(self.thresholds, key=lambda item: log_e(item.no_slower))

    def _told(self, shown: Threshold | None, candidate: ArmCounts, stable: ArmCounts) -> str:
        if shown is None:
            return f"{self.collected} of {FREEZE_REQUESTS} requests of stable seen that its percentiles are taken from"
        slow, usual = (milliseconds(upper_edge_us(i)) for i in (shown.current.candidate, shown.current.stable))
        return (
            f"candidate {candidate.share:.1%} of {candidate.requests} over {slow}, "
            f"stable {stable.share:.1%} of {stable.requests} over {usual} (its p{shown.quantile * 100:g}{anew(shown)})"
        ).replace("%", " %")

    def _needed(self, pass_at: float) -> int | None:
        needed = [
            requests_to_reach(pass_at, item.no_slower, gain_so_far(item.no_slower, item.passed_requests))
            for item in self.thresholds
        ]
        known = [requests for requests in needed if requests is not None]
        return max(known) if known and len(known) == len(needed) else None


def _unfolded(candidate: Slots, stable: Slots, earliest: int, ended: float) -> list[int]:
    """List the slots seen of both arms; one arm alone cannot be compared."""
    return sorted(start for start in candidate.keys() & stable.keys() if earliest <= start <= ended)
