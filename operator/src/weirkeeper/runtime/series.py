"""Series of every Model, made from statuses, evidence and Monitors at the moment when Prometheus asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, get_args

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as SeriesCollector

from weirkeeper.api.attempts import Phase
from weirkeeper.api.conditions import condition_of
from weirkeeper.kube.keys import Key
from weirkeeper.plan.assessment import Assessment
from weirkeeper.plan.snapshot import Object

VERDICTS: Final = {"Pass": 1.0, "Inconclusive": 0.0, "Fail": -1.0}
PHASES: Final = tuple(get_args(Phase))

_MODEL: Final = ("namespace", "model")
_REVISION: Final = (*_MODEL, "revision")
_GATE: Final = (*_REVISION, "gate")
_MONITOR: Final = (*_MODEL, "monitor")
_FEATURE: Final = (*_MONITOR, "feature")

FAMILIES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "model_info": ("Revisions and owner of a Model; always 1.", (*_MODEL, "stable", "candidate", "owner")),
    "model_ready": ("Whether a Model's stable revision serves.", _MODEL),
    "traffic_weight_ratio": ("Share of the traffic that was decided for a revision.", _REVISION),
    "rollout_phase": ("1 for the phase in which a Model is.", (*_MODEL, "phase")),
    "rollout_step": ("Number of the step in which an attempt is, from 1; 0 where it is in none.", _MODEL),
    "gate_verdict": ("Verdict of a gate: 1 Pass, 0 Inconclusive, -1 Fail.", _GATE),
    "gate_log_e": ("Natural logarithm of the evidence for a gate's Fail or Pass.", (*_GATE, "test")),
    "exposed_requests": ("Requests that an attempt's candidate answered.", _REVISION),
    "drift_psi": ("Population stability index of a feature in the last window.", _FEATURE),
    "drift_psi_threshold": ("Index above which a feature counts as drifted.", _FEATURE),
    "drift_detected": ("Whether a feature drifts.", _FEATURE),
    "drift_window_rows": ("Rows in a Monitor's last window.", _MONITOR),
    "evidence_age_seconds": ("Time since the router that answered longest ago answered.", _MODEL),
}

_Sample = tuple[str, tuple[str, ...], float]
"""A family's name without its prefix, the values of its labels, and the sample's value."""


class ModelSeries(SeriesCollector):
    """All Models' series. `models` gives the Models, `ages` the evidence's age in seconds by namespace."""

    def __init__(
        self,
        models: Callable[[], Iterable[Object]],
        ages: Callable[[Iterable[Object]], Mapping[str, float]],
    ) -> None:
        self._models = models
        self._ages = ages
        self._assessed: dict[Key, tuple[Assessment, ...]] = {}

    def assessed(self, key: Key, assessments: tuple[Assessment, ...]) -> None:
        """Take in what the Monitors of a Model say."""
        if assessments:
            self._assessed[key] = assessments
        else:
            self._assessed.pop(key, None)

    def collect(self) -> Iterator[Metric]:
        """Give every family, also those without samples."""
        families = {
            name: GaugeMetricFamily(f"weirkeeper_{name}", documentation, labels=labels)
            for name, (documentation, labels) in FAMILIES.items()
        }
        models = tuple(self._models())
        ages = self._ages(models)
        for model in models:
            for name, labels, value in self._samples(model, ages):
                families[name].add_metric(labels, value)
        yield from families.values()

    def _samples(self, model: Object, ages: Mapping[str, float]) -> Iterator[_Sample]:
        namespace, name = model["metadata"]["namespace"], model["metadata"]["name"]
        place = (namespace, name)
        yield from status_samples(place, model)
        if namespace in ages:
            yield "evidence_age_seconds", place, ages[namespace]
        for assessment in self._assessed.get(Key("Model", namespace, name), ()):
            yield from drift_samples(place, assessment)


def status_samples(place: tuple[str, str], model: Object) -> Iterator[_Sample]:
    """What a Model's status says, as samples."""
    status = model.get("status") or {}
    candidate = status.get("candidate", {}).get("revision", "")
    attempts = status.get("attempts", ())
    judged = attempts[-1]["revision"] if attempts else ""
    owner = model["spec"].get("card", {}).get("owner", "")
    ready = (condition_of(status, "Ready") or {}).get("status") == "True"
    yield "model_info", (*place, status.get("stable", {}).get("revision", ""), candidate, owner), 1.0
    yield "model_ready", place, float(ready)
    yield "rollout_step", place, float(status.get("step", 0))
    for phase in PHASES:
        yield "rollout_phase", (*place, phase), float(status.get("phase") == phase)
    for share in status.get("traffic", ()):
        yield "traffic_weight_ratio", (*place, share["revision"]), share["weight"] / 100
    if judged:
        yield "exposed_requests", (*place, judged), float(status.get("exposedRequests", 0))
    for gate in status.get("gates", ()):
        yield from _gate_samples((*place, judged, gate["name"]), gate)


def _gate_samples(labels: tuple[str, ...], gate: Mapping[str, Any]) -> Iterator[_Sample]:
    yield "gate_verdict", labels, VERDICTS[gate["verdict"]]
    for test in ("fail", "pass"):
        written = gate.get("evidence", {}).get(test)
        if written:
            yield "gate_log_e", (*labels, test), float(written)


def drift_samples(place: tuple[str, str], assessment: Assessment) -> Iterator[_Sample]:
    """What a Monitor says of its features, as samples."""
    if assessment.window is not None:
        yield "drift_window_rows", (*place, assessment.monitor), float(assessment.window.rows)
    for feature in assessment.features:
        labels = (*place, assessment.monitor, feature.name)
        yield "drift_detected", labels, float(feature.drifting)
        if feature.psi is not None:
            yield "drift_psi", labels, feature.psi
        if feature.threshold is not None:
            yield "drift_psi_threshold", labels, feature.threshold
