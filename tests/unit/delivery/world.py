"""A small world for the rollout machine: pods that become ready, routers that acknowledge, traffic with outcomes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from weirkeeper.api.gates import DEFAULT_GATES, Gate
from weirkeeper.api.names import MATCH, MIRROR, arm, revision_of
from weirkeeper.delivery.evidence import Evidence, LatencySlot, Outcomes, OutcomeSlot
from weirkeeper.delivery.exposure import pods_wanted
from weirkeeper.delivery.memory import Beside, Memory
from weirkeeper.delivery.policy import Policy, StepPolicy
from weirkeeper.delivery.rollout import advance
from weirkeeper.delivery.turn import Clock, Desired, Note, Observed, Obstacle, Verb
from weirkeeper.statistics.latency import bin_of

SLOT = 5
START = 1_800_000_000


def policy(**changes: object) -> Policy:
    """The shipped defaults with short holds."""
    values: dict[str, object] = {
        "steps": (StepPolicy("a", 5, 20), StepPolicy("b", 25, 20), StepPolicy("c", 50, 20)),
        "gates": DEFAULT_GATES,
        "false_alarm": 0.01,
        "false_promote": 0.05,
        "max_duration": 3600.0,
        "on_inconclusive": "Hold",
        "bake_time": 60.0,
        "rollback_window": 3,
        "progress_deadline": 120.0,
    }
    return Policy(**{**values, **changes})  # type: ignore[arg-type]


ERRORS_ONLY: tuple[Gate, ...] = tuple(gate for gate in DEFAULT_GATES if gate.error_rate)


@dataclass
class Behaviour:
    """How a revision, or one of its arms, answers: share of bad answers and milliseconds."""

    bad: float = 0.0
    milliseconds: float = 4.0


@dataclass
class World:
    """Moves in slots of five seconds; everything that the machine asks for happens, unless a switch says otherwise."""

    desired: str = "m-1"
    rate: float = 200.0
    policy: Policy = field(default_factory=policy)
    replicas: int = 2
    memory: Memory = field(default_factory=Memory)
    now: float = float(START)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    verbs: tuple[Verb, ...] = ()
    undo: Verb | None = None
    ready: dict[str, int] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    obstacle: str = "ModelLoadFailed"
    held: dict[str, Obstacle] = field(default_factory=dict)
    unprobed: set[str] = field(default_factory=set)
    routers_answer: bool = True
    frozen: str = ""
    seed: int = 1
    notes: list[Note] = field(default_factory=list)
    outcomes: list[OutcomeSlot] = field(default_factory=list)
    latency: dict[str, list[LatencySlot]] = field(default_factory=dict)
    in_force: Mapping[str, int] = field(default_factory=dict)
    beside: Beside = field(default_factory=Beside)
    trying: str = ""
    chosen: float = 0.1
    acknowledged: int = 0
    weights: list[tuple[float, str | None, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def reasons(self) -> list[str]:
        """What happened, in order."""
        return [note.reason for note in self.notes]

    def verb(self, name: str, nonce: str = "1") -> None:
        """Somebody asks for a verb."""
        self.verbs = (*self.verbs, Verb(name, "ann", f"{name}=ann/{nonce}"))  # type: ignore[arg-type]

    def observed(self) -> Observed:
        """What the machine may see."""
        return Observed(
            ready=dict(self.ready),
            probed=frozenset(name for name, count in self.ready.items() if count and name not in self.unprobed),
            obstacles={name: Obstacle(self.obstacle, "broken") for name in self.broken},
            held=self.held,
            acknowledged=self.acknowledged if self.routers_answer else None,
            highest=self.acknowledged,
            deployed=frozenset(self.ready),
        )

    def evidence(self) -> Evidence:
        """The last fifteen minutes."""
        return Evidence(
            outcomes=tuple(self.outcomes[-180:]),
            latency={key: tuple(value[-120:]) for key, value in self.latency.items()},
        )

    def plan(self) -> Memory:
        """One planning; its result is kept."""
        desired = Desired(self.desired, self.policy, self.replicas, self.verbs, self.frozen, self.undo)
        result = advance(self.memory, desired, self.observed(), self.evidence(), Clock(self.now, SLOT))
        self.memory = Memory.model_validate_json(result.memory.model_dump_json(exclude_defaults=True))
        self.notes += result.notes
        self.weights.append((self.now, self.memory.candidate, self.memory.weight))
        return self.memory

    def follow(self) -> None:
        """Pods and routers do as the memory says."""
        memory = self.memory
        wanted = pods_wanted(memory, self.policy, self.replicas)
        kept = {name: count for name, count in self.ready.items() if name in wanted or name in memory.draining}
        self.ready = kept | {name: 0 if name in self.broken else count for name, count in wanted.items()}
        for name, since in memory.draining.items():
            if since is not None and self.now > since + 20:
                self.ready.pop(name, None)
        if self.routers_answer:
            self.acknowledged, self.in_force = memory.decision, dict(memory.traffic)
            self.beside, self.trying = memory.beside, memory.candidate or ""

    def traffic(self) -> None:
        """One slot of requests, routed as the routers have it in force; `chosen` of all are callers that may match."""
        start = int(self.now) - SLOT
        total = round(self.rate * SLOT)
        matching = sum(self.random.random() < self.chosen for _ in range(total)) if self.beside.callers else 0
        arms = {name: self._some(total - matching, weight) for name, weight in self.in_force.items()}
        if matching:
            arms[arm(self.trying, MATCH)] = matching
        if self.beside.mirror:
            arms[arm(self.trying, MIRROR)] = self._some(total - matching, self.beside.mirror)
        found = {name: self._answered(start, name, requests) for name, requests in arms.items()}
        self.outcomes.append(OutcomeSlot(start, found, observed=self.routers_answer))

    def _some(self, count: int, percent: int) -> int:
        return sum(self.random.random() < percent / 100 for _ in range(count))

    def _answered(self, start: int, name: str, requests: int) -> Outcomes:
        behaviour = self.behaviours.get(name) or self.behaviours.get(revision_of(name), Behaviour())
        bad = sum(self.random.random() < behaviour.bad for _ in range(requests))
        bins: dict[int, int] = {}
        for _ in range(requests):
            index = bin_of(behaviour.milliseconds * 1000 * self.random.lognormvariate(0, 0.2))
            bins[index] = bins.get(index, 0) + 1
        self.latency.setdefault(name, []).append(LatencySlot(start, bins))
        return Outcomes(requests, bad, bad)

    def tick(self, slots: int = 1) -> None:
        """Let time pass."""
        for _ in range(slots):
            self.now += SLOT
            self.traffic()
            self.plan()
            self.follow()
            self.plan()

    def until(self, phase: str, limit: int = 300) -> int:
        """Let time pass until the phase is reached; give the slots that it took."""
        for passed in range(limit):
            if self.memory.phase == phase:
                return passed
            self.tick()
        message = f"{phase} not reached within {limit} slots: {self.memory.phase}, {self.memory.message}"
        raise AssertionError(message)


def serving(**changes: object) -> World:
    """A world in which m-1 is healthy and has been serving for two minutes."""
    world = World(**changes)  # type: ignore[arg-type]
    world.until("Healthy")
    world.tick(24)
    world.notes.clear()
    return world
