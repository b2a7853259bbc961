"""What was done to a Model lately: promotions, steps, verbs, scalings, changes of its spec, trainings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from weirkeeper.api.conditions import unix_seconds
from weirkeeper.diagnosis.evidence import Change
from weirkeeper.plugin.kubectl import Object

STEPS: Final = frozenset({"StepStarted", "StepApproved", "StepsChanged", "GatesChanged", "AttemptStarted", "Undone"})
VERBS: Final = frozenset(
    {"Paused", "Resumed", "PromoteRequested", "StepSkipped", "RetryRequested", "UndoRequested", "Aborted"}
)
SCALED: Final = "ScalingReplicaSet"
FIRST_PODS: Final = " from 0 to "
"""A revision that starts has an attempt, which is told."""
DID: Final[Mapping[str, str]] = {"Retrain": "began a training", "Undo": "went back to the revision before"}


def changes_of(
    model: Object, monitors: Sequence[Object], events: Sequence[Object], scalings: Sequence[Object]
) -> Iterator[Change]:
    """List them, in any order; `events` are the Model's, `scalings` those of Deployments of the namespace."""
    status = model.get("status") or {}
    for attempt in status.get("attempts") or ():
        if attempt.get("ended"):
            told = f"attempt {attempt['attempt']} for {attempt['revision']} ended {attempt.get('outcome')}"
            yield Change(unix_seconds(attempt["ended"]), "Promotion", told)
    yield from (one for event in events if (one := _event(event)) is not None)
    yield from _scaled(model["metadata"]["name"], scalings)
    yield from _written(model)
    for monitor in monitors:
        for action in (monitor.get("status") or {}).get("lastActions") or ():
            told = f"Monitor {monitor['metadata']['name']} {DID.get(action['action'], action['action'])}"
            ended = f", which {'is under way' if 'outcome' not in action else action['outcome'].lower()}"
            yield Change(unix_seconds(action["time"]), "Retraining", f"{told}{ended if 'job' in action else ''}")


def _event(event: Object) -> Change | None:
    at, reason = event.get("eventTime") or event["metadata"].get("creationTimestamp"), event.get("reason")
    if not at or reason not in STEPS | VERBS:
        return None
    return Change(unix_seconds(at), "Step" if reason in STEPS else "Verb", event.get("note") or reason)


def _scaled(model: str, scalings: Sequence[Object]) -> Iterator[Change]:
    for event in scalings:
        about = event.get("regarding") or {}
        ours = event.get("reason") == SCALED and str(about.get("name", "")).startswith(f"{model}-")
        if ours and FIRST_PODS not in str(event.get("note", "")):
            at = (
                (event.get("series") or {}).get("lastObservedTime")
                or event.get("eventTime")
                or event.get("deprecatedLastTimestamp")
                or event["metadata"]["creationTimestamp"]
            )
            yield Change(unix_seconds(at), "Scaling", str(event.get("note", "")))


def _written(model: Object) -> Iterator[Change]:
    """When the spec was written last, and by whom: a field manager's time is that of its last change."""
    for entry in model["metadata"].get("managedFields") or ():
        fields: Mapping[str, Any] = (entry.get("fieldsV1") or {}).get("f:spec") or {}
        if fields and not entry.get("subresource") and entry.get("time"):
            parts = sorted(name.removeprefix("f:") for name in fields if name.startswith("f:"))
            alone = parts == ["card"]
            told = f"{entry.get('manager', 'somebody')} wrote the {'card' if alone else 'spec'} ({', '.join(parts)})"
            yield Change(unix_seconds(entry["time"]), "Card" if alone else "Spec", told)
