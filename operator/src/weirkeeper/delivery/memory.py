"""What a Model's next plan needs to know of the last: kept in its status, the only memory of every decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from weirkeeper.api.steps import Callers, Sticky
from weirkeeper.delivery.curve import Curve

Phase = Literal["Idle", "Starting", "Progressing", "Promoting", "Baking", "Healthy", "Aborted", "RolledBack"]
Outcome = Literal["Promoted", "Aborted", "RolledBack", "Superseded"]
Stage = Literal["Candidate", "Production", "Archived"]

HISTORY = 10
"""Revisions and attempts that are remembered."""

WHOLE = 3
"""Attempts, the last ones, that are remembered with their steps and the numbers of their gates."""

STEPS = 20
"""Steps of an attempt that are remembered, the last ones."""


ACTIONS_KEPT = 6
"""What Monitors asked for, as far back as it is remembered."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class RevisionRecord(_Frozen):
    """A revision in the Model's history; `outcome` is that of its latest attempt."""

    name: str
    created: float
    sha256: str | None = None
    stage: Stage = "Candidate"
    outcome: Outcome | None = None
    reason: str = ""
    by: str = ""


class StepRecord(_Frozen):
    """A step that an attempt went through: its weight in percent, when it began, what the candidate answered in it."""

    name: str
    weight: int
    started: float
    requests: int = 0


class AttemptRecord(_Frozen):
    """One attempt to bring a revision to production, as history keeps it."""

    attempt: int
    revision: str
    started: float
    ended: float | None = None
    outcome: Outcome | None = None
    reason: str = ""
    by: str = ""
    exposed_requests: int = 0
    gates: tuple[Mapping[str, Any], ...] = ()
    steps: tuple[StepRecord, ...] = ()
    curve: Curve | None = None

    def shortened(self) -> AttemptRecord:
        """The record without its steps and what its gates said in numbers, which the revision's own record has."""
        gates = tuple({"name": item["name"], "verdict": item["verdict"]} for item in self.gates)
        return self.model_copy(update={"gates": gates, "steps": (), "curve": None})


class CheckRun(_Frozen):
    """One Job of a gate: asked for at `asked`, seen as `uid`, and its outcome once it ended.

    `digest` is that of the gates for which it was asked. `broken` says that it ended without a verdict of its own.
    """

    gate: str
    job: str
    attempt: int
    step: int
    digest: str
    asked: float
    uid: str = ""
    outcome: Literal["Pass", "Fail", "Inconclusive"] | None = None
    broken: bool = False
    message: str = "its Job has not started yet"


class ActionRun(_Frozen):
    """What a Monitor asked for. Times are Unix seconds; `revision` was stable then, `ended` is None while it goes on.

    A retraining has the Job that it was asked to be, the CronJob that it is made of and, once it was seen, its UID;
    `window` is the start and the end of what was judged.
    """

    kind: Literal["Undo", "Retrain"]
    monitor: str
    revision: str
    asked: float
    reason: str = ""
    ended: float | None = None
    outcome: Literal["Succeeded", "Failed"] | None = None
    message: str = ""
    cron_job: str = ""
    job: str = ""
    uid: str = ""
    window: tuple[int, int] | None = None


class ScheduleMark(_Frozen):
    """A schedule of a Monitor, and up to when (Unix seconds) its times were heeded, or are none of its own."""

    expression: str
    done: float


class Wait(_Frozen):
    """What an attempt has been waiting for, and since when; the progress deadline counts from there."""

    target: Literal["Pods", "Routes"]
    since: float


class Beside(_Frozen):
    """What is routed beside the split.

    The candidate gets a copy of `mirror` percent of stable's requests, and all requests of `callers`. `sticky` tells
    callers, who then stay where they are while the candidate's weight grows.
    """

    mirror: int = 0
    callers: tuple[Callers, ...] = ()
    sticky: Sticky | None = None


def with_action(known: tuple[ActionRun, ...], run: ActionRun) -> tuple[ActionRun, ...]:
    """The actions with one more. The oldest that ended go; the last of each CronJob stays: its cooldown needs it."""
    runs = (*known, run)
    while len(runs) > ACTIONS_KEPT:
        latest = {one.cron_job: one for one in runs}
        spare = next((one for one in runs if one.ended is not None and latest[one.cron_job] is not one), None)
        if spare is None:
            break
        runs = tuple(one for one in runs if one is not spare)
    return runs


class Memory(_Frozen):
    """The state of the rollout machine. All times are Unix seconds.

    `traffic` and `beside` are what was decided last, `decision` its number, `applied` the decision that every router
    acknowledged. `size` is S of the running attempt. `direct` says that it goes without steps, `undo` that it goes
    back to a former revision although the spec asks for the stable one, which then counts as rejected. `weight` is
    the candidate's part of `traffic`; `entered` says that the current step's own weight was reached once, `floor`
    is the weight below which edited steps do not take the candidate. `clean_from` is the first slot in which the
    split in force did not change. `draining` maps a revision whose traffic was taken away to the time when no
    router sent it any more (None: not yet). `gates` and `cursors` are the evidence folded so far, as delivery.gates
    and the collector wrote them; `results` are the gates' verdicts on it and `curve` how it grew, for people.
    `checks` are the Jobs of the gates in the running attempt.
    `exposed` counts the requests that the candidate answered, up to the slot `exposed_slot`. `promoted_at` is when the
    stable revision was promoted (None: it was gone back to), `undo_asked` the promotion that a Monitor had undone, or
    tried to. `actions` is what Monitors asked for, the latest last, `schedules` how far the schedules of trainings are
    heeded, by Monitor and CronJob. `handled` are the tokens of verbs that stand as annotations and were handled,
    `refused` says of those that were refused why.
    """

    decision: int = 0
    applied: int = 0
    decided_at: float = 0.0
    applied_at: float | None = None
    phase: Phase = "Idle"
    stable: str | None = None
    stable_since: float | None = None
    previous: str | None = None
    candidate: str | None = None
    traffic: Mapping[str, int] = Field(default_factory=dict)
    beside: Beside = Beside()
    weight: int = 0
    size: int = 1
    attempt: int = 0
    attempt_started: float | None = None
    direct: bool = False
    undo: bool = False
    step: int = 0
    floor: int = 0
    entered: bool = False
    approved: bool = False
    approved_by: str = ""
    step_started: float | None = None
    paused_at: float | None = None
    paused_for: float = 0.0
    wait: Wait | None = None
    clean_from: int | None = None
    ready: int = 0
    ready_changed: float | None = None
    bake_until: float | None = None
    first_failing: bool = False
    gates: Mapping[str, Any] | None = None
    cursors: Mapping[str, Any] = Field(default_factory=dict)
    gates_digest: str = ""
    steps_digest: str = ""
    results: tuple[Mapping[str, Any], ...] = ()
    curve: Curve | None = None
    checks: tuple[CheckRun, ...] = ()
    exposed: int = 0
    exposed_slot: int = 0
    folded_at: float = 0.0
    promoted: tuple[str, ...] = ()
    promoted_at: float | None = None
    undo_asked: float | None = None
    actions: tuple[ActionRun, ...] = ()
    schedules: Mapping[str, ScheduleMark] = Field(default_factory=dict)
    revisions: tuple[RevisionRecord, ...] = ()
    attempts: tuple[AttemptRecord, ...] = ()
    draining: Mapping[str, float | None] = Field(default_factory=dict)
    handled: tuple[str, ...] = ()
    refused: Mapping[str, str] = Field(default_factory=dict)
    pinned: Mapping[str, str] = Field(default_factory=dict)
    message: str = ""

    def record(self, revision: str) -> RevisionRecord | None:
        """The remembered record of `revision`, if there is one."""
        return next((item for item in self.revisions if item.name == revision), None)

    def rejected(self, revision: str) -> RevisionRecord | None:
        """The record of a revision that failed a gate or was aborted: it stays out until `retry`."""
        found = self.record(revision)
        return found if found and found.outcome in {"RolledBack", "Aborted"} else None

    def without_counts(self) -> Memory:
        """The memory without what merely counts on: two that are equal so differ by no decision."""
        verdicts = tuple({"name": item["name"], "verdict": item["verdict"]} for item in self.results)
        counts: dict[str, Any] = {"gates": None, "cursors": {}, "exposed": 0, "exposed_slot": 0, "folded_at": 0.0}
        counts["curve"] = None
        return self.model_copy(update={**counts, "results": verdicts})

    def to_json(self) -> dict[str, Any]:
        """The memory as JSON, defaults left out."""
        return self.model_dump(mode="json", exclude_defaults=True)
