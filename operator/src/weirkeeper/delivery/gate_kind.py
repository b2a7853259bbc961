"""What every kind of gate can do, whatever it judges by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

from weirkeeper.delivery.evidence import Evidence, Outcomes, OutcomeSlot
from weirkeeper.delivery.verdict import Comparison, GateResult, Levels, Mode

NOTHING = Outcomes()

EVERY_MODE: frozenset[Mode] = frozenset({"Weight", "Mirror", "Match", "Absolute"})
SAME_REQUESTS: frozenset[Mode] = frozenset({"Weight", "Mirror"})
"""Both arms answer a random share of the same requests, or the same ones."""


@dataclass(frozen=True)
class Tally:
    """Both arms' outcomes, in the attempt and (candidate only) in the running step."""

    candidate: Outcomes = NOTHING
    stable: Outcomes = NOTHING
    step: Outcomes = NOTHING


@dataclass(frozen=True)
class Look:
    """One look at the evidence.

    `slots` are the outcome slots that are complete, were not looked at before, and in which no weight changed.
    `learned` is the start of the latest slot that `freeze` was given. `now` is in Unix seconds.
    """

    comparison: Comparison
    evidence: Evidence
    now: float
    slots: tuple[OutcomeSlot, ...] = ()
    learned: int = 0

    def arms(self, slot: OutcomeSlot) -> tuple[Outcomes, Outcomes]:
        """What the candidate answered in a slot, and stable: nothing where it is no fair arm."""
        stable = self.comparison.stable if self.comparison.paired else None
        return slot.revisions.get(self.comparison.candidate, NOTHING), slot.revisions.get(stable or "", NOTHING)


@dataclass(frozen=True)
class Before:
    """What is known before the candidate gets traffic.

    `outcomes` are those of stable that were not learned from before; `stable` is its name, None where there is none.
    `slot` is the length of a slot in seconds.
    """

    stable: str | None
    outcomes: tuple[Outcomes, ...]
    evidence: Evidence
    now: float
    slot: int


class GateMemory(Protocol):
    """What one gate of an attempt is asked and has learned: an immutable value that a status can hold.

    `in_alpha` says whether the gate's Fail is an e-value within `falseAlarm`; one that is not takes no share of it.
    A gate is folded and may fail only in its `modes`; what it found there stays in steps of another mode.
    """

    in_alpha: ClassVar[bool]

    @property
    def name(self) -> str:
        """What people call the gate."""

    @property
    def modes(self) -> frozenset[Mode]:
        """The kinds of steps in which it can prove anything."""

    @property
    def frozen(self) -> bool:
        """Whether it has everything from before the candidate's traffic that it compares with."""

    @property
    def seen(self) -> bool:
        """Whether there was any evidence: without, it is never taken for decided however long it lasts."""

    @classmethod
    def of(cls, name: str, settings: Any, steps: int) -> Self:
        """Begin an attempt with a gate's settings in the Rollout; `steps`: see `gates.start`."""

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote; a whole float comes back from the API as an integer."""

    def sharing(self, gates: int) -> Self:
        """Take no more of the memory than one of so many gates of this kind may."""

    def to_json(self) -> dict[str, Any]:
        """Write it for a status, with short names."""

    def freeze(self, before: Before) -> Self:
        """Learn from stable alone, before the candidate gets traffic."""

    def begin_step(self) -> Self:
        """Begin a step, or the bake."""

    def fold(self, look: Look) -> Self:
        """Take in what is new; the same look again changes nothing."""

    def result(self, comparison: Comparison, tally: Tally, levels: Levels) -> GateResult:
        """Judge what was folded."""


class OfOneSize:
    """What is the same of all gates whose memory does not grow with a model's columns."""

    def sharing(self, gates: int) -> Self:  # noqa: ARG002  it is small
        """Be as it is."""
        return self


class NothingBefore(OfOneSize):
    """What is the same of all gates that compare with nothing from before the candidate's traffic."""

    @property
    def frozen(self) -> bool:
        """Nothing is waited for."""
        return True

    def freeze(self, before: Before) -> Self:  # noqa: ARG002  nothing is learned from stable alone
        """Learn nothing."""
        return self

    def begin_step(self) -> Self:
        """Begin nothing anew, unless the gate says otherwise."""
        return self


def floats(found: Iterable[float]) -> tuple[float, ...]:
    """Read numbers, of which whole ones come back from the API as integers."""
    return tuple(float(value) for value in found)
