"""Objectives: what is said of availability and latency, whatever windows there are, and when it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.plan.test_monitor import END, NOW, V1, condition, monitor, planned, served, slot, snapshot
from weirkeeper.api.conditions import timestamp
from weirkeeper.delivery.evidence import Evidence, ServedRequests
from weirkeeper.plan.assessment import assessments
from weirkeeper.plan.conditions.objectives import slow_bins
from weirkeeper.plan.monitor import MonitorPlan, plan_monitors
from weirkeeper.plan.snapshot import Snapshot
from weirkeeper.plan.windows import CountedSlots
from weirkeeper.statistics.error_budget import PERIOD, WINDOWS, Tally
from weirkeeper.statistics.latency import bin_of

DAY = 86_400
BOTH = {"availability": {"target": "99.9"}, "latency": {"below": "100ms", "target": "99"}}
BELOW = bin_of(100_000)
WELL = {"AvailabilityAtRisk": "OK", "LatencyAtRisk": "OK"}


def tallies(hour: float, before: float = 0.0) -> dict[int, Tally]:
    """Ten requests a second for 30 days; these shares of the last hour, and of what was before, were bad."""
    found = {}
    for window in (*WINDOWS, PERIOD):
        late = min(window, 3600)
        found[window] = Tally(10 * window, round(10 * late * hour + 10 * (window - late) * before))
    return found


def requests(failed: float = 0.0, slow: float = 0.0, *, before: float = 0.0, **changes: Any) -> ServedRequests:
    found = ServedRequests(
        until=END,
        since=END - PERIOD,
        answered=tallies(failed, before),
        in_time={BELOW: tallies(slow)},
        slow_since={BELOW: END - PERIOD},
        routers=2,
    )
    return replace(found, **changes)


def watching(
    requests: ServedRequests | None, status: Mapping[str, Any] | None = None, *, settled: bool = True, **spec: Any
) -> Snapshot:
    shot = snapshot(
        slot(END - 3600, 2000), monitors=(monitor(status=status, objectives=spec.pop("objectives", BOTH), **spec),)
    )
    windows = shot.evidence.windows if settled else {"churn": CountedSlots()}
    return replace(shot, evidence=replace(shot.evidence, windows=windows, served=requests))


def states(plan: MonitorPlan) -> dict[str, str]:
    (write,) = plan.statuses
    return {one["type"]: one["reason"] for one in write.status["conditions"] if one["type"].endswith("AtRisk")}


def status_of(shot: Snapshot, now: float = NOW) -> dict[str, Any]:
    (write,) = plan_monitors(shot, now).statuses
    return dict(write.status)


def test_objectives_that_are_met_are_told_with_what_is_left() -> None:
    plan = plan_monitors(watching(requests(before=0.0005)), NOW)
    assert states(plan) == WELL
    told = condition(plan, "AvailabilityAtRisk")["message"]
    assert told == (
        "12942 of 25920000 requests failed in 30 d: 99.95 % were good, 99.9 % are asked, and 50 % of 30 days' budget is"
        " left; burn rate 0 in 1h, 0.42 in 6h, 0.49 in 3d"
    )
    first, second = plan.statuses[0].status["objectives"]
    assert first == {
        "objective": "Availability",
        "target": "99.9",
        "since": timestamp(END - PERIOD),
        "until": timestamp(END),
        "requests": 25_920_000,
        "bad": 12_942,
        "budgetLeft": "50.1",
        "burn1h": "0.00",
        "burn6h": "0.42",
        "burn3d": "0.49",
    }
    assert (second["objective"], second["target"], second["budgetLeft"]) == ("Latency", "99", "100.0")


@pytest.mark.parametrize(
    ("failed", "slow", "want"),
    [
        (0.02, 0.0, {"AvailabilityAtRisk": "Drifting", "LatencyAtRisk": "OK"}),
        (0.0, 0.2, {"AvailabilityAtRisk": "OK", "LatencyAtRisk": "Drifting"}),
        (0.01, 0.1, WELL),
    ],
)
def test_what_burns_fast_is_at_risk_and_an_event_says_so(failed: float, slow: float, want: dict[str, str]) -> None:
    plan = plan_monitors(watching(requests(failed, slow)), NOW)
    assert states(plan) == want
    assert [notice.reason for notice in plan.notices] == [one for one, state in want.items() if state == "Drifting"]
    assert plan.drift == ("Drifting" if "Drifting" in want.values() else "OK")


def test_a_budget_that_is_spent_is_at_risk_however_slowly_it_went() -> None:
    plan = plan_monitors(watching(requests(before=0.00101)), NOW)
    assert states(plan)["AvailabilityAtRisk"] == "Drifting"
    assert "30 days' budget is spent" in condition(plan, "AvailabilityAtRisk")["message"]


def test_what_was_at_risk_stays_so_until_it_burns_well_below() -> None:
    status = status_of(watching(requests(0.02)))
    for failed, state in ((0.011, "Drifting"), (0.005, "OK")):
        (found,) = assessments(watching(requests(failed), status))
        assert {one.type: one.state for one in found.conditions}["AvailabilityAtRisk"] == state
        (fresh,) = assessments(watching(requests(failed)))
        assert {one.type: one.state for one in fresh.conditions}["AvailabilityAtRisk"] == "OK"


def test_only_objectives_that_were_asked_for_are_judged() -> None:
    plan = plan_monitors(watching(requests(), objectives={"availability": {"target": "99"}}), NOW)
    assert states(plan) == {"AvailabilityAtRisk": "OK"}
    assert states(plan_monitors(snapshot(slot(END - 3600, 2000)), NOW)) == {}


def test_a_monitor_without_traffic_says_that_it_knows_nothing() -> None:
    nothing = {window: Tally() for window in (*WINDOWS, PERIOD)}
    plan = plan_monitors(watching(requests(answered=nothing, in_time={BELOW: nothing})), NOW)
    assert states(plan) == dict.fromkeys(WELL, "Insufficient")
    assert "no request" in condition(plan, "LatencyAtRisk")["message"]
    assert states(plan_monitors(watching(None), NOW)) == dict.fromkeys(WELL, "Insufficient")


def test_routers_that_all_are_silent_leave_it_unknown_and_are_named() -> None:
    plan = plan_monitors(watching(requests(0.02, silent=("router-1", "router-2"))), NOW)
    assert states(plan) == dict.fromkeys(WELL, "Insufficient")
    assert condition(plan, "AvailabilityAtRisk")["message"].startswith(
        "2 of 2 routers have not answered for 10 minutes or longer (router-1, router-2)"
    )


def test_with_one_silent_router_the_others_are_judged_and_it_is_named() -> None:
    plan = plan_monitors(watching(requests(0.02, silent=("router-2",))), NOW)
    assert states(plan)["AvailabilityAtRisk"] == "Drifting"
    assert "1 of 2 routers" in condition(plan, "AvailabilityAtRisk")["message"]


def test_objectives_need_no_profile() -> None:
    record = {
        "kind": "ControllerRevision",
        "metadata": {"name": V1},
        "data": {"content": {"server": {"runtime": "Container", "image": "team.example/churn:7"}}},
    }
    shot = replace(watching(requests(0.02)), children={("ControllerRevision", V1): record})
    plan = plan_monitors(shot, NOW)
    (write,) = plan.statuses
    assert [one["type"] for one in write.status["conditions"]] == ["AvailabilityAtRisk", "LatencyAtRisk", "Ready"]
    assert condition(plan, "Ready")["reason"] == "Watching"
    asking = replace(shot, monitors=(monitor(objectives=BOTH, performance=[{"metric": "F1", "min": "0.8"}]),))
    plan = plan_monitors(asking, NOW)
    assert condition(plan, "Ready")["reason"] == "NoProfileCounters"
    assert states(plan)["AvailabilityAtRisk"] == "Drifting"


# Between windows, and when it is written.


def test_between_windows_objectives_are_judged_and_the_rest_stays_as_it_was() -> None:
    drifting = planned(slot(END - 3600, 2000, income=1.5), monitors=(monitor(objectives=BOTH),)).statuses[0].status
    shot = watching(requests(0.02), drifting, settled=False)
    plan = plan_monitors(shot, NOW + 400)
    (write,) = plan.statuses
    assert states(plan)["AvailabilityAtRisk"] == "Drifting"
    assert condition(plan, "InputDrift") == next(one for one in drifting["conditions"] if one["type"] == "InputDrift")
    for field in ("features", "lastWindow", "observedGeneration"):
        assert write.status[field] == drifting[field]
    assert plan_monitors(replace(shot, monitors=(monitor(status=write.status, objectives=BOTH),)), NOW).statuses == ()


def test_an_edit_between_windows_is_not_said_to_be_seen_before_a_window_was_judged_by_it() -> None:
    status = status_of(watching(requests()))
    shot = watching(requests(0.02), {**status, "observedGeneration": 1}, settled=False)
    assert status_of(shot)["observedGeneration"] == 1
    assert status_of(watching(requests(0.02), {**status, "observedGeneration": 1}))["observedGeneration"] == 2


def test_numbers_of_objectives_are_written_hourly_and_only_with_traffic() -> None:
    status = status_of(watching(requests(), settled=False))

    def writes(until: int, recent: int) -> int:
        # Requests leave the 30 days all the time, also where no more come.
        window = {**tallies(0.0), PERIOD: Tally(9 * PERIOD), 3600: Tally(recent)}
        shot = watching(requests(until=until, answered=window, in_time={BELOW: window}), status, settled=False)
        return len(plan_monitors(shot, float(until)).statuses)

    assert [writes(END + 300, 9), writes(END + 3600, 0), writes(END + 3600, 9)] == [0, 0, 1]


@pytest.mark.parametrize(
    ("until", "now", "wake_at"),
    [(END, END + 10.0, END + 303.0), (END, END + 400.0, END + 430.0), (0, END + 10.0, END + 40.0)],
)
def test_it_looks_again_after_five_minutes_and_not_all_the_time_while_routers_are_silent(
    until: int, now: float, wake_at: float
) -> None:
    assert plan_monitors(watching(requests(until=until)), now).wake_at == wake_at


def test_promotions_do_not_begin_the_budget_anew() -> None:
    shot = watching(requests(0.02))
    promoted = replace(shot, model=served(since=END - 60))
    assert states(plan_monitors(promoted, NOW)) == states(plan_monitors(shot, NOW))


def test_a_model_that_is_not_there_has_no_objectives() -> None:
    plan = plan_monitors(replace(watching(requests()), model=None), NOW)
    assert set(states(plan).values()) == {"Error"}


def test_which_requests_are_slow_is_read_off_the_monitors() -> None:
    assert slow_bins(()) is None
    assert slow_bins([monitor()]) is None
    assert slow_bins([monitor(objectives={"availability": {"target": "99"}}), monitor(objectives=5)]) == frozenset()
    assert slow_bins([monitor(), monitor(objectives=BOTH)]) == frozenset({BELOW})


def test_without_evidence_a_new_monitor_says_that_nothing_was_counted() -> None:
    plan = plan_monitors(replace(watching(None), evidence=Evidence()), NOW)
    assert "no request has been counted yet" in condition(plan, "AvailabilityAtRisk")["message"]
