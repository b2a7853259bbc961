"""Series of every Model, made from statuses, evidence and Monitors at the moment when Prometheus asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, get_args

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as SeriesCollector

from weirkeeper.api.attempts import Phase
from weirkeeper.api.conditions import condition_of
from weirkeeper.kube.keys import Key
from weirkeeper.plan.assessed import WATCHING, Assessment
from weirkeeper.plan.conditions.objectives import ObjectiveFinding, window_name
from weirkeeper.plan.snapshot import Object
from weirkeeper.plan.standing import TURNED_DOWN
from weirkeeper.statistics.drift import FeatureDrift

VERDICTS: Final = {"Pass": 1.0, "Inconclusive": 0.0, "Fail": -1.0}
PHASES: Final = tuple(get_args(Phase))

_MODEL: Final = ("namespace", "model")
_REVISION: Final = (*_MODEL, "revision")
_GATE: Final = (*_REVISION, "gate")
_MONITOR: Final = (*_MODEL, "monitor")
_FEATURE: Final = (*_MONITOR, "feature")
_CONDITION: Final = (*_MONITOR, "condition")
_OUTPUT: Final = (*_MONITOR, "output")
_OBJECTIVE: Final = (*_MONITOR, "objective")
_METRIC: Final = (*_MONITOR, "segment", "metric")
_QUALITY: Final = (*_MONITOR, "column", "kind")

MOST_FEATURES: Final = 100
"""Features, outputs and columns of a Monitor that have series: the worst ones; how many have none is a series too."""

FAMILIES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "model_info": ("Revisions and owner of a Model; always 1.", (*_MODEL, "stable", "candidate", "owner")),
    "model_ready": ("Whether a Model's stable revision serves.", _MODEL),
    "model_spec_rejected": ("Whether the spec asks for a revision that was rolled back or aborted.", _MODEL),
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
    "monitor_ready": ("Whether a Monitor can watch.", _MONITOR),
    "monitor_condition": (
        "1 where a Monitor's condition is bad, 0 where not; absent where it is not known.",
        _CONDITION,
    ),
    "monitor_output_psi": ("Population stability index of an output in the last window.", _OUTPUT),
    "monitor_output_psi_threshold": ("Index above which an output counts as drifted.", _OUTPUT),
    "monitor_quality_ratio": ("Share of a column's values that is out of order, in the last window.", _QUALITY),
    "monitor_performance": ("A metric of the predictions whose labels came back, in what a Monitor judged.", _METRIC),
    "monitor_performance_low": ("Lower end of its 95 % confidence interval.", _METRIC),
    "monitor_performance_high": ("Upper end of it.", _METRIC),
    "monitor_performance_bound": ("What the Monitor asks of it: the least, of errors and losses the most.", _METRIC),
    "monitor_performance_expected": ("What the model's answers alone let expect of it.", _METRIC),
    "monitor_performance_offline": ("What it was before the model was deployed.", _METRIC),
    "monitor_objective_target_ratio": ("Share of good requests that an objective asks for.", _OBJECTIVE),
    "monitor_objective_good_ratio": ("Share of good requests in 30 days, or since they are counted.", _OBJECTIVE),
    "monitor_objective_requests": ("Requests in 30 days, or since they are counted.", _OBJECTIVE),
    "monitor_budget_left_ratio": ("Share of 30 days' error budget that is left; below 0 it is overspent.", _OBJECTIVE),
    "monitor_burn_rate": (
        "How many times as fast as it lasts 30 days the error budget went in a window.",
        (*_OBJECTIVE, "window"),
    ),
    "monitor_reference_rows": ("Live rows that a Monitor compares with; absent where the bundle has them.", _MONITOR),
    "monitor_fairness_ratio": ("Ratio of the lowest group's share to the highest one's.", _METRIC),
    "monitor_labelled_rows": ("Labelled rows that a Monitor judged last.", _MONITOR),
    "monitor_label_coverage_ratio": ("Share of the predictions whose label came, where it is known.", _MONITOR),
    "monitor_hidden_features": (
        "Columns that drift or data quality were judged of, and that have no series.",
        _MONITOR,
    ),
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
            yield from monitor_samples(place, assessment)


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
    current = condition_of(status, "Current") or {}
    yield "model_spec_rejected", place, float(current.get("reason") in TURNED_DOWN)
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


def monitor_samples(place: tuple[str, str], assessment: Assessment) -> Iterator[_Sample]:
    """What a Monitor says, as samples."""
    monitor = (*place, assessment.monitor)
    if assessment.window is not None:
        yield "drift_window_rows", monitor, float(assessment.window.rows)
    yield "monitor_ready", monitor, float(assessment.reason == WATCHING)
    if assessment.warm_up is not None:
        yield "monitor_reference_rows", monitor, float(assessment.warm_up.rows)
    for said in assessment.conditions:
        if said.state in ("OK", "Drifting"):
            yield "monitor_condition", (*monitor, said.type), float(said.state == "Drifting")
    for feature in assessment.features[:MOST_FEATURES]:
        yield "drift_detected", (*monitor, feature.name), float(feature.drifting)
        yield from _psi_samples("drift_psi", (*monitor, feature.name), feature)
    for output in assessment.outputs[:MOST_FEATURES]:
        yield from _psi_samples("monitor_output_psi", (*monitor, output.name), output)
    columns = list(dict.fromkeys(one.name for one in assessment.quality))
    shown = frozenset(columns[:MOST_FEATURES])
    for one in assessment.quality:
        if one.name in shown:
            yield "monitor_quality_ratio", (*monitor, one.name, one.kind), one.share
    yield from _label_samples(monitor, assessment)
    for objective in assessment.objectives:
        yield from _objective_samples((*monitor, objective.kind), objective)
    longest = max(len(assessment.features), len(assessment.outputs), len(columns))
    yield "monitor_hidden_features", monitor, float(max(0, longest - MOST_FEATURES))


def _label_samples(monitor: tuple[str, ...], assessment: Assessment) -> Iterator[_Sample]:
    for found in assessment.performance[:MOST_FEATURES]:
        labels = (*monitor, found.group, found.metric)
        for suffix, number in (
            ("", found.realised),
            ("_low", found.low),
            ("_high", found.high),
            ("_bound", found.bound),
            ("_expected", found.expected),
            ("_offline", found.offline),
        ):
            if number is not None:
                yield f"monitor_performance{suffix}", labels, number
    for parity in assessment.fairness:
        if parity.ratio is not None:
            yield "monitor_fairness_ratio", (*monitor, parity.segment, parity.metric), parity.ratio
    labelled = assessment.labelled
    if labelled is None or not assessment.performance + assessment.fairness:
        return
    yield "monitor_labelled_rows", monitor, float(labelled.rows)
    if labelled.known:
        yield "monitor_label_coverage_ratio", monitor, labelled.window.coverage


def _objective_samples(labels: tuple[str, ...], found: ObjectiveFinding) -> Iterator[_Sample]:
    requests, bad = found.tally
    yield "monitor_objective_target_ratio", labels, found.target / 100.0
    yield "monitor_objective_requests", labels, float(requests)
    if requests:
        yield "monitor_objective_good_ratio", labels, 1.0 - bad / requests
        yield "monitor_budget_left_ratio", labels, found.left
        for window, rate in found.burn.items():
            yield "monitor_burn_rate", (*labels, window_name(window)), rate


def _psi_samples(family: str, labels: tuple[str, ...], feature: FeatureDrift) -> Iterator[_Sample]:
    if feature.psi is not None:
        yield family, labels, feature.psi
    if feature.threshold is not None:
        yield f"{family}_threshold", labels, feature.threshold
