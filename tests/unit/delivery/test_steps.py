"""Steps of every kind: copies, chosen callers, shares, callers who stay, and no steps at all."""

from __future__ import annotations

import pytest

from tests.unit.delivery.world import ERRORS_ONLY, SLOT, Behaviour, World, policy, serving
from weirkeeper.api.names import MATCH, MIRROR, arm
from weirkeeper.api.steps import Callers, HeaderMatch, Match, Sticky
from weirkeeper.delivery.errors_gate import SLOTS_WITH_ERRORS, STICKY_SLOTS_WITH_ERRORS, ErrorsMemory
from weirkeeper.delivery.evidence import Outcomes
from weirkeeper.delivery.exposure import Exposure, exposed, exposure, pods_for
from weirkeeper.delivery.gate_kind import Tally
from weirkeeper.delivery.memory import Beside
from weirkeeper.delivery.policy import Policy, StepPolicy
from weirkeeper.delivery.verdict import Comparison, Levels

ALPHA = Match(headers=(HeaderMatch(name="x-cohort", value="alpha"),))
BETA = Match(headers=(HeaderMatch(name="x-cohort", value="beta"),), replicas=3)
ALPHA_CALLERS, BETA_CALLERS = Callers(headers=ALPHA.headers), Callers(headers=BETA.headers)

SHADOW = StepPolicy("shadow", 0, 20, mirror=100)
HALF_SHADOW = StepPolicy("half-shadow", 0, 20, mirror=50)
CHOSEN = StepPolicy("alpha", 0, 20, match=ALPHA)
OTHERS = StepPolicy("beta", 0, 20, match=BETA)
FIRST, HALF = StepPolicy("first", 5, 20), StepPolicy("half", 50, 20)
STAGED = (SHADOW, CHOSEN, FIRST, HALF)


def staged(*steps: StepPolicy, **changes: object) -> Policy:
    return policy(steps=steps or STAGED, gates=ERRORS_ONLY, **changes)


def trying(*steps: StepPolicy, **changes: object) -> World:
    """A world in which m-2 is just wanted."""
    world = serving(policy=staged(*steps, **changes), rate=60.0)
    world.desired = "m-2"
    return world


def at_step(world: World, index: int, limit: int = 200) -> None:
    for _ in range(limit):
        if world.memory.phase == "Progressing" and world.memory.step == index and world.memory.entered:
            world.tick()
            return
        world.tick()
    raise AssertionError(f"step {index} not reached: {world.memory.phase} {world.memory.step}, {world.memory.message}")


def test_from_shadow_over_chosen_callers_and_shares_to_production() -> None:
    world = trying()
    seen: list[Exposure] = []
    while world.memory.phase != "Healthy" or world.memory.stable == "m-1":
        world.tick()
        now = exposed(world.memory)
        if not seen or seen[-1] != now:
            seen.append(now)
    callers = (ALPHA_CALLERS,)
    assert seen[:5] == [
        Exposure(mirror=100),
        Exposure(callers=callers),
        Exposure(weight=5, callers=callers),
        Exposure(weight=50, callers=callers),
        Exposure(weight=100),
    ]
    titles = [note.message for note in world.notes if note.reason == "StepStarted"]
    assert titles == [
        "step 1/4 shadow: copies of 100 % of the requests to m-2, whose answers nobody sees",
        "step 2/4 alpha: callers told by x-cohort to m-2",
        "step 3/4 first: 5 % to m-2",
        "step 4/4 half: 50 % to m-2",
    ]
    assert world.memory.traffic == {"m-2": 100}


def test_copies_are_judged_and_nobody_is_exposed_to_them() -> None:
    world = trying()
    world.behaviours["m-2"] = Behaviour(bad=0.2)
    assert world.until("RolledBack", 60) < 30
    assert "gate errors failed" in world.memory.message
    assert world.memory.attempts[-1].exposed_requests == 0
    assert world.memory.step == 0


def test_copies_are_judged_by_latency() -> None:
    world = serving(policy=policy(steps=STAGED))
    world.desired = "m-2"
    world.behaviours["m-2"] = Behaviour(milliseconds=20.0)
    world.until("RolledBack", 120)
    assert "gate latency failed" in world.memory.message


def test_chosen_callers_are_judged_by_the_objective_alone() -> None:
    """Their candidate fails as often as stable does, which the objective does not allow."""
    world = trying(CHOSEN, FIRST)
    world.behaviours |= {"m-2": Behaviour(bad=0.08), "m-1": Behaviour(bad=0.08)}
    world.until("RolledBack", 120)
    assert "at most 1 % allowed" in world.memory.message
    assert world.memory.attempts[-1].exposed_requests > 0


def test_what_chosen_callers_met_is_in_no_later_comparison() -> None:
    world = trying(CHOSEN, HALF)
    # Bad for them, but not so bad that it fails.
    world.behaviours[arm("m-2", MATCH)] = Behaviour(bad=0.03)
    at_step(world, 1)
    world.tick(2)
    [result] = world.memory.results
    split = sum(slot.revisions["m-2"].requests for slot in world.outcomes if "m-2" in slot.revisions)
    assert 0 < result["candidate"]["requests"] <= split
    assert result["candidate"]["bad"] == 0


def test_chosen_callers_never_pass_a_candidate() -> None:
    world = trying(CHOSEN, FIRST)
    world.chosen = 0.9
    at_step(world, 0)
    world.tick(2)
    [result] = world.memory.results
    assert result["candidate"]["requests"] > 300
    assert (result["verdict"], result["logEPass"]) == ("Inconclusive", 0.0)


def test_a_step_of_chosen_callers_waits_for_their_requests() -> None:
    world = trying()
    world.chosen = 0.0
    at_step(world, 1)
    world.tick(60)
    assert world.memory.step == 1
    assert "waits until the candidate answered 30 requests in this step" in world.memory.message


@pytest.mark.parametrize("verb", ["abort", "promote"])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_verbs_work_at_every_kind_of_step(verb: str, index: int) -> None:
    world = trying()
    at_step(world, index)
    world.verb(verb)
    world.plan()
    if verb == "abort":
        assert world.memory.phase == "Aborted"
        assert world.memory.traffic == {"m-1": 100}
        assert exposed(world.memory) == Exposure()
    else:
        world.until("Baking")
        assert (world.memory.stable, world.memory.beside) == ("m-2", Beside())


def test_pods_that_are_lost_take_copies_and_callers_with_them() -> None:
    world = trying()
    for index, had in ((0, Exposure(mirror=100)), (1, Exposure(callers=(ALPHA_CALLERS,)))):
        at_step(world, index)
        assert exposed(world.memory) == had
        world.ready["m-2"] = 0
        world.plan()
        assert exposed(world.memory) == Exposure()
        world.follow()
        world.plan()
        assert exposed(world.memory) == had


def test_fewer_pods_get_fewer_copies() -> None:
    world = serving(policy=staged(), replicas=4, rate=60.0)
    world.desired = "m-2"
    at_step(world, 0)
    world.ready["m-2"] = 3
    world.plan()
    assert exposed(world.memory) == Exposure(mirror=75)


@pytest.mark.parametrize(
    ("steps", "index", "floor", "size", "pods"),
    [
        ((SHADOW,), 0, 0, 5, 5),
        ((HALF_SHADOW,), 0, 0, 5, 3),
        ((StepPolicy("few", 0, 0, mirror=1),), 0, 0, 5, 1),
        ((CHOSEN, FIRST), 0, 0, 5, 1),
        ((OTHERS, FIRST), 0, 0, 5, 3),
        ((OTHERS, CHOSEN, FIRST), 1, 0, 5, 3),
        ((OTHERS, FIRST), 1, 0, 10, 3),
        ((OTHERS, HALF), 1, 0, 10, 10),
        ((CHOSEN, HALF), 0, 50, 4, 4),
    ],
)
def test_sizes(steps: tuple[StepPolicy, ...], index: int, floor: int, size: int, pods: int) -> None:
    assert pods_for(steps, index, floor, size) == pods


def test_callers_of_every_former_step_stay() -> None:
    steps = (CHOSEN, OTHERS, FIRST)
    assert exposure(steps, 2) == Exposure(weight=5, callers=(ALPHA_CALLERS, BETA_CALLERS))


@pytest.mark.parametrize(
    ("at", "edited", "step", "kept"),
    [
        # the same kind goes on where it was
        (0, (SHADOW, FIRST), 0, Exposure(mirror=100)),
        (0, (HALF_SHADOW, FIRST), 0, Exposure(mirror=50)),
        (1, (HALF_SHADOW, CHOSEN, FIRST), 1, Exposure(callers=(ALPHA_CALLERS,))),
        # what was not reached is not skipped
        (0, (CHOSEN, FIRST), 0, Exposure(callers=(ALPHA_CALLERS,))),
        (1, (SHADOW, OTHERS, FIRST), 0, Exposure(mirror=100)),
        (1, (FIRST, HALF), 0, Exposure(weight=5)),
        # a weight is kept, and the last step whose weight was reached goes on
        (3, (SHADOW, CHOSEN, FIRST), 2, Exposure(weight=50, callers=(ALPHA_CALLERS,))),
        (2, (SHADOW, CHOSEN, HALF), 1, Exposure(weight=5, callers=(ALPHA_CALLERS,))),
        (2, (HALF_SHADOW, HALF), 0, Exposure(weight=5, mirror=50)),
    ],
)
def test_edited_steps_go_on_where_the_candidate_is(
    at: int, edited: tuple[StepPolicy, ...], step: int, kept: Exposure
) -> None:
    world = trying()
    at_step(world, at)
    world.policy = staged(*edited)
    world.plan()
    assert world.reasons().count("StepsChanged") == 1
    assert world.memory.step == step
    world.follow()
    world.plan()
    assert exposed(world.memory) == kept


def test_all_at_once_waits_for_pods_and_is_judged_in_the_bake() -> None:
    world = serving(policy=policy(steps=(), gates=ERRORS_ONLY), rate=60.0)
    world.desired = "m-2"
    world.ready["m-2"] = 0
    world.plan()
    assert world.memory.phase == "Starting"
    world.behaviours["m-2"] = Behaviour(bad=0.2)
    world.until("Baking")
    assert world.memory.traffic == {"m-2": 100, "m-1": 0}
    assert "m-2 goes to production without steps" in [note.message for note in world.notes]
    world.until("RolledBack", 30)
    assert world.memory.stable == "m-1"


def test_all_at_once_in_the_middle_of_an_attempt_and_back() -> None:
    world = trying()
    at_step(world, 0)
    world.policy = policy(steps=(), gates=ERRORS_ONLY)
    world.frozen = "by the platform"
    world.plan()
    assert world.memory.phase == "Promoting"
    world.policy = staged()
    world.plan()
    world.frozen = ""
    world.until("Baking")
    assert world.memory.stable == "m-2"


def test_callers_stay_where_they_are_while_the_weight_grows() -> None:
    told, other = Sticky(header="x-user"), Sticky(cookie="who")
    world = trying(sticky=told)
    found = []
    for index in (0, 2):
        at_step(world, index)
        found.append(world.memory.beside.sticky)
    decided = world.memory.decision
    world.policy = staged(sticky=other)
    found.append(world.plan().beside.sticky)
    assert world.memory.decision == decided + 1
    world.until("Baking")
    found.append(world.memory.beside.sticky)
    assert found == [None, told, other, None]


def test_errors_of_callers_who_stay_must_come_in_more_slots() -> None:
    for sticky, slots in ((False, SLOTS_WITH_ERRORS), (True, STICKY_SLOTS_WITH_ERRORS)):
        gate = ErrorsMemory.of("errors", ERRORS_ONLY[0].error_rate, 3)  # type: ignore[arg-type]
        comparison = Comparison("m-2", "m-1", "Weight", 0, 0, 15.0, SLOT, sticky=sticky)
        for number in range(1, slots + 1):
            gate = gate.fold_slot(Outcomes(50, 50, 50), Outcomes(950, 0, 0), "Weight")
            bad = Outcomes(50 * number, 50 * number, 50 * number)
            tally = Tally(bad, Outcomes(950 * number, 0, 0), bad)
            verdict = gate.result(comparison, tally, Levels(4.0, 3.0)).verdict
            assert verdict == ("Fail" if number == slots else "Inconclusive")


def test_the_evidence_of_copies_is_of_their_own_arm() -> None:
    world = trying()
    world.behaviours[arm("m-2", MIRROR)] = Behaviour(bad=0.3)
    at_step(world, 0)
    world.until("RolledBack", 60)


def test_planning_again_changes_nothing_at_any_kind_of_step() -> None:
    world = trying(sticky=Sticky(header="x-user"))
    for index in range(4):
        at_step(world, index)
        before = world.plan()
        assert world.plan() == before
