"""Random lives of a rollout: edits, verbs, lost pods, silent routers, bad models. What must hold in all of them."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unit.delivery.world import Behaviour, World, policy
from weirkeeper.delivery.policy import StepPolicy

REVISIONS = ("m-1", "m-2", "m-3", "m-4")
RISING_BREAKS = {"Aborted", "RolledBack", "Superseded", "StepsChanged", "Promoted", "Baked", "AttemptStarted"}


class RolloutLife(RuleBasedStateMachine):
    """One Model's life; every rule is something that happens to rollouts."""

    @initialize(replicas=st.integers(1, 4), window=st.integers(0, 3))
    def begin(self, replicas: int, window: int) -> None:
        self.world = World(replicas=replicas, rate=40, policy=policy(bake_time=20.0, rollback_window=window))
        self.world.tick(2)
        self.stable = self.world.memory.stable
        self.weight = 0
        self.candidate: str | None = None
        self.nonce = 0

    def passed(self, slots: int) -> None:
        self.world.notes.clear()
        self.world.tick(slots)

    @rule(slots=st.integers(1, 12))
    def time_passes(self, slots: int) -> None:
        self.passed(slots)

    @rule(revision=st.sampled_from(REVISIONS))
    def the_spec_changes(self, revision: str) -> None:
        self.world.desired = revision
        self.passed(1)

    @rule(verb=st.sampled_from(("promote", "pause", "resume", "skip", "abort", "retry", "undo")))
    def somebody_asks(self, verb: str) -> None:
        self.nonce += 1
        self.world.verb(verb, str(self.nonce))
        self.passed(1)
        if verb == "abort":
            assert self.world.memory.phase not in ("Starting", "Progressing", "Promoting") or self.candidate is None

    @rule(revision=st.sampled_from(REVISIONS), bad=st.sampled_from((0.0, 0.3)))
    def a_model_behaves(self, revision: str, bad: float) -> None:
        self.world.behaviours[revision] = Behaviour(bad=bad)

    @rule(revision=st.sampled_from(REVISIONS))
    def pods_break_or_heal(self, revision: str) -> None:
        self.world.broken ^= {revision}
        self.passed(1)

    @rule()
    def routers_fall_silent_or_answer(self) -> None:
        self.world.routers_answer = not self.world.routers_answer
        self.passed(1)

    @rule(weights=st.lists(st.integers(1, 99), min_size=1, max_size=4, unique=True))
    def the_steps_are_edited(self, weights: list[int]) -> None:
        steps = tuple(StepPolicy(f"s{weight}", weight, 10) for weight in sorted(weights))
        self.world.policy = policy(steps=steps, bake_time=20.0)
        self.passed(1)

    @rule()
    def the_status_write_is_lost(self) -> None:
        before = self.world.memory
        self.world.now += 1
        self.world.plan()
        self.world.memory = before
        self.passed(1)

    @invariant()
    def weights_sum_to_100(self) -> None:
        memory = self.world.memory
        if memory.stable:
            assert sum(memory.traffic.values()) == 100

    @invariant()
    def weight_only_within_capacity(self) -> None:
        memory = self.world.memory
        if memory.candidate and memory.phase == "Progressing":
            assert memory.weight <= 100 * self.world.ready.get(memory.candidate, 0) // memory.size

    @invariant()
    def a_rejected_revision_gets_no_traffic(self) -> None:
        memory = self.world.memory
        for revision, weight in memory.traffic.items():
            assert not (weight and memory.rejected(revision) and revision != memory.stable)

    @invariant()
    def the_stable_revision_changes_only_for_a_recorded_reason(self) -> None:
        memory = self.world.memory
        if memory.stable != self.stable:
            record = memory.record(str(memory.stable))
            assert record is not None
            assert record.stage == "Production"
            self.stable = memory.stable

    @invariant()
    def weights_rise_unless_something_says_why(self) -> None:
        memory = self.world.memory
        fell = memory.candidate == self.candidate and memory.weight < self.weight
        if fell and memory.candidate:
            short = self.world.ready.get(memory.candidate, 0) < memory.size
            assert short or RISING_BREAKS & set(self.world.reasons())
        self.candidate, self.weight = memory.candidate, memory.weight

    @invariant()
    def planning_again_changes_nothing(self) -> None:
        before = self.world.plan()
        assert self.world.plan() == before


TestRolloutLife = RolloutLife.TestCase
TestRolloutLife.settings = settings(
    max_examples=int(os.environ.get("WEIRKEEPER_ROLLOUT_LIVES", "60")),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
