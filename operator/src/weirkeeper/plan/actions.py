"""What the Monitors of a Model ask for: an undo of the last promotion, or a Job that trains anew, also by the clock.

Both are decided in the Model's memory, in one write with what they decide, before anything is done. So an operator
that ends at any moment does each of them once or not at all, and clocks that jump make nothing happen twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from weirkeeper.api import names
from weirkeeper.api.conditions import condition_of, timestamp, unix_seconds
from weirkeeper.api.errors import InvalidSpec
from weirkeeper.api.monitor import parse_monitor
from weirkeeper.delivery.feedback_gate import LEAST_POSTS
from weirkeeper.delivery.memory import ActionRun, with_action
from weirkeeper.delivery.turn import Obstacle, Verb
from weirkeeper.delivery.undoing import MONITOR
from weirkeeper.delivery.verbs import ATTEMPT
from weirkeeper.plan import schedules
from weirkeeper.plan.assessed import Assessment
from weirkeeper.plan.assessment import assessments
from weirkeeper.plan.conditions.watched import LABELLED, PROMISED
from weirkeeper.plan.cron_jobs import ended, followed, refusal
from weirkeeper.plan.freezing import frozen
from weirkeeper.plan.schedules import Scheduled
from weirkeeper.render.retrain_job import job_name, retrain_job

if TYPE_CHECKING:
    from weirkeeper.api.monitor_actions import Action
    from weirkeeper.delivery.memory import Memory
    from weirkeeper.plan.snapshot import Object, Snapshot
    from weirkeeper.render.owners import Manifest

REASON_LIMIT: Final = 160
MESSAGE_LIMIT: Final = 300


@dataclass(frozen=True)
class Cause:
    """An action of a Monitor with a condition that is bad, or whose time has come.

    It says why, and from when on it may act (Unix seconds). `scheduled` is the key of its schedule, if it has one.
    """

    monitor: str
    action: Action
    reason: str
    due: float
    window: tuple[int, int] | None
    scheduled: str = ""


def causes(snapshot: Snapshot, memory: Memory, now: float) -> tuple[Cause, ...]:
    """Find every action whose condition is bad, by the last window and by the status that was written before.

    After them come those whose time has come.
    """
    pairs = tuple(zip(snapshot.monitors, assessments(snapshot), strict=True))
    windows = {one.monitor: _window(one) for _, one in pairs}
    timely = ((one, schedules.due(memory, one, now)) for one in scheduled(snapshot) if one.key in memory.schedules)
    return (
        *(cause for monitor, one in pairs for cause in _causes_of(monitor, one, memory)),
        *(
            Cause(one.monitor, one.action, f"Schedule: {one.expression}", time, windows.get(one.monitor), one.key)
            for one, time in timely
            if time is not None
        ),
    )


def scheduled(snapshot: Snapshot) -> tuple[Scheduled, ...]:
    """The actions by the clock of all Monitors."""
    return tuple(
        Scheduled(monitor["metadata"]["name"], action)
        for monitor in snapshot.monitors
        for action in actions_of(monitor)
        if action.schedule
    )


def _causes_of(monitor: Object, one: Assessment, memory: Memory) -> Iterable[Cause]:
    bad = {
        said.type: said.message
        for said in one.conditions
        if said.state == "Drifting" and (one.settled or said.type in PROMISED)
    }
    for action in actions_of(monitor):
        # Labels come from outside: however many rows one post brings, few posts undo nothing.
        weak = LABELLED if action.undo and _posts(one) < LEAST_POSTS else ()
        told = {kind: message for kind, message in bad.items() if kind not in weak}
        found = [
            (since, f"{kind}: {told[kind]}")
            for kind in action.when
            if kind in told
            and (since := _since(monitor, kind)) is not None
            # Of requests before a promotion the revision that serves now is not guilty.
            and (kind not in PROMISED or since >= (memory.stable_since or 0.0))
        ]
        if found and not action.suspend:
            since, reason = min(found)
            due = max(since, memory.stable_since or 0.0) + action.lasting.seconds
            yield Cause(one.monitor, action, reason[:REASON_LIMIT], due, _window(one))


def _window(one: Assessment) -> tuple[int, int] | None:
    return (int(one.window.start), int(one.window.end)) if one.window else None


def _posts(one: Assessment) -> int:
    return one.labelled.window.counts.posts if one.labelled else 0


def _since(monitor: Object, kind: str) -> float | None:
    """Since when the Monitor's status has said that a condition is True."""
    found = condition_of(monitor.get("status") or {}, kind) or {}
    known = found.get("status") == "True" and found.get("lastTransitionTime")
    return unix_seconds(found["lastTransitionTime"]) if known else None


def actions_of(monitor: Object) -> tuple[Action, ...]:
    """The actions of a Monitor; none where its spec cannot be understood."""
    try:
        return parse_monitor(monitor).actions
    except InvalidSpec:
        return ()


def wake_at(found: tuple[Cause, ...], timely: tuple[Scheduled, ...], memory: Memory, now: float) -> float | None:
    """When the next action may become due, or is given up."""
    moments = [cause.due for cause in found]
    moments += [_rested(memory, cause.action) for cause in found if cause.action.retrain]
    moments += schedules.moments(memory, timely, now)
    return min((moment for moment in moments if moment > now), default=None)


def undo_wanted(found: tuple[Cause, ...], memory: Memory, now: float) -> Verb | None:
    """The undo that a Monitor asks for now; the machine sees to it that a promotion is undone once."""
    for cause in found:
        undo, promoted = cause.action.undo, memory.promoted_at
        if undo and promoted is not None and cause.due <= now <= promoted + undo.within.seconds:
            actor = f"{MONITOR}{cause.monitor}"
            return Verb("undo", actor, f"undo={actor}/{promoted:.0f}", cause.reason)
    return None


def retrain_asked(snapshot: Snapshot, memory: Memory, found: tuple[Cause, ...], now: float) -> Memory:
    """The memory with a training asked for that is due: one at a time, and none of a CronJob that has to rest.

    What a training makes would supersede the candidate of an attempt, whoever asked for that; so it waits for the end.
    """
    if frozen(snapshot) or memory.stable is None or memory.phase in ATTEMPT or _running(memory):
        return memory
    cause = next((one for one in found if one.due <= now and _may_train(snapshot, memory, one.action, now)), None)
    if cause is None or cause.action.retrain is None:
        return memory
    name = cause.action.retrain.cron_job_ref.name
    uid = ((snapshot.model or {}).get("metadata") or {}).get("uid", "")
    run = ActionRun(
        kind="Retrain",
        monitor=cause.monitor,
        revision=memory.stable,
        asked=now,
        reason=cause.reason,
        message="its Job has not started yet",
        cron_job=name,
        job=job_name(snapshot.name, uid, cause.monitor, name, now),
        window=cause.window,
    )
    memory = memory.model_copy(update={"actions": with_action(memory.actions, run)})
    return schedules.heeded(memory, {cause.scheduled: cause.due}) if cause.scheduled else memory


def _running(memory: Memory) -> bool:
    return any(run.kind == "Retrain" and run.ended is None for run in memory.actions)


def _may_train(snapshot: Snapshot, memory: Memory, action: Action, now: float) -> bool:
    return action.retrain is not None and refused(snapshot, action) is None and now >= _rested(memory, action)


def _rested(memory: Memory, action: Action) -> float:
    """When the CronJob of an action may be used again."""
    if action.retrain is None:
        return 0.0
    name, rest = action.retrain.cron_job_ref.name, action.retrain.cooldown.seconds
    return max((run.asked + rest for run in memory.actions if run.cron_job == name), default=0.0)


def waits_for(snapshot: Snapshot, memory: Memory, action: Action, now: float) -> str:
    """Why a training does not begin, for people."""
    why, obstacle = frozen(snapshot), refused(snapshot, action)
    reasons = (
        (bool(why), f"it is frozen: {why}"),
        (memory.stable is None, "no revision is stable yet"),
        (memory.phase in ATTEMPT, "another revision was on its way into production"),
        (_running(memory), "another training went on"),
        (obstacle is not None, obstacle.message if obstacle else ""),
        (now < _rested(memory, action), "its cooldown was not over"),
    )
    return next((told for holds, told in reasons if holds), "the operator was away")


def refused(snapshot: Snapshot, action: Action) -> Obstacle | None:
    """Why an action cannot make a Job of its CronJob."""
    if action.retrain is None:
        return None
    return refusal(snapshot, action.retrain.cron_job_ref.name, names.LABEL_RETRAIN, "actions.retrain")


def actions_obstacle(snapshot: Snapshot, monitor: Object, one: Assessment) -> Obstacle | None:
    """Why a Monitor could not act if it had to, or does not although it should."""
    actions = tuple(action for action in actions_of(monitor) if not action.suspend)
    found = next((why for action in actions if (why := refused(snapshot, action))), None)
    bad = {said.type for said in one.conditions if said.state == "Drifting"} & set(LABELLED)
    if found is None and _posts(one) < LEAST_POSTS and any(action.undo and bad & {*action.when} for action in actions):
        told = f"labels of {_posts(one)} posts undo nothing, it takes {LEAST_POSTS}: send labels as they come in"
        return Obstacle("TooFewPosts", f"{told}, not all in one post")
    return found


def cron_jobs_of(monitors: Iterable[Object]) -> frozenset[str]:
    """The CronJobs that the actions of Monitors name."""
    actions = (action for monitor in monitors for action in actions_of(monitor))
    return frozenset(action.retrain.cron_job_ref.name for action in actions if action.retrain)


def retrain_seen(snapshot: Snapshot, memory: Memory, now: float) -> Memory:
    """The memory with what became of the trainings that it asked for."""
    runs = tuple(
        _seen(snapshot, run, now) if run.kind == "Retrain" and run.ended is None else run for run in memory.actions
    )
    return memory if runs == memory.actions else memory.model_copy(update={"actions": runs})


def _seen(snapshot: Snapshot, run: ActionRun, now: float) -> ActionRun:
    lost, found = followed(snapshot, run, now, ", and nobody saw how it ended")
    if lost or found is None:
        return _over(run, now, "Failed", lost) if lost else run
    run = run.model_copy(update={"uid": found["metadata"]["uid"], "message": f"Job {run.job} runs"})
    end = ended(found)
    if end is None:
        return run
    if end["type"] == "Complete":
        return _over(run, now, "Succeeded", f"Job {run.job} is complete; what it trained comes back as a new spec")
    return _over(run, now, "Failed", f"Job {run.job} failed: {end.get('reason')}: {end.get('message', '')}")


def _over(run: ActionRun, now: float, outcome: str, message: str) -> ActionRun:
    return run.model_copy(update={"ended": now, "outcome": outcome, "message": message[:MESSAGE_LIMIT]})


def retrain_starts(snapshot: Snapshot, model: Object, memory: Memory) -> tuple[Manifest, ...]:
    """The Jobs that were asked for and are not there."""
    awaited = [run for run in memory.actions if run.kind == "Retrain" and run.ended is None and not run.uid]
    found = [(run, snapshot.cron_jobs.get(run.cron_job)) for run in awaited]
    return tuple(
        retrain_job(model, cron_job, run)
        for run, cron_job in found
        if cron_job is not None
        and ("Job", run.job) not in snapshot.children
        and refusal(snapshot, run.cron_job, names.LABEL_RETRAIN, "actions.retrain") is None
    )


def last_actions(model: Object | None, monitor: str, limit: int) -> list[dict[str, object]]:
    """What a Monitor did, for its status: read off what the Model's status remembers."""
    kept = ((model or {}).get("status") or {}).get("memory") or {}
    runs = [ActionRun.model_validate(one) for one in kept.get("actions", ())]
    return [_told(run) for run in runs if run.monitor == monitor][-limit:]


def _told(run: ActionRun) -> dict[str, object]:
    found = {
        "action": run.kind,
        "time": timestamp(run.asked),
        "revision": run.revision,
        "reason": run.reason,
        "job": run.job,
        "ended": None if run.ended is None else timestamp(run.ended),
        "outcome": run.outcome,
        "message": run.message,
    }
    return {key: value for key, value in found.items() if value is not None}
