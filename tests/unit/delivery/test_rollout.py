"""The rows of the rollout's subtle cases, each played in a small world, on the pure machine."""

from __future__ import annotations

import pytest

from tests.unit.delivery.world import ERRORS_ONLY, Behaviour, World, policy, serving
from weirkeeper.api.conditions import timestamp
from weirkeeper.api.gates import Gate
from weirkeeper.delivery.memory import Memory
from weirkeeper.delivery.policy import StepPolicy
from weirkeeper.delivery.turn import Obstacle, Verb


def test_the_first_revision_serves_without_steps_and_bakes() -> None:
    world = World()
    world.tick(2)
    assert world.memory.stable == "m-1"
    assert world.in_force == {"m-1": 100}
    assert world.memory.phase == "Baking"
    assert "InitialDeploy" in world.reasons()
    world.until("Healthy")
    assert world.memory.promoted == ("m-1",)


def test_a_failing_first_revision_is_reported_and_goes_on_serving() -> None:
    world = World(behaviours={"m-1": Behaviour(bad=0.5)})
    world.until("Healthy")
    assert "FirstDeployFailing" in world.reasons()
    assert world.in_force == {"m-1": 100}
    assert world.memory.stable == "m-1"


def test_a_good_candidate_is_promoted_step_by_step() -> None:
    world = serving()
    world.desired = "m-2"
    world.tick(2)
    world.until("Healthy")
    assert world.memory.stable == "m-2"
    weights = [weight for _, candidate, weight in world.weights if candidate == "m-2"]
    assert list(dict.fromkeys(weights)) == [0, 5, 25, 50, 100]
    assert world.reasons() == [
        "AttemptStarted",
        *["StepStarted"] * 3,
        "Promoting",
        "Promoted",
        "Baked",
    ]
    assert world.memory.attempts[-1].outcome == "Promoted"
    assert world.memory.attempts[-1].exposed_requests > 0


def test_a_bad_candidate_is_out_before_it_got_more_than_its_first_share() -> None:
    world = serving(behaviours={"m-2": Behaviour(bad=0.05)})
    world.desired = "m-2"
    world.until("RolledBack", 30)
    assert world.memory.stable == "m-1"
    assert max(weight for _, _, weight in world.weights) == 5
    assert world.memory.rejected("m-2")
    assert world.memory.attempts[-1].reason.startswith("gate errors failed: candidate ")


def test_a_slow_candidate_is_rolled_back_by_latency() -> None:
    world = serving(behaviours={"m-2": Behaviour(milliseconds=20)})
    world.desired = "m-2"
    world.until("RolledBack", 60)
    assert "gate latency failed" in world.memory.attempts[-1].reason


@pytest.mark.parametrize("slots", [400])
def test_without_any_request_the_candidate_is_held_for_ever(slots: int) -> None:
    world = serving(policy=policy(gates=ERRORS_ONLY, max_duration=60.0, on_inconclusive="RollBack"))
    world.rate = 0
    world.desired = "m-2"
    world.tick(slots)
    assert world.memory.phase == "Progressing"
    assert world.memory.step == 0
    assert world.memory.candidate == "m-2"


def test_a_rejected_revision_stays_out_also_after_a_detour() -> None:
    world = serving(behaviours={"m-2": Behaviour(bad=0.2)}, policy=policy(rollback_window=0))
    world.desired = "m-2"
    world.until("RolledBack", 30)
    world.desired = "m-3"
    world.tick(2)
    world.until("Healthy")
    world.desired = "m-2"
    world.tick(10)
    assert world.memory.candidate is None
    assert world.in_force == {"m-3": 100}
    assert "retry" in world.memory.message


def test_retry_gives_a_new_attempt_with_fresh_evidence() -> None:
    world = serving(behaviours={"m-2": Behaviour(bad=0.2)})
    world.desired = "m-2"
    world.until("RolledBack", 30)
    attempts = world.memory.attempt
    world.behaviours.clear()
    world.verb("retry")
    world.tick(2)
    assert world.memory.candidate == "m-2"
    assert world.memory.attempt == attempts + 1
    world.until("Healthy")
    assert world.memory.stable == "m-2"
    assert [record.outcome for record in world.memory.attempts[-2:]] == ["RolledBack", "Promoted"]


def test_a_third_revision_supersedes_the_second_without_touching_the_stable_one() -> None:
    world = serving()
    world.desired = "m-2"
    world.until("Progressing")
    world.tick(3)
    world.desired = "m-3"
    world.tick(1)
    assert world.memory.attempts[-2].outcome == "Superseded"
    assert world.memory.candidate == "m-3"
    assert world.memory.weight == 0
    assert world.memory.stable == "m-1"
    assert world.memory.rejected("m-2") is None


def test_the_next_candidate_waits_until_every_router_dropped_the_former_one() -> None:
    world = serving()
    world.desired = "m-2"
    world.until("Progressing")
    world.tick(2)
    world.routers_answer = False
    world.desired = "m-3"
    world.tick(3)
    assert world.memory.candidate is None
    world.routers_answer = True
    world.tick(1)
    assert world.memory.candidate == "m-3"


def test_the_stable_spec_again_withdraws_the_candidate_at_once() -> None:
    world = serving()
    world.desired = "m-2"
    world.until("Progressing")
    world.tick(2)
    world.desired = "m-1"
    world.tick(1)
    assert world.memory.candidate is None
    assert world.in_force == {"m-1": 100}
    assert world.memory.attempts[-1].outcome == "Superseded"
    world.desired = "m-2"
    world.tick(1)
    assert world.memory.candidate == "m-2"


@pytest.mark.parametrize("phase", ["Starting", "Progressing", "Promoting", "Baking"])
def test_abort_beats_every_phase_and_holds(phase: str) -> None:
    world = serving()
    world.desired = "m-2"
    if phase == "Starting":
        world.broken.add("m-2")
    if phase == "Promoting":
        world.until("Progressing")
        world.tick(1)
        world.routers_answer = False
        world.verb("promote")
    world.until(phase)
    world.verb("pause", "2")
    world.verb("abort", "3")
    world.tick(1)
    assert world.memory.phase == "Aborted"
    assert world.memory.stable == "m-1"
    world.routers_answer = True
    world.tick(1)
    assert world.in_force["m-1"] == 100
    assert "VerbRefused" in world.reasons()
    world.broken.clear()
    world.tick(20)
    assert world.memory.phase == "Aborted"
    assert world.memory.rejected("m-2")


def test_abort_when_idle_changes_nothing() -> None:
    world = serving()
    before = world.memory.model_copy()
    world.verb("abort")
    world.tick(2)
    assert world.reasons() == ["VerbRefused"]
    assert world.memory.stable == before.stable
    assert world.memory.traffic == before.traffic
    assert world.memory.decision == before.decision


def test_a_verb_acts_once_and_a_late_one_never_acts_later() -> None:
    world = serving()
    world.verb("pause")
    world.tick(1)
    assert world.reasons() == ["VerbRefused"]
    refused = {"pause=ann/1": "no attempt is running that could be paused"}
    assert world.memory.refused == refused
    world.desired = "m-2"
    world.until("Progressing")
    world.tick(2)
    assert world.memory.paused_at is None
    world.verb("pause", "2")
    world.tick()
    assert world.memory.refused == refused, "what is obeyed is no refusal"
    world.verbs = world.verbs[1:]
    world.tick()
    assert (world.memory.handled, world.memory.refused) == (("pause=ann/2",), {}), "kept as long as its annotation"


def test_pause_stops_hold_and_deadlines_and_resume_goes_on() -> None:
    world = serving()
    world.desired = "m-2"
    world.until("Progressing")
    world.tick(1)
    world.verb("pause")
    world.tick(40)
    assert world.memory.weight == 5
    assert world.memory.step == 0
    world.verb("resume", "2")
    world.until("Healthy")
    assert world.memory.stable == "m-2"


def test_a_failing_gate_rolls_back_in_a_pause_too() -> None:
    world = serving()
    world.desired = "m-2"
    world.until("Progressing")
    world.tick(1)
    world.verb("pause")
    world.tick(1)
    world.behaviours["m-2"] = Behaviour(bad=0.5)
    world.until("RolledBack", 30)


def test_a_manual_step_waits_for_promote() -> None:
    steps = (StepPolicy("first", 5, 20), StepPolicy("quarter", 25, 20, manual=True), StepPolicy("half", 50, 20))
    world = serving(policy=policy(steps=steps))
    world.desired = "m-2"
    world.until("Progressing")
    world.tick(40)
    assert world.memory.step == 1
    world.verb("promote")
    world.tick(3)
    assert world.memory.step == 2
    assert "StepApproved" in world.reasons()


def test_promote_passes_over_steps_but_not_over_pods_and_routes() -> None:
    world = serving()
    world.desired = "m-2"
    world.until("Progressing")
    world.routers_answer = False
    world.verb("promote")
    world.tick(3)
    assert world.memory.stable == "m-1"
    world.routers_answer = True
    world.tick(2)
    assert world.memory.stable == "m-2"
    assert world.memory.phase == "Baking"


def test_skip_leaves_the_step_in_force_and_no_other() -> None:
    world = serving(policy=policy(steps=(StepPolicy("a", 5, 600), StepPolicy("b", 25, 600))))
    world.desired = "m-2"
    world.until("Progressing")
    world.tick(2)
    world.verb("skip", "1")
    world.tick(2)
    assert (world.memory.step, world.memory.weight) == (1, 25)
    world.tick(10)
    assert world.memory.step == 1
    world.verb("skip", "2")
    world.until("Baking", 10)
    assert world.memory.stable == "m-2"
    skipped = [note.message for note in world.notes if note.reason == "StepSkipped"]
    assert skipped == ["step a skipped by ann", "step b skipped by ann"]
    world.verb("skip", "3")
    world.tick()
    assert "VerbRefused" in world.reasons()


def promoted_twice() -> World:
    """A world in which m-2 is healthy after m-1."""
    world = serving(policy=policy(gates=ERRORS_ONLY))
    world.desired = "m-2"
    world.until("Baking")
    world.until("Healthy")
    world.tick(10)
    assert set(world.ready) == {"m-2"}
    world.notes.clear()
    return world


def test_undo_goes_back_to_the_revision_promoted_before_through_readiness_and_stays_there() -> None:
    world = promoted_twice()
    world.broken.add("m-1")
    world.verb("undo")
    world.tick(3)
    assert (world.memory.phase, world.memory.candidate, world.memory.stable) == ("Starting", "m-1", "m-2")
    assert world.memory.traffic == {"m-2": 100}, "what is not ready gets no traffic"
    world.broken.clear()
    world.until("RolledBack", 10)
    assert (world.memory.stable, world.memory.traffic) == ("m-1", {"m-1": 100})
    world.tick(30)
    assert world.memory.stable == "m-1", "the spec still asks for what was undone"
    assert "undone by ann" in world.memory.message
    undone = world.memory.record("m-2")
    assert undone is not None
    assert (undone.outcome, undone.by) == ("RolledBack", "ann")
    assert set(world.ready) == {"m-1"}
    world.verb("retry")
    world.until("Baking")
    assert world.memory.stable == "m-2"


def test_undo_in_the_bake_is_instant() -> None:
    world = serving(policy=policy(gates=ERRORS_ONLY))
    world.desired = "m-2"
    world.until("Baking")
    world.verb("undo")
    world.tick()
    assert (world.memory.phase, world.memory.stable) == ("RolledBack", "m-1")
    assert world.memory.traffic == {"m-1": 100}


@pytest.mark.parametrize("end", ["abort", "deadline"])
def test_an_undo_that_comes_to_nothing_leaves_the_stable_revision_as_it_was(end: str) -> None:
    world = promoted_twice()
    world.broken.add("m-1")
    world.verb("undo")
    world.tick(2)
    if end == "abort":
        world.verb("abort")
    world.tick(40)
    assert (world.memory.phase, world.memory.stable) == ("Healthy", "m-2")
    assert world.memory.rejected("m-2") is None
    assert bool(world.memory.rejected("m-1")) == (end == "deadline")


def test_a_new_spec_supersedes_an_undo_and_what_was_undone_stays_out() -> None:
    world = promoted_twice()
    world.broken.add("m-1")
    world.verb("undo")
    world.tick(2)
    world.desired = "m-3"
    world.tick(2)
    assert world.memory.candidate == "m-3"
    assert world.memory.rejected("m-2")
    world.desired = "m-2"
    world.tick(2)
    assert world.memory.stable == "m-2"
    assert world.memory.candidate is None, "the stable spec again: withdrawn at once"


def test_undo_is_refused_where_there_is_nothing_to_go_back_to_or_an_attempt_runs() -> None:
    world = serving()
    world.verb("undo", "1")
    world.tick()
    world.desired = "m-2"
    world.until("Progressing")
    world.verb("undo", "2")
    world.tick()
    refused = [note.message for note in world.notes if note.reason == "VerbRefused"]
    assert len(refused) == 2
    assert "no revision promoted before" in refused[0]
    assert "abort ends it" in refused[1]


def test_a_freeze_does_not_stop_an_undo() -> None:
    world = promoted_twice()
    world.frozen = "namespace team-a is"
    world.verb("undo")
    world.until("RolledBack", 10)
    assert world.memory.stable == "m-1"


def held_in_a_freeze() -> World:
    world = serving(frozen="namespace team-a is")
    world.desired = "m-2"
    world.until("Promoting")
    world.tick(60)
    assert world.memory.phase == "Promoting"
    assert world.memory.weight == 50
    assert world.memory.stable == "m-1"
    return world


def test_a_freeze_says_so_once_and_ends_by_itself() -> None:
    world = held_in_a_freeze()
    assert world.reasons().count("Frozen") == 1
    assert world.memory.message == "promotions are frozen (namespace team-a is); m-2 is held at 50 %"
    world.frozen = ""
    world.until("Healthy")
    assert world.memory.stable == "m-2"


def test_a_freeze_stops_the_verb_promote_and_no_abort() -> None:
    world = serving(frozen="the platform is")
    world.desired = "m-2"
    world.until("Progressing")
    world.verb("promote")
    world.tick(30)
    assert (world.memory.phase, world.memory.weight) == ("Promoting", 5)
    world.verb("abort", "2")
    world.tick()
    assert world.memory.phase == "Aborted"
    assert world.in_force == {"m-1": 100}


@pytest.mark.parametrize("held_by", ["freeze", "pause"])
def test_pods_lost_while_the_promotion_is_held_lose_their_weight_at_once(held_by: str) -> None:
    world = held_in_a_freeze()
    if held_by == "pause":
        world.verb("pause")
        world.tick()
        world.frozen = ""
    world.broken.add("m-2")
    world.ready["m-2"] = 0
    world.plan()
    assert world.memory.traffic == {"m-1": 100, "m-2": 0}


def test_a_frozen_platform_promotes_nothing_and_still_rolls_back() -> None:
    world = held_in_a_freeze()
    world.behaviours["m-2"] = Behaviour(bad=0.5)
    world.until("RolledBack", 30)


def test_pods_that_never_start_are_rolled_back_with_their_reason() -> None:
    world = serving()
    world.broken.add("m-2")
    world.desired = "m-2"
    world.until("RolledBack", 40)
    assert "ModelLoadFailed" in world.memory.attempts[-1].reason
    assert world.in_force == {"m-1": 100}


def test_routes_that_are_not_acknowledged_are_rolled_back() -> None:
    world = serving()
    world.desired = "m-2"
    world.tick(1)
    world.until("Progressing")
    world.routers_answer = False
    world.memory = world.memory.model_copy(update={"applied": world.memory.decision - 1})
    world.acknowledged = world.memory.decision - 1
    world.until("RolledBack", 40)
    assert "RouteNotAcknowledged" in world.memory.attempts[-1].reason


def test_lost_pods_lose_their_weight_at_once() -> None:
    world = serving(replicas=4)
    world.desired = "m-2"
    world.until("Progressing")
    while world.memory.weight < 50:
        world.tick()
    world.ready["m-2"] = 1
    world.plan()
    assert world.memory.weight == 25
    world.ready["m-2"] = 0
    world.plan()
    assert world.memory.weight == 0
    world.broken.add("m-2")
    world.until("RolledBack", 40)


@pytest.mark.parametrize("require_pass", [True, False])
def test_a_step_that_asks_for_a_pass_is_held_until_there_is_one_and_says_why(*, require_pass: bool) -> None:
    steps = (StepPolicy("sure", 25, 5, require_pass=require_pass), StepPolicy("half", 50, 5))
    world = serving(policy=policy(steps=steps, gates=ERRORS_ONLY), rate=20.0)
    world.desired = "m-2"
    world.until("Progressing")
    said = {world.memory.message}
    while world.memory.step == 0:
        world.tick()
        said.add(world.memory.message)
    left = {item["name"]: item["verdict"] for item in world.memory.results}
    assert any(message.endswith("; waits for Pass from errors") for message in said) is require_pass
    assert left == {"errors": "Pass" if require_pass else "Inconclusive"}
    assert world.memory.candidate == "m-2"


def test_a_gate_without_labels_says_in_the_step_that_waits_for_it_what_it_takes_and_until_when() -> None:
    gates = (*ERRORS_ONLY, Gate.model_validate({"name": "right", "feedback": {"metric": "Accuracy"}}))
    world = serving(policy=policy(gates=gates, max_duration=7200.0))
    world.desired = "m-2"
    world.until("Progressing")
    while world.memory.step < 2:
        assert "needs" not in world.memory.message, "only the last step waits for it"
        world.tick()
    world.tick(60)
    until = timestamp((world.memory.step_started or 0.0) + 20.0 + 7200.0)
    needed = f"right needs 200 labelled rows of the candidate, in 20 posts or more, until {until}"
    assert world.memory.message == f"step 3/3 c: 50 % to m-2; waits for Pass from right; {needed}"
    before = world.memory.without_counts()
    world.tick(20)
    assert world.memory.without_counts() == before, "a message that changes is a write"
    world.now += 7200.0
    world.tick(2)
    assert world.memory.message.endswith(f"in 20 posts or more; its maxDuration ended at {until}")
    assert world.memory.phase == "Progressing", "without any label it holds"


def test_a_step_that_waits_for_a_gate_that_cannot_judge_it_says_so() -> None:
    gates = (*ERRORS_ONLY, Gate.model_validate({"name": "right", "feedback": {"metric": "Accuracy"}}))
    steps = (StepPolicy("shadow", 0, 5, mirror=100, require_pass=True), StepPolicy("half", 50, 5))
    world = serving(policy=policy(steps=steps, gates=gates, on_inconclusive="RollBack", max_duration=10.0))
    world.desired = "m-2"
    world.until("Progressing")
    world.tick(30)
    what = "a step with a weight: leave this one with the verb skip, or edit the steps"
    assert world.memory.message.endswith(f"; waits for Pass from right; right needs {what}")
    world.verb("skip")
    world.tick(2)
    assert world.memory.step == 1


def test_a_fault_in_the_bake_reverts_at_once() -> None:
    world = serving()
    world.desired = "m-2"
    world.until("Baking")
    world.behaviours["m-2"] = Behaviour(bad=0.3)
    world.until("RolledBack", 12)
    assert world.memory.stable == "m-1"
    assert world.in_force["m-1"] == 100
    assert world.memory.rejected("m-2")


def test_pods_lost_in_the_bake_are_bridged_by_the_former_revision() -> None:
    world = serving(policy=policy(bake_time=600.0))
    world.desired = "m-2"
    world.until("Baking")
    world.broken.add("m-2")
    world.tick(2)
    assert (world.memory.phase, world.memory.stable) == ("Baking", "m-2")
    assert world.in_force == {"m-2": 0, "m-1": 100}
    assert "m-1 answers until they are back" in world.memory.message
    world.broken.clear()
    world.tick(2)
    assert world.in_force == {"m-2": 100, "m-1": 0}
    assert world.memory.wait is None
    world.until("Healthy")
    assert world.memory.stable == "m-2"


def test_what_was_undone_in_vain_stands_in_for_its_successor_that_lost_its_pods_in_the_bake() -> None:
    """It served until then, and the others do not answer at all."""
    world = promoted_twice()
    world.broken.add("m-1")
    world.verb("undo")
    world.tick(2)
    world.desired = "m-3"
    world.until("Baking")
    world.broken.add("m-3")
    world.ready["m-3"] = 0
    world.plan()
    assert world.memory.traffic == {"m-3": 0, "m-2": 100}
    assert world.memory.rejected("m-2")


def test_pods_that_do_not_come_back_in_the_bake_roll_it_back() -> None:
    world = serving(policy=policy(bake_time=600.0))
    world.desired = "m-2"
    world.until("Baking")
    world.broken.add("m-2")
    world.until("RolledBack", 40)
    assert (world.memory.stable, world.in_force) == ("m-1", {"m-1": 100})
    rejected = world.memory.rejected("m-2")
    assert rejected is not None
    assert rejected.reason.startswith("PodsLost")


def test_pods_lost_at_the_moment_of_the_switch_lose_their_weight() -> None:
    world = serving(policy=policy(gates=ERRORS_ONLY))
    world.desired = "m-2"
    while world.memory.weight < 50:
        world.tick()
    world.routers_answer = False
    world.verb("promote")
    world.tick()
    assert world.memory.traffic["m-2"] == 100
    assert world.memory.phase == "Promoting"
    world.broken.add("m-2")
    world.tick(2)
    assert world.memory.traffic == {"m-1": 100, "m-2": 0}
    world.routers_answer = True
    world.broken.clear()
    world.until("Healthy")
    assert world.memory.stable == "m-2"


def test_a_change_in_the_bake_ends_it_as_promoted_first() -> None:
    world = serving()
    world.desired = "m-2"
    world.until("Baking")
    world.desired = "m-3"
    world.tick(2)
    assert world.memory.attempts[-2].outcome == "Promoted"
    assert world.memory.stable == "m-2"
    assert world.memory.candidate == "m-3"


def test_going_back_within_the_window_needs_no_steps() -> None:
    world = serving()
    world.desired = "m-2"
    world.tick(2)
    world.until("Healthy")
    world.notes.clear()
    world.desired = "m-1"
    world.tick(3)
    assert world.memory.stable == "m-1"
    assert "StepStarted" not in world.reasons()


def test_edited_steps_keep_the_weight() -> None:
    world = serving()
    world.desired = "m-2"
    world.until("Progressing")
    while world.memory.weight < 25:
        world.tick()
    steps = (StepPolicy("a", 10, 20), StepPolicy("b", 30, 20), StepPolicy("c", 60, 20))
    world.policy = policy(steps=steps)
    world.tick(1)
    assert "StepsChanged" in world.reasons()
    assert world.memory.weight >= 25
    world.until("Healthy")
    assert world.memory.stable == "m-2"


def test_edited_gates_start_their_evidence_again_and_never_revive_a_rejected_revision() -> None:
    world = serving(behaviours={"m-2": Behaviour(bad=0.2)})
    world.desired = "m-2"
    world.until("RolledBack", 30)
    world.policy = policy(gates=ERRORS_ONLY)
    world.tick(10)
    assert world.memory.candidate is None
    world.behaviours.clear()
    world.desired = "m-3"
    world.until("Progressing")
    world.tick(3)
    world.policy = policy()
    world.tick(1)
    assert "GatesChanged" in world.reasons()
    world.until("Healthy")
    assert world.memory.stable == "m-3"


def test_a_changed_signature_holds_the_candidate_without_traffic() -> None:
    world = serving()
    world.held["m-2"] = Obstacle("SignatureChanged", "input a is gone")
    world.desired = "m-2"
    world.tick(60)
    assert world.memory.phase == "Starting"
    assert world.in_force == {"m-1": 100}
    assert "input a is gone" in world.memory.message


@pytest.mark.parametrize(
    ("choice", "phase"), [("Hold", "Progressing"), ("RollBack", "RolledBack"), ("Promote", "Baking")]
)
def test_an_inconclusive_last_step_follows_the_policy(choice: str, phase: str) -> None:
    world = serving(policy=policy(gates=ERRORS_ONLY, max_duration=200.0, on_inconclusive=choice))
    world.behaviours = {"m-1": Behaviour(bad=0.05), "m-2": Behaviour(bad=0.05)}
    world.tick(24)
    world.rate = 4
    world.desired = "m-2"
    for _ in range(400):
        world.tick()
        if world.memory.phase == phase and (phase != "Progressing" or world.memory.step == 2):
            break
    if phase == "Progressing":
        world.tick(60)
    assert world.memory.phase == phase


def gates_of(**errors: object) -> tuple[Gate, ...]:
    return (Gate.model_validate({"name": "errors", "errorRate": {}, **errors}),)


def test_a_gate_that_blocks_nothing_fails_without_consequence() -> None:
    world = serving(policy=policy(gates=gates_of(blocks="Nothing")))
    world.behaviours["m-2"] = Behaviour(bad=0.3)
    world.desired = "m-2"
    world.until("Baking")
    assert world.memory.results[0]["verdict"] == "Fail"
    world.until("Healthy")
    assert world.memory.stable == "m-2"


@pytest.mark.parametrize(("patience", "phase"), [("20s", "RolledBack"), ("1d", "Progressing")])
def test_a_gate_may_be_waited_for_longer_than_the_others(patience: str, phase: str) -> None:
    gates = gates_of(maxDuration=patience)
    world = serving(policy=policy(gates=gates, max_duration=1.0, on_inconclusive="RollBack"), rate=2.0)
    world.behaviours = {"m-1": Behaviour(bad=0.05), "m-2": Behaviour(bad=0.05)}
    world.desired = "m-2"
    world.tick(140)
    assert (world.memory.phase, "waits for Pass" in world.memory.message) == (phase, phase == "Progressing")


def test_how_long_a_gate_is_waited_for_starts_no_evidence_again() -> None:
    assert policy(gates=gates_of(maxDuration="1d")).gates_digest == policy(gates=gates_of()).gates_digest
    assert policy(gates=gates_of(blocks="Nothing")).gates_digest != policy(gates=gates_of()).gates_digest


def test_stable_pods_stay_until_the_bake_ends() -> None:
    world = serving(replicas=3)
    world.desired = "m-2"
    while world.memory.phase != "Healthy" or world.memory.stable != "m-2":
        world.tick()
        if world.memory.phase != "Healthy":
            assert world.ready["m-1"] >= 3
    world.tick(8)
    assert "m-1" not in world.ready
    assert world.memory.draining == {}


def test_planning_again_on_the_result_changes_nothing() -> None:
    world = serving()
    world.desired = "m-2"
    for _ in range(40):
        world.tick()
        before = world.memory
        notes = len(world.notes)
        assert world.plan() == before
        assert len(world.notes) == notes


def _undo_by_monitor(world: World) -> None:
    world.undo = Verb("undo", "monitor/churn", "undo=monitor/churn/1", "InputDrift: income moved")


def test_a_monitor_has_a_promotion_undone_once_and_is_remembered_as_who_did_it() -> None:
    world = promoted_twice()
    _undo_by_monitor(world)
    world.tick(12)
    assert world.memory.stable == "m-1"
    undone = world.memory.record("m-2")
    assert undone is not None
    assert (undone.outcome, undone.by) == ("RolledBack", "monitor/churn")
    assert [(run.kind, run.revision, run.outcome) for run in world.memory.actions] == [("Undo", "m-2", "Succeeded")]
    world.tick(12)
    assert world.reasons().count("UndoRequested") == 1
    assert world.memory.stable == "m-1"


@pytest.mark.parametrize("killed", range(13))
def test_an_operator_that_is_killed_in_any_phase_of_an_undo_begins_it_once(killed: int) -> None:
    world = promoted_twice()
    _undo_by_monitor(world)
    for turn in range(16):
        if turn == killed:
            world.plan()  # decided, and gone before it was written
            world.memory = Memory.model_validate_json(world.memory.model_dump_json())
        world.tick()
    assert world.memory.stable == "m-1"
    assert [(run.kind, run.outcome) for run in world.memory.actions] == [("Undo", "Succeeded")]
    assert [one.outcome for one in world.memory.attempts] == ["Promoted"] * 3  # the third goes back


def test_an_undo_for_a_monitor_that_comes_to_nothing_is_not_tried_again() -> None:
    world = promoted_twice()
    _undo_by_monitor(world)
    world.broken = {"m-1"}
    world.tick(60)
    assert world.memory.stable == "m-2"
    assert [run.outcome for run in world.memory.actions] == ["Failed"]
    assert world.reasons().count("UndoRequested") == 1


def test_a_freeze_stops_what_a_monitor_asks_for_until_it_ends() -> None:
    world = promoted_twice()
    world.frozen = "audit"
    _undo_by_monitor(world)
    world.tick(3)
    assert world.memory.actions == ()
    world.frozen = ""
    world.tick(12)
    assert world.memory.stable == "m-1"
