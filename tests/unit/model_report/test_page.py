"""What the report of a Model says, and that it invents nothing where the cluster has no data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.model_report.world import (
    DRIFT_FROM,
    END,
    FORMER,
    HOSTILE,
    HOUR,
    NOW,
    PROMOTED,
    ROWS,
    STABLE,
    condition,
    config_maps,
    found,
    model,
    monitor,
)
from tests.unit.report.reading import check_it_loads_nothing
from weirkeeper.api.conditions import timestamp
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.page import page_of
from weirkeeper.model_report.windows import watches
from weirkeeper.report.chart import Lines, Timeline
from weirkeeper.report.html import html
from weirkeeper.report.page import Figures, Page, Paragraph, Ratio, Section, Sides, Table


def section(page: Page, title: str) -> Section:
    return next(one for one in page.sections if one.title == title)


def table(page: Page, title: str, caption: str) -> Table:
    blocks = section(page, title).blocks
    tables = [one for block in blocks for one in (block.blocks if isinstance(block, Sides) else (block,))]
    return next(one for one in tables if isinstance(one, Table) and one.caption.startswith(caption))


def timeline(page: Page, title: str) -> Timeline:
    figures = next(block for block in section(page, title).blocks if isinstance(block, Figures))
    chart = figures.figures[0].chart
    assert isinstance(chart, Timeline)
    return chart


def test_all_of_it_is_said() -> None:
    page = page_of(found(), NOW)
    assert [one.title for one in page.sections] == [
        "Monitor inputs", "Windows", "Worst inputs", "All inputs", "Worst outputs", "All outputs", "Quality",
        "Performance", "Along time", "Research and engineering", "Steps and gates", "Attempts", "Attempt 3", "Card",
    ]  # fmt: skip
    told = check_it_loads_nothing(html(page)).text
    for part in ("churn in team-a", STABLE, "75 %", "s3://rows/2026-10", HOSTILE, "income: median"):
        assert part in told


def test_windows_stand_along_time_with_the_promotion_marked_and_their_states() -> None:
    chart = timeline(page_of(found(), NOW), "Windows")
    whole = chart.lanes[0]
    assert (chart.start, chart.end) == (PROMOTED - 10 * HOUR, END)
    assert [(mark.at, mark.label) for mark in chart.marks] == [(PROMOTED, "5d9c7f02")]
    assert len(whole.spans) == 22
    assert [span.start for span in whole.spans if span.tone == "bad"] == list(range(DRIFT_FROM, END, HOUR))
    income = next(lane for lane in chart.lanes if lane.name == "income")
    assert {span.tone for span in income.spans if span.start < DRIFT_FROM} == {"good"}


def test_each_attempt_on_record_has_its_steps_and_how_its_evidence_grew() -> None:
    page = page_of(found(), NOW)
    steps = table(page, "Attempt 3", "Steps of attempt 3")
    assert [(row[0], row[1], row[3], row[4]) for row in steps.rows] == [
        ("first", "5", "60 min", "90"),
        ("half", "50", "3 h", "1,110"),
    ]
    (figures,) = (block for block in section(page, "Attempt 3").blocks if isinstance(block, Figures))
    assert [one.title for one in figures.figures] == ["errors", "accuracy"]
    chart = figures.figures[0].chart
    assert isinstance(chart, Lines)
    fail, passing = chart.lines
    assert list(passing.points) == [(PROMOTED - 4 * HOUR, 0.0), (PROMOTED - 2 * HOUR, 0.4), (PROMOTED, 1.3)]
    assert (fail.points[-1][1], fail.above, passing.above) == (-0.45, "bad", "good")
    assert "130 % of what Pass takes" in figures.figures[0].told


def test_a_gate_without_evidence_is_named_and_not_drawn() -> None:
    curve = {"gates": ["errors", "latency"], "points": [[0, 0, 0, 0, 0], [60, 5, 50, 0, -3]]}
    page = page_of(found(model=model(memory={"curve": curve}), records=()), NOW)
    blocks = [block for section in page.sections for block in section.blocks]
    drawn = [figure.title for block in blocks if isinstance(block, Figures) for figure in block.figures]
    assert "errors" in drawn
    assert "latency" not in drawn
    assert Paragraph("No evidence came for latency.") in blocks


def test_of_the_running_attempt_the_operators_memory_tells_how_its_evidence_grew() -> None:
    curve = {"gates": ["errors"], "points": [[0, 0, 0], [60, 5, 50]]}
    page = page_of(found(model=model(memory={"curve": curve}), records=()), NOW)
    assert [one.title for one in page.sections if one.title.startswith("Attempt ")] == ["Attempt 5"]


def test_the_running_step_has_the_requests_that_no_former_one_had() -> None:
    said = model(exposedRequests=308)
    said["status"]["attempts"][-1]["steps"] = [
        {"name": "first", "weight": 5, "started": timestamp(NOW - 600), "requests": 100},
        {"name": "quarter", "weight": 25, "started": timestamp(NOW - 60), "requests": 0},
    ]
    steps = table(page_of(found(model=said), NOW), "Attempt 5", "Steps of attempt 5")
    assert [row[4] for row in steps.rows] == ["100", "208"]


def test_without_records_it_is_said_that_steps_and_evidence_are_left_out() -> None:
    page = page_of(found(records=()), NOW)
    assert any("you may not read ControllerRevisions" in told for told in page.absent)
    assert not any("ControllerRevisions" in told for told in page_of(found(), NOW).absent)


def test_objectives_are_told_with_what_is_left_of_their_budget() -> None:
    counted = {
        "objective": "Availability", "target": "99.9", "since": timestamp(END - 720 * HOUR),
        "until": timestamp(END), "requests": 1_200_000, "bad": 900, "budgetLeft": "-25.0",
        "burn1h": "14.5", "burn6h": "2.1",
    }  # fmt: skip
    page = page_of(found(monitors=[monitor(objectives=[counted])]), NOW)
    ((name, target, requests, bad, used, hour, _, days, _),) = table(page, "Objectives and budget", "Objectives").rows
    assert (name, target, requests, bad, hour, days) == ("Availability", "99.9 %", "1,200,000", "900", "14.5", "")
    assert used == Ratio(1.25, "125.0 %")
    assert not any("Objectives" in told for told in page.absent)
    assert any("no Monitor tells any" in told for told in page_of(found(), NOW).absent)


def test_groups_are_told_where_a_monitor_asks_for_them() -> None:
    asked = monitor()
    asked["spec"]["fairness"] = [
        {"segment": "region", "metric": "DemographicParity"},
        {"segment": "sex", "metric": "EqualOpportunity"},
    ]
    page = page_of(found(monitors=[asked]), NOW)
    groups = table(page, "Fairness", "DemographicParity by region")
    assert [(row[0], row[1], row[3], row[4]) for row in groups.rows] == [("north", "0.500", "200", "yes")]
    told = [block.text for block in section(page, "Fairness").blocks if isinstance(block, Paragraph)]
    assert "1 of 1 groups have 100 rows, two are needed" in told[0]
    assert "no labels are counted by 'sex', only by region" in told[1]
    assert "Fairness" not in {one.title for one in page_of(found(), NOW).sections}


def test_quality_is_set_against_the_limits_of_the_monitor() -> None:
    page = page_of(found(), NOW)
    quality = table(page, "Quality", "Odd values")
    names = [row[0] for row in quality.rows]
    assert "income" in names
    income = quality.rows[names.index("income")]
    assert isinstance(income[3], Ratio)
    lane = next(lane for lane in timeline(page, "Windows").lanes if lane.name == "data quality")
    assert {span.tone for span in lane.spans if span.start < DRIFT_FROM} == {"good"}


def test_each_window_is_judged_by_the_reference_of_the_revision_that_was_stable_in_it() -> None:
    (watch,) = watches(found())
    assert {one.revision for one in watch.past if one.start < PROMOTED} == {FORMER}
    assert {one.revision for one in watch.past if one.start >= PROMOTED} == {STABLE}
    assert watch.last.inputs.rows == ROWS
    assert watch.last.inputs.features[0].name == "income"
    assert [feature.name for feature in watch.last.outputs.features] == ["leaves"]


def test_a_former_revision_without_a_profile_leaves_its_windows_out() -> None:
    kept = config_maps()
    del kept[f"{FORMER}-profile"]
    chart = timeline(page_of(found(config_maps=kept), NOW), "Windows")
    assert chart.start == PROMOTED


def test_evidence_of_gates_is_set_against_what_suffices() -> None:
    gates = table(page_of(found(), NOW), "Steps and gates", "Gates of attempt 5")
    errors = gates.rows[0]
    assert errors[0] == "errors"
    assert errors[2] == "3 of 4,210"
    assert errors[4] == Ratio(-1.2 / 5.3, "-1.2 of 5.3", "bad")
    assert errors[5] == Ratio(4.1 / 3.0, "4.1 of 3.0", "good")
    assert errors[6] == "candidate 3 of 4,210 bad (<0.1 %), stable 14 of 16,904 (<0.1 %)"


def test_steps_are_those_of_the_rollout_with_the_one_in_force() -> None:
    steps = table(page_of(found(), NOW), "Steps and gates", "Steps")
    assert [(row[0], row[1], row[4]) for row in steps.rows] == [
        ("first", "5", ""),
        ("quarter", "25", "in force"),
        ("50%", "50", ""),
    ]
    without = section(page_of(found(rollout=None), NOW), "Steps and gates")
    assert "default policy" in str(without.blocks[0])


def test_attempts_are_told_latest_first() -> None:
    page = page_of(found(), NOW)
    attempts = table(page, "Attempts", "Attempts")
    assert [row[0] for row in attempts.rows] == ["5", "4", "3", "2", "1"]
    assert attempts.rows[3][4:] == ("30 min", "800", "errors Fail", "gate errors failed: candidate 19 of 326 bad")
    assert [span.tone for span in timeline(page, "Attempts").lanes[0].spans] == [
        "good",
        "bad",
        "good",
        "caution",
        "plain",
    ]


def test_realised_performance_stands_beside_expected_and_offline_with_coverage_and_segments() -> None:
    page = page_of(found(), NOW)
    metrics = {row[0]: row for row in table(page, "Performance", "Metrics").rows}
    accuracy = metrics["Accuracy"]
    assert (accuracy[1], accuracy[3]) == ("0.900", "600")
    assert metrics["F1"][6] == "0.801"
    assert float(str(accuracy[4])) == pytest.approx(0.8, abs=0.02)
    assert any("600 labels came back" in str(block) for block in section(page, "Performance").blocks)
    (north,) = table(page, "Performance", "By segment").rows
    assert (north[0], north[1], north[2], north[4]) == ("region=north", "Accuracy", "0.900", "200")


def test_without_labels_that_is_said() -> None:
    unlabelled = {**model()["status"], "stable": {"revision": FORMER, "since": None}}
    page = page_of(found(model=model(**unlabelled)), NOW)
    assert "Performance" not in {one.title for one in page.sections}
    assert any(f"No labels of {FORMER} are kept" in told for told in page.absent)


def test_research_stands_beside_engineering() -> None:
    page = page_of(found(), NOW)
    research = table(page, "Research and engineering", "Research")
    assert research.rows == (
        ("AUC", "0.913", "0.897 to 0.929", "1,200", "rows kept from the training"),
        ("F1", "0.801", "0.771 to 0.829", "1,200", "rows kept from the training"),
        ("Recall", "0.75", "", "", "said in the card"),
    )
    engineering = {str(row[0]): row[1] for row in table(page, "Research and engineering", "Engineering").rows}
    assert engineering["Pods ready"] == "3"
    assert engineering["Bad for gate latency, candidate"] == "5.0 %"


@pytest.mark.parametrize(
    ("changes", "told", "left_out"),
    [
        ({"monitors": []}, "No Monitor names churn", {"Windows", "Worst inputs", "Monitor inputs"}),
        ({"config_maps": None}, "You may not read ConfigMaps", {"Windows", "Worst inputs"}),
        ({"config_maps": {}}, "No windows are kept of this Model yet", {"Windows", "Worst inputs"}),
        ({"config_maps": {}}, f"No reference profile is kept of {STABLE}", {"Windows", "Worst inputs"}),
    ],
)
def test_what_the_cluster_lacks_is_left_out_and_said(changes: dict[str, Any], told: str, left_out: set[str]) -> None:
    page = page_of(found(**changes), NOW)
    assert any(told in one for one in page.absent)
    assert not left_out & {one.title for one in page.sections}
    check_it_loads_nothing(html(page))


def test_without_windows_the_monitors_own_numbers_are_shown() -> None:
    inputs = table(page_of(found(config_maps={}), NOW), "Monitor inputs", "Inputs that moved furthest")
    assert inputs.rows[0][2:] == ("1.9200", "0.2100", "median 48.5 k → 27.1 k (PSI 1.92, threshold 0.21)")


@pytest.mark.parametrize("broken", ["not base64", "", "aGVsbG8="])
def test_a_checkpoint_that_cannot_be_read_is_none(broken: str) -> None:
    kept = config_maps()
    kept["churn-windows"] = {"binaryData": {"windows": broken}}
    kept[f"{STABLE}-profile"] = {"data": {"profile.json": "{"}}
    page = page_of(found(config_maps=kept), NOW)
    assert "Windows" not in {one.title for one in page.sections}


def test_a_model_that_nobody_looked_at_says_so() -> None:
    bare = Found({"metadata": {"name": "churn", "namespace": "team-a"}, "spec": {"artifact": {"uri": "s3://a/b"}}})
    page = page_of(bare, NOW)
    assert page.verdict.sentence == "No operator has looked at this Model yet."
    assert page.sections == ()
    check_it_loads_nothing(html(page))


def test_requests_that_the_running_attempt_exposed_so_far_are_told() -> None:
    """They enter its record when it ends."""
    said = model()
    del said["status"]["attempts"][-1]["exposedRequests"]
    said["status"]["exposedRequests"] = 308
    exposed = [one.get("exposedRequests") for one in found(model=said).attempts]
    assert exposed[-1] == 308
    assert exposed[:-1] == [one["exposedRequests"] for one in said["status"]["attempts"][:-1]]


READY = condition("Ready", "True", "Serving", "it serves")
CURRENT = condition("Current", "True", "Current", "")
OK = {"state": "OK", "message": ""}
FINE = {"conditions": [READY, CURRENT], "candidate": {}, "gates": []}


@pytest.mark.parametrize(
    ("status", "said", "tone", "sentence"),
    [
        (FINE, {"state": "OK", "message": ""}, "good", f"{STABLE} serves; Monitor inputs finds nothing amiss."),
        (FINE, {"state": "Drifting", "message": "x drifts"}, "bad", f"{STABLE} serves; Monitor inputs: x drifts."),
        (FINE,
         {"state": "Drifting", "message": f"it is the concept: PerformanceDegraded: {'low ' * 80}; ConceptDrift: far",
          "conditions": [condition("PerformanceDegraded", "True", "Drifting", "low " * 80),
                         condition("InputDrift", "False", "OK"),
                         condition("ConceptDrift", "True", "Drifting", "far")]},
         "bad", f"{STABLE} serves; Monitor inputs: it is the concept (PerformanceDegraded, ConceptDrift)."),
        (FINE, {"state": "Drifting", "message": "another " * 80}, "bad",
         f"{STABLE} serves; Monitor inputs: {'another ' * 29}another …."),
        (FINE, {"state": "Insufficient", "message": "9 of 500 rows"}, "unknown",
         f"{STABLE} serves; Monitor inputs cannot tell: 9 of 500 rows."),
        (FINE, {"state": "Error", "message": "no profile"}, "caution",
         f"{STABLE} serves; Monitor inputs cannot tell: no profile."),
        ({**FINE, "conditions": [condition("Ready", "False", "NoPods", "no pod is ready")]}, OK, "bad",
         f"{STABLE} should serve and does not: no pod is ready; Monitor inputs finds nothing amiss."),
        ({**FINE, "stable": {}, "conditions": [condition("Ready", "False", "Starting", "pods start")]}, OK, "unknown",
         "Nothing serves yet: pods start; "),
        ({"gates": []}, OK, "plain", f"{STABLE} serves; churn-77777777 is on its way, with 25 % of the traffic; "),
        ({**FINE, "conditions": [READY, condition("Current", "False", "RolledBack")],
          "attempts": [{"attempt": 1, "revision": "churn-bb", "started": "2026-11-24T12:00:00Z",
                        "outcome": "RolledBack", "reason": "gate errors failed."}]},
         OK, "caution",
         f"{STABLE} serves; churn-bb was rolled back: gate errors failed; Monitor inputs finds nothing amiss."),
    ],
)  # fmt: skip
def test_the_verdict_is_one_sentence_and_its_worst_part_gives_the_state(
    status: dict[str, Any], said: dict[str, Any], tone: str, sentence: str
) -> None:
    verdict = page_of(found(model=model(**status), monitors=[monitor(**said)]), NOW).verdict
    assert verdict.badge.tone == tone
    assert verdict.sentence.startswith(sentence)
    assert verdict.sentence.count(". ") == 0


def test_two_monitors_are_told_apart() -> None:
    other = monitor()
    both = [monitor(), replace_name(other, "again")]
    titles = [one.title for one in page_of(found(monitors=both), NOW).sections]
    assert {"Windows (inputs)", "Windows (again)", "Monitor inputs", "Monitor again"} <= set(titles)


def replace_name(item: dict[str, Any], name: str) -> dict[str, Any]:
    return {**item, "metadata": {**item["metadata"], "name": name}}


def test_a_monitor_that_cannot_be_understood_has_conditions_and_no_pictures() -> None:
    broken = monitor()
    broken["spec"]["window"] = {"size": "2s"}
    titles = [one.title for one in page_of(replace(found(), monitors=[broken]), NOW).sections]
    assert "Monitor inputs" in titles
    assert "Windows" not in titles
