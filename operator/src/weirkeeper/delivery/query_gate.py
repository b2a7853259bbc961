"""The promQL gate asks whether one number of Prometheus lies within the bounds that the team set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from weirkeeper.delivery.gate_kind import EVERY_MODE, Look, NothingBefore, Tally
from weirkeeper.delivery.verdict import ArmCounts, Comparison, GateResult, Levels, Mode, Verdict

if TYPE_CHECKING:
    from weirkeeper.api.asking_gates import PromQLGate

NO_ANSWER = "Prometheus was not asked yet"


@dataclass(frozen=True)
class QueryMemory(NothingBefore):
    """The gate's bounds and the latest answer of the running step.

    `value` is None, and `problem` says why, where Prometheus gave no number. `at` is when the latest answer that was
    looked at came (Unix seconds).
    """

    name: str
    least: float | None
    most: float | None
    at: float = 0.0
    value: float | None = None
    problem: str = NO_ANSWER

    in_alpha: ClassVar[bool] = False

    @property
    def modes(self) -> frozenset[Mode]:
        """Every kind of step: what the query means is the team's."""
        return EVERY_MODE

    @property
    def seen(self) -> bool:
        """Whether the latest answer was a number."""
        return self.value is not None

    @classmethod
    def of(cls, name: str, settings: PromQLGate, steps: int) -> QueryMemory:  # noqa: ARG003 - as every gate
        """Take the bounds of a Rollout's gate."""
        least, most = (bound.number if bound is not None else None for bound in (settings.min, settings.max))
        return cls(name, least, most)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> QueryMemory:
        """Read what `to_json` wrote."""
        least, most, value = (None if item is None else float(item) for item in (*found["set"], found["value"]))
        return cls(found["n"], least, most, float(found["at"]), value, found["why"])

    def to_json(self) -> dict[str, Any]:
        """Write it with short names; it lies in a status."""
        return {
            "n": self.name, "set": [self.least, self.most], "at": self.at, "value": self.value, "why": self.problem,
        }  # fmt: skip

    def begin_step(self) -> QueryMemory:
        """Ask anew: an answer from before the step says nothing of it."""
        return replace(self, value=None, problem=NO_ANSWER)

    def fold(self, look: Look) -> QueryMemory:
        """Take the latest answer, if it was asked for after the split last changed."""
        answer = look.evidence.queries.get(self.name)
        if answer is None or answer.at <= max(self.at, look.comparison.clean_from):
            return self
        return replace(self, at=answer.at, value=answer.value, problem=answer.problem)

    def result(self, comparison: Comparison, tally: Tally, levels: Levels) -> GateResult:  # noqa: ARG002 - as every gate
        """Judge the latest answer by itself: no probability stands behind it."""
        nobody = ArmCounts()
        return GateResult(
            self.name, self._verdict(), nobody, nobody, 0.0, 0.0, 0.0, 0.0, None, None, self._told()
        )  # fmt: skip

    def _verdict(self) -> Verdict:
        if self.value is None:
            return "Inconclusive"
        below = self.least is not None and self.value < self.least
        above = self.most is not None and self.value > self.most
        return "Fail" if below or above else "Pass"

    def _told(self) -> str:
        bounds = [
            f"{word} {bound:g}"
            for word, bound in (("at least", self.least), ("at most", self.most))
            if bound is not None
        ]
        allowed = f"{' and '.join(bounds)} is allowed"
        if self.value is None:
            return f"{self.problem}: holds; {allowed}"
        return f"the query gives {self.value:g}, {allowed}"
