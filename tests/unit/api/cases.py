"""Specs that are refused, each with its nearest accepted neighbour, for our records and for the real API server."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from weirkeeper.api import (
    artifact,
    asking_gates,
    container,
    gates,
    monitor,
    monitor_actions,
    monitor_labels,
    monitor_objectives,
    rollout,
    steps,
)

Spec = dict[str, Any]

SMALLEST: Mapping[str, Spec] = {
    "Model": {"artifact": {"uri": "configmap://churn-v1"}},
    "Rollout": {"modelRef": {"name": "churn"}},
    "Monitor": {"modelRef": {"name": "churn"}},
}


_UNDO: Spec = {"when": ["InputDrift"], "undo": {}}
_RETRAIN: Spec = {"when": ["InputDrift"], "retrain": {"cronJobRef": {"name": "train"}}}
_WATCHING: Spec = SMALLEST["Monitor"]
_F1: Spec = {"metric": "F1", "min": "0.8"}
_TIMELY: Spec = {"latency": {"below": "1s", "target": "99"}}
_WEEKLY: Spec = {"schedule": "0 3 * * 1", "retrain": {"cronJobRef": {"name": "train"}}}


@dataclass(frozen=True)
class Case:
    """`bad` and `good` are put into the smallest spec, or `base`, at `field`; the refusal of `bad` contains `says`."""

    kind: str
    field: str
    bad: Any
    good: Any
    says: str
    base: Spec | None = None

    def __str__(self) -> str:
        return f"{self.kind}.{self.field}={self.bad!r}"[:100]

    def refused(self) -> Spec:
        return put(self._base, self.field, self.bad)

    def accepted(self) -> Spec:
        return put(self._base, self.field, self.good)

    @property
    def _base(self) -> Mapping[str, Any]:
        return SMALLEST[self.kind] if self.base is None else self.base


def put(spec: Mapping[str, Any], field: str, value: Any) -> Spec:
    """A copy of `spec` with `value` at the dotted path."""
    result = deepcopy(dict(spec))
    *above, last = field.split(".")
    inner = result
    for part in above:
        inner = inner.setdefault(part, {})
    inner[last] = value
    return result


def _uri(bad: str, good: str, says: str) -> Case:
    return Case("Model", "artifact.uri", bad, good, says)


def _artifact(bad: Spec, good: Spec, says: str) -> Case:
    return Case("Model", "artifact", bad, good, says)


def _server(bad: Spec, good: Spec, says: str) -> Case:
    return Case("Model", "server", bad, good, says)


S3 = "s3://models/churn/7/"
OWN: Spec = {"runtime": "Container", "image": "team.example/churn@sha256:" + "ab" * 32}
WITH_PARAMETERS: Spec = {"artifact": {"uri": S3}, "parameters": {"threshold": "0.42"}}
TENSOR = {"name": "income", "datatype": "FP64", "shape": [1], "data": [1.5]}
GOLDEN = {"request": {"inputs": [TENSOR]}, "expect": {"outputs": [TENSOR], "tolerance": "1e-6"}}

MODEL_CASES = (
    _uri("ftp://models/churn", "gs://models/churn", artifact.SCHEME),
    _uri("http://models.example.com/churn.zip", "https://models.example.com/churn.zip", artifact.SCHEME),
    _uri("models/churn", "pvc://models/churn", artifact.SCHEME),
    _uri("s3://models/churn v7/", "s3://models/churn%20v7/", artifact.PRINTABLE),
    _uri("pvc://models/über/7", "pvc://models/ueber/7", artifact.PRINTABLE),
    _uri("pvc://models/../other", "pvc://models/..other", artifact.CLIMBING),
    _uri("s3://models/churn/..", "s3://models/churn/...", artifact.CLIMBING),
    _uri("configmap://Churn", "configmap://churn.v1", artifact.FORMS["configmap"][1]),
    _uri("configmap://churn/model", "configmap://churn", artifact.FORMS["configmap"][1]),
    _uri("pvc:///churn", "pvc://models", artifact.FORMS["pvc"][1]),
    _uri("https://me:word@example.com/a.zip", "https://example.com:8443/a.zip", artifact.FORMS["https"][1]),
    _uri("https://example.com", "https://example.com/churn/", artifact.FORMS["https"][1]),
    _uri("s3://models", "s3://models/churn/", artifact.FORMS["s3"][1]),
    _uri("gs://Models/churn/", "gs://my_models/churn/", artifact.FORMS["gs"][1]),
    _uri("az://my_models/churn/", "az://my-models/churn/", artifact.FORMS["az"][1]),
    _artifact({"uri": S3, "sha256": "9F2C" * 16}, {"uri": S3, "sha256": "9f2c" * 16}, artifact.SHA256),
    _artifact({"uri": S3, "sha256": "9f2c"}, {"uri": S3}, artifact.SHA256),
    _artifact(
        {"uri": "configmap://churn", "secretRef": {"name": "weirkeeper-artifact-s3"}},
        {"uri": "gs://models/churn/", "secretRef": {"name": "weirkeeper-artifact-s3"}},
        artifact.REMOTE_ONLY,
    ),
    _artifact({"uri": S3, "secretRef": {"name": ""}}, {"uri": S3, "secretRef": {"name": "a"}}, "secretRef.name"),
    _artifact({"uri": S3, "trustedTypes": ["a b"]}, {"uri": S3, "trustedTypes": ["a.b"]}, artifact.TYPES),
    Case("Model", "server.serviceAccountName", "kube-system:admin", "models", "serviceAccountName"),
    Case("Model", "server.serviceAccountName", "../admin", "models.reader", "serviceAccountName"),
    Case("Model", "server.serviceAccountName", "a" * 254, "a" * 253, "serviceAccountName"),
    Case("Model", "server.replicas", 0, 1, "server.replicas"),
    Case("Model", "server.replicas", "two", 2, "server.replicas"),
    Case("Model", "server.resources.limits", {"memory": "1 GB"}, {"memory": "1Gi", "cpu": 2}, "limits.memory"),
    Case("Model", "server.tolerations", [{"effect": "Never"}], [{"effect": "NoExecute"}], "effect"),
    Case("Model", "parameters", {"threshold": 0.42}, {"threshold": "0.42"}, "parameters.threshold"),
    Case("Model", "probe", [{"request": {"inputs": [TENSOR]}}], [GOLDEN], "expect"),
    Case("Model", "probe", [put(GOLDEN, "expect.tolerance", "small")], [GOLDEN], "tolerance"),
    _server({"runtime": "Pod"}, {"runtime": "Bundle"}, "server.runtime"),
    _server({"runtime": "Container"}, OWN, container.IMAGE),
    _server(put(OWN, "image", "a b"), put(OWN, "image", "a:b"), "server.image"),
    *(
        _server({name: value}, {**OWN, name: value}, container.OWN_ONLY)
        for name, value in {
            "image": "team.example/churn:7",
            "command": ["mlserver"],
            "args": ["start", "."],
            "env": [{"name": "MLSERVER_DEBUG", "value": "false"}],
            "port": 8000,
            "grpcPort": 8001,
        }.items()
    ),
    _server({"runtime": "Bundle", "port": 8080}, {"runtime": "Bundle"}, container.OWN_ONLY),
    _server({**OWN, "batching": {"maxRows": 64}}, {"batching": {"maxRows": 64}}, container.NO_BATCHING),
    _server({**OWN, "workers": 2}, {"workers": 2}, container.NO_WORKERS),
    _server({"workers": 33}, {"workers": 32}, "server.workers"),
    _server({"batching": {"maxRows": 0}}, {"batching": {"maxRows": 1}}, "batching.maxRows"),
    _server(put(OWN, "port", 18081), put(OWN, "port", 8081), container.PORTS),
    _server(put(OWN, "grpcPort", 18081), put(OWN, "grpcPort", 8081), container.PORTS),
    _server(put(OWN, "grpcPort", 8080), put(OWN, "grpcPort", 9000), container.PORTS),
    _server({**OWN, "port": 9000, "grpcPort": 9000}, {**OWN, "port": 9000, "grpcPort": 8080}, container.PORTS),
    _server(put(OWN, "port", 80), put(OWN, "port", 1024), "server.port"),
    _server(put(OWN, "env", [{"name": "A B"}]), put(OWN, "env", [{"name": "A_B"}]), "env[0].name"),
    Case("Model", "server", {"replicas": 2}, OWN, container.NO_ARTIFACT, base={"allowSignatureChange": False}),
    Case("Model", "server", OWN, {"replicas": 2}, container.NO_PARAMETERS, base=WITH_PARAMETERS),
    Case(
        "Model",
        "artifact",
        {"uri": S3, "trustedTypes": ["a.b"]},
        {"uri": S3, "secretRef": {"name": "weirkeeper-artifact-s3"}},
        container.NO_TYPES,
        base={"server": OWN},
    ),
    Case("Model", "card.reviewBy", "next year", "2027-03-31", "reviewBy"),
)


def _steps(*weights: int) -> list[Spec]:
    return [{"weight": weight} for weight in weights]


def _errors(**errors: str) -> list[Spec]:
    return [{"name": "errors", "errorRate": errors}]


NAMED = [{"name": "first", "weight": 5}, {"name": "first", "weight": 50}]
TOLD_APART = [{"name": "first", "weight": 5}, {"weight": 25}, {"weight": 50}]
GATES_OF_ONE_NAME = [{"name": "errors", "errorRate": {}}, {"name": "errors", "latency": {}}]
GATES_OF_TWO_NAMES = [{"name": "errors", "errorRate": {}}, {"name": "latency", "latency": {}}]
ERRORS: Spec = {"name": "errors", "errorRate": {}}
SLOW: Spec = {"name": "slow", "latency": {}}
PARITY: Spec = {"metric": "DemographicParity", "segment": "sex"}
BOTH = [{"name": "errors", "errorRate": {}, "latency": {}}]

OF_BOTH = 'max(a{r="{{candidate}}"}) / max(a{r="{{stable}}",m="{{model}}",n="{{namespace}}"})'
JOB: Spec = {"cronJobRef": {"name": "check"}}


def _query(query: str = "sum(up)", **bounds: str) -> list[Spec]:
    return [{"name": "queue", "promQL": {"query": query, **bounds}}]


def _job(reference: Spec) -> list[Spec]:
    return [{"name": "own", "job": {"cronJobRef": reference}}]


ALPHA = {"name": "x-cohort", "value": "alpha"}


def _kinds(*kinds: Spec) -> list[Spec]:
    """Steps, ended by one that may stand last."""
    return [*kinds, {"weight": 5}]


def _matched(**header: Any) -> list[Spec]:
    return _kinds({"match": {"headers": [ALPHA | header]}})


def _by(**header: Any) -> list[Spec]:
    """Match one header in any way."""
    return _kinds({"match": {"headers": [{"name": "x-cohort"} | header]}})


MATCH_ALPHA = {"match": {"headers": [ALPHA]}}
SHADOW = {"mirror": 100}

STEP_CASES = (
    Case("Rollout", "progressDeadline", "0s", "1s", rollout.DEADLINE),
    Case("Rollout", "steps", [{"hold": "1m"}], [{"weight": 5, "hold": "1m"}], steps.ONE_STEP_KIND),
    Case("Rollout", "steps", [{"weight": 5, "mirror": 5}], [{"mirror": 5}], steps.ONE_STEP_KIND),
    Case("Rollout", "steps", _kinds(MATCH_ALPHA | SHADOW), _kinds(MATCH_ALPHA, SHADOW), steps.ONE_STEP_KIND),
    Case("Rollout", "steps", [{"mirror": 0}], [{"mirror": 1}], "mirror"),
    Case("Rollout", "steps", [{"mirror": 101}], [{"mirror": 100}], "mirror"),
    Case("Rollout", "steps", [SHADOW, {"mirror": 10}], [{"mirror": 10}, SHADOW], rollout.MIRRORS_ASCEND),
    Case("Rollout", "steps", [SHADOW, SHADOW], [SHADOW, {"weight": 5}], rollout.MIRRORS_ASCEND),
    Case("Rollout", "steps", [{"weight": 5}, SHADOW], [SHADOW, {"weight": 5}], rollout.WEIGHTS_LAST),
    Case("Rollout", "steps", [{"weight": 5}, MATCH_ALPHA], _kinds(SHADOW, MATCH_ALPHA), rollout.WEIGHTS_LAST),
    Case("Rollout", "steps", _kinds(*[MATCH_ALPHA] * 5), _kinds(*[MATCH_ALPHA] * 4), rollout.MATCHES),
    Case("Rollout", "steps", [SHADOW, MATCH_ALPHA], [MATCH_ALPHA, SHADOW], rollout.MATCH_LAST),
    Case("Rollout", "steps", _kinds(MATCH_ALPHA | {"requirePass": True}), _kinds(MATCH_ALPHA), steps.NOT_COMPARED),
    Case("Rollout", "steps", _kinds({"match": {"headers": []}}), _kinds(MATCH_ALPHA), "headers"),
    Case("Rollout", "steps", _by(), _by(value="alpha"), steps.ONE_MATCHER),
    Case("Rollout", "steps", _by(value="a", prefix="a"), _by(prefix="a"), steps.ONE_MATCHER),
    Case("Rollout", "steps", _by(regex="(?!x)a"), _by(regex="a|b"), steps.REGEX),
    Case("Rollout", "steps", _by(regex="(a"), _by(regex="(a)"), "regex"),
    Case("Rollout", "steps", _by(regex="(a)\\1"), _by(regex="\\d{1,1000}"), "regex"),
    Case("Rollout", "steps", _matched(name="x cohort"), _matched(name="X-Cohort"), "name"),
    Case("Rollout", "steps", _matched(name="Host"), _matched(name="hosts"), steps.HOST_HEADER),
    Case("Rollout", "steps", _matched(name="X-Weirkeeper-Arm"), _matched(name="x-arm"), steps.HOST_HEADER),
    Case("Rollout", "sticky", {}, {"header": "x-user"}, steps.ONE_STICKY),
    Case("Rollout", "sticky", {"header": "x-user", "cookie": "who"}, {"cookie": "who"}, steps.ONE_STICKY),
    Case("Rollout", "sticky", {"cookie": "a;b"}, {"cookie": "a-b"}, "sticky"),
    Case("Rollout", "strategy", "BlueGreen", "AllAtOnce", "strategy"),
)

ROLLOUT_CASES = (
    *STEP_CASES,
    Case("Rollout", "steps", _steps(5, 50, 25), _steps(5, 25, 50), rollout.ASCENDING),
    Case("Rollout", "steps", _steps(5, 5), _steps(5, 6), rollout.ASCENDING),
    Case("Rollout", "steps", _steps(5, 100), _steps(5, 99), steps.BELOW_100),
    Case("Rollout", "steps", _steps(0, 5), _steps(1, 5), steps.BELOW_100),
    Case("Rollout", "steps", NAMED, TOLD_APART, rollout.STEP_NAMES),
    Case("Rollout", "steps", [], _steps(50), "steps"),
    Case("Rollout", "steps", [{"weight": 5, "approval": "Yes"}], [{"weight": 5, "approval": "Manual"}], "approval"),
    Case("Rollout", "steps", [{"weight": 5, "hold": "5 min"}], [{"weight": 5, "hold": "1h30m"}], "hold"),
    Case("Rollout", "steps", [{"weight": 5, "hold": "1d12h"}], [{"weight": 5, "hold": "1d"}], "hold"),
    Case("Rollout", "gates", GATES_OF_ONE_NAME, GATES_OF_TWO_NAMES, "Duplicate value"),
    Case("Rollout", "gates", BOTH, [{"name": "errors", "errorRate": {}}], gates.ONE_KIND),
    Case("Rollout", "gates", [{"name": "errors"}], [{"name": "slow", "latency": {}}], gates.ONE_KIND),
    Case("Rollout", "gates", _errors(maxOddsRatio="1.2"), _errors(maxOddsRatio="1.25"), gates.ODDS),
    Case("Rollout", "gates", _errors(maxOddsRatio="101"), _errors(maxOddsRatio="100"), gates.ODDS),
    Case("Rollout", "gates", _errors(objective="100"), _errors(objective="99.99"), gates.OBJECTIVE),
    Case("Rollout", "gates", _errors(objective="49"), _errors(objective="50"), gates.OBJECTIVE),
    Case("Rollout", "gates", _errors(ignoreBelow="50"), _errors(ignoreBelow="0"), gates.IGNORE_BELOW),
    Case("Rollout", "gates", _query(), _query(max="5"), asking_gates.BOUND),
    Case("Rollout", "gates", _query(min="5", max="4.9"), _query(min="-5", max="4.9"), asking_gates.BOUNDS),
    Case("Rollout", "gates", _query(max="five"), _query(max="1e6"), "gates[0].promQL.max"),
    Case("Rollout", "gates", _query('up{a="{{me}}"}', max="5"), _query(OF_BOTH, max="5"), asking_gates.PLACEHOLDER),
    Case("Rollout", "gates", _query("", max="5"), _query("up", max="5"), "gates[0].promQL.query"),
    Case("Rollout", "gates", _query("x" * 2001, max="5"), _query("x" * 2000, max="5"), "gates[0].promQL.query"),
    Case("Rollout", "gates", _job({"name": ""}), _job({"name": "check"}), "gates[0].job.cronJobRef.name"),
    Case("Rollout", "gates", _job({"name": "a", "namespace": "b"}), _job({"name": "a"}), "namespace"),
    Case(
        "Rollout",
        "gates",
        [{"name": "both", "job": JOB, "errorRate": {}}],
        [{"name": "own", "job": JOB}],
        gates.ONE_KIND,
    ),
    Case("Rollout", "gates", [{**ERRORS, "blocks": "All"}], [{**ERRORS, "blocks": "Promotion"}], "blocks"),
    Case(
        "Rollout",
        "gates",
        [{**ERRORS, "blocks": "Nothing", "maxDuration": "14d"}],
        [{**ERRORS, "maxDuration": "14d"}, {**SLOW, "blocks": "Nothing"}],
        gates.NOT_WAITED_FOR,
    ),
    Case(
        "Rollout",
        "gates",
        [{"name": "slow", "latency": {"maxIncrease": -1}}],
        [{"name": "slow", "latency": {"maxIncrease": 0, "minIncrease": "0ms"}}],
        "maxIncrease",
    ),
    *(
        Case("Rollout", "gates", [{"name": "labels", "feedback": bad}], [{"name": "labels", "feedback": good}], says)
        for bad, good, says in (
            ({"metric": "ECE"}, {"metric": "AUC"}, "metric"),
            ({}, {"metric": "F1"}, "metric"),
            ({"metric": "MAE", "maxOddsRatio": "2"}, {"metric": "MAE", "maxDecrease": 2}, gates.NO_SHARE),
            ({"metric": "Recall", "maxDecrease": 2}, {"metric": "Recall", "maxOddsRatio": "2"}, gates.NO_MEAN),
            ({"metric": "F1", "maxOddsRatio": "1.2"}, {"metric": "F1", "maxOddsRatio": "1.25"}, gates.ODDS),
            ({"metric": "Value", "maxDecrease": 0}, {"metric": "Value", "maxDecrease": 1}, "maxDecrease"),
            ({"metric": "Value", "minLabels": 19}, {"metric": "Value", "minLabels": 20}, "minLabels"),
        )
    ),
    *(
        Case(
            "Rollout", "gates", [{"name": "skew", "inputs": {"maxPSI": bad}}], [{"name": "skew", "inputs": good}], says
        )
        for bad, good, says in (
            ("0.04", {"maxPSI": "0.05"}, gates.MAX_PSI),
            ("10.1", {"maxPSI": "10"}, gates.MAX_PSI),
            ("a lot", {}, "maxPSI"),
        )
    ),
    *(
        Case("Rollout", "gates", [{"name": "parity", "parity": bad}], [{"name": "parity", "parity": good}], says)
        for bad, good, says in (
            ({**PARITY, "min": "1"}, {**PARITY, "min": "0.99"}, gates.LEAST_RATIO),
            ({**PARITY, "min": "0.05"}, {**PARITY, "min": "0.1"}, gates.LEAST_RATIO),
            ({**PARITY, "segment": ""}, PARITY, "segment"),
            ({**PARITY, "metric": "Accuracy"}, {**PARITY, "metric": "EqualOpportunity"}, "metric"),
        )
    ),
    *(
        Case(
            "Rollout",
            "gates",
            [{"name": "slow", "latency": {"objective": bad}}],
            [{"name": "slow", "latency": {"objective": good}}],
            says,
        )
        for bad, good, says in (
            ({"below": "0ms"}, {"below": "10ms"}, gates.BELOW),
            ({"below": "200ms", "target": "100"}, {"below": "200ms", "target": "99.9"}, gates.TARGET),
            ({"below": "200ms", "target": "49"}, {"below": "200ms", "target": "50"}, gates.TARGET),
            ({"target": "99"}, {"below": "1s"}, "below"),
        )
    ),
    Case("Rollout", "falseAlarm", "0", "0.000001", rollout.FALSE_ALARM),
    Case("Rollout", "falseAlarm", "0.21", "0.2", rollout.FALSE_ALARM),
    Case("Rollout", "falseAlarm", "1 %", "0.01", "falseAlarm"),
    Case("Rollout", "falsePromote", "0", "0.05", rollout.FALSE_PROMOTE),
    Case("Rollout", "falsePromote", "0.5", "0.2", rollout.FALSE_PROMOTE),
    Case("Rollout", "onInconclusive", "Wait", "RollBack", "onInconclusive"),
    Case("Rollout", "rollbackWindow", 11, 10, "rollbackWindow"),
    Case("Rollout", "modelRef", {"name": ""}, {"name": "churn"}, "modelRef.name"),
)


def _window(**window: Any) -> Spec:
    return window


MONITOR_CASES = (
    Case("Monitor", "window", _window(size="30s"), _window(size="1m"), monitor.SIZE),
    Case("Monitor", "window", _window(size="90s"), _window(size="2m"), monitor.SIZE),
    Case("Monitor", "window", _window(size="169h", maxAge="744h"), _window(size="168h", maxAge="744h"), monitor.SIZE),
    Case("Monitor", "window", _window(size="1h", maxAge="30m"), _window(size="1h", maxAge="1h"), monitor.MAX_AGE),
    Case("Monitor", "window", _window(maxAge="745h"), _window(maxAge="744h"), monitor.MAX_AGE),
    Case("Monitor", "window", _window(size="1d"), _window(size="24h"), "window.size"),
    Case("Monitor", "window", _window(minRows=49), _window(minRows=50), "minRows"),
    Case("Monitor", "actions", [{"when": ["InputDrift"]}], [_UNDO], monitor_actions.ONE_KIND),
    Case("Monitor", "actions", [_UNDO | _RETRAIN], [_UNDO, _RETRAIN], monitor_actions.ONE_KIND),
    Case("Monitor", "actions", [_UNDO, _UNDO], [_UNDO], monitor_actions.ONE_UNDO),
    Case("Monitor", "actions", [_RETRAIN, _RETRAIN], [_RETRAIN], monitor_actions.ONE_RETRAIN),
    Case("Monitor", "actions", [{**_UNDO, "when": ["Boredom"]}], [{**_UNDO, "when": ["OutputDrift"]}], "InputDrift"),
    Case("Monitor", "actions", [{"undo": {}}], [_UNDO], monitor_actions.ONE_CAUSE),
    *(
        Case("Monitor", "actions", [{**action, "when": [kind]}], [action], monitor_actions.not_watched(field), base)
        for field, kind, action, base in (
            ("performance", "ConceptDrift", _RETRAIN, _WATCHING),
            ("fairness", "FairnessDegraded", _RETRAIN, {**_WATCHING, "performance": [_F1]}),
            ("objectives.availability", "AvailabilityAtRisk", _UNDO, {**_WATCHING, "objectives": _TIMELY}),
            ("objectives.latency", "LatencyAtRisk", _UNDO, _WATCHING),
        )
    ),
    Case("Monitor", "actions", [{**_RETRAIN, **_WEEKLY}], [_RETRAIN, _WEEKLY], monitor_actions.ONE_CAUSE),
    Case("Monitor", "actions", [_WEEKLY, _WEEKLY], [_WEEKLY], monitor_actions.ONE_RETRAIN),
    Case("Monitor", "actions", [{"schedule": "0 3 * * 1", "undo": {}}], [_WEEKLY], monitor_actions.SCHEDULED_UNDO),
    Case("Monitor", "actions", [{**_WEEKLY, "for": "1h"}], [{**_WEEKLY, "for": "0s"}], monitor_actions.NOT_LASTING),
    Case("Monitor", "actions", [{**_WEEKLY, "schedule": "@weekly"}], [_WEEKLY], monitor_actions.SCHEDULE),
    Case("Monitor", "actions", [{**_WEEKLY, "schedule": "0 3 * * 1 *"}], [_WEEKLY], monitor_actions.SCHEDULE),
    Case(
        "Monitor",
        "actions",
        [{**_RETRAIN, "when": ["InputDrift", "AvailabilityAtRisk"]}],
        [{**_RETRAIN, "when": ["PerformanceDegraded", "ConceptDrift"]}, {**_UNDO, "when": ["LatencyAtRisk"]}],
        monitor_actions.NOT_MENDED,
        {
            **_WATCHING,
            "performance": [_F1],
            "objectives": {**_TIMELY, "availability": {"target": "99"}},
        },
    ),
    Case("Monitor", "inputs.delta", "10.5", "10", monitor.DELTA),
    Case("Monitor", "inputs.features", {"zip": {"delta": "11"}}, {"zip": {"delta": "0"}}, monitor.DELTA),
    # A bare Off in YAML is a boolean.
    Case("Monitor", "inputs.features", {"zip": {"severity": False}}, {"zip": {"severity": "Off"}}, "severity"),
    Case("Monitor", "outputs.delta", "10.5", "10", monitor.DELTA),
    Case("Monitor", "quality.missing", 101, 100, "quality.missing"),
    Case("Monitor", "quality.invalid", -1, 0, "quality.invalid"),
    Case("Monitor", "quality", {"unknown": 1}, {"unseen": 1}, "quality"),
    Case("Monitor", "objectives", {}, {"availability": {"target": "50"}}, monitor_objectives.AT_RISK),
    Case(
        "Monitor",
        "objectives",
        {"availability": {"target": "49.9"}},
        {"availability": {"target": "99.9999"}},
        monitor_objectives.TARGET,
    ),
    Case(
        "Monitor",
        "objectives",
        {"latency": {"below": "100ms", "target": "100"}},
        {"latency": {"below": "100ms", "target": "99"}},
        monitor_objectives.TARGET,
    ),
    Case(
        "Monitor",
        "objectives",
        {"latency": {"below": "0ms", "target": "99"}},
        {"latency": {"below": "1ms", "target": "99"}},
        monitor_objectives.BELOW,
    ),
    Case(
        "Monitor",
        "objectives",
        {"latency": {"below": "61s", "target": "99"}},
        {"latency": {"below": "1m", "target": "99"}},
        monitor_objectives.BELOW,
    ),
    Case("Monitor", "labels.maxAge", "30m", "1h", monitor_labels.LABEL_AGE),
    Case("Monitor", "labels.maxAge", "745h", "744h", monitor_labels.LABEL_AGE),
    Case("Monitor", "labels.minRows", 49, 50, "labels.minRows"),
    Case("Monitor", "performance", [{"metric": "F1"}], [{"metric": "F1", "min": "0.8"}], monitor_labels.BOUND),
    Case(
        "Monitor",
        "performance",
        [{"metric": "MAE", "min": "5"}],
        [{"metric": "MAE", "max": "5", "maxBelowOffline": "1"}],
        monitor_labels.BOUND,
    ),
    Case(
        "Monitor",
        "performance",
        [{"metric": "AUC", "max": "0.9"}],
        [{"metric": "AUC", "maxBelowOffline": "0.03", "segment": "region"}],
        monitor_labels.BOUND,
    ),
    Case(
        "Monitor",
        "performance",
        [{"metric": "F1", "min": "80"}],
        [{"metric": "F1", "min": "1"}, {"metric": "Value", "min": "80"}, {"metric": "MAE", "max": "80"}],
        monitor_labels.SHARES,
    ),
    Case(
        "Monitor",
        "performance",
        [{"metric": "AUC", "maxBelowOffline": "3"}],
        [{"metric": "AUC", "maxBelowOffline": "0.03"}, {"metric": "RMSE", "maxBelowOffline": "3"}],
        monitor_labels.SHARES,
    ),
    Case(
        "Monitor",
        "performance",
        [{"metric": "F1", "min": "0.8"}, {"metric": "F1", "maxBelowOffline": "0.03"}],
        [
            {"metric": "F1", "min": "0.8"},
            {"metric": "F1", "min": "0.7", "segment": "region"},
            {"metric": "AUC", "min": "0.8"},
        ],
        monitor_labels.ONE_BOUND,
    ),
    Case(
        "Monitor",
        "performance",
        [{"metric": "F1", "min": "0.8", "segment": "region"}, {"metric": "F1", "min": "0.7", "segment": "region"}],
        [{"metric": "F1", "min": "0.8", "segment": "region"}, {"metric": "F1", "min": "0.7", "segment": "plan"}],
        monitor_labels.ONE_BOUND,
    ),
    Case(
        "Monitor",
        "fairness",
        [
            {"segment": "sex", "metric": "EqualOpportunity"},
            {"segment": "sex", "metric": "EqualOpportunity", "favourable": "stay"},
        ],
        [
            {"segment": "sex", "metric": "EqualOpportunity"},
            {"segment": "sex", "metric": "DemographicParity"},
            {"segment": "region", "metric": "EqualOpportunity"},
        ],
        monitor_labels.ONE_RATIO,
    ),
    Case("Monitor", "performance", [{"metric": "F2", "min": "0.8"}], [{"metric": "Recall", "min": "0.8"}], "metric"),
    Case(
        "Monitor",
        "fairness",
        [{"segment": "sex", "metric": "EqualOpportunity", "min": "1.1"}],
        [{"segment": "sex", "metric": "EqualOpportunity", "min": "1"}],
        monitor_labels.RATIO,
    ),
    Case(
        "Monitor",
        "fairness",
        [{"segment": "sex", "metric": "F1"}],
        [{"segment": "sex", "metric": "DemographicParity"}],
        "metric",
    ),
    Case("Monitor", "falseAlarmsPerMonth", "0", "0.1", monitor.ALARMS),
    Case("Monitor", "falseAlarmsPerMonth", "101", "100", monitor.ALARMS),
    Case("Monitor", "reference", {"from": "Life"}, {"from": "Live"}, "reference.from"),
    Case("Monitor", "reference", {"warmUp": "24h"}, {"from": "Live", "warmUp": "24h"}, monitor.NO_WARM_UP),
    Case(
        "Monitor",
        "reference",
        {"from": "Live", "warmUp": "59m"},
        {"from": "Live", "warmUp": "1h"},
        monitor.WARM_UP,
    ),
    Case(
        "Monitor",
        "reference",
        {"from": "Live", "warmUp": "5h"},
        {"from": "Live", "warmUp": "6h"},
        monitor.SHORT_WARM_UP,
        {**SMALLEST["Monitor"], "window": {"size": "6h"}},
    ),
)

CASES = (*MODEL_CASES, *ROLLOUT_CASES, *MONITOR_CASES)
