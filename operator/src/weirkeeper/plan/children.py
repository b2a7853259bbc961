"""The objects that serve a Model: which revisions have pods and how many, what is kept of each, and what may go."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from weirkeeper.api import names
from weirkeeper.delivery.exposure import pods_wanted
from weirkeeper.delivery.revision import is_container
from weirkeeper.delivery.rollout import drained
from weirkeeper.plan.attempt_records import attempt
from weirkeeper.plan.result import Create, Delete
from weirkeeper.plan.seen import ready_pods, signature_of
from weirkeeper.plan.wanted import records_of
from weirkeeper.render import front, server

FEEDBACK_KEYS = ("current", "previous")
ATTEMPTS = 5
"""Attempts that are kept with a revision."""

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from weirkeeper.delivery.memory import AttemptRecord, Memory
    from weirkeeper.delivery.turn import Clock, Desired
    from weirkeeper.plan.snapshot import Object, Snapshot
    from weirkeeper.plan.wanted import Wanted
    from weirkeeper.render.owners import Manifest


@dataclass(frozen=True)
class Children:
    """What to make, apply and delete, and the revisions whose pods are not all ready or not pinned yet."""

    creates: tuple[Create, ...]
    applies: tuple[Manifest, ...]
    deletes: tuple[Delete, ...]
    unready: tuple[str, ...]
    name_taken: bool


def plan_children(
    snapshot: Snapshot, model: Object, memory: Memory, desired: Desired, wanted: Wanted, clock: Clock
) -> Children:
    """Everything that belongs to the Model, for the memory that will be written with it."""
    records = _records(snapshot, memory, wanted)
    pinned = {*memory.pinned, *(name for name, record in records.items() if "artifact" not in record.content)}
    replicas = _replicas(snapshot, memory, desired, pinned)
    applies: list[Manifest] = [front.record(model, record) for record in records.values()]
    for revision, count in replicas.items():
        if revision in records:
            applies += _serving(snapshot, model, records[revision], count, memory)
    name_taken = _name_taken(snapshot, model)
    if not name_taken:
        applies.append(front.service(model))
    ready = ready_pods(snapshot.endpoint_slices)
    unready = tuple(name for name, count in replicas.items() if ready.get(name, 0) < count or name not in pinned)
    bundles = {name for name in replicas.keys() & records.keys() if not is_container(records[name].content)}
    creates = _feedback_keys(snapshot, model, bundles)
    return Children(creates, tuple(applies), _deletes(snapshot, memory, clock), unready, name_taken)


def _records(snapshot: Snapshot, memory: Memory, wanted: Wanted) -> dict[str, front.Record]:
    """Each remembered revision's record, with what became known of it since."""
    known = {record.name: record for record in records_of(snapshot)}
    if wanted.record:
        known.setdefault(wanted.record.name, wanted.record)
    found = {}
    for item in memory.revisions:
        if item.name in known:
            found[item.name] = replace(
                known[item.name],
                signature=signature_of(snapshot, item.name),
                profile_sha256=_profile_sha256(snapshot, item.name) or known[item.name].profile_sha256,
                stage=item.stage,
                outcome=item.outcome or "",
                attempts=_attempts(known[item.name], memory),
            )
    return found


def _attempts(record: front.Record, memory: Memory) -> tuple[Mapping[str, Any], ...]:
    """The revision's last attempts that ended: those on record, and those that ended since."""
    known = {item["attempt"]: item for item in record.attempts}
    for item in memory.attempts:
        if item.revision == record.name and item.ended is not None:
            known.setdefault(item.attempt, _recorded(item))
    return tuple(known[number] for number in sorted(known)[-ATTEMPTS:])


def _recorded(item: AttemptRecord) -> Mapping[str, Any]:
    """An attempt as its revision's record has it: also how its evidence grew, for which a status has no room."""
    return {**attempt(item), "curve": item.curve.to_json()} if item.curve else attempt(item)


def _profile_sha256(snapshot: Snapshot, revision: str) -> str | None:
    told = (pod.profile_sha256 for pod in snapshot.evidence.pods.get(revision, ()))
    return next((digest for digest in told if digest), None)


def _replicas(snapshot: Snapshot, memory: Memory, desired: Desired, pinned: AbstractSet[str]) -> dict[str, int]:
    """Pods a revision: a candidate's only grow, and one pod starts where it is not `pinned`."""
    replicas = pods_wanted(memory, desired.policy, desired.replicas)
    if memory.candidate and memory.stable:
        replicas[memory.candidate] = max(replicas[memory.candidate], _running(snapshot, memory.candidate))
    return {name: count if name in pinned else min(count, 1) for name, count in replicas.items()}


def _running(snapshot: Snapshot, revision: str) -> int:
    deployment: Any = snapshot.children.get(("Deployment", revision), {})
    return int(deployment.get("spec", {}).get("replicas", 0))


def _serving(snapshot: Snapshot, model: Object, record: front.Record, count: int, memory: Memory) -> list[Manifest]:
    """One revision's pods, where they are found, its pinned digest and its profile."""
    served = server.ServedRevision(record.name, record.pod, count)
    pull_secrets = snapshot.settings.image_pull_secrets
    manifests = [server.endpoints(model, record.name, record.pod), server.deployment(model, served, pull_secrets)]
    if record.name in memory.pinned:
        manifests.insert(0, server.pin(model, record.name, memory.pinned[record.name]))
    for pod in snapshot.evidence.pods.get(record.name, ()):
        if pod.profile is not None:
            return [*manifests, server.profile(model, record.name, pod.profile)]
    return manifests


def _feedback_keys(snapshot: Snapshot, model: Object, serving: AbstractSet[str]) -> tuple[Create, ...]:
    """The keys of feedback, together with the first pods of each revision.

    Nobody looks whether they exist, since nobody may read a Secret; they are made where they do not.
    """
    if all(("Deployment", name) in snapshot.children for name in serving):
        return ()
    return (Create(server.feedback_secret(model), FEEDBACK_KEYS),)


def _name_taken(snapshot: Snapshot, model: Object) -> bool:
    """Whether a Service of the Model's name is somebody else's: it is never adopted."""
    found = snapshot.children.get(("Service", model["metadata"]["name"]))
    if found is None:
        return False
    owners = found["metadata"].get("ownerReferences", ())
    return all(owner.get("uid") != model["metadata"]["uid"] for owner in owners)


def _deletes(snapshot: Snapshot, memory: Memory, clock: Clock) -> tuple[Delete, ...]:
    """Pods whose requests have drained, and everything of revisions that are remembered no more."""
    gone = drained(memory, clock)
    remembered = {record.name for record in memory.revisions}
    deletes = []
    for (kind, name), item in snapshot.children.items():
        revision = item["metadata"].get("labels", {}).get(names.LABEL_REVISION)
        if revision is None or revision in {memory.stable, memory.candidate, memory.previous}:
            continue
        serving = kind in ("Deployment", "Service") and revision in gone
        forgotten = kind in ("ControllerRevision", "ConfigMap") and revision not in remembered
        if serving or (forgotten and remembered):
            deletes.append(_delete(snapshot, kind, name, item))
    return tuple(deletes)


def _delete(snapshot: Snapshot, kind: str, name: str, item: Object) -> Delete:
    version = "v1" if kind in ("Service", "ConfigMap") else "apps/v1"
    return Delete(version, kind, snapshot.namespace, name, item["metadata"]["uid"])
