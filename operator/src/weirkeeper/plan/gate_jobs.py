"""The Jobs of job gates: one for each step of an attempt, started once, and what became of each.

What was asked for is written into the Model's memory before a Job is made, and a Job's name follows from what it
checks. So an operator that ends in between makes the same Job or none, never a second one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, Literal

from weirkeeper.api import names
from weirkeeper.delivery.evidence import JobSeen
from weirkeeper.delivery.memory import CheckRun
from weirkeeper.plan.cron_jobs import ended, followed, refusal
from weirkeeper.plan.result import Delete
from weirkeeper.render.gate_job import Check, job

if TYPE_CHECKING:
    from weirkeeper.api.gates import Gate
    from weirkeeper.api.settings import Settings
    from weirkeeper.delivery.memory import Memory
    from weirkeeper.delivery.policy import Policy
    from weirkeeper.delivery.turn import Obstacle
    from weirkeeper.plan.snapshot import Object, Snapshot
    from weirkeeper.render.owners import Manifest

EXIT_CODE: Final = re.compile(r"exit code (\d+)")
CHECKS_KEPT: Final = 40
"""Jobs of an attempt that are remembered: those of ten gates in four steps."""

OUTCOMES: Final[dict[int, Literal["Fail", "Inconclusive"]]] = {1: "Fail", 2: "Inconclusive"}


def cron_jobs_named(rollouts: Iterable[Object], settings: Settings) -> frozenset[str]:
    """The CronJobs that the gates of Rollouts, understood or not, and of the platform's policy name."""
    given = [rollout.get("spec", {}).get("gates") or () for rollout in rollouts]
    named = {gate.get("job", {}).get("cronJobRef", {}).get("name") for gates in given for gate in gates}
    named |= {_cron_job_of(gate) for gate in settings.defaults.rollout.gates}
    return frozenset(name for name in named if name)


def looked_after(snapshot: Snapshot, memory: Memory, now: float) -> Memory:
    """The memory with what became of its Jobs; what belongs to no running attempt is forgotten."""
    if memory.candidate is None:
        return memory.model_copy(update={"checks": ()}) if memory.checks else memory
    checks = tuple(
        run if run.outcome else _looked_at(snapshot, run, now) for run in memory.checks if run.attempt == memory.attempt
    )
    return memory if checks == memory.checks else memory.model_copy(update={"checks": checks})


def asked(snapshot: Snapshot, memory: Memory, policy: Policy, now: float) -> Memory:
    """The memory with the Jobs asked for that the running step needs, and without those that say nothing any more."""
    telling = _telling(memory)
    memory = memory if telling == memory.checks else memory.model_copy(update={"checks": telling})
    if not _in_step(memory):
        return memory
    known = {run.job for run in memory.checks}
    checks = [(check, check.job(snapshot.name)) for check in _checks(snapshot, memory, policy)]
    new = tuple(
        CheckRun(gate=check.gate, job=name, attempt=check.attempt, step=check.step, digest=check.digest, asked=now)
        for check, name in checks
        if name not in known
    )
    return memory.model_copy(update={"checks": (*memory.checks, *new)}) if new else memory


def _telling(memory: Memory) -> tuple[CheckRun, ...]:
    """The Jobs of the gates as they are now: of former steps those that run on or failed, and the latest in all."""
    runs = [run for run in memory.checks if run.digest == memory.gates_digest]
    telling = [run for run in runs if run.step == memory.step or run.outcome in {None, "Fail"}]
    return tuple(telling[-CHECKS_KEPT:])


def _checks(snapshot: Snapshot, memory: Memory, policy: Policy) -> list[Check]:
    """The checks of the running step whose CronJob may be used."""
    return [
        Check(
            gate=gate.name,
            attempt=memory.attempt,
            step=memory.step,
            step_name=policy.steps[memory.step].name,
            candidate=memory.candidate or "",
            stable=memory.stable or "",
            digest=memory.gates_digest,
        )
        for gate in _job_gates(policy)
        if _refusal(snapshot, gate) is None
    ]


def jobs_seen(memory: Memory) -> dict[str, tuple[JobSeen, ...]]:
    """What the Jobs of the attempt said, by gate; those of gates that were edited since say nothing."""
    found: dict[str, tuple[JobSeen, ...]] = {}
    for run in memory.checks:
        if run.digest == memory.gates_digest:
            seen = JobSeen(run.outcome, run.message, run.step == memory.step, run.broken)
            found[run.gate] = (*found.get(run.gate, ()), seen)
    return found


def starts(snapshot: Snapshot, model: Object, memory: Memory, policy: Policy) -> tuple[Manifest, ...]:
    """The Jobs of the running step that were asked for and are not there."""
    if memory.phase != "Progressing" or memory.candidate is None:
        return ()
    awaited = {run.job for run in memory.checks if not run.outcome and not run.uid}
    cron_jobs = {gate.name: snapshot.cron_jobs.get(_cron_job_of(gate)) for gate in _job_gates(policy)}
    found = []
    for check in _checks(snapshot, memory, policy):
        name, cron_job = check.job(snapshot.name), cron_jobs[check.gate]
        if name in awaited and cron_job is not None and ("Job", name) not in snapshot.children:
            found.append(job(model, cron_job, check))
    return tuple(found)


def stops(snapshot: Snapshot, memory: Memory) -> tuple[Delete, ...]:
    """Jobs that still run for an attempt that is over."""
    if memory.candidate is not None:
        return ()
    return tuple(
        Delete("batch/v1", "Job", snapshot.namespace, name, item["metadata"]["uid"])
        for (kind, name), item in snapshot.children.items()
        if kind == "Job" and names.GATE_ANNOTATION in item["metadata"].get("annotations", {}) and ended(item) is None
    )


def jobs_obstacle(snapshot: Snapshot, policy: Policy) -> Obstacle | None:
    """Why a job gate cannot start its Job."""
    refusals = (_refusal(snapshot, gate) for gate in _job_gates(policy))
    return next((refusal for refusal in refusals if refusal), None)


def _job_gates(policy: Policy) -> Iterator[Gate]:
    return (gate for gate in policy.gates if gate.job is not None)


def _in_step(memory: Memory) -> bool:
    in_force = memory.entered and memory.applied == memory.decision
    return memory.phase == "Progressing" and memory.candidate is not None and in_force and memory.paused_at is None


def _cron_job_of(gate: Gate) -> str:
    return gate.job.cron_job_ref.name if gate.job is not None else ""


def _refusal(snapshot: Snapshot, gate: Gate) -> Obstacle | None:
    return refusal(snapshot, _cron_job_of(gate), names.LABEL_GATE, f"gate {gate.name}")


def _looked_at(snapshot: Snapshot, run: CheckRun, now: float) -> CheckRun:
    """What became of a Job that has not ended as far as we know."""
    lost, found = followed(snapshot, run, now, " before it ended")
    if lost or found is None:
        return _broken(run, lost) if lost else run
    run = run.model_copy(update={"uid": found["metadata"]["uid"], "message": f"Job {run.job} runs"})
    end = ended(found)
    return run if end is None else _concluded(run, run.job, end)


def _concluded(run: CheckRun, name: str, end: dict[str, Any]) -> CheckRun:
    if end["type"] == "Complete":
        return run.model_copy(update={"outcome": "Pass", "message": f"Job {name} ended with 0"})
    told = end.get("message", "")
    code = EXIT_CODE.search(told) if end.get("reason") == "PodFailurePolicy" else None
    if code and int(code[1]) in OUTCOMES:
        outcome = OUTCOMES[int(code[1])]
        return run.model_copy(update={"outcome": outcome, "message": f"Job {name} ended with {code[1]}"})
    why = f"ended with {code[1]}, which is none of 0, 1 and 2" if code else f"{end.get('reason')}: {told}"
    return _broken(run, f"Job {name} came to no verdict: {why}")


def _broken(run: CheckRun, message: str) -> CheckRun:
    return run.model_copy(update={"outcome": "Inconclusive", "broken": True, "message": message[:300]})
