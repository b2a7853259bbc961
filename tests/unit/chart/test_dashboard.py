"""The Grafana dashboard, checked without Grafana: its form, its layout, and the series that it asks for."""

import itertools
import json
import re
from typing import Any

import pytest

from tests.unit.chart.rendering import CHART
from weirkeeper.runtime.series import FAMILIES

DASHBOARD = json.loads((CHART / "dashboards" / "weirkeeper.json").read_text())
ROWS = [panel for panel in DASHBOARD["panels"] if panel["type"] == "row"]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [(panel["title"], target) for panel in PANELS for target in panel["targets"]]
Panel = dict[str, Any]

OPERATORS = {
    "weirkeeper_model_info",
    "weirkeeper_model_ready",
    "weirkeeper_model_spec_rejected",
    "weirkeeper_traffic_weight_ratio",
    "weirkeeper_rollout_phase",
    "weirkeeper_rollout_step",
    "weirkeeper_gate_verdict",
    "weirkeeper_gate_log_e",
    "weirkeeper_exposed_requests",
    "weirkeeper_drift_psi",
    "weirkeeper_drift_psi_threshold",
    "weirkeeper_drift_detected",
    "weirkeeper_drift_window_rows",
    "weirkeeper_monitor_condition",
    "weirkeeper_monitor_output_psi",
    "weirkeeper_monitor_output_psi_threshold",
    "weirkeeper_monitor_quality_ratio",
    "weirkeeper_monitor_hidden_features",
    "weirkeeper_monitor_ready",
    "weirkeeper_monitor_labelled_rows",
    "weirkeeper_monitor_reference_rows",
    "weirkeeper_monitor_objective_target_ratio",
    "weirkeeper_monitor_objective_good_ratio",
    "weirkeeper_monitor_objective_requests",
    "weirkeeper_monitor_budget_left_ratio",
    "weirkeeper_monitor_burn_rate",
    "weirkeeper_attempts_total",
    "weirkeeper_reconcile_duration_seconds_bucket",
    "weirkeeper_reconcile_errors_total",
    "weirkeeper_queue_depth",
    "weirkeeper_leader",
    "weirkeeper_writes_total",
    "weirkeeper_evidence_age_seconds",
    "weirkeeper_monitor_fairness_ratio",
    "weirkeeper_monitor_label_coverage_ratio",
    "weirkeeper_monitor_performance",
    "weirkeeper_monitor_performance_bound",
    "weirkeeper_monitor_performance_expected",
    "weirkeeper_monitor_performance_high",
    "weirkeeper_monitor_performance_low",
    "weirkeeper_monitor_performance_offline",
}
ROUTERS = {
    "weirkeeper_router_requests_total",
    "weirkeeper_router_failed_requests_total",
    "weirkeeper_router_retries_total",
    "weirkeeper_router_decision",
    "weirkeeper_router_weight_ratio",
}
SERVERS = {
    "weirkeeper_server_requests_total",
    "weirkeeper_server_rows_total",
    "weirkeeper_server_request_duration_seconds_bucket",
    "weirkeeper_server_input_values_total",
    "weirkeeper_server_info",
}


def series_of(expression: str) -> set[str]:
    return set(re.findall(r"\bweirkeeper_[a-z0-9_]+", expression))


@pytest.mark.parametrize(("title", "target"), TARGETS, ids=[f"{title} {one['refId']}" for title, one in TARGETS])
def test_an_expression_asks_for_series_that_there_are(title: str, target: Panel) -> None:
    found = series_of(target["expr"])
    assert found, title
    assert found <= OPERATORS | ROUTERS | SERVERS


@pytest.mark.parametrize(("title", "target"), TARGETS, ids=[f"{title} {one['refId']}" for title, one in TARGETS])
def test_an_expression_is_well_formed(title: str, target: Panel) -> None:
    expression = target["expr"]
    for opening, closing in ("()", "[]", "{}"):
        assert expression.count(opening) == expression.count(closing), title
    windows = re.findall(r"\[([^]]+)\]", expression)
    assert set(windows) <= {"$__rate_interval"}
    counters = [name for name in series_of(expression) if name.endswith(("_total", "_bucket"))]
    rated = len(re.findall(r"rate\(", expression))
    assert rated == len(windows)
    assert rated >= len(counters) or "attempts_total" in expression
    assert set(re.findall(r"\$\{?([a-zA-Z]\w*)", expression)) <= {"namespace", "model"}


def test_the_operators_series_are_those_that_it_gives() -> None:
    given = {f"weirkeeper_{name}" for name in FAMILIES}
    assert {name for name in OPERATORS if name in given} == given


def test_what_was_asked_for_is_shown() -> None:
    shown = set().union(*(series_of(target["expr"]) for _, target in TARGETS))
    assert shown >= {
        "weirkeeper_model_info",
        "weirkeeper_traffic_weight_ratio",
        "weirkeeper_router_requests_total",
        "weirkeeper_server_request_duration_seconds_bucket",
        "weirkeeper_gate_verdict",
        "weirkeeper_drift_psi",
        "weirkeeper_drift_psi_threshold",
        "weirkeeper_monitor_condition",
        "weirkeeper_monitor_performance",
        "weirkeeper_monitor_performance_low",
        "weirkeeper_monitor_performance_high",
        "weirkeeper_monitor_performance_bound",
        "weirkeeper_monitor_label_coverage_ratio",
        "weirkeeper_monitor_budget_left_ratio",
        "weirkeeper_monitor_burn_rate",
    }
    quantiles = {
        quantile for _, one in TARGETS for quantile in re.findall(r"histogram_quantile\(([0-9.]+)", one["expr"])
    }
    assert quantiles >= {"0.5", "0.99"}


def test_it_cannot_be_edited_and_has_a_lasting_address() -> None:
    assert (DASHBOARD["editable"], DASHBOARD["uid"]) == (False, "weirkeeper-models")
    assert DASHBOARD["schemaVersion"] >= 36
    assert "id" not in DASHBOARD


def test_variables_depend_on_those_before_them() -> None:
    variables = DASHBOARD["templating"]["list"]
    assert [one["name"] for one in variables] == ["datasource", "namespace", "model"]
    for one in variables[1:]:
        assert one["datasource"]["uid"] == "${datasource}"
        assert series_of(one["definition"]) == {"weirkeeper_model_info"}
        assert one["refresh"] == 2


def test_panels_say_what_they_show() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["type"] in {"timeseries", "state-timeline", "stat", "table"}
        assert panel["datasource"] == {"uid": "${datasource}", "type": "prometheus"}
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def cells(panel: Panel) -> set[tuple[int, int]]:
    place = panel["gridPos"]
    columns = range(place["x"], place["x"] + place["w"])
    return set(itertools.product(columns, range(place["y"], place["y"] + place["h"])))


def test_panels_lie_beside_each_other() -> None:
    taken = [cell for panel in DASHBOARD["panels"] for cell in cells(panel)]
    assert len(taken) == len(set(taken))
    assert {column for column, _ in taken} == set(range(24))
    assert len(ROWS) == 6
