"""Gathers through kubectl what a diagnosis of a Model is made from, and tells it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from weirkeeper.api.conditions import timestamp, unix_seconds
from weirkeeper.api.monitor_labels import ERRORS
from weirkeeper.diagnosis.diagnosing import diagnose
from weirkeeper.diagnosis.evidence import HOUR, Change, Dependency, Evidence, Measured, Moved, Seen, State
from weirkeeper.diagnosis.findings import Diagnosis
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.since import drifting_since
from weirkeeper.model_report.windows import watches
from weirkeeper.plugin.changes import changes_of
from weirkeeper.plugin.errors import PluginError
from weirkeeper.plugin.kubectl import Kubectl
from weirkeeper.plugin.pods import read_pods
from weirkeeper.plugin.reporting import found_of

PROMETHEUS_SECONDS: Final = 20.0
WORST_FIRST: Final[tuple[State, ...]] = ("Drifting", "Error", "OK", "Insufficient")
NO_WINDOWS: Final = "since when inputs moved, to the window: the right to get ConfigMaps in this namespace"


@dataclass(frozen=True)
class Asked:
    """What the user gave: seconds to watch the pods for, a Prometheus, and queries in it by name."""

    seconds: float = 5.0
    prometheus: str = ""
    dependencies: Mapping[str, str] | None = None


def gather(kubectl: Kubectl, model: str, asked: Asked, now: float, sleep: Callable[[float], None]) -> Evidence:
    """Read everything that is known of a Model.

    Raises:
        PluginError: the Model is not there, may not be read, or Prometheus cannot be asked.
    """
    found = found_of(kubectl, model)
    pods, unread = read_pods(kubectl, model, asked.seconds, sleep)
    scalings = kubectl.list("events.events.k8s.io", "--field-selector", "regarding.kind=Deployment")
    evidence = replace(
        evidence_of(found, now),
        pods=pods,
        changes=tuple(changes_of(found.model, found.monitors, kubectl.events_of(found.model), scalings)),
    )
    evidence = replace(evidence, unread=(*evidence.unread, *unread))
    before = evidence.onset - HOUR
    queries = (asked.dependencies or {}).items()
    dependencies = tuple(_dependency(asked.prometheus, name, query, (now, before)) for name, query in queries)
    return replace(evidence, dependencies=dependencies)


def evidence_of(found: Found, now: float) -> Evidence:
    """Read what a Model, its Monitors and their windows say."""
    statuses = [monitor.get("status") or {} for monitor in found.monitors]
    ready = found.condition("Ready")
    labels = next((one["labels"] for one in statuses if one.get("labels")), None)
    return Evidence(
        found.name,
        now,
        found.stable,
        found.stable_since or None,
        str((found.status.get("candidate") or {}).get("revision", "")),
        f"{ready.get('reason')}: {ready.get('message', '')}" if ready.get("status") == "False" else "",
        _conditions(statuses),
        bool(found.monitors),
        tuple(_moved(found, statuses)),
        tuple(_measured(one) for status in statuses for one in status.get("performance") or ()),
        (labels["rows"], labels.get("predictions")) if labels else None,
        unread=(NO_WINDOWS,) if found.config_maps is None and found.monitors else (),
    )


def _conditions(statuses: Sequence[Mapping[str, Any]]) -> dict[str, Seen]:
    """The worst that any Monitor says, by condition."""
    worst: dict[str, Seen] = {}
    for status in statuses:
        for one in status.get("conditions") or ():
            if one["reason"] not in get_args(State):
                continue
            times = (one.get(key) for key in ("lastTransitionTime", "wellUntil"))
            seen = Seen(one["reason"], one.get("message", ""), *(unix_seconds(at) if at else None for at in times))
            known = worst.get(one["type"])
            if known is None or WORST_FIRST.index(seen.state) < WORST_FIRST.index(known.state):
                worst[one["type"]] = seen
    return worst


def _moved(found: Found, statuses: Sequence[Mapping[str, Any]]) -> Iterator[Moved]:
    """Inputs that a status says drift: since the first of their windows in a row, else since the condition is so."""
    since: dict[str, float] = {}
    for watch in watches(found):
        for name, start in drifting_since(watch).items():
            since[name] = min(start, since.get(name, start))
    known = _conditions(statuses).get("InputDrift")
    told: set[str] = set()
    for feature in (one for status in statuses for one in status.get("features") or ()):
        if feature.get("state") == "Drifting" and feature["name"] not in told:
            told.add(feature["name"])
            began = since.get(feature["name"], known.since if known else None)
            yield Moved(feature["name"], feature.get("message", ""), began)


def _measured(one: Mapping[str, Any]) -> Measured:
    numbers = {
        name: float(one[name]) for name in ("realised", "low", "high", "bound", "expected", "offline") if one.get(name)
    }
    state: State = one.get("state", "Insufficient")
    return Measured(one["metric"], state, one.get("segment", ""), **numbers, lower_is_better=one["metric"] in ERRORS)


def _dependency(prometheus: str, name: str, query: str, moments: tuple[float, float]) -> Dependency:
    now, before = (_asked(prometheus, query, moment) for moment in moments)
    if now is None:
        raise PluginError(f"the query of dependency {name} gives nothing at {prometheus}: {query}")
    return Dependency(name, now, before)


def _asked(prometheus: str, query: str, moment: float) -> float | None:
    """The largest number that a query gives at a moment, None where it gives nothing."""
    url = f"{prometheus.rstrip('/')}/api/v1/query?{urlencode({'query': query, 'time': f'{moment:.0f}'})}"
    try:
        with urlopen(url, timeout=PROMETHEUS_SECONDS) as answer:  # noqa: S310  the user's own Prometheus
            result = json.load(answer)["data"]["result"]
        values = [float(one["value"][1]) for one in result]
    except (URLError, OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise PluginError(f"{prometheus} cannot be asked for {query}: {error}; give a vector of seconds") from None
    return max((value for value in values if value == value), default=None)  # noqa: PLR0124  NaN is no number


def as_json(evidence: Evidence, diagnosis: Diagnosis) -> dict[str, Any]:
    """Write a diagnosis for programs; times as Kubernetes writes them."""
    return {
        "model": evidence.model,
        "verdict": diagnosis.verdict,
        "causes": list(diagnosis.causes),
        "since": timestamp(evidence.onset) if diagnosis.findings else None,
        "findings": [{"cause": one.cause, "where": one.where, "message": one.told} for one in diagnosis.findings],
        "moved": [{"input": one.name, "since": timestamp(one.since) if one.since else None} for one in evidence.moved],
        "changes": _changes(diagnosis.changes),
        "changesSince": _changes(diagnosis.after),
        "unknown": [{"what": one.unknown, "needed": one.needed} for one in diagnosis.gaps],
    }


def _changes(changes: Sequence[Change]) -> list[dict[str, str]]:
    return [{"time": timestamp(one.at), "kind": one.kind, "message": one.told} for one in changes]


def why(
    kubectl: Kubectl, model: str, asked: Asked, now: float, sleep: Callable[[float], None]
) -> tuple[Evidence, Diagnosis]:
    """Say what is the matter with a Model.

    Raises:
        PluginError: as `gather`.
    """
    evidence = gather(kubectl, model, asked, now, sleep)
    return evidence, diagnose(evidence)
