"""What a Monitor says of labels that came back: performance, concept, fairness, and what it waits for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.unit.plan.test_monitor import END, NOW, REFERENCE, V1, V2, counted, monitor, served, snapshot
from weirkeeper.api.conditions import timestamp
from weirkeeper.delivery.evidence import LabelSlots, PodEvidence
from weirkeeper.plan.assessment import assessments
from weirkeeper.plan.labelled import predictions_by_slot
from weirkeeper.plan.monitor import MonitorPlan, plan_monitors
from weirkeeper.plan.snapshot import Snapshot
from weirkeeper.plan.windows import CountedSlot, CountedSlots
from weirkeeper.statistics.held_out import HeldOut
from weirkeeper.statistics.labels import LabelCounts
from weirkeeper.statistics.offline import OfflineMetric

HOUR = 3600
Segments = Mapping[str, LabelCounts]


def scored(rows: int, *, seed: int, odds: float = 0.0) -> LabelCounts:
    """Rows whose labels follow their scores, but for so much in the log odds."""
    random, counts = np.random.default_rng(seed), LabelCounts()
    for score in random.uniform(0.02, 0.98, rows):
        chance = 1.0 / (1.0 + np.exp(-(np.log(score / (1.0 - score)) + odds)))
        positive = bool(random.random() < chance)
        counts.add_class("yes" if score > 0.5 else "no", "yes" if positive else "no", "yes")
        counts.add_score(float(score), is_positive=positive)
    return counts


HELD_OUT = HeldOut(scored(4000, seed=1))
OFFLINE = OfflineMetric("Accuracy", 0.76, 0.74, 0.78, 4000, "Wilson", "HeldOut")
PROFILE = replace(REFERENCE, held_out=HELD_OUT, performance=(OFFLINE,))


def right(rows: int, correct: int) -> LabelCounts:
    """Labelled rows of two classes, so many of which were predicted right."""
    counts = LabelCounts()
    for number in range(rows):
        said = "yes" if number % 2 else "no"
        counts.add_class(said, said if number < correct else ("no" if said == "yes" else "yes"), "yes")
    return counts


def labelled(
    slots: Mapping[int, Segments],
    *,
    at: int = END + 3,
    until: int = END,
    model: Mapping[str, Any] | None = None,
    **how: Any,
) -> Snapshot:
    """A Model with 2,000 rows an hour for two hours, and labels by the hour of their prediction before the end."""
    labels = LabelSlots(HOUR, {V1: {END - hours * HOUR: segments for hours, segments in slots.items()}})
    counts = counted(2000)
    rows = (CountedSlot(END - 2 * HOUR, 2000, counts), CountedSlot(END - HOUR, 2000, counts))
    view = CountedSlots({V1: rows}, until, labels=labels, labelled_at=at)
    watching = monitor(status=how.pop("status", None), **how)
    base = snapshot(monitors=(watching,))
    pods = {V1: (PodEvidence("p", "p", "Ready", profile=PROFILE.to_json(), profile_sha256=PROFILE.sha256),)}
    evidence = replace(base.evidence, pods=pods, windows={"churn": view})
    return replace(base, evidence=evidence, model=model or served())


def planned(slots: Mapping[int, Segments], **how: Any) -> MonitorPlan:
    return plan_monitors(labelled(slots, **how), NOW)


def condition(plan: MonitorPlan, kind: str) -> Mapping[str, Any]:
    (write,) = plan.statuses
    found: Mapping[str, Any] = next(one for one in write.status["conditions"] if one["type"] == kind)
    return found


ACCURATE: dict[str, Any] = {"performance": [{"metric": "Accuracy", "min": "0.8"}]}


def test_without_performance_in_the_spec_labels_are_not_judged() -> None:
    (write,) = planned({1: {"": right(1000, 100)}}).statuses
    assert {one["type"] for one in write.status["conditions"]} == {
        "InputDrift",
        "OutputDrift",
        "DataQualityDegraded",
        "Ready",
    }


def test_a_metric_that_is_surely_below_its_bound_is_degraded_and_told_with_its_numbers() -> None:
    plan = planned({1: {"": right(1000, 700)}}, **ACCURATE)
    found = condition(plan, "PerformanceDegraded")
    assert (found["status"], found["reason"]) == ("True", "Drifting")
    assert found["message"] == (
        "Accuracy 0.700 (95 % interval 0.671 to 0.728, at least 0.800 is asked, offline 0.760);"
        " 1000 labels of 2000 predictions"
    )
    assert [notice.reason for notice in plan.notices] == ["PerformanceDegraded"]
    status = plan.statuses[0].status
    assert status["performance"][0] | {"low": "", "high": ""} == {
        "metric": "Accuracy",
        "segment": "",
        "state": "Drifting",
        "rows": 1000,
        "realised": "0.7000",
        "low": "",
        "high": "",
        "bound": "0.8000",
        "offline": "0.7600",
    }
    assert (status["labels"]["rows"], status["labels"]["predictions"]) == (1000, 2000)


@pytest.mark.parametrize(("correct", "state"), [(790, "OK"), (760, "OK"), (700, "Drifting"), (900, "OK")])
def test_a_metric_that_may_be_within_its_bound_is_not(correct: int, state: str) -> None:
    assert condition(planned({1: {"": right(1000, correct)}}, **ACCURATE), "PerformanceDegraded")["reason"] == state


def test_what_was_degraded_is_so_until_the_metric_is_within_its_bound() -> None:
    (write,) = planned({1: {"": right(1000, 700)}}, **ACCURATE).statuses

    def then(correct: int) -> list[str]:
        plan = planned({1: {"": right(1000, correct)}}, status=write.status, **ACCURATE)
        return [notice.reason for notice in plan.notices]

    assert then(790) == []
    assert then(810) == ["PerformanceDegradedEnded"]


def test_the_bound_may_follow_what_was_measured_offline() -> None:
    spec = {"performance": [{"metric": "Accuracy", "maxBelowOffline": "0.03"}]}

    def state(correct: int, card: Mapping[str, str] | None = None) -> str:
        model = served()
        model = {**model, "spec": {**model["spec"], "card": {"metrics": dict(card or {})}}}
        plan = planned({1: {"": right(1000, correct)}}, model=model, **spec)
        return str(condition(plan, "PerformanceDegraded")["reason"])

    assert (state(720), state(600)) == ("OK", "Drifting")
    assert (state(720, {"Accuracy": "0.90"}), state(720, {"Accuracy": "good"})) == ("Drifting", "OK")


def test_an_offline_value_that_nobody_knows_is_an_error_of_that_condition_alone() -> None:
    plan = planned({1: {"": right(1000, 900)}}, performance=[{"metric": "Recall", "maxBelowOffline": "0.03"}])
    found = condition(plan, "PerformanceDegraded")
    assert (found["status"], found["reason"]) == ("Unknown", "Error")
    assert "card.metrics" in found["message"]
    assert condition(plan, "InputDrift")["reason"] == "OK"
    assert condition(plan, "Ready")["reason"] == "Watching"


def test_a_metric_that_the_labels_do_not_give_is_told_with_those_they_give() -> None:
    plan = planned({1: {"": right(1000, 900)}}, performance=[{"metric": "MAE", "max": "5"}])
    found = condition(plan, "PerformanceDegraded")
    assert found["reason"] == "Error"
    assert "they give Accuracy, Precision, Recall, F1" in found["message"]


def test_of_errors_less_is_better() -> None:
    def state(error: float) -> str:
        counts, random = LabelCounts(), np.random.default_rng(2)
        for off in random.normal(0.0, error, 500):
            counts.add_number(float(off), 0.0)
        plan = planned({1: {"": counts}}, performance=[{"metric": "MAE", "max": "5"}])
        return str(condition(plan, "PerformanceDegraded")["reason"])

    assert (state(5.0), state(12.0)) == ("OK", "Drifting")


def test_too_few_labels_reach_back_to_older_predictions_but_not_behind_the_watermark() -> None:
    few, spec = right(120, 60), {**ACCURATE, "labels": {"maxAge": "3h"}}
    near = planned({1: {"": few}, 3: {"": few}}, **spec)
    assert condition(near, "PerformanceDegraded")["reason"] == "Drifting"
    far = condition(planned({1: {"": few}, 4: {"": few}}, **spec), "PerformanceDegraded")
    assert (far["status"], far["reason"]) == ("Unknown", "Insufficient")
    assert far["message"] == (
        "Accuracy: 120 of 200 labelled rows; 120 labels of 2000 predictions;"
        " looked at when the window ended at 2027-01-15 08:00 UTC"
    )


@pytest.mark.parametrize(
    ("began", "counted_since", "known"),
    [
        (None, 0, False),
        (END - 23.5 * HOUR, 0, True),
        (END - 23.5 * HOUR, END - 23 * HOUR, False),
        (END - 25 * HOUR, 0, False),
    ],
)
def test_of_how_many_predictions_labels_are_is_told_where_all_of_them_were_counted(
    began: float | None, counted_since: int, *, known: bool
) -> None:
    """The first slot with labels begins before what the windows kept; not so the revision, perhaps."""
    few = {"": right(120, 60)}
    spec = {**ACCURATE, "labels": {"maxAge": "168h"}}
    base = labelled({1: few, 25: few}, model=served(since=END - 24.5 * HOUR), **spec)
    created = {"creationTimestamp": timestamp(began)} if began else {}
    record = {"metadata": {"name": V1, **created}}
    view = replace(base.evidence.windows["churn"], since=counted_since, judged={})
    evidence = replace(base.evidence, windows={"churn": view})
    found = replace(base, evidence=evidence, children={**base.children, ("ControllerRevision", V1): record})
    (one,) = assessments(found)
    assert one.labelled is not None
    assert (one.labelled.rows, one.labelled.known) == (240, known)


def test_labels_of_predictions_before_the_promotion_and_of_other_revisions_do_not_count() -> None:
    bad, good = {"": right(1000, 100)}, {"": right(1000, 900)}
    plan = planned({1: good, 3: bad}, model=served(since=END - 1.5 * HOUR), labels={"minRows": 1500}, **ACCURATE)
    assert condition(plan, "PerformanceDegraded")["reason"] == "Insufficient"
    other = labelled({1: good}, **ACCURATE)
    view = other.evidence.windows["churn"]
    slots = LabelSlots(HOUR, {**view.labels.revisions, V2: {END - HOUR: bad}})
    windows = {"churn": replace(view, labels=slots, judged={})}
    plan = plan_monitors(replace(other, evidence=replace(other.evidence, windows=windows)), NOW)
    assert condition(plan, "PerformanceDegraded")["reason"] == "OK"


def test_labels_that_were_looked_at_long_after_the_window_wait_for_the_next() -> None:
    (write,) = planned({1: {"": right(1000, 900)}}, **ACCURATE).statuses
    late = planned({1: {"": right(1000, 100)}}, at=END + 1000, status=write.status, **ACCURATE)
    assert late.statuses == ()
    assert (
        condition(planned({1: {"": right(1000, 100)}}, at=END + 1000, **ACCURATE), "PerformanceDegraded")["reason"]
        == "Drifting"
    )


def test_segments_are_judged_each_by_itself() -> None:
    segments = {"": right(1200, 1000), "region=north": right(600, 580), "region=south": right(600, 420)}
    model = served()
    model = {**model, "spec": {**model["spec"], "parameters": {"segments": "region, plan"}}}
    spec = {"performance": [{"metric": "Accuracy", "min": "0.8", "segment": "region"}]}
    found = condition(planned({1: segments}, model=model, **spec), "PerformanceDegraded")
    assert found["reason"] == "Drifting"
    assert found["message"].startswith("Accuracy of region=south 0.700")
    assert "north" not in found["message"]


@pytest.mark.parametrize(
    "spec",
    [
        {"performance": [{"metric": "Accuracy", "min": "0.8", "segment": "regio"}]},
        {"fairness": [{"segment": "regio", "metric": "EqualOpportunity"}]},
    ],
)
def test_a_segment_that_is_not_counted_is_told_with_the_nearest(spec: dict[str, Any]) -> None:
    model = served()
    model = {**model, "spec": {**model["spec"], "parameters": {"segments": "region, plan"}}}
    plan = planned({1: {"": right(1000, 900), "region=north": right(1000, 900)}}, model=model, **spec)
    ready = condition(plan, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "UnknownName")
    assert "the segment 'regio', by which labels are not counted apart, only by region" in ready["message"]
    assert condition(plan, "InputDrift")["reason"] == "OK"


def test_labels_that_left_what_scores_explain_are_concept_drift() -> None:
    def state(odds: float) -> str:
        plan = planned({1: {"": scored(1500, seed=3, odds=odds)}}, performance=[{"metric": "AUC", "min": "0.5"}])
        return str(condition(plan, "ConceptDrift")["reason"])

    assert (state(0.0), state(1.2)) == ("OK", "Drifting")


def parity(north: float, south: float) -> MonitorPlan:
    def group(share: float) -> LabelCounts:
        counts = LabelCounts()
        for number in range(600):
            counts.add_class("yes" if number < 600 * share else "no", "yes", "yes")
        return counts

    whole = LabelCounts()
    for one in (group(north), group(south)):
        whole.merge(one)
    segments = {"": whole, "region=north": group(north), "region=south": group(south)}
    model = served()
    model = {**model, "spec": {**model["spec"], "parameters": {"segments": "region"}}}
    return planned({1: segments}, model=model, fairness=[{"segment": "region", "metric": "DemographicParity"}])


def test_groups_that_fare_further_apart_than_is_put_up_with() -> None:
    assert condition(parity(0.6, 0.58), "FairnessDegraded")["reason"] == "OK"
    found = condition(parity(0.6, 0.3), "FairnessDegraded")
    assert found["reason"] == "Drifting"
    assert found["message"].startswith(
        "region: DemographicParity: north 60.0 % of 600, south 30.0 % of 600, ratio 0.50"
    )


def test_planning_again_on_the_result_writes_nothing() -> None:
    slots = {1: {"": right(1000, 700)}}
    (write,) = planned(slots, **ACCURATE).statuses
    assert planned(slots, status=write.status, **ACCURATE).statuses == ()


def test_rows_in_bursts_count_as_fewer() -> None:
    steady = {hours: {"": right(100, 70)} for hours in range(1, 13)}
    bursts = {hours: {"": right(100, 100 if hours % 3 else 10)} for hours in range(1, 13)}
    spec = {**ACCURATE, "labels": {"minRows": 1200}}
    found = [assessments(labelled(slots, **spec))[0].performance[0] for slots in (steady, bursts)]
    assert [(one.rows, one.realised) for one in found] == [(1200, 0.7), (1200, 0.7)]
    widths = [(one.high or 0.0) - (one.low or 0.0) for one in found]
    assert widths[1] > 2 * widths[0] > 0


def test_predictions_of_a_whole_window_are_spread_over_the_slots_of_labels() -> None:
    counts = counted(50)
    day = (CountedSlot(0, 100, counts), 24 * HOUR)
    minutes = (CountedSlot(24 * HOUR + 300, 7, counts), 300)
    found = predictions_by_slot([day, minutes], LabelSlots(HOUR))
    assert (sum(found.values()), len(found), found[24 * HOUR]) == (107, 25, 7)
    assert max(found.values()) - min(one for start, one in found.items() if start < 24 * HOUR) <= 3
    assert predictions_by_slot([minutes], LabelSlots(60, longer={24 * HOUR: HOUR})) == {24 * HOUR: 7}
    assert predictions_by_slot([minutes], LabelSlots(60)) == {
        24 * HOUR + 60 * minute: rows for minute, rows in zip(range(5, 10), (1, 1, 2, 1, 2), strict=True)
    }
