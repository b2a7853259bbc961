"""What pods of a Model tell: how Kubernetes finds them, and what they answered in a few seconds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from weirkeeper.api import names
from weirkeeper.api.conditions import unix_seconds
from weirkeeper.diagnosis.evidence import Pod
from weirkeeper.plugin.errors import PluginError
from weirkeeper.plugin.kubectl import Kubectl, Object

MOST_PODS: Final = 40
"""Pods that are asked for their counts; each takes two requests through the API server."""

UNREAD: Final = "how single pods do ({told}): the right to get pods/proxy in this namespace"
TOO_MANY: Final = "how {count} further pods do: a Prometheus that scrapes them"

_SERIES: Final = re.compile(r"^weirkeeper_server_(\w+?)(?:\{([^}]*)\})? ([0-9.eE+-]+)$", re.MULTILINE)
_COUNTED: Final = ("requests_total", "request_duration_seconds_sum", "request_duration_seconds_count")


@dataclass(frozen=True)
class _Counts:
    """What a server counted since it began; seconds are those of all its answers together."""

    requests: float = 0.0
    failed: float = 0.0
    answers: float = 0.0
    seconds: float = 0.0

    def minus(self, before: _Counts) -> _Counts:
        """What came since; where the server began anew meanwhile, everything."""
        if self.requests < before.requests:
            return self
        return _Counts(*(mine - theirs for mine, theirs in zip(_of(self), _of(before), strict=True)))


def _of(counts: _Counts) -> tuple[float, ...]:
    return counts.requests, counts.failed, counts.answers, counts.seconds


def read_pods(
    kubectl: Kubectl, model: str, seconds: float, sleep: Callable[[float], None]
) -> tuple[tuple[Pod, ...], tuple[str, ...]]:
    """Read the Model's pods, and count what they answer in so many seconds; second, what could not be read."""
    selector = f"{names.LABEL_MODEL}={model},{names.LABEL_COMPONENT}=model"
    listed = kubectl.list("pods", "--selector", selector)
    found = {pod["metadata"]["name"]: _pod(pod) for pod in listed if not pod["metadata"].get("deletionTimestamp")}
    asked = [name for name in found if found[name].ready][:MOST_PODS]
    namespace = next((pod["metadata"]["namespace"] for pod in listed), "")
    try:
        before = {name: _counts(kubectl, namespace, name) for name in asked}
        if asked:
            sleep(seconds)
        after = {name: _counts(kubectl, namespace, name) for name in asked}
    except PluginError as error:
        return tuple(found.values()), (UNREAD.format(told=str(error).splitlines()[-1][:120]),)
    counted = {name: _counted(pod, before.get(name), after.get(name)) for name, pod in found.items()}
    more = sum(pod.ready for pod in found.values()) - len(asked)
    return tuple(counted.values()), (TOO_MANY.format(count=more),) if more else ()


def _pod(pod: Object) -> Pod:
    metadata, status = pod["metadata"], pod.get("status") or {}
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or ())
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    trouble, ended = _trouble(status, containers, ready=ready)
    return Pod(
        metadata["name"],
        (metadata.get("labels") or {}).get(names.LABEL_REVISION, ""),
        (pod.get("spec") or {}).get("nodeName", ""),
        ready,
        sum(one.get("restartCount", 0) for one in containers),
        trouble,
        ended,
    )


def _trouble(
    status: Mapping[str, Any], containers: Sequence[Mapping[str, Any]], *, ready: bool
) -> tuple[str, float | None]:
    """What is wrong with a pod, and when its container ended last."""
    for one in containers:
        last = (one.get("lastState") or {}).get("terminated") or (one.get("state") or {}).get("terminated") or {}
        waiting = (one.get("state") or {}).get("waiting") or {}
        if last.get("exitCode"):
            ended = unix_seconds(last["finishedAt"]) if last.get("finishedAt") else None
            told = (
                f"{last.get('reason', 'ended')} (exit code {last['exitCode']}), {one.get('restartCount', 0)} restarts"
            )
            return told, ended
        if waiting.get("reason") not in {None, "ContainerCreating", "PodInitializing"}:
            return f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": "), None
    refused: Mapping[str, Any] = next(
        (one for one in status.get("conditions") or () if one["type"] == "PodScheduled"), {}
    )
    if refused.get("status") == "False":
        return f"{refused.get('reason')}: {refused.get('message', '')}", None
    return ("" if ready else "not ready"), None


def _counts(kubectl: Kubectl, namespace: str, pod: str) -> _Counts:
    place = f"/api/v1/namespaces/{namespace}/pods/{pod}:{names.EVIDENCE_PORT}/proxy/metrics"
    return read_counts(kubectl("get", "--raw", place))


def read_counts(text: str) -> _Counts:
    """Read what a server counted from its metrics."""
    found = _Counts()
    for name, labels, value in _SERIES.findall(text):
        if name == _COUNTED[0]:
            failed = float(value) if 'outcome="failed"' in labels else 0.0
            found = replace(found, requests=found.requests + float(value), failed=found.failed + failed)
        elif name == _COUNTED[1]:
            found = replace(found, seconds=found.seconds + float(value))
        elif name == _COUNTED[2]:
            found = replace(found, answers=found.answers + float(value))
    return found


def _counted(pod: Pod, before: _Counts | None, after: _Counts | None) -> Pod:
    if before is None or after is None:
        return pod
    counts = after.minus(before)
    pace = counts.seconds / counts.answers if counts.answers else None
    return replace(pod, requests=round(counts.requests), failed=round(counts.failed), seconds=pace)
