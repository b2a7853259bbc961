"""What people look at: every panel of the dashboard shows something after a canary and a drift, and promtool agrees."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from demo.commands import run
from demo.prometheus import Prometheus
from tests.cluster.programs import promtool
from tests.e2e import models
from tests.e2e.conftest import Files, Team, Traffic, traffic_of
from tests.harness.clusters import CHART, SYSTEM_NAMESPACE
from tests.harness.waiting import eventually

DASHBOARD = CHART / "dashboards" / "weirkeeper.json"
RATE = 50.0
SEEN_WITHIN = "15m"
"""What a person would choose as the dashboard's range."""


@pytest.fixture
def prometheus(team: Team) -> Iterator[Prometheus]:
    """A Prometheus that scrapes the team's namespace and the operator's."""
    found = Prometheus(team.kubectl, team.cluster.images["prometheus"], SYSTEM_NAMESPACE)
    found.start()
    yield found
    team.kubectl.inside(SYSTEM_NAMESPACE).delete("rolebinding", f"{team.kubectl.namespace}-prometheus")


@pytest.fixture
def traffic(team: Team) -> Traffic:
    """Live traffic whose labels come back."""
    return traffic_of(team, models.rows(labelled=True))


def expressions(namespace: str) -> dict[str, str]:
    """Every expression of the dashboard with its variables filled in, by panel and number."""
    dashboard = json.loads(DASHBOARD.read_text())
    values = {"$namespace": namespace, "$model": "churn", "$__rate_interval": "1m"}
    found = {}
    for panel in dashboard["panels"]:
        for number, target in enumerate(panel.get("targets", ())):
            expression = target["expr"]
            for variable, value in values.items():
                expression = expression.replace(variable, value)
            found[f"{panel['title']} {number}"] = expression
    return found


def monitor() -> dict[str, Any]:
    return {
        "apiVersion": "weirkeeper.dev/v1alpha1",
        "kind": "Monitor",
        "metadata": {"name": "churn"},
        "spec": {
            "modelRef": {"name": "churn"},
            # How many labels came is told of windows that go back over an hour, the length of a slot of labels.
            "window": {"size": "3m"},
            "labels": {"minRows": 50},
            "performance": [{"metric": "Accuracy", "min": "0.1"}],
            "objectives": {"availability": {"target": "99.9"}},
        },
    }


def test_every_panel_shows_something_after_a_canary_and_a_drift(
    team: Team, traffic: Traffic, prometheus: Prometheus, good: Files
) -> None:
    first = team.serving(good)
    team.kubectl.apply(monitor(), models.rollout(gates=[{"name": "errors", "errorRate": {}}]))
    traffic.load.control(rate=RATE, running=True)
    team.artifact("churn-2", good)
    team.model("churn-2")
    assert team.wait_outcome(first)["outcome"] == "Promoted"
    traffic.load.control(rows="drifted")
    drifting = team.kubectl.wait_condition("monitor", "churn", "InputDrift", timeout=480)
    assert [item["name"] for item in drifting["status"]["features"] if item["state"] == "Drifting"] == ["mean radius"]
    drift = f'weirkeeper_drift_detected{{namespace="{team.kubectl.namespace}"}} == 1'
    series = eventually("the drift in Prometheus", lambda: prometheus.query(drift), timeout=60)
    assert {one.labels["feature"] for one in series} == {"mean radius"}
    asked = expressions(team.kubectl.namespace)
    assert len(asked) > 20
    # Budgets are looked at every five minutes. A subquery looks at whole steps alone: what was scraped since the last
    # one is seen a moment later.
    eventually(
        "something in every panel",
        lambda: not empty(prometheus, asked),
        timeout=400,
        describe=lambda: empty(prometheus, asked),
    )
    check_metrics(team)
    traffic.nothing_lost()


def empty(prometheus: Prometheus, asked: Mapping[str, str]) -> set[str]:
    """Expressions that had no number within the range; a quantile of nothing is not one."""
    shown = {name: prometheus.query(f"last_over_time((({asked[name]}) > -Inf)[{SEEN_WITHIN}:5s])") for name in asked}
    return {asked[name] for name, series in shown.items() if not series}


def check_metrics(team: Team) -> None:
    """Have promtool read the metrics of every pod that asks to be scraped."""
    components = set()
    for kubectl in (team.kubectl, team.kubectl.inside(SYSTEM_NAMESPACE)):
        for pod in kubectl.list("pods"):
            metadata = pod["metadata"]
            annotations = metadata.get("annotations", {})
            if annotations.get("prometheus.io/scrape") == "true":
                labels = metadata["labels"]
                components.add(labels.get("weirkeeper.dev/component") or labels["app.kubernetes.io/component"])
                port, path = annotations["prometheus.io/port"], annotations["prometheus.io/path"]
                metrics = team.cluster.run_inside("curl", "-sS", f"http://{pod['status']['podIP']}:{port}{path}")
                assert "weirkeeper_" in metrics
                run([str(promtool()), "check", "metrics"], stdin=metrics)
    assert components == {"operator", "router", "model"}
