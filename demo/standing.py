"""How a Model stands, read from its status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ALL: Final = 100


@dataclass(frozen=True)
class GateVerdict:
    """A gate's verdict and the numbers behind it."""

    name: str
    verdict: str
    message: str


@dataclass(frozen=True)
class Attempt:
    """One attempt to bring a revision to production; ``outcome`` is "" while it runs."""

    revision: str
    outcome: str
    reason: str
    exposed_requests: int


@dataclass(frozen=True)
class Standing:
    """What the story asks of a Model's status; everything is empty for a Model that nobody has looked at yet."""

    phase: str = ""
    message: str = ""
    stable: str = ""
    candidate: str = ""
    decision: int = 0
    applied: int = 0
    current: bool = False
    ready: bool = False
    weights: Mapping[str, int] = field(default_factory=dict)
    gates: tuple[GateVerdict, ...] = ()
    attempts: tuple[Attempt, ...] = ()

    def weight_in_force(self, revision: str) -> int | None:
        """Percent that all routers send to ``revision``; None while they are still taking up a decision."""
        return self.weights.get(revision, 0) if self.applied == self.decision else None

    def attempt_of(self, revision: str) -> Attempt | None:
        """Return the last attempt of ``revision``."""
        return next((attempt for attempt in reversed(self.attempts) if attempt.revision == revision), None)

    def failing_gate(self) -> GateVerdict | None:
        """Return the first gate whose verdict is Fail."""
        return next((gate for gate in self.gates if gate.verdict == "Fail"), None)


def read(model: Mapping[str, Any] | None) -> Standing:
    """Read a Model; a status of an older spec than the Model's says nothing about ``current`` and ``ready``."""
    if not model or "status" not in model:
        return Standing()
    status = model["status"]
    fresh = status.get("observedGeneration") == model["metadata"].get("generation")
    conditions = {entry["type"]: entry["status"] == "True" for entry in status.get("conditions", ())}
    return Standing(
        phase=status.get("phase", ""),
        message=status.get("message", ""),
        stable=status.get("stable", {}).get("revision", ""),
        candidate=status.get("candidate", {}).get("revision", ""),
        decision=status.get("decision", 0),
        applied=status.get("applied", 0),
        current=fresh and conditions.get("Current", False),
        ready=fresh and conditions.get("Ready", False),
        weights={entry["revision"]: entry.get("weight", 0) for entry in status.get("traffic", ())},
        gates=tuple(
            GateVerdict(entry["name"], entry["verdict"], entry.get("message", "")) for entry in status.get("gates", ())
        ),
        attempts=tuple(_attempt(entry) for entry in status.get("attempts", ())),
    )


def _attempt(entry: Mapping[str, Any]) -> Attempt:
    return Attempt(
        entry["revision"], entry.get("outcome") or "", entry.get("reason", ""), entry.get("exposedRequests", 0)
    )


def condition(thing: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    """Return a condition of any of our kinds; one of status Unknown where it has none."""
    conditions = (thing or {}).get("status", {}).get("conditions", ())
    unknown = {"type": name, "status": "Unknown", "reason": "", "message": ""}
    return next((entry for entry in conditions if entry["type"] == name), unknown)
