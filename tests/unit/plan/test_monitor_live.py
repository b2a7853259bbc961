"""A live reference: nothing drifts while it is gathered, it is what windows are compared with then, and it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.unit.plan.test_monitor import END, NOW, REFERENCE, V1, V2, condition, counted, monitor, served, snapshot
from weirkeeper.api.conditions import timestamp
from weirkeeper.delivery.evidence import PodEvidence
from weirkeeper.plan.monitor import MonitorPlan, plan_monitors
from weirkeeper.plan.windows import CountedSlot, CountedSlots, WarmUp
from weirkeeper.statistics import ProfileCounters, ReferenceProfile
from weirkeeper.statistics.live_reference import LiveReference
from weirkeeper.statistics.packed import PackedCounts

HOUR = 3600
PROMOTED = END - 86_400
LIVE: dict[str, Any] = {"reference": {"from": "Live", "warmUp": "4h"}}


def warm_up(income: float = 1.5, rows: int = 4000, end: int = END - 20 * HOUR, **changes: Any) -> WarmUp:
    """Rows of the four hours after the promotion, whose incomes were so many deviations above the bundle's."""
    found = WarmUp(V1, PROMOTED, PROMOTED, end, rows, counted(rows, income=income, seed=7))
    return replace(found, **changes)


def planned(
    gathered: WarmUp | None, *slots: CountedSlot, profile: ReferenceProfile = REFERENCE, **spec: Any
) -> MonitorPlan:
    watching = monitor(status=spec.pop("status", None), **{**LIVE, **spec})
    view = CountedSlots({V1: slots}, END, warm_up=gathered)
    pods = {V1: (PodEvidence("p", "p", "Ready", profile=profile.to_json(), profile_sha256=profile.sha256),)}
    shot = snapshot(monitors=(watching,), model=served(since=PROMOTED))
    return plan_monitors(replace(shot, evidence=replace(shot.evidence, pods=pods, windows={"churn": view})), NOW)


def hour(income: float, end: int = END, rows: int = 2000) -> CountedSlot:
    return CountedSlot(end - HOUR, rows, counted(rows, income=income))


def reasons(plan: MonitorPlan) -> dict[str, str]:
    (write,) = plan.statuses
    return {one["type"]: one["reason"] for one in write.status["conditions"]}


def test_rows_like_those_after_the_promotion_do_not_drift_however_far_from_the_bundle() -> None:
    assert reasons(planned(warm_up(), hour(1.5)))["InputDrift"] == "OK"
    assert reasons(planned(warm_up(), hour(1.5), reference={"from": "Bundle"}))["InputDrift"] == "Drifting"


def test_rows_like_the_bundles_drift_from_live_ones_that_were_not() -> None:
    plan = planned(warm_up(), hour(0.0))
    assert reasons(plan)["InputDrift"] == "Drifting"
    assert condition(plan, "InputDrift")["message"].startswith("1 of 2 features drift: income: median 66.5 k → 49.8 k")


@pytest.mark.parametrize("gathered", [warm_up(end=0), None, warm_up(since=PROMOTED - 1), warm_up(revision=V2)])
def test_while_rows_are_gathered_nothing_drifts_and_quality_is_judged(gathered: WarmUp | None) -> None:
    plan = planned(gathered, hour(5.0))
    told = reasons(plan)
    assert (told["InputDrift"], told["OutputDrift"], told["Ready"]) == ("Insufficient", "Insufficient", "Watching")
    assert told["DataQualityDegraded"] != "Insufficient"
    assert "live rows to compare with are gathered" in condition(plan, "InputDrift")["message"]


def test_how_far_it_is_is_told() -> None:
    plan = planned(warm_up(end=0, start=END - 2 * HOUR, rows=300))
    assert condition(plan, "InputDrift")["message"] == (
        "live rows to compare with are gathered: 300 of 500 at least, for 2h of 4h"
    )
    assert plan.statuses[0].status["reference"] == {"start": timestamp(END - 2 * HOUR), "rows": 300}


def test_rows_of_the_warm_up_are_not_judged() -> None:
    plan = planned(warm_up(end=END - HOUR // 2), hour(5.0, END - HOUR // 2), hour(1.5, END + HOUR // 2, 600))
    assert plan.statuses[0].status["lastWindow"]["rows"] == 600
    assert reasons(plan)["InputDrift"] == "OK"
    assert plan.statuses[0].status["reference"]["end"] == timestamp(END - HOUR // 2)


TOWNS = ReferenceProfile.from_columns({"town": np.array(["a", "b", "c", "d"] * 1000, dtype=object)}, {})


def towns(**shares: int) -> PackedCounts:
    counters = ProfileCounters(TOWNS)
    counters.ingest({"town": np.array([name for name, rows in shares.items() for _ in range(rows)], dtype=object)}, {})
    return PackedCounts.of(counters.totals()["inputs"])


@pytest.mark.parametrize(
    ("live", "state"),
    [
        ({"a": 500, "b": 500, "new": 1000}, "OK"),
        ({"a": 500, "b": 500, "newer": 1000}, "OK"),
        ({"a": 500, "b": 1500}, "Drifting"),
    ],
)
def test_values_that_only_the_bundle_does_not_know_are_no_drift(live: Mapping[str, int], state: str) -> None:
    gathered = replace(warm_up(), counts=towns(a=1000, b=1000, new=2000))
    slot = CountedSlot(END - HOUR, 2000, towns(**live))
    told = reasons(planned(gathered, slot, profile=TOWNS, quality={"unseen": 100}))
    assert told["InputDrift"] == state
    bundles = reasons(planned(None, slot, profile=TOWNS, reference={"from": "Bundle"}))
    assert bundles["InputDrift"] == "Drifting"
    if "new" in live:
        assert reasons(planned(gathered, slot, profile=TOWNS))["DataQualityDegraded"] == "Drifting"


def test_a_live_reference_is_a_profile_of_the_same_bins() -> None:
    live = LiveReference.of(TOWNS, towns(a=10, b=20, new=5)).profile
    (feature,) = live.features
    assert sum(feature.counts) == live.rows == 35
    assert feature.values == TOWNS.features[0].values
    assert ReferenceProfile.from_json(live.to_json()) == live
