"""Subtle cases of a rollout, a row each, beyond those that test_rollout plays: the test's id names the row."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.delivery.world import ERRORS_ONLY, Behaviour, World, policy, serving
from weirkeeper.delivery.memory import Memory
from weirkeeper.delivery.policy import StepPolicy

QUICK = (StepPolicy("few", 5, 10), StepPolicy("half", 50, 10))
REASONS = ("ImagePull", "ModelLoadFailed", "InsufficientResources", "Unschedulable")


def quick(**changes: object) -> World:
    return serving(policy=policy(steps=QUICK, gates=ERRORS_ONLY, **changes))


def tried(world: World, revision: str = "m-2") -> World:
    """The world with an attempt for `revision` in its first step."""
    world.desired = revision
    world.until("Progressing")
    world.tick()
    return world


def resynced_after_an_abort() -> None:
    world = tried(quick())
    world.verb("abort")
    world.tick()
    decision = world.memory.decision
    world.tick(60)
    assert (world.memory.phase, world.memory.decision) == ("Aborted", decision)
    assert "was aborted" in world.memory.message
    assert "retry" in world.memory.message
    world.desired = "m-3"
    world.until("Baking", 60)
    world.until("Healthy", 60)
    world.desired = "m-2"
    world.tick(30)
    assert world.memory.candidate is None, "a detour over another revision forgives nothing"


def bad_stable_good_candidate() -> None:
    world = tried(quick())
    world.behaviours["m-1"] = Behaviour(bad=0.4)
    world.until("Healthy", 120)
    assert world.memory.stable == "m-2"
    assert "RolledBack" not in world.reasons()


def bad_stable_and_a_candidate_below_the_objective() -> None:
    rules = policy(steps=QUICK, gates=ERRORS_ONLY)
    world = serving(policy=rules, behaviours={"m-1": Behaviour(bad=0.4), "m-2": Behaviour(bad=0.05)})
    world.desired = "m-2"
    world.until("RolledBack", 120)
    assert world.memory.stable == "m-1"
    assert "gate errors failed" in world.memory.attempts[-1].reason


def outage_in_a_hold() -> None:
    world = tried(serving(policy=policy(steps=(StepPolicy("one", 50, 60),), gates=ERRORS_ONLY)))
    world.routers_answer = False
    world.tick(40)
    assert world.memory.phase == "Progressing", "slots that nobody observed are no hold"
    world.routers_answer = True
    assert world.until("Baking", 60) >= 10, "nor does the outage shorten what is left of it"


def candidate_pods_lost_for_good() -> None:
    world = tried(quick())
    world.broken.add("m-2")
    world.ready["m-2"] = 0
    world.plan()
    assert world.memory.traffic == {"m-1": 100, "m-2": 0}
    assert world.memory.phase == "Progressing"
    world.until("RolledBack", 40)
    assert world.memory.attempts[-1].reason == "ModelLoadFailed: broken"


def pods_lost_while_all_traffic_goes_over() -> None:
    world = tried(quick())
    world.routers_answer = False
    world.verb("promote")
    world.tick(2)
    assert world.memory.traffic["m-2"] == 100
    world.broken.add("m-2")
    world.ready["m-2"] = 1
    world.plan()
    assert world.memory.traffic == {"m-1": 50, "m-2": 50}
    assert world.memory.stable == "m-1"


def bake_survives_a_restart() -> None:
    world = tried(quick())
    world.until("Baking", 60)
    until = world.memory.bake_until
    world.memory = Memory.model_validate_json(world.memory.model_dump_json())
    world.plan()
    assert world.memory.bake_until == until
    world.now += 3600
    world.plan()
    assert world.memory.phase == "Healthy", "the deadline is absolute"


def back_beyond_the_rollback_window() -> None:
    world = quick(rollback_window=1)
    for revision in ("m-2", "m-3"):
        world.desired = revision
        world.tick()
        world.until("Healthy", 120)
    world.notes.clear()
    world.desired = "m-1"
    world.until("Progressing", 20)
    assert not world.memory.direct, "m-2 alone is within the window"


def back_within_the_rollback_window_still_needs_pods() -> None:
    world = quick(rollback_window=1)
    world.desired = "m-2"
    world.tick()
    world.until("Healthy", 120)
    world.tick(10)
    world.broken.add("m-1")
    world.desired = "m-1"
    world.tick(10)
    assert (world.memory.phase, world.memory.direct, world.memory.weight) == ("Starting", True, 0)
    world.broken.clear()
    world.until("Baking", 10)
    assert world.memory.stable == "m-1"


def steps_edited_while_the_spec_cannot_be_used() -> None:
    world = tried(quick())
    world.desired = None  # type: ignore[assignment]
    world.policy = policy(steps=(StepPolicy("one", 1, 10),), gates=ERRORS_ONLY)
    world.tick(3)
    assert "StepsChanged" in world.reasons()
    assert (world.memory.step, world.memory.weight) == (0, 5)


def signature_held_while_it_has_traffic() -> None:
    from weirkeeper.delivery.turn import Obstacle  # noqa: PLC0415  used here alone

    world = tried(quick())
    world.held = {"m-2": Obstacle("SignatureChanged", "input a is gone")}
    world.tick(60)
    assert (world.memory.phase, world.memory.weight) == ("Progressing", 5), "it gains nothing"
    world.held = {}
    world.until("Healthy", 120)
    assert world.memory.stable == "m-2"


def undo_passes_over_what_was_rejected() -> None:
    world = quick()
    world.desired = "m-2"
    world.tick()
    world.until("Healthy", 120)
    world.broken.add("m-1")
    world.desired = "m-1"
    world.tick(2)
    world.verb("abort")
    world.tick(2)
    assert world.memory.rejected("m-1")
    world.broken.clear()
    world.verb("undo", "2")
    world.tick(2)
    assert world.memory.candidate is None, "only retry lets it in again"
    assert "VerbRefused" in world.reasons()


def deadlines_stand_still_in_a_pause() -> None:
    world = quick()
    world.broken.add("m-2")
    world.desired = "m-2"
    world.tick(2)
    world.verb("pause")
    world.tick(60)
    assert world.memory.candidate == "m-2", "120 s of waiting were not waited"
    world.verb("resume", "2")
    world.until("RolledBack", 30)


def nothing_before_golden_requests() -> None:
    world = World(unprobed={"m-1"})
    world.tick(10)
    assert (world.memory.phase, world.memory.traffic) == ("Starting", {})
    world.unprobed.clear()
    world.until("Healthy", 30)


def replaced_pods_that_nobody_heard_of() -> None:
    world = tried(quick())
    world.ready["m-2"] = 0
    world.unprobed.add("m-2")
    world.plan()
    world.tick(60)
    assert (world.memory.phase, world.memory.weight) == ("Progressing", 0), "held, and no deadline runs out"
    world.unprobed.clear()
    world.plan()
    assert world.memory.weight == 5


def promotion_that_waits_for_golden_requests() -> None:
    world = tried(quick())
    world.unprobed.add("m-2")
    world.verb("promote")
    world.tick(60)
    assert (world.memory.phase, world.memory.weight) == ("Promoting", 5)
    assert "golden requests" in world.memory.message
    world.unprobed.clear()
    world.until("Healthy", 60)
    assert world.memory.stable == "m-2"


CASES: dict[str, Callable[[], None]] = {
    "After abort, same spec re-synced by GitOps": resynced_after_an_abort,
    "Bad stable, good canary": bad_stable_good_candidate,
    "Bad stable, the objective holds": bad_stable_and_a_candidate_below_the_objective,
    "Pause / resume: an outage is no hold": outage_in_a_hold,
    "Pause / resume: deadlines stand still": deadlines_stand_still_in_a_pause,
    "Loss of canary pods mid-step": candidate_pods_lost_for_good,
    "End of rollout: pods lost at the switch": pods_lost_while_all_traffic_goes_over,
    "Scale-down delay": bake_survives_a_restart,
    "Rollback window: outside": back_beyond_the_rollback_window,
    "Rollback window: inside": back_within_the_rollback_window_still_needs_pods,
    "Steps/analysis edited, spec unusable": steps_edited_while_the_spec_cannot_be_used,
    "New signature with traffic": signature_held_while_it_has_traffic,
    "Abort holds: undo does not revive": undo_passes_over_what_was_rejected,
    "First deploy: not before the golden requests": nothing_before_golden_requests,
    "Loss of canary pods: replaced, and nobody knows of their golden requests": replaced_pods_that_nobody_heard_of,
    "Skip step / full promote: still takes the probe": promotion_that_waits_for_golden_requests,
}


@pytest.mark.parametrize("row", CASES, ids=str)
def test_row(row: str) -> None:
    CASES[row]()


def test_an_attempt_leaves_its_steps_counts_evidence_and_who() -> None:
    world = tried(quick())
    world.verb("promote")
    world.until("Healthy", 120)
    record = world.memory.attempts[-1]
    assert [(step.name, step.weight) for step in record.steps] == [("few", 5)]
    assert (record.outcome, record.by) == ("Promoted", "ann")
    assert "evidence e^" in record.gates[0]["message"]
    world.desired = "m-3"
    world.until("Healthy", 5)
    world.tick()
    world.until("Healthy", 120)
    steps = world.memory.attempts[-1].steps
    assert [step.weight for step in steps] == [5, 50]
    assert all(step.requests >= 30 for step in steps)
    assert sum(step.requests for step in steps) <= world.memory.attempts[-1].exposed_requests
    curve = world.memory.attempts[-1].curve
    assert curve is not None
    assert curve.gates == tuple(gate["name"] for gate in world.memory.attempts[-1].gates)
    assert [point[0] for point in curve.points] == sorted({point[0] for point in curve.points})
    assert all(passing >= 100 for passing in curve.points[-1][2::2]), "it was promoted by what the gates say"


def test_only_the_last_attempts_are_remembered_whole() -> None:
    world = tried(quick())
    for number in range(12):
        world.verb("abort", f"a{number}")
        world.tick()
        world.verb("retry", f"r{number}")
        world.until("Progressing", 20)
        world.tick()
    attempts = world.memory.attempts
    assert [item.attempt for item in attempts] == list(range(5, 15))
    assert [bool(item.steps) for item in attempts] == [False] * 7 + [True] * 3
    assert [item.curve for item in attempts[:-1]] == [None] * 9
    assert len(world.memory.model_dump_json(exclude_defaults=True)) < 16 * 1024


@pytest.mark.parametrize("reason", REASONS)
def test_progress_deadline_tells_why(reason: str) -> None:
    world = quick()
    world.broken.add("m-2")
    world.obstacle = reason
    world.desired = "m-2"
    world.until("RolledBack", 40)
    assert world.memory.attempts[-1].reason == f"{reason}: broken"
    assert world.memory.record("m-2").outcome == "RolledBack"  # type: ignore[union-attr]


@pytest.mark.parametrize("lost", range(0, 60, 3))
def test_controller_restart_at_every_write(lost: int) -> None:
    """The write of planning number `lost` never arrives, and the process that planned it is gone."""
    world = quick()
    world.desired = "m-2"
    for number in range(60):
        before = world.memory
        world.now += 5
        world.traffic()
        world.plan()
        if number == lost:
            world.memory = before
            world.notes = world.notes[:]
        else:
            world.follow()
    world.until("Healthy", 60)
    assert world.memory.stable == "m-2"
    assert (world.memory.attempt, world.memory.attempts[-1].outcome) == (2, "Promoted")
    weights = [weight for _, candidate, weight in world.weights if candidate == "m-2"]
    assert list(dict.fromkeys(weights)) == [0, 5, 50, 100]
