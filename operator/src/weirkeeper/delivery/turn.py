"""One turn of the rollout machine: what is wanted and seen, and the memory as it is being changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from weirkeeper.delivery.errors import InvariantError
from weirkeeper.delivery.memory import Beside, Memory, Wait

if TYPE_CHECKING:
    from weirkeeper.delivery.evidence import Evidence
    from weirkeeper.delivery.policy import Policy

NOTHING_BESIDE = Beside()

LONGEST_MESSAGE = 4096
LONGEST_NOTE = 1024
"""Characters that a status and an Event have room for."""

VerbName = Literal["promote", "pause", "resume", "skip", "abort", "retry", "undo"]


@dataclass(frozen=True)
class Verb:
    """What somebody asked for by annotation; `token` tells one asking from the next, `reason` is what they say."""

    name: VerbName
    actor: str
    token: str
    reason: str = ""

    @property
    def by(self) -> str:
        """Who asked, and why if they said it."""
        return f"by {self.actor}: {self.reason}" if self.reason else f"by {self.actor}"


@dataclass(frozen=True)
class Obstacle:
    """Why a revision cannot serve yet, in the words of whoever knows: kubelet, the server, the signature check."""

    reason: str
    message: str


@dataclass(frozen=True)
class Desired:
    """What the spec asks for, and what the platform allows.

    `revision` is None where the spec cannot be used now: nothing is begun then. `frozen` is why nothing may be promoted
    now; empty, it may. `undo` is what a Monitor asks for as long as it has cause: the machine remembers that it did it.
    """

    revision: str | None
    policy: Policy
    replicas: int = 1
    verbs: tuple[Verb, ...] = ()
    frozen: str = ""
    undo: Verb | None = None


@dataclass(frozen=True)
class Observed:
    """What is seen of the cluster.

    `ready` counts ready pods a revision; `probed` are the revisions whose pods told their signature after the golden
    requests agreed. `held` keeps a revision from any traffic however ready it is. `acknowledged` is the lowest
    decision in force on the routers that count (None: not all of them answered, or there are none), `highest` the
    highest known to any. `deployed` are the revisions that have a Deployment.
    """

    ready: Mapping[str, int] = field(default_factory=dict)
    probed: frozenset[str] = frozenset()
    obstacles: Mapping[str, Obstacle] = field(default_factory=dict)
    held: Mapping[str, Obstacle] = field(default_factory=dict)
    acknowledged: int | None = None
    highest: int = 0
    deployed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Note:
    """Something that happened, for an Event."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True)
class Clock:
    """The moment of the turn (Unix seconds) and the lengths that time is cut into (seconds)."""

    now: float
    slot: int = 5
    route_timeout: float = 15.0
    drain: float = 20.0
    warm_up: float = 30.0


@dataclass(frozen=True)
class Turn:
    """The stages of the machine pass a turn from one to the next; each returns it with its own changes.

    `judged` is what the results in the memory were made of: the gates' memory, and who was compared with whom.
    `read` maps the identity of a gates' memory as JSON to it and to what was read from it, once for all stages.
    """

    memory: Memory
    desired: Desired
    observed: Observed
    evidence: Evidence
    clock: Clock
    notes: tuple[Note, ...] = ()
    judged: tuple[Any, Any] | None = None
    read: dict[int, tuple[Any, Any]] = field(default_factory=dict, repr=False, compare=False)

    def to(self, **changes: Any) -> Turn:
        """The turn with changed fields of its memory."""
        return replace(self, memory=self.memory.model_copy(update=changes))

    def note(self, reason: str, message: str, kind: Literal["Normal", "Warning"] = "Normal") -> Turn:
        """The turn with one more note, which is also the message that people see."""
        noted = Note(kind, reason, message[:LONGEST_NOTE])
        return replace(self, notes=(*self.notes, noted)).to(message=message[:LONGEST_MESSAGE])

    def say(self, message: str) -> Turn:
        """The turn with the message that people see, without an Event; it names no number that changes by itself."""
        message = message[:LONGEST_MESSAGE]
        return self if self.memory.message == message else self.to(message=message)

    @property
    def now(self) -> float:
        """The moment of the turn, in Unix seconds."""
        return self.clock.now

    @property
    def settled(self) -> bool:
        """Whether the split decided last is in force on every router that counts."""
        return self.memory.applied == self.memory.decision

    @property
    def candidate(self) -> str:
        """The revision on trial; raises InvariantError outside of an attempt."""
        return _present(self.memory.candidate, "candidate")

    @property
    def stable(self) -> str:
        """The revision in production; raises InvariantError before the first."""
        return _present(self.memory.stable, "stable revision")

    @property
    def former(self) -> str:
        """The revision that is still warm in the bake; raises InvariantError where there is none."""
        return _present(self.memory.previous, "former revision")

    def ready(self, revision: str | None) -> int:
        """Ready pods of a revision."""
        return self.observed.ready.get(revision, 0) if revision else 0

    def route(self, traffic: Mapping[str, int], beside: Beside = NOTHING_BESIDE) -> Turn:
        """Decide a split, in percent by revision, and what is routed beside it.

        What is unchanged is no decision; a number is never used twice.
        """
        if dict(traffic) == dict(self.memory.traffic) and beside == self.memory.beside:
            return self
        candidate = self.memory.candidate
        return self.to(
            traffic=dict(traffic),
            beside=beside,
            weight=traffic.get(candidate, 0) if candidate else 0,
            decision=max(self.memory.decision, self.observed.highest) + 1,
            decided_at=self.now,
            applied_at=None,
            clean_from=None,
        )

    def wait_for(self, target: Literal["Pods", "Routes"]) -> Turn:
        """Remember since when the attempt waits for pods or routes."""
        wait = self.memory.wait
        return self if wait and wait.target == target else self.to(wait=Wait(target=target, since=self.now))

    def next_slot(self, moment: float) -> int:
        """The start of the first slot that lies wholly after `moment`."""
        return math.ceil(moment / self.clock.slot) * self.clock.slot


def _present(revision: str | None, what: str) -> str:
    if revision is None:
        message = f"there is no {what} in this phase: the memory contradicts itself"
        raise InvariantError(message)
    return revision
