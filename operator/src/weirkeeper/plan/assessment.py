"""What a Monitor's last window says of the stable revision: drift in the inputs, within the budget of false alarms.

A feature begins to drift with one window that is above a threshold. That needs no second window: the threshold is made
so that in a month all features and all windows together alarm `falseAlarmsPerMonth` times where nothing is wrong
(statistics.budget), and to wait for two of three windows would only make it later. It ends to drift when the debiased
PSI is below 0.7 of delta, which chance does not bring about from far above: so a state does not flutter. Both depend on
the window, on those kept before it, and on what was said before alone, so judging a window again changes nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weirkeeper.api.conditions import unix_seconds
from weirkeeper.api.errors import InvalidSpec
from weirkeeper.api.monitor import MonitorSpec, State, parse_monitor
from weirkeeper.delivery.revision import is_container
from weirkeeper.plan.wanted import records_of
from weirkeeper.plan.windows import CountedSlots, Window, WindowRule, rule_of, window_of
from weirkeeper.render.server import profile_name
from weirkeeper.statistics.drift import (
    FeatureDrift,
    FeaturePolicy,
    History,
    WindowReport,
    alarm_share,
    assess,
    held,
    policy_of,
    reported,
)
from weirkeeper.statistics.errors import ProfileError, StatisticsError
from weirkeeper.statistics.profile import ReferenceProfile

if TYPE_CHECKING:
    from weirkeeper.plan.snapshot import Object, Snapshot


@dataclass(frozen=True)
class Assessment:
    """What is to be said of one Monitor.

    `reason` is that of its Ready condition, Watching where all is well. `window` is None where none has ended yet that
    could be judged, `settled` False where the collector has not read up to any window's end since it began: what was
    said before holds then. `features` are all that were judged, the worst first.
    """

    monitor: str
    state: State
    message: str
    reason: str = "Watching"
    window: Window | None = None
    features: tuple[FeatureDrift, ...] = ()
    settled: bool = True


@dataclass(frozen=True)
class _Stable:
    """The revision that is watched, and since when it is stable (Unix seconds)."""

    revision: str
    since: float


def assessments(snapshot: Snapshot) -> tuple[Assessment, ...]:
    """Judge the last window of every Monitor of the Model; also what its series are made of."""
    return tuple(assessment_of(snapshot, monitor) for monitor in snapshot.monitors)


def assessment_of(snapshot: Snapshot, monitor: Object) -> Assessment:
    """Judge one Monitor's last window."""
    name = monitor["metadata"]["name"]
    try:
        spec = parse_monitor(monitor)
    except InvalidSpec as error:
        return Assessment(name, "Error", str(error), "InvalidSpec")
    if snapshot.model is None:
        told = f"there is no Model {snapshot.name} in the namespace; create it, or name another in spec.modelRef"
        return Assessment(name, "Error", told, "ModelNotFound")
    stable = _stable_of(snapshot.model)
    if stable is None:
        return Assessment(name, "Insufficient", "no revision of the Model is stable yet", "ModelNotReady")
    return _watched(snapshot, monitor, spec, stable)


def _watched(snapshot: Snapshot, monitor: Object, spec: MonitorSpec, stable: _Stable) -> Assessment:
    name, rule = monitor["metadata"]["name"], rule_of(spec)
    if any(record.name == stable.revision and is_container(record.content) for record in records_of(snapshot)):
        told = (
            f"{stable.revision} is served by a container of its own, which counts no inputs by a profile: delete the"
            " Monitor, or serve a bundle (server.runtime: Bundle)"
        )
        return Assessment(name, "Error", told, "NoProfileCounters")
    slots = snapshot.evidence.windows.get(name)
    if not isinstance(slots, CountedSlots) or slots.until == 0:
        return Assessment(name, "Insufficient", "no window has ended yet", settled=False)
    if stable.revision in slots.mixed:
        told = f"pods of {stable.revision} count by different profiles; give the revision one artifact, by its sha256"
        return Assessment(name, "Error", told, "ProfileMismatch")
    counted, past = (kept.get(stable.revision, ()) for kept in (slots.revisions, slots.past))
    window = window_of(counted, rule, rule.end_before(slots.until), stable.since, past)
    metadata = monitor["metadata"]
    key = (metadata.get("uid"), metadata.get("generation"), stable)
    try:
        if key not in slots.judged:
            slots.judged[key] = _judged(spec, rule, _profile_of(snapshot, stable.revision), window)
    except (StatisticsError, OverflowError) as error:
        return Assessment(name, "Error", str(error), "NoProfileCounters", window)
    return _said(name, slots.judged[key], window, _drifted(monitor, stable))


def _judged(spec: MonitorSpec, rule: WindowRule, profile: ReferenceProfile, window: Window) -> WindowReport:
    policies, delta = _policies(spec), spec.inputs.delta.number
    watched = sum(policy_of(one, policies, delta).watched for one in profile.features)
    return assess(
        profile,
        window.inputs,
        alpha=alarm_share(spec.false_alarms_per_month.number, rule.size, watched),
        delta=delta,
        min_rows=rule.min_rows,
        overrides=policies,
        history=History(window.slots, window.past),
    )


def _policies(spec: MonitorSpec) -> dict[str, FeaturePolicy]:
    """What the Monitor says of single inputs."""
    deltas = {name: spec.inputs.delta_of(name) for name in spec.inputs.features}
    return {name: FeaturePolicy(delta, delta is not None) for name, delta in deltas.items()}


def _said(name: str, report: WindowReport, window: Window, before: frozenset[str]) -> Assessment:
    if report.features:
        # What drifted before goes on until it is well below what matters.
        features = [held(feature) if feature.name in before else feature for feature in report.features]
        report = reported(report.rows, features)
    return Assessment(name, report.state, report.message, window=window, features=report.features)


def _drifted(monitor: Object, stable: _Stable) -> frozenset[str]:
    """The features that drifted when the status was written, unless another revision was stable then."""
    status = monitor.get("status") or {}
    end = (status.get("lastWindow") or {}).get("end")
    if not end or unix_seconds(end) <= stable.since:
        return frozenset()
    return frozenset(one["name"] for one in status.get("features") or () if one.get("state") == "Drifting")


def _stable_of(model: Object) -> _Stable | None:
    stable = (model.get("status") or {}).get("stable") or {}
    if not stable.get("revision"):
        return None
    return _Stable(stable["revision"], unix_seconds(stable["since"]) if stable.get("since") else 0.0)


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
