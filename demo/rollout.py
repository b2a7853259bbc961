"""Following one attempt from the change of the Model to its end, under live traffic."""

from dataclasses import dataclass, field

from demo.commands import Kubectl
from demo.load import Counts, Load
from demo.names import MODEL
from demo.shares import Sample, Share, shares
from demo.standing import ALL, GateVerdict, Standing, read
from demo.story import Reading

OUTCOMES_OF_AN_END = ("Promoted", "RolledBack", "Aborted", "Superseded")


def standing(kubectl: Kubectl) -> Standing:
    """Read how the Model stands now."""
    return read(kubectl.read(f"models.weirkeeper.dev/{MODEL}"))


@dataclass
class Attempted:
    """What was seen of one attempt; ``look`` is asked again and again until the attempt has ended."""

    kubectl: Kubectl
    load: Load
    before: str
    revision: str = ""
    last: Standing = field(default_factory=Standing)
    counts: Counts | None = None
    failing: GateVerdict | None = None
    messages: dict[str, str] = field(default_factory=dict)
    _samples: list[Sample] = field(default_factory=list)

    def observe(self) -> None:
        """Take one sample: how the Model stands, then what the callers met."""
        self.last = standing(self.kubectl)
        self.counts = self.load.counts()
        self._name_the_revision()
        if not self.revision:
            return
        self.failing = self.last.failing_gate() or self.failing
        if self.last.phase == "Progressing":
            self.messages = {gate.name: gate.message for gate in self.last.gates} or self.messages
        answered = self.counts.of(self.revision).total
        weight = self.last.weight_in_force(self.revision)
        self._samples.append(Sample(weight, answered, self.counts.finished))

    def _name_the_revision(self) -> None:
        known = self.last.candidate or self.last.stable
        if not self.revision and known != self.before:
            self.revision = known

    @property
    def outcome(self) -> str:
        """How the attempt ended; "" while it runs."""
        attempt = self.last.attempt_of(self.revision) if self.revision else None
        return attempt.outcome if attempt else ""

    def look(self) -> Reading:
        """Observe, and tell whether the attempt has ended and its end is in force."""
        self.observe()
        settled = self.last.applied == self.last.decision and self.last.phase not in ("Promoting", "Baking")
        done = self.outcome in OUTCOMES_OF_AN_END and settled
        return Reading(done, self.line())

    def line(self) -> str:
        """Tell phase, weight, answers and the verdicts in one line."""
        if not self.revision or self.counts is None:
            return self.last.message or "waiting for the operator"
        weight = self.last.weights.get(self.revision, 0)
        answered = self.counts.of(self.revision)
        verdicts = ", ".join(f"{gate.name} {gate.verdict}" for gate in self.last.gates)
        told = f"{self.last.phase} at {weight} %, {answered.total} answered, {answered.failed} of them badly"
        return f"{told}; {verdicts or self.last.message}"

    @property
    def shares(self) -> list[Share]:
        """The candidate's share of the answers while each weight above 0 and below 100 was in force."""
        return [share for share in shares(self._samples) if 0 < share.weight < ALL]
