"""What a Monitor's last window says of the stable revision, condition by condition."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING, Final

from weirkeeper.api.conditions import condition_of, unix_seconds
from weirkeeper.api.monitor import MonitorSpec
from weirkeeper.api.monitor_status import NAME_LIMIT
from weirkeeper.api.names import kept_name
from weirkeeper.delivery.revision import is_container
from weirkeeper.plan.assessed import WATCHING, Assessment, alike
from weirkeeper.plan.conditions.drift import (
    INPUTS,
    OUTPUTS,
    going_on,
    input_drift,
    output_drift,
)
from weirkeeper.plan.conditions.fairness import FairnessFinding, fairness_degraded, judge_fairness
from weirkeeper.plan.conditions.performance import (
    PerformanceFinding,
    concept_drifted,
    judge_performance,
    performance_degraded,
)
from weirkeeper.plan.conditions.quality import data_quality
from weirkeeper.plan.conditions.too_few import NO_WINDOW, with_time
from weirkeeper.plan.conditions.watched import (
    CONDITIONS,
    COUNTED,
    LABELLED,
    ConditionState,
    ConditionType,
    Watched,
    said_before,
)
from weirkeeper.plan.labelled import Labelled, Predicted, labelled, labels_of, predictions_by_slot
from weirkeeper.plan.names_told import unknown_names
from weirkeeper.plan.wanted import records_of
from weirkeeper.plan.warming_up import Compared, warm_up_of
from weirkeeper.plan.windows import CountedSlots, WarmUp, Window, rule_of, window_of
from weirkeeper.render.server import profile_name
from weirkeeper.statistics.drift import WindowReport
from weirkeeper.statistics.errors import ProfileError, StatisticsError
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.quality import QualityFinding

if TYPE_CHECKING:
    from weirkeeper.plan.snapshot import Object, Snapshot

LATE_SECONDS: Final = 300
"""Labels that were looked at so long after a window's end are not those of its end: the operator was away."""


@dataclass(frozen=True)
class Stable:
    """The revision that is watched, and since when it is stable (Unix seconds)."""

    revision: str
    since: float


@dataclass(frozen=True)
class _Judged:
    """What a window holds, whatever was said before."""

    watched: Watched
    inputs: WindowReport
    outputs: WindowReport
    quality: tuple[QualityFinding, ...]
    labelled: Labelled
    performance: tuple[PerformanceFinding, ...]
    concept: ConditionState
    fairness: tuple[FairnessFinding, ...]
    segments: frozenset[str]
    warm_up: WarmUp | None


@dataclass(frozen=True)
class _Before:
    """What was said of the same revision when the status was written: the conditions that were True, and the inputs."""

    bad: frozenset[str] = frozenset()
    drifted: frozenset[str] = frozenset()


def of_window(snapshot: Snapshot, monitor: Object, spec: MonitorSpec) -> Assessment:
    """Judge a Monitor's last window, or say why there is none to judge."""
    name = monitor["metadata"]["name"]
    if snapshot.model is None:
        told = f"there is no Model {snapshot.name} in the namespace; create it, or name another in spec.modelRef"
        return alike(name, spec, "Error", told, "ModelNotFound")
    stable = stable_of(snapshot.model)
    if stable is None:
        return alike(name, spec, "Insufficient", "no revision of the Model is stable yet", "ModelNotReady")
    return _watched(snapshot, monitor, spec, stable)


def _watched(snapshot: Snapshot, monitor: Object, spec: MonitorSpec, stable: Stable) -> Assessment:
    name, rule = monitor["metadata"]["name"], rule_of(spec)
    if any(record.name == stable.revision and is_container(record.content) for record in records_of(snapshot)):
        if spec.objectives and not spec.performance + spec.fairness:
            return Assessment(name, ())
        told = (
            f"{stable.revision} is served by a container of its own, which counts no inputs by a profile: delete the"
            " Monitor, have it watch objectives alone, or serve a bundle (server.runtime: Bundle)"
        )
        return alike(name, spec, "Error", told, "NoProfileCounters")
    slots = snapshot.evidence.windows.get(name)
    if not isinstance(slots, CountedSlots) or slots.until == 0:
        return replace(alike(name, spec, "Insufficient", NO_WINDOW.format(size=spec.window.size)), settled=False)
    if stable.revision in slots.mixed:
        told = f"pods of {stable.revision} count by different profiles; give the revision one artifact, by its sha256"
        return alike(name, spec, "Error", told, "ProfileMismatch")
    metadata = monitor["metadata"]
    key = (metadata.get("uid"), metadata.get("generation"), stable)
    try:
        if key not in slots.judged:
            slots.judged[key] = _judged(snapshot, spec, slots, stable, _created(monitor))
    except (StatisticsError, OverflowError) as error:
        window = _window(slots, spec, stable, stable.since)
        return replace(alike(name, spec, "Error", str(error), "NoProfileCounters"), window=window)
    found = _said(name, slots.judged[key], _before(monitor, stable))
    late = slots.labelled_at > rule.end_before(slots.until) + LATE_SECONDS
    return _with_former(found, monitor) if late else found


def _window(slots: CountedSlots, spec: MonitorSpec, stable: Stable, since: float) -> Window:
    rule = rule_of(spec)
    counted, past = (kept.get(stable.revision, ()) for kept in (slots.revisions, slots.past))
    return window_of(counted, rule, rule.end_before(slots.until), since, past)


def _judged(snapshot: Snapshot, spec: MonitorSpec, slots: CountedSlots, stable: Stable, created: float) -> _Judged:
    profile = _profile_of(snapshot, stable.revision)
    warm_up = warm_up_of(slots, stable.revision, int(stable.since)) if rule_of(spec).warm_up else None
    since = warm_up.end if warm_up and warm_up.end else stable.since
    counted_since = max(since, slots.since, created)
    watched = Watched(spec, rule_of(spec), profile, _window(slots, spec, stable, since), counted_since)
    labels = _labelled(watched, slots, stable, _began(snapshot, stable.revision))
    compared = Compared.of(watched, warm_up)
    return _Judged(
        watched,
        compared.inputs(),
        compared.outputs(),
        compared.quality(),
        labels,
        judge_performance(watched, labels, _card(snapshot.model or {})),
        concept_drifted(watched, labels),
        judge_fairness(watched, labels),
        _segments(snapshot.model or {}),
        warm_up,
    )


def _labelled(watched: Watched, slots: CountedSlots, stable: Stable, began: float) -> Labelled:
    rule, end = watched.rule, watched.window.end
    counted, past = (kept.get(stable.revision, ()) for kept in (slots.revisions, slots.past))
    lengths = [*((one, rule.size) for one in past), *((one, rule.slot) for one in counted)]
    picked = labels_of(slots.labels, stable.revision, watched.labels, rule, end, stable.since)
    predicted = Predicted(predictions_by_slot(lengths, slots.labels), stable.since, began, slots.since)
    return labelled(picked, predicted, rule, end, watched.labels, slots.labels)


def _began(snapshot: Snapshot, revision: str) -> float:
    """A moment at which a revision had predicted nothing yet (Unix seconds)."""
    return _created(snapshot.children.get(("ControllerRevision", revision)) or {})


def _created(found: Object) -> float:
    """When an object was made (Unix seconds); 0 where it does not say."""
    created = (found.get("metadata") or {}).get("creationTimestamp")
    return unix_seconds(created) if created else 0.0


def _said(name: str, judged: _Judged, before: _Before) -> Assessment:
    inputs = going_on(judged.inputs, lambda name: kept_name(name, NAME_LIMIT) in before.drifted, INPUTS)
    outputs = going_on(judged.outputs, lambda _: "OutputDrift" in before.bad, OUTPUTS)
    bad = before.bad
    every: tuple[ConditionState, ...] = (
        input_drift(inputs),
        output_drift(outputs),
        data_quality(judged.watched, judged.quality, degraded_before="DataQualityDegraded" in bad),
        performance_degraded(judged.performance, judged.labelled, degraded_before="PerformanceDegraded" in bad),
        judged.concept,
        fairness_degraded(judged.fairness, judged.labelled, degraded_before="FairnessDegraded" in bad),
    )
    conditions = tuple(with_time(one, judged.watched) for one in every if one.type in judged.watched.conditions)
    return Assessment(
        name,
        conditions,
        *_problem(judged, conditions),
        window=judged.watched.window,
        features=inputs.features,
        outputs=outputs.features,
        quality=judged.quality,
        performance=judged.performance,
        fairness=judged.fairness,
        labelled=judged.labelled,
        warm_up=judged.warm_up,
    )


def _with_former(found: Assessment, monitor: Object) -> Assessment:
    """Conditions of labels as they were said: labels that came after the window are for the next one."""
    status = monitor.get("status") or {}
    former: dict[ConditionType, ConditionState] = {
        kind: said for kind in LABELLED if (said := said_before(status, kind)) is not None
    }
    return replace(found, conditions=tuple(former.get(one.type, one) for one in found.conditions))


def _card(model: Object) -> dict[str, float]:
    """The offline metrics of the Model's card that are numbers."""
    told = ((model.get("spec") or {}).get("card") or {}).get("metrics") or {}
    found: dict[str, float] = {}
    for name, value in told.items():
        try:
            found[name] = float(value)
        except ValueError:
            continue
    return {name: value for name, value in found.items() if isfinite(value)}


def _segments(model: Object) -> frozenset[str]:
    """The inputs by which the Model's labels are counted apart."""
    told = ((model.get("spec") or {}).get("parameters") or {}).get("segments", "")
    return frozenset(name.strip() for name in told.split(",")) - {""}


def _problem(judged: _Judged, conditions: Iterable[ConditionState]) -> tuple[str, str]:
    """The reason of the Ready condition, and why it is none but Watching."""
    broken = next((one.message for one in conditions if one.state == "Error" and one.type in COUNTED), "")
    if broken:
        return "ProfileMismatch", broken
    unknown = unknown_names(judged.watched.spec, judged.watched.profile, judged.segments)
    return ("UnknownName", unknown) if unknown else (WATCHING, "")


def _before(monitor: Object, stable: Stable) -> _Before:
    """What was said when the status was written, unless another revision was stable then."""
    status = monitor.get("status") or {}
    end = (status.get("lastWindow") or {}).get("end")
    if not end or unix_seconds(end) <= stable.since:
        return _Before()
    bad = (one for one in CONDITIONS if (condition_of(status, one) or {}).get("status") == "True")
    drifted = (one["name"] for one in status.get("features") or () if one.get("state") == "Drifting")
    return _Before(frozenset(bad), frozenset(drifted))


def stable_of(model: Object) -> Stable | None:
    """The stable revision, as the Model's status has it."""
    stable = (model.get("status") or {}).get("stable") or {}
    if not stable.get("revision"):
        return None
    return Stable(stable["revision"], unix_seconds(stable["since"]) if stable.get("since") else 0.0)


def _profile_of(snapshot: Snapshot, revision: str) -> ReferenceProfile:
    """The reference of a revision: what its pods say, or what was kept of it.

    Raises:
        ProfileError: there is none, or none that can be read.
    """
    for pod in snapshot.evidence.pods.get(revision, ()):
        if pod.profile is not None:
            return ReferenceProfile.from_json(pod.profile)
    kept = snapshot.children.get(("ConfigMap", profile_name(revision)))
    written = ((kept or {}).get("data") or {}).get("profile.json")
    if not written:
        raise ProfileError(f"{revision} told no reference profile; make its bundle with `weirkeeper bundle`")
    try:
        return ReferenceProfile.from_json(json.loads(written))
    except json.JSONDecodeError as error:
        raise ProfileError(f"the profile kept of {revision} is no JSON ({error}); delete its ConfigMap") from error
