"""Metrics along time, from the labels, windows and requests that the operator keeps."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.model_report.test_page import section
from tests.unit.model_report.world import (
    END,
    FORMER,
    HOUR,
    NOW,
    PROMOTED,
    STABLE,
    checkpoint,
    config_maps,
    followed,
    found,
    labelled,
)
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.page import page_of
from weirkeeper.observe.checkpoint import Checkpoint, pack, unpack
from weirkeeper.observe.label_slot_book import LabelSlot, SlotKey, pack_segments
from weirkeeper.observe.latencies import Process
from weirkeeper.plan.windows import CHECKPOINT_KEY
from weirkeeper.report.chart import Trace, Trend
from weirkeeper.report.page import Figure, Figures, Page, Sides


def figures(page: Page) -> dict[str, Figure]:
    (sides,) = (block for block in section(page, "Along time").blocks if isinstance(block, Sides))
    return {one.title: one for side in sides.blocks if isinstance(side, Figures) for one in side.figures}


def trend(figure: Figure) -> Trend:
    assert isinstance(figure.chart, Trend)
    return figure.chart


def line(figure: Figure, name: str) -> Trace:
    return next(one for one in trend(figure).traces if one.name == name)


def with_checkpoint(kept: Checkpoint) -> Found:
    packed = pack(kept)
    assert packed is not None
    maps = config_maps()
    maps["churn-windows"]["binaryData"] = {CHECKPOINT_KEY: base64.b64encode(packed).decode()}
    return replace(followed(), config_maps=maps)


def slot(rows: int, wrong: int = 10) -> LabelSlot:
    return LabelSlot({Process("pod-1", 1.0): pack_segments({"": labelled(rows, wrong)})})


def test_realised_and_expected_stand_along_time_with_intervals_the_bound_and_the_promotion() -> None:
    accuracy = figures(page_of(followed(), NOW))["Accuracy along time"]
    realised, expected = line(accuracy, "realised"), line(accuracy, "expected")
    assert [one.start for one in realised.measured] == [PROMOTED + hour * HOUR for hour in range(-10, 11)]
    assert [one.value for one in realised.measured] == pytest.approx([0.9] * 18 + [0.75] * 3)
    assert all(one.low is not None and one.low < one.value < (one.high or 0.0) for one in realised.measured)
    assert [one.start for one in expected.measured] == [PROMOTED + hour * HOUR for hour in range(-10, 12)]
    assert (realised.firm, expected.firm) == (True, False)
    assert trend(accuracy).limit == 0.85
    assert [(mark.at, mark.label) for mark in trend(accuracy).marks] == [(PROMOTED, "5d9c7f02")]
    assert accuracy.told.startswith("realised 0.900, then 0.750; expected ")
    assert accuracy.numbers is not None
    assert accuracy.numbers.rows[0][2] == "600"


def test_coverage_is_that_of_the_windows_also_where_no_label_came() -> None:
    labels = figures(page_of(followed(), NOW))["Labels along time"]
    assert labels.told == "12,600 of 17,600 predictions have a label, 72 %"
    assert [one.value for one in line(labels, "labels").measured] == [0.75] * 21 + [0.0]


def test_engineering_stands_in_the_same_time() -> None:
    told = figures(page_of(followed(), NOW))
    failed, slow, rows = (
        told[f"{name} along time"] for name in ("Failed requests", "Requests of more than 100ms", "Rows")
    )
    assert failed.told == "74 of 30,000, 0.2 %; 0.5 % may be"
    assert [one.value for one in line(failed, "bad requests").measured] == [0.001] * 26 + [0.012] * 4
    assert trend(failed).limit == pytest.approx(0.005)
    assert trend(slow).limit == pytest.approx(0.02)
    assert slow.told == "300 of 30,000, 1.0 %; 2 % may be"
    assert [one.value for one in line(rows, "rows").measured] == [800.0] * 22
    assert {(trend(one).start, trend(one).end) for one in told.values()} == {(END - 30 * HOUR, END)}


def test_labels_of_a_candidate_are_not_those_of_production() -> None:
    kept = unpack(checkpoint(followed=True))
    before = {
        SlotKey(STABLE, PROMOTED - 2 * HOUR, HOUR): slot(300, 2),
        SlotKey(FORMER, PROMOTED + 2 * HOUR, HOUR): slot(300, 2),
    }
    accuracy = figures(page_of(with_checkpoint(replace(kept, labels={**kept.labels, **before})), NOW))[
        "Accuracy along time"
    ]
    assert line(accuracy, "realised") == line(figures(page_of(followed(), NOW))["Accuracy along time"], "realised")


def test_a_month_of_labels_is_told_in_few_stretches_that_lose_none() -> None:
    month = {SlotKey(STABLE, END - hour * HOUR, HOUR): slot(40) for hour in range(1, 745)}
    reigning = replace(followed(), model=promoted_long_ago())
    kept = replace(unpack(checkpoint(followed=True)), labels=month)
    accuracy = figures(page_of(replace(reigning, config_maps=with_checkpoint(kept).config_maps), NOW))[
        "Accuracy along time"
    ]
    assert 31 <= len(line(accuracy, "realised").measured) <= 48
    assert accuracy.numbers is not None
    assert sum(int(str(row[2]).replace(",", "") or 0) for row in accuracy.numbers.rows) == 744 * 40


def test_slots_of_unlike_lengths_are_told_together() -> None:
    hours = {SlotKey(STABLE, PROMOTED + hour * HOUR, HOUR): slot(300) for hour in range(2)}
    minutes = {SlotKey(STABLE, PROMOTED + HOUR + minute * 60, 60): slot(10) for minute in range(120)}
    kept = replace(unpack(checkpoint(followed=True)), labels={**hours, **minutes})
    told = figures(page_of(with_checkpoint(unpack(pack(kept) or b"")), NOW))
    accuracy = told["Accuracy along time"]
    assert accuracy.numbers is not None
    assert [row[2] for row in accuracy.numbers.rows if row[2]] == ["300", "900", "600"]
    assert [one.value for one in line(told["Labels along time"], "labels").measured if one.value] == [
        300 / 800,
        1.0,
        600 / 800,
    ]


def promoted_long_ago() -> dict[str, Any]:
    whole = dict(followed().model)
    stable = {"revision": STABLE, "since": "2026-10-01T00:00:00Z"}
    whole["status"] = {**whole["status"], "stable": stable, "attempts": []}
    return whole


def test_few_labels_are_added_up_until_they_say_something() -> None:
    few = {SlotKey(STABLE, PROMOTED + hour * HOUR, HOUR): slot(20) for hour in range(10)}
    accuracy = figures(page_of(with_checkpoint(replace(unpack(checkpoint(followed=True)), labels=few)), NOW))[
        "Accuracy along time"
    ]
    realised = line(accuracy, "realised").measured
    assert len(realised) == 2
    assert realised[0].start == PROMOTED


def test_without_labels_and_objectives_there_are_rows_and_what_is_expected() -> None:
    bare = with_checkpoint(replace(unpack(checkpoint()), labels={}))
    told = figures(page_of(replace(bare, monitors=found().monitors), NOW))
    assert "Rows along time" in told
    assert [one.name for one in trend(told["Accuracy along time"]).traces] == ["expected"]
    assert not {"Labels along time", "Failed requests along time"} & set(told)


def test_where_nothing_is_kept_nothing_is_drawn() -> None:
    titles = {one.title for one in page_of(found(config_maps={}), NOW).sections}
    assert "Along time" not in titles
    empty = with_checkpoint(Checkpoint(END))
    assert "Along time" not in {one.title for one in page_of(empty, NOW).sections}
