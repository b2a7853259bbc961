"""A Model's life for random tests: a small world whose every planning is checked against what must always hold."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace
from functools import cache

from tests.unit.delivery.world import ERRORS_ONLY, SLOT, Behaviour, World, policy
from weirkeeper.api.names import MATCH, MIRROR, arm, revision_of
from weirkeeper.delivery.evidence import Outcomes, OutcomeSlot
from weirkeeper.delivery.exposure import pods_wanted
from weirkeeper.delivery.memory import Beside, Memory
from weirkeeper.delivery.policy import StepPolicy
from weirkeeper.delivery.rollout import Result, advance, drained
from weirkeeper.delivery.turn import Clock, Desired, Observed
from weirkeeper.delivery.verbs import ATTEMPT

WEIGHT_MAY_FALL = {"Aborted", "RolledBack", "Superseded", "StepsChanged"}
STABLE_MAY_CHANGE = {"InitialDeploy", "Promoted", "Undone", "RolledBack", "Aborted"}


@dataclass
class Life(World):
    """The world with whole numbers for chance, pods that get lost, and somebody who looks at every planning.

    `short` are the pods that each revision lacks. `rejected` are the revisions that must stay out, `started` the steps
    of the running attempt that began, as they are numbered.
    """

    short: dict[str, int] = field(default_factory=dict)
    rejected: set[str] = field(default_factory=set)
    started: set[str] = field(default_factory=set)
    unusable: bool = False

    def named(self, who: str) -> str:
        """The revision that is meant: `candidate` and `stable` are those of now."""
        roles = {"candidate": self.memory.candidate or self.memory.stable, "stable": self.memory.stable}
        return roles.get(who) or who

    def traffic(self) -> None:
        """One slot of requests, split as the routers have it in force; nothing is drawn, so failures can be read."""
        count = round(self.rate * SLOT)
        matching = count // 10 if self.beside.callers else 0
        split = count - matching
        arms = {revision: split * weight // 100 for revision, weight in self.in_force.items()}
        arms |= {arm(self.trying, MATCH): matching} if matching else {}
        arms |= {arm(self.trying, MIRROR): split * self.beside.mirror // 100} if self.beside.mirror else {}
        found = {name: self.answered(name, requests) for name, requests in arms.items()}
        self.outcomes.append(OutcomeSlot(int(self.now) - SLOT, found, observed=self.routers_answer))

    def answered(self, name: str, requests: int) -> Outcomes:
        """What a revision, or an arm of it, makes of so many requests."""
        bad = round(requests * self.behaviours.get(revision_of(name), Behaviour()).bad)
        return Outcomes(requests, bad, bad)

    def another(self) -> Life:
        """The same life once more, to go on by itself."""
        life = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, dict | list | set):
                setattr(life, name, copy(value))
        return life

    def follow(self) -> None:
        """Pods and routers do as the memory says, as far as they can."""
        super().follow()
        self.ready = {name: max(0, count - self.short.get(name, 0)) for name, count in self.ready.items()}

    def lose_pods(self) -> None:
        """The pods that are lacking are gone from one moment to the next."""
        self.ready = {name: max(0, count - self.short.get(name, 0)) for name, count in self.ready.items()}

    def wanted(self) -> Desired:
        """What the spec, the platform and people ask for."""
        revision = None if self.unusable else self.desired
        return Desired(revision, self.policy, self.replicas, self.verbs, self.frozen)

    def planned(self, seen: Observed) -> Result:
        """Plan, and plan again on the result."""
        evidence, clock = self.evidence(), Clock(self.now, SLOT)
        result = advance(self.memory, self.wanted(), seen, evidence, clock)
        again = advance(result.memory, self.wanted(), seen, evidence, clock)
        assert again.notes == (), "planning again on the result tells nothing new"
        assert again.memory == result.memory, difference(result.memory, again.memory)
        return result

    def plan(self) -> Memory:
        """One planning; its result is kept, and must be right."""
        seen = self.observed()
        result = self.planned(seen)
        Judge(self, seen, self.memory, result).judge()
        self.memory = result.memory
        self.notes += result.notes
        return self.memory

    def crash(self) -> None:
        """The operator plans, and ends before anything is written."""
        self.planned(self.observed())

    def restart(self) -> None:
        """The memory goes through the API server and back."""
        kept = Memory.model_validate_json(self.memory.model_dump_json(exclude_defaults=True))
        assert kept.model_dump() == self.memory.model_dump()
        self.memory = kept


def difference(first: Memory, then: Memory) -> str:
    """What a second planning changed though nothing had happened."""
    one, two = first.model_dump(), then.model_dump()
    return f"planning again changes { ({key: (one[key], two[key]) for key in one if one[key] != two[key]}) }"


def begun(replicas: int, window: int, phase: str, first: tuple[StepPolicy, ...] = ()) -> Life:
    """A life in which the first revision was healthy, and the second one has come as far as `phase`."""
    return _begun(replicas, window, phase, first).another()


@cache
def _begun(replicas: int, window: int, phase: str, first: tuple[StepPolicy, ...]) -> Life:
    steps = (*first, StepPolicy("few", 5, 10), StepPolicy("half", 50, 10))
    rules = policy(steps=steps, bake_time=20.0, rollback_window=window, gates=ERRORS_ONLY)
    life = Life(replicas=replicas, rate=200, policy=rules)
    life.until("Healthy", 20)
    if replicas > 2:
        _has_a_past(life)
    if phase != "Healthy":
        life.desired = "m-2"
        life.frozen = "until this life begins" if phase == "Promoting" else ""
        life.tick()
        life.until(phase, 60)
        life.frozen = ""
    return life


def _has_a_past(life: Life) -> None:
    """Promote a third revision, and reject a fourth one."""
    life.desired = "m-3"
    life.tick()
    life.until("Healthy", 60)
    life.desired = "m-4"
    life.until("Progressing", 20)
    life.verb("abort", "past")
    life.tick()
    life.desired = "m-3"
    life.until("Healthy", 10)


@dataclass(frozen=True)
class Judge:
    """What must hold of one planning: of the memory after it, and of the way there."""

    life: Life
    seen: Observed
    before: Memory
    result: Result

    @property
    def after(self) -> Memory:
        return self.result.memory

    def judge(self) -> None:
        if not self.after.stable:
            return
        self.weights_are_a_split_that_pods_can_carry()
        self.weights_fall_for_a_reason_alone()
        self.what_is_beside_the_split_is_the_candidate_s_and_carried()
        self.chosen_callers_stay()
        self.what_waits_for_approval_waits()
        self.stable_changes_for_a_reason_alone_and_keeps_its_size()
        self.an_abort_is_obeyed()
        self.what_was_rejected_stays_out()
        self.no_step_is_left_out()
        self.no_step_begins_twice()
        self.decisions_count_up()
        self.a_freeze_holds()
        self.pods_with_requests_stay()

    def reasons(self) -> set[str]:
        return {note.reason for note in self.result.notes}

    def weights_are_a_split_that_pods_can_carry(self) -> None:
        after, seen = self.after, self.seen
        assert sum(after.traffic.values()) == 100
        assert all(0 <= weight <= 100 for weight in after.traffic.values())
        if after.candidate is None or after.weight == 0:
            return
        ready = seen.ready.get(after.candidate, 0)
        assert after.weight <= 100 * ready // after.size, "no more weight than ready pods carry"
        if after.weight > self.before.weight or after.candidate != self.before.candidate:
            assert after.candidate in seen.probed, "no weight to pods whose golden requests are not answered"
            assert after.candidate not in seen.held or self.before.weight > 0

    def weights_fall_for_a_reason_alone(self) -> None:
        before, after = self.before, self.after
        if before.attempt != after.attempt or after.candidate is None or after.weight >= before.weight:
            return
        carried = 100 * self.seen.ready.get(after.candidate, 0) // after.size
        assert carried < before.weight or WEIGHT_MAY_FALL & self.reasons()

    def what_is_beside_the_split_is_the_candidate_s_and_carried(self) -> None:
        before, after, seen = self.before, self.after, self.seen
        beside = after.beside
        if after.candidate is None or after.weight == 100:
            assert beside == Beside()
            return
        ready = seen.ready.get(after.candidate, 0)
        assert beside.mirror <= 100 * ready // after.size, "no more copies than ready pods carry"
        assert ready or not beside.callers
        assert (beside.sticky is not None) <= (0 < after.weight < 100)
        if beside.mirror > before.beside.mirror or set(beside.callers) - set(before.beside.callers):
            assert after.candidate in seen.probed
            assert after.candidate not in seen.held or before.beside != Beside()

    def chosen_callers_stay(self) -> None:
        before, after = self.before, self.after
        if before.attempt != after.attempt or after.candidate is None or "StepsChanged" in self.reasons():
            return
        # Steps may have been edited while the candidate was held: whom no step names any more may go when it moves on.
        named = {step.callers for step in self.life.policy.steps}
        stay = after.weight == 100 or set(before.beside.callers) & named <= set(after.beside.callers)
        assert stay or not self.seen.ready.get(after.candidate)

    def what_waits_for_approval_waits(self) -> None:
        before, after, steps = self.before, self.after, self.life.policy.steps
        if before.phase != "Progressing" or before.attempt != after.attempt or before.direct or not after.candidate:
            return
        if {"StepsChanged", "StepSkipped"} & self.reasons() or not steps[before.step].manual:
            return
        asked = any(verb.name == "promote" and verb.token not in before.handled for verb in self.life.verbs)
        assert before.approved or asked or (after.step == before.step and after.phase == "Progressing")

    def stable_changes_for_a_reason_alone_and_keeps_its_size(self) -> None:
        before, after = self.before, self.after
        if before.stable != after.stable:
            assert STABLE_MAY_CHANGE & self.reasons()
            record = after.record(str(after.stable))
            assert record is not None
            assert record.stage == "Production"
        if before.attempt == after.attempt:
            assert before.size == after.size, "S is that of the attempt's beginning"
        if after.candidate or after.phase == "Baking":
            pods = pods_wanted(after, self.life.policy, self.life.replicas)
            assert min(pods[name] for name in (after.stable, after.previous) if name) >= after.size

    def an_abort_is_obeyed(self) -> None:
        before = self.before
        new = [verb.name for verb in self.life.verbs if verb.token not in before.handled]
        if "abort" not in new:
            return
        if before.phase in ATTEMPT and before.stable:
            out = before.candidate
        elif before.phase == "Baking" and before.previous:
            out = before.stable
        else:
            return
        assert self.after.stable == (before.previous if before.phase == "Baking" else before.stable)
        assert self.after.traffic.get(str(out), 0) == 0
        assert "Aborted" in self.reasons()
        if not before.undo:
            assert self.after.rejected(str(out))

    def what_was_rejected_stays_out(self) -> None:
        before, after, life = self.before, self.after, self.life
        if "RetryRequested" in self.reasons():
            life.rejected.discard(str(life.desired))
        if before.undo and not after.undo:
            # Whether what was undone stays out depends on how the undo ended, which the records say.
            life.rejected -= {str(before.stable), str(before.candidate)}
        for revision in life.rejected:
            if after.record(revision):
                assert after.rejected(revision), f"{revision} was rejected, and nobody asked to retry it"
        # Whoever served until the promotion stands in for the promoted one's pods, whatever was held against it.
        serves = {after.stable, after.previous if after.phase == "Baking" else None}
        for revision, weight in after.traffic.items():
            assert not (weight and revision in life.rejected and revision not in serves)
        assert after.candidate not in life.rejected
        life.rejected |= {one.name for one in after.revisions if one.outcome in {"RolledBack", "Aborted"}}

    def no_step_begins_twice(self) -> None:
        known = self.life.started
        if self.before.attempt != self.after.attempt or "StepsChanged" in self.reasons():
            known.clear()
        for note in self.result.notes:
            if note.reason == "StepStarted":
                number = note.message.split()[1]
                assert number not in known, "a step begins once"
                known.add(number)

    def no_step_is_left_out(self) -> None:
        before, after = self.before, self.after
        within = before.attempt == after.attempt and before.phase == "Progressing" and after.candidate
        if not within or "StepsChanged" in self.reasons():
            return
        skipped = sum(note.reason == "StepSkipped" for note in self.result.notes)
        left = after.step - before.step
        assert 0 <= left <= skipped + 1
        if left > skipped or (after.phase == "Promoting" and not skipped and not after.direct):
            assert before.entered, "a step ends only after its weight was reached"
            assert before.decision in (before.applied, after.applied)

    def decisions_count_up(self) -> None:
        before, after = self.before, self.after
        assert after.applied <= after.decision or after.decision == before.decision
        assert after.decision >= before.decision
        if dict(after.traffic) != dict(before.traffic):
            assert after.decision > max(before.decision, self.seen.highest)

    def a_freeze_holds(self) -> None:
        before, after = self.before, self.after
        if not self.life.frozen or before.undo or after.undo or not before.stable:
            return
        everything = before.candidate is not None and before.traffic.get(before.candidate) == 100
        if "Promoted" in self.reasons():
            assert everything
        if after.candidate and after.traffic.get(after.candidate) == 100:
            assert everything

    def pods_with_requests_stay(self) -> None:
        gone = drained(self.after, Clock(self.life.now, SLOT))
        assert not {name for name in gone if self.life.in_force.get(name)}
        assert not gone & {self.after.stable, self.after.candidate, self.after.previous}


def edited(life: Life, **changes: object) -> None:
    """Edit the Rollout."""
    life.policy = replace(life.policy, **changes)  # type: ignore[arg-type]
