"""A Rollout's spec as the machine uses it: every default in force, durations in seconds, shares as numbers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from weirkeeper.api.steps import Callers

if TYPE_CHECKING:
    from weirkeeper.api.gates import Gate
    from weirkeeper.api.steps import Match, Sticky


@dataclass(frozen=True)
class StepPolicy:
    """One step: what the candidate gets, how long it is held (seconds), and what it waits for.

    `weight` and `mirror` are in percent; of them and `match` one is given, the others are 0 or None.
    """

    name: str
    weight: int
    hold: float
    manual: bool = False
    require_pass: bool = False
    mirror: int = 0
    match: Match | None = None

    @property
    def callers(self) -> Callers | None:
        """The callers that the candidate alone answers from this step on."""
        return Callers(headers=self.match.headers) if self.match else None


@dataclass(frozen=True)
class Policy:
    """How a Model's new revisions get their traffic; durations in seconds, error rates as probabilities.

    Without steps, a candidate that is ready gets all traffic at once.
    """

    steps: tuple[StepPolicy, ...]
    gates: tuple[Gate, ...]
    false_alarm: float
    false_promote: float
    max_duration: float
    on_inconclusive: Literal["Hold", "RollBack", "Promote"]
    bake_time: float
    rollback_window: int
    progress_deadline: float
    sticky: Sticky | None = None

    @property
    def comparing(self) -> int:
        """How many steps compare with stable."""
        return sum(step.match is None for step in self.steps)

    @cached_property
    def steps_digest(self) -> str:
        """Changes when the steps do."""
        return _digest(self.steps)

    @cached_property
    def gates_digest(self) -> str:
        """Changes when a gate or an error rate does: evidence folded under other gates is not comparable.

        Defaults are left out, so that a setting added later changes no digest.
        """
        gates = [gate.model_dump(mode="json", exclude_defaults=True, exclude={"max_duration"}) for gate in self.gates]
        return _digest((gates, self.false_alarm, self.false_promote))

    def patience(self, gate: str) -> float:
        """How long (seconds) a step may wait for a gate after its hold."""
        named = (item.max_duration for item in self.gates if item.name == gate)
        own = next(named, None)
        return self.max_duration if own is None else own.seconds


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]
