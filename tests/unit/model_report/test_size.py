"""A report of thirty inputs with a month of labels and requests is a small file."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import numpy as np

from tests.unit.model_report.world import (
    END,
    HOUR,
    NOW,
    PROMOTED,
    STABLE,
    config_maps,
    followed,
    labelled,
    objectives,
)
from weirkeeper.model_report.page import page_of
from weirkeeper.observe.checkpoint import Checkpoint, pack
from weirkeeper.observe.label_slot_book import LabelSlot, SlotKey, pack_segments
from weirkeeper.observe.latencies import Process
from weirkeeper.plan.windows import CHECKPOINT_KEY, CountedSlot
from weirkeeper.report.html import html
from weirkeeper.statistics import ProfileCounters, ReferenceProfile
from weirkeeper.statistics.packed import PackedCounts

MEGABYTE = 1_000_000


def columns(rows: int, seed: int, moved: float) -> dict[str, Any]:
    """Twenty columns of numbers and ten of forty-five categories."""
    random = np.random.default_rng(seed)
    values = [f"a value of the number {place}" for place in range(45)]
    numbers = {f"sensor number {place}": random.normal(moved + place, 1.0, rows) for place in range(20)}
    return {**numbers, **{f"category number {place}": random.choice(values, rows) for place in range(10)}}


def answers(rows: int, seed: int) -> dict[str, Any]:
    return {"leaves": np.random.default_rng(seed).random(rows) < 0.2}


def test_it_stays_below_a_megabyte() -> None:
    profile = ReferenceProfile.from_columns(columns(3000, 1, 0.0), answers(3000, 1))
    counters = ProfileCounters(profile)
    counters.ingest(columns(800, 2, 0.6), answers(800, 2))
    told = counters.totals()
    counts = PackedCounts.of(told["inputs"], told["outputs"])
    slots = [CountedSlot(start, 800, counts) for start in range(PROMOTED, END, HOUR)]
    month = {
        SlotKey(STABLE, END - hour * HOUR, HOUR): LabelSlot({Process("pod", 1.0): pack_segments({"": labelled(40)})})
        for hour in range(1, 745)
    }
    packed = pack(Checkpoint(END, lanes={300: {STABLE: slots}}, labels=month, objectives=objectives()))
    assert packed is not None
    maps = config_maps()
    maps["churn-windows"]["binaryData"] = {CHECKPOINT_KEY: base64.b64encode(packed).decode()}
    maps[f"{STABLE}-profile"]["data"] = {"profile.json": json.dumps(profile.to_json())}
    page = page_of(replace(followed(), config_maps=maps), NOW)
    assert {"Along time", "Worst inputs"} <= {one.title for one in page.sections}
    text = html(page)
    assert text.count("<figure>") >= 30
    assert len(text.encode()) < MEGABYTE
