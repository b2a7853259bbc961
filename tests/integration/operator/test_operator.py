"""The operator's process against a real API server: idle, failing, without its API server, killed, deposed."""

import json
import re
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.commands import run as run_program
from tests.cluster import local
from tests.cluster.places import Place
from tests.cluster.programs import HELM, built
from tests.harness.clusters import CHART
from tests.harness.kubectl import Kubectl
from tests.harness.waiting import eventually
from tests.integration.operator.conftest import Run
from tests.integration.operator.operator_process import SYSTEM
from tests.integration.operator.test_client import model

IDLE_SECONDS = 120
OUTAGE_SECONDS = 60
RELEASE = "limited"
WRITES = ("APPLY", "CREATE", "DELETE", "DELETECOLLECTION", "PATCH", "POST", "PUT", "UPDATE")
OURS = (
    *("configmaps", "controllerrevisions", "deployments", "events", "models", "monitors", "poddisruptionbudgets"),
    *("rolebindings", "rollouts", "serviceaccounts", "services"),
)
REQUEST = re.compile(r"^apiserver_request_total\{(?P<labels>[^}]*)\} (?P<count>\S+)$", re.MULTILINE)


def rollout(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "weirkeeper.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "churn", "namespace": namespace},
        "spec": {"modelRef": {"name": "churn"}},
    }


def monitor(namespace: str) -> dict[str, Any]:
    spec = {
        "modelRef": {"name": "churn"},
        "reference": {"from": "Live"},
        "objectives": {"availability": {"target": "99.9"}, "latency": {"below": "100ms", "target": "99"}},
        "actions": [
            {"when": ["AvailabilityAtRisk"], "undo": {}},
            {"schedule": "0 3 1 1 *", "retrain": {"cronJobRef": {"name": "train"}}},
        ],
    }
    return {**rollout(namespace), "kind": "Monitor", "spec": spec}


def status_of(team: Kubectl, name: str = "churn") -> dict[str, Any]:
    found = team.get("models.weirkeeper.dev", name) or {}
    return found.get("status") or {}


def phase(team: Kubectl, name: str = "churn") -> str | None:
    return status_of(team, name).get("phase")


def frozen(team: Kubectl) -> str:
    return str(status_of(team).get("frozen", ""))


def started(team: Kubectl, name: str = "churn") -> None:
    eventually(f"Model {name} to start", lambda: phase(team, name), timeout=60)


def writes(api: Kubectl) -> Counter[str]:
    """Writes that the API server took, by resource, as it counts them itself."""
    found: Counter[str] = Counter()
    for match in REQUEST.finditer(api("get", "--raw", "/metrics")):
        labels = dict(re.findall(r'(\w+)="([^"]*)"', match["labels"]))
        if labels["verb"] in WRITES:
            found[labels["resource"]] += int(float(match["count"]))
    return found


def ours(counted: Counter[str]) -> dict[str, int]:
    return {resource: counted[resource] for resource in OURS}


def test_an_idle_operator_writes_nothing_but_its_lease(api: Kubectl, team: Kubectl, run: Run) -> None:
    operator = run()
    namespace = team.namespace
    lost = model(namespace, "lost", "configmap://nowhere")
    team.apply(model(namespace), lost, rollout(namespace), monitor(namespace))
    for name in ("churn", "lost"):
        started(team, name)
    quiet: list[dict[str, int]] = [ours(writes(api))]

    def settled() -> bool:
        quiet.append(ours(writes(api)))
        return quiet[-1] == quiet[-2]

    eventually("the first writes to be done", settled, poll=5)
    before = writes(api)
    time.sleep(IDLE_SECONDS)
    after = writes(api)
    assert ours(after) == ours(before)
    assert after["leases"] > before["leases"]
    assert operator.leads


def test_a_restart_writes_nothing_that_is_so_already(api: Kubectl, team: Kubectl, run: Run) -> None:
    first = run("first")
    team.apply(model(team.namespace), rollout(team.namespace), monitor(team.namespace))
    started(team)
    eventually("a quiet operator", lambda: first.metric("weirkeeper_queue_depth") <= 2, timeout=30)
    time.sleep(3)
    assert first.end() == 0
    before = ours(writes(api))
    second = run("second")
    eventually("the second one to lead", lambda: second.leads, timeout=30)
    eventually("work", lambda: second.metric("weirkeeper_reconcile_duration_seconds_count") >= 2, timeout=30)
    time.sleep(3)
    assert ours(writes(api)) == before


def test_an_outage_of_the_api_server_is_survived_in_the_same_process(place: Place, team: Kubectl, run: Run) -> None:
    operator = run()
    team.apply(model(team.namespace))
    started(team)
    local.stop(place, "kube-apiserver")
    try:
        for _ in range(OUTAGE_SECONDS // 5):
            time.sleep(5)
            assert operator.get("/healthz") == "ok"
        assert not operator.leads
    finally:
        local.start(place, "kube-apiserver")
    team.apply(model(team.namespace, "fraud"))
    began = time.monotonic()
    started(team, "fraud")
    assert time.monotonic() - began < 30
    assert operator.process.poll() is None
    assert operator.metric("weirkeeper_reconcile_errors_total") < 50


def test_what_somebody_deleted_or_changed_is_put_right(team: Kubectl, run: Run) -> None:
    run()
    team.apply(model(team.namespace))
    started(team)
    eventually("the Service", lambda: team.get("service", "churn"))
    team.delete("service", "churn")
    eventually("the Service again", lambda: team.get("service", "churn"), timeout=30)
    team("patch", "service", "churn", "--type=merge", "-p", '{"spec": {"selector": {"foreign": "1"}}}')

    def repaired() -> bool:
        found = team.get("service", "churn")
        return found is not None and found["spec"]["selector"].get("weirkeeper.dev/component") == "router"

    eventually("the selector put right", repaired, timeout=30)
    mine = "weirkeeper.dev/component=model"
    (deployment,) = team.list("deployments", mine)
    team("scale", "deployment", deployment["metadata"]["name"], "--replicas=5")
    eventually("the Deployment's size put right", lambda: team.list("deployments", mine)[0]["spec"]["replicas"] == 1)
    foreign = '{"status": {"traffic": [{"revision": "churn-00000000", "weight": 100}]}}'
    team("patch", "models.weirkeeper.dev", "churn", "--subresource=status", "--type=merge", "-p", foreign)
    eventually("what somebody else wrote taken out", lambda: "traffic" not in status_of(team))
    noted = ("--field-selector=regarding.name=churn,reason=StatusOverwritten", "-o", "name")
    eventually("the foreign write noted", lambda: team("get", "events.events.k8s.io", *noted).strip())


def test_a_foreign_service_is_left_alone_and_told_of(team: Kubectl, run: Run) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "churn"},
        "spec": {"selector": {"a": "b"}, "ports": [{"port": 81}]},
    }
    team("apply", "-f", "-", stdin=json.dumps(foreign))
    before = team.get("service", "churn")
    run()
    team.apply(model(team.namespace))
    found = team.wait_condition("models.weirkeeper.dev", "churn", "Ready", "False", timeout=60)
    ready = next(item for item in found["status"]["conditions"] if item["type"] == "Ready")
    assert ready["reason"] == "NameTaken"
    assert team.get("service", "churn") == before
    team.delete("service", "churn")
    eventually("our own Service", lambda: (team.get("service", "churn") or {}).get("metadata", {}).get("labels"))


def test_a_leader_that_hangs_is_replaced_and_ends_when_it_sees_that(team: Kubectl, run: Run) -> None:
    first = run("first")
    eventually("the first one to lead", lambda: first.leads, timeout=30)
    second = run("second")
    assert not second.leads
    first.process.send_signal(signal.SIGSTOP)
    eventually("the second one to lead", lambda: second.leads, timeout=60)
    team.apply(model(team.namespace))
    started(team)
    first.process.send_signal(signal.SIGCONT)
    assert first.process.wait(30) == 1
    assert not any(line["message"] in {"decided", "reconciled"} for line in first.logged())
    assert "is held by" in first.logged()[-1]["message"]


def test_a_stand_by_takes_over_at_once_when_the_leader_ends_in_order(team: Kubectl, run: Run) -> None:
    first = run("first")
    eventually("the first one to lead", lambda: first.leads, timeout=30)
    second = run("second")
    assert first.end() == 0
    began = time.monotonic()
    eventually("the second one to lead", lambda: second.leads, timeout=30)
    assert time.monotonic() - began < 10
    team.apply(model(team.namespace))
    started(team)


def test_events_are_made_at_transitions_and_only_once(team: Kubectl, run: Run) -> None:
    run()
    team.apply(model(team.namespace))
    started(team)
    events = eventually("an event", lambda: team.list("events.events.k8s.io"), timeout=30)
    time.sleep(10)
    assert len(team.list("events.events.k8s.io")) == len(events)
    assert {event["regarding"]["name"] for event in events} == {"churn"}
    assert {event["reportingController"] for event in events} == {"weirkeeper.dev/operator"}


def test_every_decision_is_one_line_of_json(team: Kubectl, run: Run) -> None:
    operator = run()
    team.apply(model(team.namespace))
    started(team)
    eventually("a decision", lambda: [line for line in operator.logged() if line["message"] == "decided"])
    line = next(line for line in operator.logged() if line["message"] == "decided")
    assert line["key"] == ["Model", team.namespace, "churn"]
    assert {"decision", "phase", "revision", "reason", "duration"} <= line.keys()
    assert len(operator.logged()) == len(operator.log.read_text().splitlines())


@dataclass(frozen=True)
class Limited:
    """What the chart gives an operator for one named namespace: rights, the Lease that they allow, settings."""

    kubeconfig: Path
    lease: str
    settings: str


def rendered(namespace: str) -> list[dict[str, Any]]:
    """The chart's objects for one named namespace."""
    images = json.dumps({"operator": "o:1", "server": "s:1", "envoy": "e:1"})
    command = [str(built(HELM)), "template", RELEASE, str(CHART), "--namespace", SYSTEM, "--kube-version", "1.36.0"]
    values = ["--set-json", f"images={images}", "--set-json", f"watchNamespaces={json.dumps([namespace])}"]
    return [item for item in yaml.safe_load_all(run_program([*command, *values])) if item]


@pytest.fixture
def limited(api: Kubectl, team: Kubectl, tmp_path: Path) -> Limited:
    items = rendered(team.namespace)
    assert not [item["metadata"]["name"] for item in items if item["kind"].startswith("ClusterRole")]
    for item in items:
        if item["kind"] in {"ServiceAccount", "Role", "RoleBinding"}:
            api.inside(item["metadata"]["namespace"]).apply(item)
    account = next(item["metadata"]["name"] for item in items if item["kind"] == "ServiceAccount")
    rules = [rule for item in items for rule in item.get("rules", ())]
    config = yaml.safe_load(api.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": api("create", "token", account, "--namespace", SYSTEM).strip()}
    kubeconfig = tmp_path / "limited.kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    return Limited(
        kubeconfig=kubeconfig,
        lease=next(rule["resourceNames"][0] for rule in rules if "resourceNames" in rule),
        settings=next(text for item in items if item["kind"] == "ConfigMap" for text in item["data"].values()),
    )


def test_an_operator_for_named_namespaces_needs_the_charts_roles_alone(
    team: Kubectl, run: Run, limited: Limited
) -> None:
    operator = run(kubeconfig=limited.kubeconfig, settings=limited.settings, lease=limited.lease)
    eventually("it to lead", lambda: operator.leads, timeout=30)
    team.apply(model(team.namespace), rollout(team.namespace), monitor(team.namespace))
    started(team)
    eventually("the routers", lambda: team.get("deployment", "weirkeeper-router"), describe=operator.log.read_text)
    team.delete("service", "churn")
    eventually("the Service again", lambda: team.get("service", "churn"), timeout=30)
    team("annotate", "namespace", team.namespace, "weirkeeper.dev/freeze=end of the quarter")
    eventually("the freeze to be seen", lambda: "end of the quarter" in frozen(team), timeout=60)
    team("annotate", "namespace", team.namespace, "weirkeeper.dev/freeze-")
    eventually("the end of the freeze", lambda: not frozen(team), timeout=60)
    eventually("an event", lambda: team.list("events.events.k8s.io"), timeout=30)
    assert "403" not in operator.log.read_text()


def test_what_somebody_else_applies_stays_as_they_applied_it(team: Kubectl, run: Run) -> None:
    operator = run()
    kinds = {"Model": model, "Rollout": rollout, "Monitor": monitor}
    applied = [make(team.namespace) for make in kinds.values()]
    body = json.dumps({"apiVersion": "v1", "kind": "List", "items": applied})
    by_another = ("apply", "--server-side", "--field-manager=gitops", "-f", "-", "-o", "json")
    team(*by_another, stdin=body)
    started(team)
    team("annotate", "models.weirkeeper.dev", "churn", "weirkeeper.dev/pause=ann/1")
    eventually("the verb to be handled", lambda: "pause=ann/1" in handled(team), timeout=60)
    assert operator.leads
    again = json.loads(team(*by_another, "--dry-run=server", stdin=body))["items"]
    for kind, found in zip(kinds, again, strict=True):
        live = json.loads(
            team("get", f"{kind.lower()}s.weirkeeper.dev", "churn", "--show-managed-fields", "-o", "json")
        )
        assert found["spec"] == live["spec"]
        assert found["metadata"]["generation"] == live["metadata"]["generation"] == 1
        ours = [entry for entry in live["metadata"]["managedFields"] if entry["manager"] == "weirkeeper"]
        assert ours
        assert all(entry.get("subresource") == "status" for entry in ours), "the operator owns no field of a spec"


def handled(team: Kubectl) -> list[str]:
    found = team.get("models.weirkeeper.dev", "churn") or {}
    return list((found.get("status") or {}).get("handled", ()))
