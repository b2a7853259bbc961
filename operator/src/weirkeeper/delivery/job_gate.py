"""The job gate asks a Job of the team's own: it ends with 0, 1 or 2 for Pass, Fail or Inconclusive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from weirkeeper.delivery.gate_kind import Look, NothingBefore, Tally
from weirkeeper.delivery.verdict import ArmCounts, Comparison, GateResult, Levels, Mode, Verdict

if TYPE_CHECKING:
    from weirkeeper.api.asking_gates import JobGate

IN_STEPS: frozenset[Mode] = frozenset({"Weight", "Mirror", "Match"})
NOT_STARTED = "its Job has not started yet"


@dataclass(frozen=True)
class JobMemory(NothingBefore):
    """What the gate's Jobs said: `verdict` is that of the running step's, or a Fail of any step before it.

    `decided` says that it ended with a verdict of its own, and not because it broke.
    """

    name: str
    verdict: Verdict = "Inconclusive"
    decided: bool = False
    told: str = NOT_STARTED

    in_alpha: ClassVar[bool] = False

    @property
    def modes(self) -> frozenset[Mode]:
        """The steps; in the bake no Job is started."""
        return IN_STEPS

    @property
    def seen(self) -> bool:
        """Whether the running step's Job came to a verdict."""
        return self.decided

    @classmethod
    def of(cls, name: str, settings: JobGate, steps: int) -> JobMemory:  # noqa: ARG003 - as every gate
        """Begin with nothing: which Job it is the planner knows."""
        return cls(name)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> JobMemory:
        """Read what `to_json` wrote."""
        return cls(found["n"], cast("Verdict", found["is"]), found["decided"], found["told"])

    def to_json(self) -> dict[str, Any]:
        """Write it with short names; it lies in a status."""
        return {"n": self.name, "is": self.verdict, "decided": self.decided, "told": self.told}

    def fold(self, look: Look) -> JobMemory:
        """Take what the Jobs of the attempt say: any Fail, else the running step's, which is not there at first."""
        jobs = look.evidence.jobs.get(self.name, ())
        failed = next((job for job in jobs if job.outcome == "Fail"), None)
        found = failed or next((job for job in jobs if job.running_step), None)
        if found is None:
            return self if self.verdict == "Fail" else JobMemory(self.name)
        decided = found.outcome is not None and not found.broken
        return replace(self, verdict=found.outcome or "Inconclusive", decided=decided, told=found.message)

    def result(self, comparison: Comparison, tally: Tally, levels: Levels) -> GateResult:  # noqa: ARG002 - as every gate
        """Say what was said: no probability stands behind it."""
        nobody = ArmCounts()
        return GateResult(self.name, self.verdict, nobody, nobody, 0.0, 0.0, 0.0, 0.0, None, None, self.told)
