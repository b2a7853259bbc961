"""What is told of a Model: the only memory of every decision about it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from weirkeeper.api.attempts import GATES_LIMIT, HISTORY_LIMIT, NAMES_LIMIT, Attempts, Outcome, Phase, Verdict
from weirkeeper.api.conditions import Conditions, ObservedGeneration
from weirkeeper.api.record import ATOMIC_LIST, DATE_TIME, SET_LIST, UNKNOWN_KEPT, Record, list_map
from weirkeeper.api.steps import FIELD_NAME_LIMIT, MATCHES_LIMIT

REVISION_LIMIT: Final = 63
TOKENS_LIMIT: Final = 32

Token = Annotated[str, Field(max_length=320)]


class StableStatus(Record):
    """The revision in production."""

    revision: str = Field(description="Its name.", max_length=REVISION_LIMIT)
    sha256: str | None = Field(default=None, description="The digest of its bundle.", max_length=64)
    since: str | None = Field(default=None, description="When it was promoted.", json_schema_extra=DATE_TIME)


class CandidateStatus(Record):
    """The revision on its way to production."""

    revision: str = Field(description="Its name.", max_length=REVISION_LIMIT)
    sha256: str | None = Field(default=None, description="The digest of its bundle.", max_length=64)
    weight: int = Field(default=0, description="Its share of the traffic in percent.", ge=0, le=100)


class TrafficShare(Record):
    """One revision's share of the traffic."""

    revision: str = Field(description="The revision.", max_length=REVISION_LIMIT)
    weight: int = Field(description="Its share in percent; at 0 its route is kept warm.", ge=0, le=100)
    mirror: Annotated[int, Field(ge=0, le=100)] | None = Field(
        default=None, description="Percent of the others' requests of which it gets a copy."
    )
    match: tuple[dict[str, Any], ...] = Field(
        default=(),
        description="Callers that it alone answers: what the steps say of their headers.",
        max_length=MATCHES_LIMIT,
        json_schema_extra=ATOMIC_LIST,
    )


class StickyShare(Record):
    """By what callers are told who stay on one revision."""

    header: str | None = Field(default=None, description="A header.", max_length=FIELD_NAME_LIMIT)
    cookie: str | None = Field(default=None, description="A cookie.", max_length=FIELD_NAME_LIMIT)
    revision: str = Field(description="The one whose share grows.", max_length=REVISION_LIMIT)


class ArmStatus(Record):
    """What one revision answered in the attempt, as a gate counts it."""

    requests: int = Field(description="Requests that it answered.", ge=0)
    bad: int = Field(description="Those that were answered badly.", ge=0)


class RefusedVerb(Record):
    """A verb that was handled and did nothing."""

    token: Token = Field(description="As in `handled`.")
    why: str = Field(description="Why it was refused.", max_length=256)


class GateEvidence(Record):
    """How far the evidence goes, as natural logarithms of e-values in decimals."""

    fail: str = Field(default="", description="Evidence that the candidate is worse.", max_length=32)
    fail_at: str = Field(default="", description="Where it suffices for Fail.", max_length=32)
    passing: str = Field(
        default="", alias="pass", description="Evidence that the candidate is good enough.", max_length=32
    )
    pass_at: str = Field(default="", description="Where it suffices for Pass.", max_length=32)


class GateStatus(Record):
    """A gate's verdict with the numbers behind it."""

    name: str = Field(description="Name of the gate.", max_length=NAMES_LIMIT)
    verdict: Verdict = Field(description="Pass, Fail, or Inconclusive while the evidence does not suffice.")
    candidate: ArmStatus | None = Field(default=None, description="What the candidate answered.")
    stable: ArmStatus | None = Field(default=None, description="What stable answered in the same slots.")
    effect: str | None = Field(default=None, description="How many times stable's the candidate's odds are.")
    requests: int | None = Field(default=None, description="The candidate's requests that were judged.", ge=0)
    requests_needed: int | None = Field(
        default=None,
        description="How many more it takes to Pass if things go on like this.",
        ge=0,
    )
    eta: str | None = Field(default=None, description="When that would be.", json_schema_extra=DATE_TIME)
    evidence: GateEvidence | None = Field(default=None, description="How far the evidence goes.")
    message: str = Field(default="", description="All this in a sentence.", max_length=1024)


class RevisionStatus(Record):
    """A revision that this Model has or had."""

    name: str = Field(description="Its name: the Model's with a hash of what it serves.", max_length=REVISION_LIMIT)
    sha256: str | None = Field(default=None, description="The digest of its bundle.", max_length=64)
    created: str | None = Field(default=None, description="When it was first seen.", json_schema_extra=DATE_TIME)
    stage: Literal["Candidate", "Production", "Archived"] | None = Field(default=None, description="Where it stands.")
    outcome: Outcome | None = Field(default=None, description="How its last attempt ended.")
    reason: str | None = Field(default=None, description="Why it ended so.", max_length=1024)
    by: str | None = Field(default=None, description="Who decided it, where a person did.", max_length=320)


class ModelStatus(Record):
    """Where the Model stands, and everything that the next decision about it is made from."""

    model_config = ConfigDict(protected_namespaces=())

    decision: int | None = Field(default=None, description="Rises by one with every decision; routers obey it.", ge=0)
    applied: int | None = Field(default=None, description="The lowest decision in force on all routers.", ge=0)
    phase: Phase | None = Field(default=None, description="Where the attempt stands.")
    step: int | None = Field(default=None, description="Number of the step, from 1.", ge=0)
    step_name: str | None = Field(default=None, description="Name of the step.", max_length=NAMES_LIMIT)
    attempt: int | None = Field(default=None, description="Number of the attempt.", ge=0)
    held_for: str | None = Field(default=None, description="How much of the step's hold was observed.", max_length=24)
    message: str | None = Field(default=None, description="What happens now and what it waits for.", max_length=4096)
    stable: StableStatus | None = Field(default=None, description="The revision in production.")
    candidate: CandidateStatus | None = Field(default=None, description="The revision on its way to production.")
    traffic: tuple[TrafficShare, ...] = Field(
        default=(),
        description="The shares of the traffic, which sum to 100.",
        max_length=8,
        json_schema_extra=list_map("revision"),
    )
    sticky: StickyShare | None = Field(default=None, description="By what callers are told who stay where they are.")
    gates: tuple[GateStatus, ...] = Field(
        default=(),
        description="The verdicts of the running attempt.",
        max_length=GATES_LIMIT,
        json_schema_extra=list_map("name"),
    )
    gates_digest: str | None = Field(default=None, description="Changes when a gate is edited.", max_length=64)
    exposed_requests: int | None = Field(
        default=None, description="Requests that the attempt's candidate answered.", ge=0
    )
    revisions: tuple[RevisionStatus, ...] = Field(
        default=(),
        description="The last ten revisions, the newest last.",
        max_length=HISTORY_LIMIT,
        json_schema_extra=list_map("name"),
    )
    attempts: Attempts = ()
    handled: tuple[Token, ...] = Field(
        default=(),
        description="Verbs that were handled, kept as long as their annotations are there.",
        max_length=TOKENS_LIMIT,
        json_schema_extra=SET_LIST,
    )
    refused: tuple[RefusedVerb, ...] = Field(
        default=(),
        description="Those of them that came at the wrong time.",
        max_length=TOKENS_LIMIT,
        json_schema_extra=list_map("token"),
    )
    replicas: int | None = Field(default=None, description="Model pods that are ready.", ge=0)
    selector: str | None = Field(default=None, description="Selects the model pods.", max_length=512)
    url: str | None = Field(default=None, description="Where the Model answers in the cluster.", max_length=512)
    frozen: str | None = Field(default=None, description="Why nothing is promoted now, if so.", max_length=512)
    drift: str | None = Field(default=None, description="The worst that its Monitors say.", max_length=32)
    conditions: Conditions = Field(
        default=(), description="Ready, Current, Progressing, Reconciling, Stalled, ArtifactPinned."
    )
    observed_generation: ObservedGeneration = None
    memory: dict[str, Any] | None = Field(
        default=None,
        description="What the next decision is made from and people need not read.",
        json_schema_extra=UNKNOWN_KEPT,
    )
