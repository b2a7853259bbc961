"""What the cluster shows of a Model's revisions: ready pods, and in plain words why a pod is not ready."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from weirkeeper.api import names
from weirkeeper.delivery.turn import Observed, Obstacle
from weirkeeper.plan.wanted import records_of

if TYPE_CHECKING:
    from weirkeeper.plan.snapshot import Object, Snapshot

IMAGE_REASONS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
CONFIG_REASONS = {"CreateContainerConfigError", "CreateContainerError"}


def observed(snapshot: Snapshot, held: Mapping[str, Obstacle]) -> Observed:
    """Everything that the machine asks of the cluster."""
    deployed = frozenset(name for kind, name in snapshot.children if kind == "Deployment")
    acknowledged = [router.acknowledged for router in snapshot.evidence.routers]
    known = [decision for decision in acknowledged if decision is not None]
    told = {
        revision
        for revision, pods in snapshot.evidence.pods.items()
        if any(pod.state == "Ready" and pod.signature is not None for pod in pods)
    }
    return Observed(
        ready=ready_pods(snapshot.endpoint_slices),
        probed=frozenset(told),
        obstacles={name: found for name in deployed if (found := obstacle_of(snapshot, name))},
        held=held,
        acknowledged=min(known) if known and len(known) == len(acknowledged) else None,
        highest=max(known, default=0),
        deployed=deployed,
    )


def ready_pods(slices: Iterable[Object]) -> dict[str, int]:
    """Ready endpoints a revision."""
    ready: Counter[str] = Counter()
    for item in slices:
        revision = item["metadata"].get("labels", {}).get(names.LABEL_REVISION)
        if revision:
            ready[revision] += sum(1 for end in item.get("endpoints") or () if end.get("conditions", {}).get("ready"))
    return dict(ready)


def obstacle_of(snapshot: Snapshot, revision: str) -> Obstacle | None:
    """Why a revision is not ready: what its server says first, then its pods, then its Deployment."""
    for pod in snapshot.evidence.pods.get(revision, ()):
        if pod.state == "Failed":
            return Obstacle(pod.reason or "ModelLoadFailed", pod.message)
    for listed in snapshot.pods:
        if listed["metadata"].get("labels", {}).get(names.LABEL_REVISION) == revision:
            found = pod_obstacle(listed)
            if found:
                return found
    return _deployment_obstacle(snapshot.children.get(("Deployment", revision)))


def pod_obstacle(pod: Mapping[str, Any]) -> Obstacle | None:
    """Why a pod is not ready, from its status: not scheduled, no image, fetch refused, killed."""
    status = pod.get("status", {})
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            message = condition.get("message", "no node takes the pod")
            return Obstacle("InsufficientResources" if "Insufficient " in message else "Unschedulable", message)
    statuses = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    for container in statuses:
        found = _waiting(container) or _terminated(container)
        if found:
            return found
    return None


def _waiting(container: Mapping[str, Any]) -> Obstacle | None:
    waiting = container.get("state", {}).get("waiting") or {}
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in IMAGE_REASONS:
        return Obstacle("ImagePull", f"image {container.get('image', '')} cannot be pulled: {message or reason}")
    if reason in CONFIG_REASONS:
        missing = "secret" in message.lower() and "not found" in message.lower()
        return Obstacle("SecretNotFound" if missing else "PodConfigInvalid", message or reason)
    return None


def _terminated(container: Mapping[str, Any]) -> Obstacle | None:
    ended = container.get("state", {}).get("terminated") or container.get("lastState", {}).get("terminated") or {}
    if not ended or ended.get("exitCode") == 0 or container.get("ready"):
        return None
    if ended.get("reason") == "OOMKilled":
        return Obstacle("OutOfMemory", f"container {container['name']} was killed for lack of memory: raise its limit")
    told = _told(ended.get("message"))
    if told.get("reason"):
        return Obstacle(str(told["reason"]), str(told.get("message", "")))
    where = "FetchFailed" if container["name"] == names.FETCH_CONTAINER else "ServerFailed"
    return Obstacle(where, f"container {container['name']} ended with code {ended.get('exitCode')}: see its log")


def _told(message: str | None) -> Mapping[str, Any]:
    """What a container wrote as its termination message, where it is one of ours."""
    try:
        found = json.loads(message or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _deployment_obstacle(deployment: Object | None) -> Obstacle | None:
    for condition in (deployment or {}).get("status", {}).get("conditions", ()):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            message = condition.get("message", "")
            reason = "QuotaExceeded" if "exceeded quota" in message else "PodsRefused"
            return Obstacle(reason, message)
    return None


def fetched_digest(snapshot: Snapshot, revision: str) -> str | None:
    """The digest that a revision's first pod reported when its artifact was fetched."""
    for pod in snapshot.pods:
        if pod["metadata"].get("labels", {}).get(names.LABEL_REVISION) != revision:
            continue
        for container in pod.get("status", {}).get("initContainerStatuses", ()):
            ended = container.get("state", {}).get("terminated") or {}
            digest = _told(ended.get("message")).get("sha256")
            if ended.get("exitCode") == 0 and isinstance(digest, str):
                return digest
    told = {pod.sha256 for pod in snapshot.evidence.pods.get(revision, ()) if pod.sha256 and pod.state == "Ready"}
    return min(told, default=None)


def signature_of(snapshot: Snapshot, revision: str) -> Mapping[str, Any] | None:
    """A revision's signature, from its pods or, where none is up, from its record."""
    for pod in snapshot.evidence.pods.get(revision, ()):
        if pod.signature is not None:
            return pod.signature
    return next((record.signature for record in records_of(snapshot) if record.name == revision), None)


def signature_change(stable: Mapping[str, Any] | None, candidate: Mapping[str, Any] | None) -> str:
    """What a candidate's signature drops or retypes of stable's, in words; empty where clients see no change."""
    if stable is None or candidate is None:
        return ""
    changes = []
    for side in ("inputs", "outputs"):
        new = {tensor["name"]: tensor for tensor in candidate.get(side, ())}
        if not new:
            # A server that is not ours need not describe its model; what is not told is not gone.
            continue
        for old in stable.get(side, ()):
            found = new.get(old["name"])
            if found is None:
                changes.append(f"{side[:-1]} {old['name']} is gone")
            elif _kind(found) != _kind(old):
                changes.append(f"{side[:-1]} {old['name']} was {_kind(old)} and is {_kind(found)}")
    return "; ".join(changes)


def _kind(tensor: Mapping[str, Any]) -> str:
    return f"{tensor['datatype']}{list(tensor['shape'])}"
