"""Of a sensitive input no value is in what a Monitor says, notes, counts or keeps, nor in the report of its Model."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np
from prometheus_client.exposition import generate_latest

from tests.unit.kube.samples import model as seen
from tests.unit.plan.objects import settings
from tests.unit.plan.test_monitor import END, NOW, V1, monitor, served
from tests.unit.runtime.world import World, key
from weirkeeper.api.conditions import timestamp
from weirkeeper.delivery.evidence import Evidence, PodEvidence
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.page import page_of
from weirkeeper.observe.checkpoint import Checkpoint, pack
from weirkeeper.plan.assessment import assessments
from weirkeeper.plan.monitor import plan_monitors
from weirkeeper.plan.snapshot import Snapshot
from weirkeeper.plan.windows import CHECKPOINT_KEY, CountedSlot, CountedSlots, checkpoint_name
from weirkeeper.render.server import profile_name
from weirkeeper.report.html import html
from weirkeeper.statistics import ProfileCounters, ReferenceProfile
from weirkeeper.statistics.building import Described
from weirkeeper.statistics.packed import PackedCounts

FAITHS = ("catholic", "protestant", "buddhist", "unheard-of")
SALARY = 71_234.5
"""A value so frequent that another input would have a bin of its own for it."""

RANDOM = np.random.default_rng(7)


def columns(rows: int, *, moved: bool) -> dict[str, Any]:
    faiths = RANDOM.choice(FAITHS[:3], rows, p=[0.6, 0.3, 0.1])
    salaries = np.where(RANDOM.random(rows) < 0.3, SALARY, RANDOM.normal(50_000, 9_000, rows).round(1))
    if moved:
        faiths = np.where(RANDOM.random(rows) < 0.7, FAITHS[2], faiths)
        faiths[:40] = FAITHS[3]
        salaries = salaries + 40_000
    return {"faith": faiths, "salary": salaries, "visits": RANDOM.integers(0, 4, rows)}


PROFILE = ReferenceProfile.from_columns(
    columns(4000, moved=False), {}, described={name: Described(sensitive=True) for name in ("faith", "salary")}
)


def drifting() -> Snapshot:
    """A window in which both sensitive inputs moved, with values that the reference never had."""
    counters = ProfileCounters(PROFILE)
    counters.ingest(columns(2000, moved=True), {})
    counts = PackedCounts.of(counters.totals()["inputs"])
    view = CountedSlots({V1: (CountedSlot(END - 3600, 2000, counts),)}, END)
    pods = {V1: (PodEvidence("p", "p", "Ready", profile=PROFILE.to_json(), profile_sha256=PROFILE.sha256),)}
    evidence = Evidence(pods=pods, windows={"churn": view})
    return Snapshot("team-a", "churn", served(), settings(), monitors=(monitor(),), evidence=evidence)


def tells_a_value(text: str) -> list[str]:
    """The values that a text tells; of numbers also as people round them."""
    return [value for value in (*FAITHS, "71234.5", "71,234", "71.2 k", "111 k", "111234.5") if value in text]


def test_both_are_seen_to_drift_and_no_value_is_said_or_noted() -> None:
    plan = plan_monitors(drifting(), NOW)
    (write,) = plan.statuses
    states = {one["name"]: one["state"] for one in write.status["features"]}
    assert (states["faith"], states["salary"]) == ("Drifting", "Drifting")
    assert plan.notices
    assert tells_a_value(json.dumps(write.status) + repr(plan.notices)) == []


def test_no_series_has_one() -> None:
    world = World()
    world.cache.put(seen(version=1))
    world.series.assessed(key(), assessments(drifting()))
    world.metrics.registry.register(world.series)
    told = generate_latest(world.metrics.registry).decode()
    assert 'feature="salary"' in told
    assert tells_a_value(told) == []


def test_neither_what_is_kept_nor_the_report_has_one() -> None:
    found = drifting()
    view = found.evidence.windows["churn"]
    assert isinstance(view, CountedSlots)
    packed = pack(Checkpoint(END, lanes={300: {V1: list(view.revisions[V1])}}))
    assert packed is not None
    kept = {"binaryData": {CHECKPOINT_KEY: base64.b64encode(packed).decode()}}
    profile = {"data": {"profile.json": json.dumps(PROFILE.to_json())}}
    assert tells_a_value(zlib.decompress(packed).decode() + profile["data"]["profile.json"]) == []
    (write,) = plan_monitors(found, NOW).statuses
    watching = {**monitor(), "status": write.status}
    maps = {checkpoint_name("churn"): kept, profile_name(V1): profile}
    model = {**served(), "status": {**served()["status"], "stable": {"revision": V1, "since": timestamp(END - 86_400)}}}
    text = html(page_of(Found(model, monitors=[watching], config_maps=maps), NOW))
    assert "salary" in text
    assert "Windows along time" in text
    assert tells_a_value(text) == []
