"""How an attempt moves on: from its pods to the steps, from the last step to the promotion, from there to health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from weirkeeper.api.values import Duration
from weirkeeper.delivery import gates, label_needs
from weirkeeper.delivery.attempt import end_bake, promote, revert, serve_first, withdraw
from weirkeeper.delivery.evidence_fold import (
    awaited_until,
    blocking,
    freeze,
    frozen,
    gates_memory,
    held_seconds,
    step_requests,
    with_gates,
)
from weirkeeper.delivery.exposure import Exposure, exposed, exposure, is_given, pods_needed
from weirkeeper.delivery.history import counted, step_begun
from weirkeeper.delivery.memory import Beside
from weirkeeper.delivery.sizes import ALL, effective_weight, split

if TYPE_CHECKING:
    from weirkeeper.delivery.memory import Memory
    from weirkeeper.delivery.policy import StepPolicy
    from weirkeeper.delivery.turn import Obstacle, Turn

MINIMUM_REQUESTS = 30
"""Requests that the candidate must have answered in a step before it ends (gates.md)."""

PODS_LOST = "PodsLost"
"""Why a promoted revision is rolled back that has no pod left in its bake."""


def move(turn: Turn) -> Turn:
    """One move of the phase that the attempt is in, where its conditions are met."""
    match turn.memory.phase:
        case "Starting":
            return _start(turn)
        case "Progressing":
            return _progress(turn)
        case "Promoting":
            return _promote(turn)
        case "Baking":
            return _bake(turn)
        case _:
            return turn


def _start(turn: Turn) -> Turn:
    memory, candidate = turn.memory, turn.candidate
    first = memory.stable is None
    needed = 1 if first else pods_needed(memory, turn.desired.policy)
    if turn.ready(candidate) < needed or candidate not in turn.observed.probed:
        return _overdue(_missing_pods(turn))
    if candidate in turn.observed.held:
        return turn.to(wait=None).say(turn.observed.held[candidate].message)
    if first:
        return serve_first(turn)
    if memory.paused_at is not None or not turn.settled:
        return turn.to(wait=None)
    return _enter_first_step(turn.to(wait=None))


def _enter_first_step(turn: Turn) -> Turn:
    if turn.memory.direct or not turn.desired.policy.steps:
        return turn.to(phase="Promoting").note("Promoting", f"{turn.memory.candidate} goes to production without steps")
    turn = freeze(turn)
    if not frozen(turn):
        return turn.say(
            f"{turn.candidate} is ready and waits at weight 0 until its stable revision answered enough requests"
            " within 10 minutes to freeze the latency gate's thresholds"
        )
    return _enter(turn.to(phase="Progressing"), 0)


def _enter(turn: Turn, index: int) -> Turn:
    return turn.to(step=index, entered=False, approved=False, step_started=None, wait=None)


def _progress(turn: Turn) -> Turn:
    memory = turn.memory
    steps = turn.desired.policy.steps
    if memory.direct or not steps:
        return turn.to(phase="Promoting", wait=None)
    if turn.candidate in turn.observed.held:
        return _shed(turn).to(wait=None).say(turn.observed.held[turn.candidate].message)
    step = steps[memory.step]
    turn = _carry(turn, step)
    if turn.memory.phase != "Progressing" or not turn.memory.entered or not turn.settled:
        return turn
    if turn.memory.paused_at is not None:
        return turn
    return _finish_step(turn, step) if is_given(turn.memory, steps) else turn


def _carry(turn: Turn, step: StepPolicy) -> Turn:
    """Give the candidate what the step gives as far as its ready pods carry it; lost pods lose it at once."""
    memory = turn.memory
    ready, probed = turn.ready(memory.candidate), turn.candidate in turn.observed.probed
    goal = exposure(turn.desired.policy.steps, memory.step, memory.floor).carried(ready, memory.size)
    kept = exposed(memory).at_most(goal)
    if memory.entered:
        return _waiting(_expose(turn, goal if probed else kept), short=ready == 0)
    if memory.paused_at is not None:
        return _expose(turn, kept)
    if ready < pods_needed(turn.memory, turn.desired.policy):
        return _overdue(_missing_pods(_expose(turn, kept)))
    if not probed:
        return _unprobed(_expose(turn, kept))
    begun = gates.begin_step(gates_memory(turn))
    turn = with_gates(_expose(turn, goal), begun).to(entered=True, step_started=turn.now)
    turn = step_begun(turn, step.name, goal.weight)
    return turn.note("StepStarted", _step_title(turn, step)).wait_for("Routes")


def _expose(turn: Turn, goal: Exposure) -> Turn:
    """What the candidate gets, stable gets the rest; the same again is no decision."""
    sticky = turn.desired.policy.sticky if 0 < goal.weight < ALL else None
    beside = Beside(mirror=goal.mirror, callers=goal.callers, sticky=sticky)
    if goal.weight == turn.memory.weight and beside == turn.memory.beside:
        return turn
    return turn.route(split(turn.stable, turn.candidate, goal.weight), beside)


def _shed(turn: Turn) -> Turn:
    """Take away what pods that are lost had; what is lost comes back only where the attempt goes on."""
    memory = turn.memory
    return _expose(turn, exposed(memory).carried(turn.ready(memory.candidate), memory.size))


def _waiting(turn: Turn, *, short: bool) -> Turn:
    if short:
        return _overdue(_missing_pods(turn))
    if not turn.settled:
        return _overdue(turn.wait_for("Routes"))
    return turn.to(wait=None) if turn.memory.wait else turn


def _step_title(turn: Turn, step: StepPolicy) -> str:
    steps = turn.desired.policy.steps
    return f"step {turn.memory.step + 1}/{len(steps)} {step.name}: {_given(step, turn.candidate)}"


def _given(step: StepPolicy, candidate: str) -> str:
    if step.mirror:
        return f"copies of {step.mirror} % of the requests to {candidate}, whose answers nobody sees"
    if step.match:
        return f"callers told by {', '.join(header.name for header in step.match.headers)} to {candidate}"
    return f"{step.weight} % to {candidate}"


def _finish_step(turn: Turn, step: StepPolicy) -> Turn:
    held, seen = held_seconds(turn), step_requests(turn)
    last = turn.memory.step + 1 == len(turn.desired.policy.steps)
    title = _step_title(turn, step)
    if held < step.hold:
        return turn.say(f"{title}; its hold is {Duration.of(step.hold)}")
    if step.manual and not turn.memory.approved:
        return turn.say(f"{title}; held long enough, waits for the verb promote")
    if seen < MINIMUM_REQUESTS:
        return turn.say(f"{title}; waits until the candidate answered {MINIMUM_REQUESTS} requests in this step")
    awaited = [item for item in blocking(turn.memory) if item["verdict"] != "Pass"]
    if (last or step.require_pass) and awaited:
        return _inconclusive(turn, title, awaited, last=last)
    return leave_step(turn, last=last)


def leave_step(turn: Turn, *, last: bool) -> Turn:
    """Go on to the next step, or from the last one to the promotion."""
    turn = counted(turn)
    if not last:
        return _enter(turn, turn.memory.step + 1)
    return turn.to(phase="Promoting", wait=None).note("Promoting", f"{turn.memory.candidate} passed its last step")


def _inconclusive(turn: Turn, title: str, awaited: Sequence[Mapping[str, Any]], *, last: bool) -> Turn:
    """What follows when gates do not decide: a gate without any evidence holds, whatever the policy.

    The first gate that had its time rolls back, where the policy says so; a promotion takes all of them.
    """
    policy = turn.desired.policy
    waited = turn.now - (turn.memory.step_started or turn.now) - policy.steps[turn.memory.step].hold
    overdue = [item["name"] for item in awaited if waited >= policy.patience(item["name"]) and item.get("seen", True)]
    message = f"{title}; waits for Pass from {', '.join(item['name'] for item in awaited)}"
    message += label_needs.awaited(awaited, awaited_until(turn), turn.now)
    if policy.on_inconclusive == "RollBack" and overdue:
        reason = f"Inconclusive: {title}; no Pass from {', '.join(overdue)} after {waited:.0f} s"
        return withdraw(turn, "RolledBack", "RolledBack", reason)
    if policy.on_inconclusive == "Promote" and len(overdue) == len(awaited):
        return leave_step(turn.note("Inconclusive", f"{message}; promoted by onInconclusive"), last=last)
    return turn.say(message)


def _promote(turn: Turn) -> Turn:
    turn = _shed(turn)
    if turn.memory.traffic.get(turn.candidate) == ALL:
        return promote(turn) if turn.settled else _overdue(turn.wait_for("Routes"))
    return turn if turn.memory.paused_at is not None else _give_all(turn)


def _give_all(turn: Turn) -> Turn:
    candidate = turn.candidate
    if candidate in turn.observed.held:
        return turn.to(wait=None).say(turn.observed.held[candidate].message)
    if held_by_freeze(turn.memory, turn.desired.frozen):
        return _frozen(turn.to(wait=None))
    if turn.ready(candidate) < turn.memory.size:
        return _overdue(_missing_pods(turn))
    if candidate not in turn.observed.probed:
        return _unprobed(turn)
    return turn.route({candidate: ALL, turn.stable: 0}).wait_for("Routes").say(f"all traffic goes to {candidate}")


def held_by_freeze(memory: Memory, frozen: str) -> bool:
    """Whether a freeze keeps the candidate from all traffic. It stops no abort, no roll back and no undo."""
    if not frozen or memory.phase != "Promoting" or memory.undo or memory.candidate is None:
        return False
    return memory.traffic.get(memory.candidate) != ALL


def _frozen(turn: Turn) -> Turn:
    message = f"promotions are frozen ({turn.desired.frozen}); {turn.candidate} is held at {turn.memory.weight} %"
    return turn if turn.memory.message == message else turn.note("Frozen", message)


def _bake(turn: Turn) -> Turn:
    """Until the bake ends, the former revision is warm: it answers where the promoted one has lost all its pods."""
    memory = turn.memory
    whole = memory.traffic.get(turn.stable) == ALL
    if memory.previous and turn.ready(memory.previous) and not (whole and turn.ready(turn.stable)):
        return _bridge(turn)
    over = memory.bake_until is not None and turn.now >= memory.bake_until
    return end_bake(turn) if over and turn.settled else turn


def _bridge(turn: Turn) -> Turn:
    """Give the promoted revision what its ready pods carry, and the former one the rest."""
    stable, former, ready = turn.stable, turn.former, turn.ready(turn.stable)
    weight = effective_weight(ALL, ready, turn.memory.size)
    turn = turn.route({stable: weight, former: ALL - weight})
    if weight == ALL:
        return turn.to(wait=None).say(f"{stable} has its pods again and serves all traffic while it bakes")
    turn = turn.wait_for("Pods").say(f"{stable} lost its pods in the bake: {former} answers until they are back")
    if turn.memory.wait is None or turn.now - turn.memory.wait.since < turn.desired.policy.progress_deadline:
        return turn
    return revert(turn, "RolledBack", "RolledBack", f"{PODS_LOST}: no pod of it came back within the progress deadline")


def _missing_pods(turn: Turn) -> Turn:
    candidate = turn.candidate
    needed, ready = pods_needed(turn.memory, turn.desired.policy), turn.ready(candidate)
    obstacle = turn.observed.obstacles.get(candidate)
    why = f": {obstacle.reason}: {obstacle.message}" if obstacle else ""
    return turn.wait_for("Pods").say(f"waits for pods of {candidate}, {ready} of {needed} ready{why}")


def _unprobed(turn: Turn) -> Turn:
    """Give no more while nobody knows of the golden requests: that is missing evidence, so no deadline runs."""
    return turn.to(wait=None).say(f"waits until a pod of {turn.candidate} tells that it answered its golden requests")


def _overdue(turn: Turn) -> Turn:
    """Roll back what waited longer for pods or routes than the progress deadline allows."""
    memory = turn.memory
    if memory.wait is None or memory.stable is None or memory.paused_at is not None:
        return turn
    if turn.now - memory.wait.since < turn.desired.policy.progress_deadline:
        return turn
    obstacle = _obstacle(turn)
    reason = f"{obstacle[0]}: {obstacle[1]}"
    return withdraw(turn, "RolledBack", "RolledBack", reason)


def _obstacle(turn: Turn) -> tuple[str, str]:
    wait = turn.memory.wait
    limit = turn.desired.policy.progress_deadline
    if wait is not None and wait.target == "Routes":
        return "RouteNotAcknowledged", f"not every router had the split in force within {limit:.0f} s"
    found: Obstacle | None = turn.observed.obstacles.get(turn.candidate)
    if found:
        return found.reason, found.message
    return "ProgressDeadlineExceeded", f"its pods were not ready within {limit:.0f} s"
