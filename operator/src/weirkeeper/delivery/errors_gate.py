"""The errorRate gate asks whether the candidate answers badly more often than stable does in the same slots."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from weirkeeper.delivery.evidence import Outcomes
from weirkeeper.delivery.gate_kind import EVERY_MODE, Before, Look, OfOneSize, Tally, floats
from weirkeeper.delivery.verdict import ArmCounts, Comparison, GateResult, Levels, Mode, Verdict, odds_ratio
from weirkeeper.statistics.projection import gain_so_far, requests_to_reach
from weirkeeper.statistics.sequential import (
    LOWER_GRID,
    UPPER_GRID,
    Block,
    Scatter,
    absolute_log_ratios,
    log_e,
    log_e_of_starts,
    relative_log_ratios,
    rounded,
    with_another_start,
)

if TYPE_CHECKING:
    from weirkeeper.api.gates import ErrorRateGate

TOLERATED_ODDS_RATIO = 1.25
"""A candidate within these odds of stable's is never rolled back for its errors."""

SLOTS_WITH_ERRORS = 3
"""Errors within fewer slots than this may be one client that retries."""

STICKY_SLOTS_WITH_ERRORS = 5
"""The same where each caller stays on one arm, and so all that it brings about."""

UNSCATTERED = Scatter()
NOTHING_GAINED = (0.0,) * len(LOWER_GRID)


@dataclass(frozen=True)
class ErrorsMemory(OfOneSize):
    """The gate's settings and what it has learned.

    `worse` and `failing` are the Fail processes against stable and against the objective, summed over their starts;
    `no_worse` and `within` are those of Pass. `steps` is how many steps compare with stable, fixed before the first:
    with the bake's own there are `steps + 1` Fail processes. `due` says that one more is to start with the next slot.
    `bad_slots` and, of callers that match, `matched_slots` are those in which the candidate erred.
    """

    in_alpha: ClassVar[bool] = True

    name: str
    max_odds_ratio: float
    allowed: float
    ignore_below: float
    steps: int
    started: int = 0
    due: bool = True
    worse: tuple[float, ...] = ()
    failing: tuple[float, ...] = ()
    no_worse: tuple[float, ...] = NOTHING_GAINED
    within: tuple[float, ...] = NOTHING_GAINED
    bad_slots: int = 0
    matched_slots: int = 0
    scatter: Scatter = UNSCATTERED

    @classmethod
    def of(cls, name: str, settings: ErrorRateGate, steps: int) -> ErrorsMemory:
        """Take the settings of a Rollout's gate: shares there are in percent, here between 0 and 1."""
        allowed = round(1.0 - settings.objective.number / 100.0, 12)
        ignored = allowed / 10.0 if settings.ignore_below is None else settings.ignore_below.number / 100.0
        return cls(name, settings.max_odds_ratio.number, allowed, round(ignored, 12), steps)

    def to_json(self) -> dict[str, Any]:
        """Write it with short names; it lies in a status."""
        return {
            "n": self.name, "set": [self.max_odds_ratio, self.allowed, self.ignore_below, self.steps],
            "due": self.due, "start": self.started, "slots": self.bad_slots, "matched": self.matched_slots,
            "scatter": self.scatter.to_json(),
            "f": list(self.worse), "fa": list(self.failing), "p": list(self.no_worse), "pa": list(self.within),
        }  # fmt: skip

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> ErrorsMemory:
        """Read what `to_json` wrote. A whole float comes back from the API as an integer."""
        odds, allowed, ignored, steps = found["set"]
        worse, failing, no_worse, within = (floats(found[key]) for key in ("f", "fa", "p", "pa"))
        return cls(
            found["n"], float(odds), float(allowed), float(ignored), int(steps), found["start"], found["due"],
            worse, failing, no_worse, within, found["slots"], found.get("matched", 0),
            Scatter.from_json(found["scatter"]),
        )  # fmt: skip

    @property
    def factor(self) -> float:
        """By how much the evidence of a block is divided, because errors come in bursts."""
        return self.scatter.cautious_factor

    @property
    def modes(self) -> frozenset[Mode]:
        """Every one: the objective asks for no other arm."""
        return EVERY_MODE

    @property
    def frozen(self) -> bool:
        """Until stable told how its errors cluster, the gate is cautious."""
        return True

    @property
    def seen(self) -> bool:
        """A step ends only after requests of the candidate anyway."""
        return True

    def freeze(self, before: Before) -> ErrorsMemory:
        """Learn how stable's errors cluster."""
        gate = self
        for stable in before.outcomes:
            gate = gate.calibrate(stable)
        return gate

    def begin_step(self) -> ErrorsMemory:
        """Let one more Fail process start: a fault that begins late is seen as fast as one from the start."""
        return replace(self, due=True)

    def fold(self, look: Look) -> ErrorsMemory:
        """Add slots; each is learned from only after it was judged, so the factor in it is that of the slots before."""
        gate = self
        for slot in look.slots:
            candidate, stable = look.arms(slot)
            gate = gate.fold_slot(candidate, stable, look.comparison.mode)
            gate = gate.calibrate(stable) if slot.start > look.learned else gate
        return gate

    def calibrate(self, stable: Outcomes) -> ErrorsMemory:
        """Learn from a slot of stable alone how its errors cluster."""
        return replace(self, scatter=self.scatter.with_slot(stable.bad, stable.requests))

    def fold_slot(self, candidate: Outcomes, stable: Outcomes, mode: Mode) -> ErrorsMemory:
        """Add one slot of both arms, or of the candidate alone."""
        if mode == "Match":
            return self._fold_matched(candidate)
        if mode == "Absolute":
            return self._fold_alone(candidate)
        started = self.started + (self.due and self.started < self.steps)
        worse = with_another_start(self.worse, len(UPPER_GRID)) if started > self.started else self.worse
        begun = replace(self, worse=rounded(worse), started=started, due=False)
        return begun.fold_paired(candidate, stable)

    def fold_paired(self, candidate: Outcomes, stable: Outcomes) -> ErrorsMemory:
        """Add one slot of both arms to the processes that have started."""
        block = Block(candidate.bad, candidate.requests, stable.bad, stable.requests)
        gained = relative_log_ratios(block, TOLERATED_ODDS_RATIO, UPPER_GRID) / self.factor
        no_worse = self.no_worse + relative_log_ratios(block, self.max_odds_ratio, LOWER_GRID) / self.factor
        return replace(
            self,
            worse=rounded(self.worse + gained) if self.worse else (),
            no_worse=rounded(no_worse),
            within=self._within(candidate),
            bad_slots=self.bad_slots + (candidate.bad > 0),
        )

    def _fold_alone(self, candidate: Outcomes) -> ErrorsMemory:
        gained = absolute_log_ratios(candidate.failed, candidate.requests, self.allowed, UPPER_GRID) / self.factor
        failing = np.asarray(self.failing) if self.failing else with_another_start((), len(UPPER_GRID))
        return replace(
            self,
            failing=rounded(failing + gained),
            within=self._within(candidate),
            bad_slots=self.bad_slots + (candidate.failed > 0),
        )

    def _fold_matched(self, candidate: Outcomes) -> ErrorsMemory:
        """Chosen callers can fail a candidate; they are not everyone, so they never pass it."""
        alone = self._fold_alone(candidate)
        return replace(self, failing=alone.failing, matched_slots=self.matched_slots + (candidate.failed > 0))

    def _within(self, candidate: Outcomes) -> tuple[float, ...]:
        gained = absolute_log_ratios(candidate.failed, candidate.requests, self.allowed, LOWER_GRID)
        return rounded(self.within + gained)

    @property
    def log_e_fail(self) -> float:
        """The mixture over everything that started and will start in the attempt."""
        started = self.started + (1 if self.failing else 0)
        return log_e_of_starts((self.worse, self.failing), started, self.steps + 1)

    @property
    def log_e_pass(self) -> float:
        """The better of the two ways to pass; each has half of the allowed error."""
        return max(log_e(self.no_worse), log_e(self.within))

    def result(self, comparison: Comparison, tally: Tally, levels: Levels) -> GateResult:
        """Judge what was folded; there are two ways to pass, which share the error allowed for it."""
        candidate, stable, step = (
            ArmCounts(arm.requests, arm.bad if comparison.paired else arm.failed)
            for arm in (tally.step if comparison.mode == "Match" else tally.candidate, tally.stable, tally.step)
        )
        fail_at, pass_at = levels.fail, levels.passing + math.log(2.0)
        verdict = self._verdict(comparison, max(candidate.share, step.share), Levels(fail_at, pass_at))
        needed = 0 if verdict == "Pass" else self._needed(comparison, tally.candidate, pass_at)
        return GateResult(
            self.name, verdict, candidate, stable, self.log_e_fail, self.log_e_pass, fail_at, pass_at, needed,
            odds_ratio(candidate, stable) if comparison.paired else None,
            f"{self.name}: candidate {candidate}, {self._against(comparison, stable)}",
        )  # fmt: skip

    def _verdict(self, comparison: Comparison, share: float, levels: Levels) -> Verdict:
        slots = self.matched_slots if comparison.mode == "Match" else self.bad_slots
        enough = STICKY_SLOTS_WITH_ERRORS if comparison.sticky else SLOTS_WITH_ERRORS
        if self.log_e_fail >= levels.fail and share > self.ignore_below and slots >= enough:
            return "Fail"
        return "Pass" if self.log_e_pass >= levels.passing else "Inconclusive"

    def _against(self, comparison: Comparison, stable: ArmCounts) -> str:
        return f"stable {stable}" if comparison.paired else f"at most {self.allowed * 100:g} % allowed"

    def _needed(self, comparison: Comparison, candidate: Outcomes, pass_at: float) -> int | None:
        share = candidate.failed / candidate.requests if candidate.requests else 0.0
        failing = absolute_log_ratios(1, 1, self.allowed, LOWER_GRID)
        fine = absolute_log_ratios(0, 1, self.allowed, LOWER_GRID)
        ways = [requests_to_reach(pass_at, self.within, share * failing + (1.0 - share) * fine)]
        if comparison.paired:
            gain = gain_so_far(self.no_worse, candidate.requests)
            ways.append(requests_to_reach(pass_at, self.no_worse, gain))
        return min((way for way in ways if way is not None), default=None)
