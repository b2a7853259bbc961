"""What a candidate gets of the traffic in a step, and how much of that its ready pods carry (gates.md, Sizes)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weirkeeper.api.steps import Callers
from weirkeeper.delivery.sizes import candidate_pods, effective_weight, mirror_pods

if TYPE_CHECKING:
    from weirkeeper.delivery.memory import Memory
    from weirkeeper.delivery.policy import Policy, StepPolicy


@dataclass(frozen=True)
class Exposure:
    """A share of the traffic in percent, copies of so many percent of stable's requests, and all of these callers'."""

    weight: int = 0
    mirror: int = 0
    callers: tuple[Callers, ...] = ()

    def carried(self, ready: int, size: int) -> Exposure:
        """The part that `ready` pods carry where stable has `size`; none at all without pods."""
        return Exposure(
            effective_weight(self.weight, ready, size),
            effective_weight(self.mirror, ready, size),
            self.callers if ready else (),
        )

    def at_most(self, other: Exposure) -> Exposure:
        """What both have."""
        return Exposure(
            min(self.weight, other.weight),
            min(self.mirror, other.mirror),
            tuple(one for one in self.callers if one in other.callers),
        )


def exposed(memory: Memory) -> Exposure:
    """What was decided last."""
    return Exposure(memory.weight, memory.beside.mirror, memory.beside.callers)


def exposure(steps: Sequence[StepPolicy], index: int, floor: int = 0) -> Exposure:
    """What the step at `index` gives; callers of former steps stay, and so does a weight of at least `floor`."""
    step = steps[index]
    return Exposure(max(step.weight, floor), step.mirror, _callers(steps[: index + 1]))


def is_given(memory: Memory, steps: Sequence[StepPolicy]) -> bool:
    """Whether the candidate has all that the step in force gives."""
    wanted = exposure(steps, memory.step)
    return exposed(memory).at_most(wanted) == wanted


def pods_for(steps: Sequence[StepPolicy], index: int, floor: int, size: int) -> int:
    """Pods of the candidate that the step at `index` takes, where stable has `size`."""
    wanted = exposure(steps, index, floor)
    chosen = [step.match.replicas for step in steps[: index + 1] if step.match]
    shared = candidate_pods(size, wanted.weight) if wanted.weight else 0
    return max(1, shared, mirror_pods(size, wanted.mirror), *chosen)


def pods_needed(memory: Memory, policy: Policy) -> int:
    """Pods that the candidate needs for what comes next."""
    if memory.phase == "Promoting" or memory.direct or not memory.stable or not policy.steps:
        return memory.size
    return pods_for(policy.steps, memory.step, memory.floor, memory.size)


def pods_wanted(memory: Memory, policy: Policy, replicas: int) -> dict[str, int]:
    """Pods a revision: until a bake ends, what serves and what was served before never have fewer than S."""
    wanted = {}
    if memory.stable:
        attempt = memory.candidate or memory.phase == "Baking"
        wanted[memory.stable] = max(memory.size, replicas) if attempt else replicas
    if memory.previous:
        wanted[memory.previous] = memory.size
    if memory.candidate:
        wanted[memory.candidate] = pods_needed(memory, policy)
    return wanted


def reached(memory: Memory, steps: Sequence[StepPolicy]) -> int:
    """The last of edited steps that the candidate has reached with what it has now; else the first."""
    had = exposed(memory)
    found = [index for index, step in enumerate(steps) if _is_reached(step, had)]
    return found[-1] if found else 0


def _is_reached(step: StepPolicy, had: Exposure) -> bool:
    if step.weight:
        return step.weight <= had.weight
    if had.weight:
        return True
    return step.mirror <= had.mirror if step.mirror else step.callers in had.callers


def _callers(steps: Sequence[StepPolicy]) -> tuple[Callers, ...]:
    return tuple(step.callers for step in steps if step.callers is not None)
