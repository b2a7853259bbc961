"""What a gate is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from weirkeeper.api.gates import Blocks

LONGEST_MESSAGE = 1024
"""Characters that a status has room for."""

Verdict = Literal["Pass", "Fail", "Inconclusive"]
Mode = Literal["Weight", "Mirror", "Match", "Absolute"]


class Levels(NamedTuple):
    """The natural logarithms of the e-values at which a gate fails and passes."""

    fail: float
    passing: float

    def verdict(self, log_e_fail: float, log_e_pass: float) -> Verdict:
        """Judge what was reached: a Fail goes before a Pass."""
        return "Fail" if log_e_fail >= self.fail else "Pass" if log_e_pass >= self.passing else "Inconclusive"


@dataclass(frozen=True)
class ArmCounts:
    """Requests of one revision in the attempt, and how many of them were bad in the gate's sense."""

    requests: int = 0
    bad: int = 0

    @property
    def share(self) -> float:
        """The bad share; 0 where there were no requests."""
        return self.bad / self.requests if self.requests else 0.0

    def __str__(self) -> str:
        """Read like `11 of 214 bad (5.1 %)`."""
        return f"{self.bad} of {self.requests} bad ({self.share:.1%})".replace("%", " %")


@dataclass(frozen=True)
class Comparison:
    """Which slots of evidence may be folded, and against what the candidate is judged.

    `mode` is Weight while both arms get a random share of the same traffic, Mirror while the candidate gets copies of
    stable's, Match while chosen callers alone go to it, Absolute where there is no other arm (bake, first deploy): with
    the latter two no stable arm is fair to compare with. Outcome slots that start before `clean_from` are dropped:
    weights changed in them. Latency slots before `latency_from` are dropped: weights or the candidate's ready pods
    changed shortly before. `route_timeout` and `slot` are in seconds, the rest in Unix seconds. `sticky`
    says that each caller stays on one arm: what a single one brings about comes in more slots then.
    """

    candidate: str
    stable: str | None
    mode: Mode
    clean_from: int
    latency_from: int
    route_timeout: float
    slot: int = 5
    sticky: bool = False

    @property
    def paired(self) -> bool:
        """Whether there is a stable arm in the same slots."""
        return self.mode in {"Weight", "Mirror"} and self.stable is not None


@dataclass(frozen=True)
class GateResult:
    """A gate's verdict with the numbers behind it.

    `log_e_fail` and `log_e_pass` are natural logarithms, reached against `fail_at` and `pass_at`. `requests_needed`
    is how many more candidate requests a Pass takes at the present rates (None: not within reach or not known yet),
    `eta` when that would be (Unix seconds). `effect` is the odds ratio of both arms pooled over the attempt. A gate
    that is not `in_alpha` has no e-values. `seen` says whether there was any evidence, `blocks` what the gate holds up.
    `needs` says what it takes that the gate can decide at all, as labels; `lacks` how many rows of them have not come.
    """

    name: str
    verdict: Verdict
    candidate: ArmCounts
    stable: ArmCounts
    log_e_fail: float
    log_e_pass: float
    fail_at: float
    pass_at: float
    requests_needed: int | None
    effect: float | None
    message: str
    eta: float | None = None
    in_alpha: bool = True
    seen: bool = True
    blocks: Blocks = "Promotion"
    needs: str = ""
    lacks: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Write it as a status has it; numbers are rounded to what people read."""
        written = {
            "name": self.name,
            "verdict": self.verdict,
            **(self._counted() if self.in_alpha else {}),
            "requestsNeeded": self.requests_needed,
            "effect": None if self.effect is None else round(self.effect, 3),
            "eta": None if self.eta is None else round(self.eta),
            "message": self.message[:LONGEST_MESSAGE],
            "blocks": None if self.blocks == "Promotion" else self.blocks,
            "seen": None if self.seen else False,
            "needs": self.needs or None,
        }
        return {key: value for key, value in written.items() if value is not None}

    def _counted(self) -> dict[str, Any]:
        return {
            "candidate": {"requests": self.candidate.requests, "bad": self.candidate.bad},
            "stable": {"requests": self.stable.requests, "bad": self.stable.bad},
            "logEFail": round(self.log_e_fail, 3),
            "logEPass": round(self.log_e_pass, 3),
            "failAt": round(self.fail_at, 3),
            "passAt": round(self.pass_at, 3),
        }


def odds_ratio(candidate: ArmCounts, stable: ArmCounts) -> float | None:
    """Compare the odds of a bad request; None where stable had none, or nothing else."""
    opposite = (candidate.requests - candidate.bad) * stable.bad
    if opposite == 0:
        return None
    return candidate.bad * (stable.requests - stable.bad) / opposite
