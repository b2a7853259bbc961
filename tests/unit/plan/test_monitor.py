"""Monitors: what a window says, when it is written down, and when to look again."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.unit.plan.objects import model, settings
from weirkeeper.api.conditions import timestamp
from weirkeeper.api.monitor_status import MonitorStatus
from weirkeeper.delivery.evidence import Evidence, PodEvidence
from weirkeeper.plan.assessment import assessments
from weirkeeper.plan.conditions.watched import COUNTED
from weirkeeper.plan.monitor import MonitorPlan, plan_monitors
from weirkeeper.plan.snapshot import Snapshot
from weirkeeper.plan.windows import CountedSlot, CountedSlots
from weirkeeper.statistics import ProfileCounters, ReferenceProfile, alarm_share
from weirkeeper.statistics.packed import NOTHING, PackedCounts

V1, V2 = "churn-11111111", "churn-22222222"
END = 1_800_000_000 // 3600 * 3600
NOW = END + 10.0

_RANDOM = np.random.default_rng(20261121)
REFERENCE = ReferenceProfile.from_columns(
    {"income": _RANDOM.normal(50_000, 10_000, 4000), "age": _RANDOM.normal(40, 10, 4000)}, {}
)


def counted(rows: int, *, income: float = 0.0, age: float = 0.0, seed: int = 1) -> PackedCounts:
    """Counts of rows whose columns are shifted by so many standard deviations."""
    random = np.random.default_rng(seed)
    counters = ProfileCounters(REFERENCE)
    columns = {
        "income": random.normal(50_000 + 10_000 * income, 10_000, rows),
        "age": random.normal(40 + 10 * age, 10, rows),
    }
    counters.ingest(columns, {})
    return PackedCounts.of(counters.totals()["inputs"])


def slot(start: int, rows: int, *, income: float = 0.0, age: float = 0.0) -> CountedSlot:
    return CountedSlot(start, rows, counted(rows, income=income, age=age) if rows else NOTHING)


def monitor(name: str = "churn", status: Mapping[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "team-a", "uid": f"u-{name}", "resourceVersion": "7", "generation": 2}
    found = {
        "apiVersion": "weirkeeper.dev/v1alpha1",
        "kind": "Monitor",
        "metadata": metadata,
        "spec": {"modelRef": {"name": "churn"}, **spec},
    }
    return {**found, "status": dict(status)} if status else found


def served(revision: str = V1, since: float = END - 86_400) -> dict[str, Any]:
    return {**model(), "status": {"stable": {"revision": revision, "since": timestamp(since)}}}


def snapshot(
    *slots: CountedSlot, monitors: tuple[Mapping[str, Any], ...] | None = None, until: int = END, **changes: Any
) -> Snapshot:
    watching = (monitor(),) if monitors is None else monitors
    view = CountedSlots({V1: slots}, until)
    pods = {V1: (PodEvidence("p", "p", "Ready", profile=REFERENCE.to_json(), profile_sha256=REFERENCE.sha256),)}
    windows = {one["metadata"]["name"]: view for one in watching}
    found = Snapshot(
        "team-a", "churn", served(), settings(), monitors=watching, evidence=Evidence(pods=pods, windows=windows)
    )
    return replace(found, **changes)


def planned(*slots: CountedSlot, **how: Any) -> MonitorPlan:
    return plan_monitors(snapshot(*slots, **how), NOW)


def condition(plan: MonitorPlan, kind: str) -> Mapping[str, Any]:
    (write,) = plan.statuses
    return next(one for one in write.status["conditions"] if one["type"] == kind)


def said(plan: MonitorPlan) -> tuple[str, str]:
    found = condition(plan, "InputDrift")
    return found["status"], found["reason"]


def after(*slots: CountedSlot, status: Mapping[str, Any] | None = None, **how: Any) -> dict[str, Any]:
    """The status that a plan writes."""
    (write,) = planned(*slots, monitors=(monitor(status=status),), **how).statuses
    return dict(write.status)


# What a window says.


def test_rows_like_the_reference_do_not_drift() -> None:
    plan = planned(slot(END - 3600, 2000))
    assert said(plan) == ("False", "OK")
    assert (plan.drift, plan.notices) == ("OK", ())
    assert condition(plan, "Ready")["reason"] == "Watching"


def test_a_container_counts_no_inputs_which_is_said_and_never_ok() -> None:
    record = {
        "kind": "ControllerRevision",
        "metadata": {"name": V1},
        "data": {"content": {"server": {"runtime": "Container", "image": "team.example/churn:7"}}},
    }
    children = {("ControllerRevision", V1): record}
    for windows in ({}, {"churn": CountedSlots({}, END)}):
        plan = planned(children=children, evidence=Evidence(windows=windows))
        assert said(plan) == ("Unknown", "Error")
        ready = condition(plan, "Ready")
        assert (ready["status"], ready["reason"]) == ("False", "NoProfileCounters")
        assert "container of its own" in ready["message"]
        assert plan.drift == "Error"


def test_a_shift_drifts_and_names_the_worst_feature_first_in_its_unit() -> None:
    plan = planned(slot(END - 3600, 2000, income=1.5, age=0.8))
    assert said(plan) == ("True", "Drifting")
    message = condition(plan, "InputDrift")["message"]
    assert message.startswith("2 of 2 features drift: income: median 50 k → 6")
    features = plan.statuses[0].status["features"]
    assert [(one["name"], one["state"]) for one in features] == [("income", "Drifting"), ("age", "Drifting")]
    assert float(features[0]["psi"]) > float(features[0]["threshold"]) > 0
    assert plan.drift == "Drifting"


def test_inputs_of_very_long_names_are_told_apart_in_a_status_that_stays_small_and_is_written_once() -> None:
    names = [f"{'income' * 200}{number}" for number in range(20)]
    made = ReferenceProfile.from_columns({name: _RANDOM.normal(0, 1, 2000) for name in names}, {})
    counters = ProfileCounters(made)
    counters.ingest({name: _RANDOM.normal(2, 1, 1000) for name in names}, {})
    moved = CountedSlot(END - 3600, 1000, PackedCounts.of(counters.totals()["inputs"]))
    pods = {V1: (PodEvidence("p", "p", "Ready", profile=made.to_json(), profile_sha256=made.sha256),)}
    evidence = Evidence(pods=pods, windows={"churn": CountedSlots({V1: (moved,)}, END)})
    status = after(moved, evidence=evidence)
    MonitorStatus.model_validate(status)
    assert len({one["name"] for one in status["features"]}) == 10
    assert len(json.dumps(status)) < 64 * 1024
    assert planned(moved, monitors=(monitor(status=status),), evidence=evidence).statuses == ()


def related(rows: int) -> CountedSlot:
    """Rows of which each column is as before, and the age follows the income."""
    normal = np.random.default_rng(2).normal(size=rows)
    counters = ProfileCounters(REFERENCE)
    counters.ingest({"income": 50_000 + 10_000 * normal, "age": 40 + 10 * normal}, {})
    return CountedSlot(END - 3600, rows, PackedCounts.of(counters.totals()["inputs"]))


def test_a_correlation_that_came_up_is_told_by_its_columns() -> None:
    plan = planned(related(2000))
    assert said(plan) == ("True", "Drifting")
    message = condition(plan, "InputDrift")["message"]
    assert message.startswith("0 of 2 features and 1 of 2 correlations drift: correlation of ")
    assert "income" in message
    assert "age" in message
    assert re.search(r"about -?0\.0\d → 0\.9", message)


@pytest.mark.parametrize("watch", [{"severity": "Off"}, {"delta": "10"}])
def test_a_correlation_follows_what_is_said_of_its_columns(watch: dict[str, str]) -> None:
    plan = planned(related(2000), monitors=(monitor(inputs={"features": {"income": watch}}),))
    assert said(plan) == ("False", "OK")


def test_a_correlation_may_have_a_rule_of_its_own() -> None:
    names = [feature.name for feature in REFERENCE.features if len(feature.columns) > 1]
    features: dict[str, Any] = {name: {"severity": "Off"} for name in names}
    assert said(planned(related(2000), monitors=(monitor(inputs={"features": features}),))) == ("False", "OK")


def test_the_beginning_of_drift_is_an_event() -> None:
    (notice,) = planned(slot(END - 3600, 2000, income=1.5)).notices
    assert (notice.type, notice.reason, notice.regarding["name"]) == ("Warning", "InputDrift", "churn")
    assert "income" in notice.message


def test_too_few_rows_are_insufficient_which_is_not_no_drift() -> None:
    plan = planned(slot(END - 3600, 200, income=3))
    assert said(plan) == ("Unknown", "Insufficient")
    assert condition(plan, "Ready")["status"] == "True"


@pytest.mark.parametrize(
    ("promoted", "size", "told"),
    [
        (
            END - 86_400,
            "1h",
            (
                "200 of 500 rows in the window that ended at 2027-01-15 08:00 UTC;"
                " later rows are judged once theirs has ended, at 09:00 UTC at the earliest"
            ),
        ),
        (
            END - 86_400,
            "24h",
            (
                "0 of 500 rows in the window that ended at 2027-01-15 00:00 UTC;"
                " later rows are judged once theirs has ended, at 2027-01-16 00:00 UTC at the earliest"
            ),
        ),
        (
            END + 600,
            "1h",
            (
                "rows count from 2027-01-15 08:10 UTC on, and no window has ended since:"
                " they are judged once theirs has ended, at 09:00 UTC at the earliest"
            ),
        ),
    ],
    ids=["few", "none before the running window", "none since the promotion"],
)
def test_too_few_rows_are_told_with_their_window_and_the_end_of_the_next(promoted: int, size: str, told: str) -> None:
    watching = monitor(window={"size": size, "maxAge": "24h"})
    slots, asked = (slot(END - 3600, 200), slot(END, 300)), {"monitors": (watching,), "model": served(since=promoted)}
    plan = planned(*slots, **asked, until=END + 1200)
    assert {condition(plan, kind)["message"] for kind in ("InputDrift", "DataQualityDegraded")} == {told}


@pytest.mark.parametrize("how", ["the Model was not watched", "the Monitor was not there"])
def test_a_window_from_before_anybody_counted_is_not_said_to_have_no_rows(how: str) -> None:
    watching = monitor()
    if how == "the Monitor was not there":
        watching["metadata"]["creationTimestamp"] = timestamp(END + 300)
    view = CountedSlots({}, END + 600, since=END + 300 if how == "the Model was not watched" else 0)
    base = snapshot(monitors=(watching,))
    plan = plan_monitors(replace(base, evidence=replace(base.evidence, windows={"churn": view})), NOW)
    assert condition(plan, "InputDrift")["message"].startswith(
        "rows count from 2027-01-15 08:05 UTC on, and no window has ended since"
    )


def test_before_any_window_has_ended_it_is_said_when_windows_end() -> None:
    plan = planned(until=0)
    told = "no window has ended yet since rows are counted; windows end at multiples of 1h in UTC"
    assert condition(plan, "InputDrift")["message"] == told


def test_a_window_reaches_back_for_its_rows_but_not_beyond_its_age() -> None:
    near = planned(slot(END - 7200, 400, income=1.5), slot(END - 3600, 200, income=1.5))
    assert said(near) == ("True", "Drifting")
    assert near.statuses[0].status["lastWindow"] == {
        "start": timestamp(END - 7200),
        "end": timestamp(END),
        "rows": 600,
    }
    far = planned(slot(END - 25 * 3600, 400, income=1.5), slot(END - 3600, 200, income=1.5))
    assert said(far) == ("Unknown", "Insufficient")


def test_a_window_does_not_reach_back_when_it_has_rows_enough() -> None:
    plan = planned(slot(END - 7200, 5000, income=2), slot(END - 3600, 2000))
    assert said(plan) == ("False", "OK")


def test_rows_after_the_window_wait_for_theirs() -> None:
    plan = planned(slot(END - 3600, 2000), slot(END, 5000, income=2), until=END + 300)
    assert said(plan) == ("False", "OK")


def test_a_promotion_starts_anew() -> None:
    slots = (slot(END - 7200, 2000, income=2), slot(END - 3600, 100))
    plan = planned(*slots, model=served(since=END - 4000))
    assert said(plan) == ("Unknown", "Insufficient")
    assert "100 of 500" in condition(plan, "InputDrift")["message"]


def test_only_rows_of_the_stable_revision_count() -> None:
    view = CountedSlots({V1: (slot(END - 3600, 2000),), V2: (slot(END - 3600, 2000, income=3),)}, END)
    base = snapshot()
    plan = plan_monitors(replace(base, evidence=replace(base.evidence, windows={"churn": view})), NOW)
    assert said(plan) == ("False", "OK")


def test_a_feature_with_severity_off_is_not_judged() -> None:
    watching = monitor(inputs={"features": {"income": {"severity": "Off"}}})
    plan = planned(slot(END - 3600, 2000, income=3), monitors=(watching,))
    assert said(plan) == ("False", "OK")
    assert [one["name"] for one in plan.statuses[0].status["features"]] == ["age"]


def test_a_feature_has_a_delta_of_its_own() -> None:
    watching = monitor(inputs={"features": {"income": {"delta": "9"}}})
    plan = planned(slot(END - 3600, 2000, income=1.5), monitors=(watching,))
    assert said(plan) == ("False", "OK")


def test_a_smaller_budget_and_shorter_windows_ask_for_more() -> None:
    def threshold(**spec: Any) -> float:
        status = planned(slot(END - 60, 2000), monitors=(monitor(**spec),)).statuses[0].status
        return float(status["features"][0]["threshold"])

    usual = threshold()
    assert threshold(falseAlarmsPerMonth="0.001") > usual
    assert threshold(window={"size": "1m"}) > usual
    assert threshold(falseAlarmsPerMonth="10") < usual


def test_correlations_have_their_part_of_the_budget() -> None:
    (assessed,) = assessments(snapshot(slot(END - 3600, 2000), monitors=(monitor(falseAlarmsPerMonth="1"),)))
    assert len(REFERENCE.features) > 2
    share = alarm_share(1.0, 3600, len(REFERENCE.features), len(COUNTED))
    assert [sum(found.alpha for found in one.findings) for one in assessed.features] == pytest.approx(
        [share] * len(REFERENCE.features)
    )


def bursts(rows: int) -> tuple[CountedSlot, ...]:
    """A window in twelve slots, in which every row comes twenty times."""
    random = np.random.default_rng(31)
    found = []
    for number in range(12):
        counters = ProfileCounters(REFERENCE)
        columns = {
            "income": np.repeat(random.normal(50_000, 10_000, rows // 240), 20),
            "age": np.repeat(random.normal(40, 10, rows // 240), 20),
        }
        counters.ingest(columns, {})
        found.append(CountedSlot(END - 3600 + 300 * number, rows // 12, PackedCounts.of(counters.totals()["inputs"])))
    return tuple(found)


def test_rows_in_bursts_count_as_fewer() -> None:
    watching = monitor(inputs={"delta": "0"}, falseAlarmsPerMonth="10")
    (assessed,) = assessments(snapshot(*bursts(2400), monitors=(watching,)))
    assert assessed.state == "OK"
    assert all(feature.design_effect > 10 for feature in assessed.features)
    assert any((feature.psi or 0.0) > 0.05 for feature in assessed.features)


def test_a_small_drift_that_lasts_is_found_by_the_windows_before() -> None:
    def plans(income: float) -> list[MonitorPlan]:
        hours = [counted(600, income=income, seed=hour) for hour in range(20)]
        return [
            planned(*(CountedSlot(END - 3600 * (last - hour), 600, hours[hour]) for hour in range(last)))
            for last in range(2, 20)
        ]

    messages = [condition(plan, "InputDrift")["message"] for plan in plans(0.42)]
    assert any("sustained over " in message for message in messages)
    assert {said(plan) for plan in plans(0.0)} == {("False", "OK")}


# What cannot be judged.


def test_a_monitor_of_no_model_says_so() -> None:
    plan = planned(model=None, evidence=Evidence())
    ready = condition(plan, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "ModelNotFound")
    assert "churn" in ready["message"]
    assert said(plan) == ("Unknown", "Error")
    assert plan.applies == ()


def test_a_model_without_a_stable_revision_is_waited_for() -> None:
    plan = planned(model=model())
    ready = condition(plan, "Ready")
    assert (ready["status"], ready["reason"]) == ("Unknown", "ModelNotReady")
    assert said(plan) == ("Unknown", "Insufficient")


def test_a_spec_that_cannot_be_understood_is_its_authors() -> None:
    plan = planned(monitors=(monitor(window={"size": "3s"}),))
    ready = condition(plan, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "InvalidSpec")
    assert "window" in ready["message"]


def test_a_bundle_without_a_profile_says_so() -> None:
    base = snapshot(slot(END - 3600, 2000))
    plan = plan_monitors(replace(base, evidence=replace(base.evidence, pods={})), NOW)
    ready = condition(plan, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "NoProfileCounters")
    assert "weirkeeper bundle" in ready["message"]


def kept_profile(text: str) -> Mapping[tuple[str, str], Any]:
    return {("ConfigMap", f"{V1}-profile"): {"data": {"profile.json": text}}}


def test_the_profile_that_was_kept_serves_where_no_pod_tells_it() -> None:
    base = snapshot(slot(END - 3600, 2000, income=1.5), children=kept_profile(json.dumps(REFERENCE.to_json())))
    plan = plan_monitors(replace(base, evidence=replace(base.evidence, pods={})), NOW)
    assert said(plan) == ("True", "Drifting")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"apiVersion": "profile/v9"}',
        '{"apiVersion": "profile/v1", "features": [5]}',
        '{"apiVersion": "profile/v1", "features": [{"name": "income", "type": "numeric", "counts": [1e999]}]}',
    ],
)
def test_a_profile_that_cannot_be_read_is_an_error_and_no_crash(text: str) -> None:
    base = snapshot(slot(END - 3600, 2000), children=kept_profile(text))
    plan = plan_monitors(replace(base, evidence=replace(base.evidence, pods={})), NOW)
    assert said(plan) == ("Unknown", "Error")


def test_counts_of_another_profile_are_an_error() -> None:
    wrong = {name: {**one, "counts": [*one["counts"], 0]} for name, one in counted(2000).inputs.items()}
    plan = planned(CountedSlot(END - 3600, 2000, PackedCounts.of(wrong)))
    assert said(plan) == ("Unknown", "Error")
    (notice,) = plan.notices
    assert (notice.type, notice.reason) == ("Warning", "ProfileMismatch")


def test_pods_that_count_by_different_profiles_are_an_error() -> None:
    base = snapshot()
    view = CountedSlots({}, END, mixed=frozenset({V1}))
    plan = plan_monitors(replace(base, evidence=replace(base.evidence, windows={"churn": view})), NOW)
    assert condition(plan, "Ready")["reason"] == "ProfileMismatch"


# Hysteresis.


def test_drift_goes_on_until_it_is_well_below_what_matters() -> None:
    drifting = after(slot(END - 3600, 2000, income=1.5))
    deltas = monitor(inputs={"delta": "0.2"}, status=drifting)
    # A debiased PSI between 0.7 of delta and the threshold would not begin a drift, and does not end one.
    between = slot(END, 2000, income=0.46)
    fresh = planned(between, monitors=(monitor(inputs={"delta": "0.2"}),), until=END + 3600)
    assert said(fresh) == ("False", "OK")
    (assessed,) = assessments(snapshot(between, monitors=(deltas,), until=END + 3600))
    assert assessed.state == "Drifting"
    assert [feature.name for feature in assessed.features if feature.drifting] == ["income"]
    ended = planned(slot(END, 2000), monitors=(deltas,), until=END + 3600)
    assert said(ended) == ("False", "OK")
    assert [notice.reason for notice in ended.notices] == ["InputDriftEnded"]


def test_drift_of_a_former_stable_revision_is_not_held_against_the_next() -> None:
    drifting = after(slot(END - 3600, 2000, income=1.5))
    watching = monitor(inputs={"delta": "0.2"}, status=drifting)
    between = slot(END, 2000, income=0.46)
    plan = planned(between, monitors=(watching,), until=END + 3600, model=served(since=END))
    assert said(plan) == ("False", "OK")


@pytest.mark.parametrize("shift", [0.0, 0.46, 1.5])
def test_planning_again_on_the_result_writes_nothing(shift: float) -> None:
    slots = slot(END - 3600, 2000, income=shift)
    status = after(slots)
    plan = planned(slots, monitors=(monitor(status=status),))
    assert (plan.statuses, plan.notices, plan.applies) == ((), (), ())


# When it is written.


def test_numbers_alone_are_written_hourly_and_only_with_traffic() -> None:
    window = {"size": "1m", "minRows": 50, "maxAge": "1m"}
    (first,) = planned(slot(END - 60, 2000), monitors=(monitor(window=window),)).statuses
    known = monitor(status=first.status, window=window)

    def writes(end: int, rows: int = 2000) -> int:
        return len(planned(slot(end - 60, rows), monitors=(known,), until=end).statuses)

    assert [writes(END), writes(END + 60), writes(END + 3540), writes(END + 3600)] == [0, 0, 0, 1]


def test_a_changed_state_is_written_at_once_and_keeps_times_that_did_not_change() -> None:
    status = after(slot(END - 3600, 2000))
    later = snapshot(slot(END - 3600, 2000), slot(END, 2000, income=1.5), until=END + 3600)
    later = replace(later, monitors=(monitor(status=status),))
    plan = plan_monitors(later, NOW + 3600)
    assert condition(plan, "InputDrift")["lastTransitionTime"] == timestamp(NOW + 3600)
    assert condition(plan, "Ready")["lastTransitionTime"] == timestamp(NOW)


def test_no_rows_at_all_are_written_once() -> None:
    status = after()
    assert status["state"] == "Insufficient"
    for hour in range(1, 30):
        plan = planned(monitors=(monitor(status=status),), until=END + 3600 * hour)
        assert plan.statuses == ()


def test_that_no_window_had_ended_is_not_said_after_the_first_with_or_without_rows() -> None:
    new = dict(planned(evidence=Evidence()).statuses[0].status)
    assert "lastWindow" not in new
    later = after(status=new)
    assert "0 of 500 rows in the window that ended at" in later["message"]
    assert planned(monitors=(monitor(status=later),), until=END + 7200).statuses == ()


def test_what_was_said_holds_until_the_collector_has_read_a_window() -> None:
    status = after(slot(END - 3600, 2000, income=1.5))
    for windows in ({}, {"churn": CountedSlots()}):
        plan = planned(monitors=(monitor(status=status),), evidence=Evidence(windows=windows))
        assert (plan.statuses, plan.notices, plan.drift) == ((), (), "Drifting")


def test_a_new_monitor_is_told_that_no_window_has_ended() -> None:
    plan = planned(evidence=Evidence())
    assert said(plan) == ("Unknown", "Insufficient")
    assert condition(plan, "Ready")["status"] == "True"


def test_a_status_names_the_version_that_it_was_planned_from() -> None:
    (write,) = planned(slot(END - 3600, 2000)).statuses
    assert (write.kind, write.namespace, write.name, write.resource_version) == ("Monitor", "team-a", "churn", "7")
    assert write.status["observedGeneration"] == 2


def test_two_monitors_are_judged_each_by_its_own_rule() -> None:
    strict, loose = monitor("strict"), monitor("loose", inputs={"delta": "9"})
    plan = planned(slot(END - 3600, 2000, income=1.5), monitors=(strict, loose))
    assert {write.name: write.status["state"] for write in plan.statuses} == {"strict": "Drifting", "loose": "OK"}
    assert plan.drift == "Drifting"


def test_without_monitors_nothing_is_planned() -> None:
    assert planned(monitors=()) == MonitorPlan()


# When to look again.


@pytest.mark.parametrize(
    ("until", "now", "wake_at"),
    [
        (END, END + 10.0, END + 3603.0),
        (END + 1800, END + 1801.0, END + 3603.0),
        (END, END + 4000.0, END + 4005.0),
        (0, END + 1.0, END + 6.0),
    ],
)
def test_it_looks_again_when_the_next_window_has_ended(until: int, now: float, wake_at: float) -> None:
    assert plan_monitors(snapshot(until=until), now).wake_at == wake_at


# The checkpoint.


def with_checkpoint(packed: bytes | None, **changes: Any) -> Snapshot:
    base = snapshot(slot(END - 3600, 2000), **changes)
    windows = {"churn": replace(base.evidence.windows["churn"], checkpoint=packed)}
    return replace(base, evidence=replace(base.evidence, windows=windows))


def test_a_checkpoint_that_is_due_is_kept_in_a_config_map_of_the_model() -> None:
    (manifest,) = plan_monitors(with_checkpoint(b"packed"), NOW).applies
    assert (manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"]) == (
        "v1",
        "ConfigMap",
        "churn-windows",
    )
    assert manifest["metadata"]["labels"]["weirkeeper.dev/model"] == "churn"
    assert manifest["metadata"]["ownerReferences"][0]["uid"] == "u-1"
    assert base64.b64decode(manifest["binaryData"]["windows"]) == b"packed"


def test_a_checkpoint_that_is_kept_already_is_not_applied_again() -> None:
    (manifest,) = plan_monitors(with_checkpoint(b"packed"), NOW).applies
    kept = {("ConfigMap", "churn-windows"): manifest}
    assert plan_monitors(with_checkpoint(b"packed", children=kept), NOW).applies == ()
    assert len(plan_monitors(with_checkpoint(b"newer", children=kept), NOW).applies) == 1
    assert plan_monitors(with_checkpoint(None, children=kept), NOW).applies == ()


def test_a_window_is_judged_once_however_often_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    shot = snapshot(slot(END - 3600, 2000, income=1.5))
    first = assessments(shot)

    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("judged twice")

    monkeypatch.setattr("weirkeeper.plan.warming_up.judge_inputs", refuse)
    assert assessments(shot) == first


# Outputs and data quality.


ANSWERS = ReferenceProfile.from_columns(
    {"income": np.where(np.arange(4000) % 20 == 0, np.nan, _RANDOM.normal(50_000, 10_000, 4000))},
    {"score": _RANDOM.beta(2, 5, 4000)},
)


def answered(*, score: float = 2.0, missing: float = 0.05, end: int = END) -> CountedSlot:
    """2,000 rows of which a share is missing, with scores of another distribution."""
    random = np.random.default_rng(5)
    counters = ProfileCounters(ANSWERS)
    income = np.where(random.random(2000) < missing, np.nan, random.normal(50_000, 10_000, 2000))
    counters.ingest({"income": income}, {"score": random.beta(score, 5, 2000)})
    totals = counters.totals()
    return CountedSlot(end - 3600, 2000, PackedCounts.of(totals["inputs"], totals["outputs"]))


def answers_planned(*slots: CountedSlot, **spec: Any) -> MonitorPlan:
    pods = {V1: (PodEvidence("p", "p", "Ready", profile=ANSWERS.to_json(), profile_sha256=ANSWERS.sha256),)}
    status = spec.pop("status", None)
    base = snapshot(*slots, monitors=(monitor(status=status, **spec),), until=slots[-1].start + 3600)
    return plan_monitors(replace(base, evidence=replace(base.evidence, pods=pods)), NOW)


def states(plan: MonitorPlan) -> dict[str, str]:
    (write,) = plan.statuses
    return {one["type"]: one["reason"] for one in write.status["conditions"]}


def test_rows_and_answers_like_the_reference_are_well() -> None:
    assert states(answers_planned(answered())) == {
        "InputDrift": "OK",
        "OutputDrift": "OK",
        "DataQualityDegraded": "OK",
        "Ready": "Watching",
    }


def test_answers_that_moved_are_told_though_inputs_did_not() -> None:
    plan = answers_planned(answered(score=4.0))
    assert states(plan) == {
        "InputDrift": "OK",
        "OutputDrift": "Drifting",
        "DataQualityDegraded": "OK",
        "Ready": "Watching",
    }
    assert condition(plan, "OutputDrift")["message"].startswith("1 of 1 outputs drift: score: median 0.2")
    assert [(notice.type, notice.reason) for notice in plan.notices] == [("Warning", "OutputDrift")]
    assert plan.statuses[0].status["state"] == "Drifting"
    assert plan.statuses[0].status["message"].startswith("it is the data: 1 of 1 outputs drift")


def test_until_when_a_condition_was_well_is_kept_while_it_is_bad() -> None:
    """So that nobody blames a promotion after which all was well."""
    well = answers_planned(answered()).statuses[0].status
    bad = answers_planned(answered(score=4.0), status=well).statuses[0].status
    still = answers_planned(answered(score=4.0), status={**bad, "lastWindow": None}, falseAlarmsPerMonth="0.2")
    for status in (bad, still.statuses[0].status):
        known = {one["type"]: one.get("wellUntil") for one in status["conditions"]}
        assert known == {**dict.fromkeys(known), "OutputDrift": well["lastWindow"]["end"]}
    again = answers_planned(answered(), status=bad).statuses[0].status
    assert not any("wellUntil" in one for one in again["conditions"])
    assert states(answers_planned(answered(score=4.0), outputs={"delta": "5"}))["OutputDrift"] == "OK"


def test_missing_values_beyond_the_limit_and_the_reference_degrade_the_data() -> None:
    plan = answers_planned(answered(missing=0.2))
    assert states(plan)["DataQualityDegraded"] == "Drifting"
    assert condition(plan, "DataQualityDegraded")["message"].startswith("income: 21 % missing (limit 11 %)")
    assert states(answers_planned(answered(missing=0.2), quality={"missing": 30}))["DataQualityDegraded"] == "OK"
    assert states(answers_planned(answered(missing=0.09)))["DataQualityDegraded"] == "OK"


def test_data_are_degraded_until_they_are_well_below_the_limit() -> None:
    (write,) = answers_planned(answered(missing=0.2)).statuses
    later = END + 3600

    def then(missing: float) -> tuple[str, list[str]]:
        plan = answers_planned(answered(missing=missing, end=later), status=write.status)
        return states(plan)["DataQualityDegraded"], [notice.reason for notice in plan.notices]

    assert then(0.1)[0] == "Drifting"
    state, events = then(0.05)
    assert (state, "DataQualityDegradedEnded" in events) == ("OK", True)


def test_two_conditions_that_are_bad_are_both_in_the_message() -> None:
    message = answers_planned(answered(score=4.0, missing=0.4)).statuses[0].status["message"]
    assert "OutputDrift: 1 of 1 outputs drift" in message
    assert "DataQualityDegraded: income: 4" in message


@pytest.mark.parametrize(("given", "near"), [("incom", "it has income"), ("xyz", "it has age, correlation")])
def test_a_name_that_the_reference_does_not_have_is_told_with_the_nearest_and_the_others_are_watched(
    given: str, near: str
) -> None:
    watching = monitor(inputs={"features": {given: {"severity": "Off"}}})
    plan = planned(slot(END - 3600, 2000, income=1.5), monitors=(watching,))
    ready = condition(plan, "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "UnknownName")
    assert ready["message"].startswith(f"inputs.features names '{given}', which the reference does not have; {near}")
    assert said(plan) == ("True", "Drifting")
    assert [notice.reason for notice in plan.notices] == ["InputDrift", "UnknownName"]
