"""Everything from which a Model's and its Rollouts' statuses are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weirkeeper.delivery.memory import Memory
    from weirkeeper.delivery.turn import Observed
    from weirkeeper.plan.children import Children
    from weirkeeper.plan.snapshot import Object, Snapshot
    from weirkeeper.plan.wanted import Governed, Wanted


@dataclass(frozen=True)
class Projected:
    """Everything from which the statuses are made."""

    snapshot: Snapshot
    model: Object
    memory: Memory
    wanted: Wanted
    governed: Governed
    seen: Observed
    children: Children
    drift: str
    now: float

    @property
    def phase(self) -> str:
        """The phase as people see it: a paused attempt is Paused, whatever it would be doing."""
        return "Paused" if self.memory.paused_at is not None else self.stage

    @property
    def stage(self) -> str:
        """The phase, were it not paused: copies of requests are another stage than a share of them."""
        steps, step = self.governed.policy.steps, self.memory.step
        shadowing = self.memory.phase == "Progressing" and step < len(steps) and steps[step].mirror
        return "Shadowing" if shadowing else self.memory.phase
