"""Weirkeeper, as it watches: counts in slots, windows as their sums, the decision of `weirkeeper.statistics`.

`python -m bench.drift.ours FOLDER [quick|car_loan]` or `… speed ROWS`
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.drift.scenarios import Columns, Scenario
from bench.drift.scores import Scores, main, megabytes, read_car_loan, save, say, speed_columns
from weirkeeper.observe.checkpoint import Checkpoint, pack
from weirkeeper.plan.windows import CountedSlot
from weirkeeper.statistics import ProfileCounters, ReferenceProfile, add, alarm_share, assess
from weirkeeper.statistics.budget import SLOW
from weirkeeper.statistics.drift import FeatureDrift, History, WindowCounts
from weirkeeper.statistics.packed import PackedCounts
from weirkeeper.statistics.slow import SlowRule, Sums, with_counts

TOOL = "weirkeeper"
METHOD = "default"
BUDGET = 0.01
"""False alarms a feature and window: a hundred times what a Monitor allows, so that simulations can tell."""

SLOTS = 12
PAST = 24
TINY = 1e-300
CHECKS = 50


def judge(scenario: Scenario) -> Mapping[str, Scores]:
    """Its own decision where false alarms are counted; how sure it is of any change at all where power is."""
    counted = _own_decision if scenario.group in ("size", "burst") else _evidence
    reference = scenario.reference_columns()
    parts = scenario.units if scenario.kind == "table" else [[name for unit in scenario.units for name in unit]]
    profiles = [ReferenceProfile.from_columns({name: reference[name] for name in part}, {}) for part in parts]
    rows: list[list[tuple[Sequence[WindowCounts], WindowCounts]]] = [[] for _ in profiles]
    for index in range(scenario.windows):
        window = scenario.window(index)
        for found, profile, part in zip(rows, profiles, parts, strict=True):
            found.append(_counts(profile, {name: window[name] for name in part}))
    scores = [counted(profile, windows) for profile, windows in zip(profiles, rows, strict=True)]
    first = scenario.changed.start if scenario.change else 0
    return {METHOD: Scores(*(np.column_stack(part)[first:] for part in zip(*map(_by(scenario), scores), strict=True)))}


def _by(scenario: Scenario) -> Any:
    """A table is judged by all that its profile looks at, anything else column by column."""

    def units(found: dict[str, Scores]) -> Scores:
        if scenario.kind != "table":
            kept = [found[name] for unit in scenario.units for name in unit]
            return Scores(np.column_stack([one.values for one in kept]), np.column_stack([one.alarms for one in kept]))
        values = np.max([one.values for one in found.values()], axis=0)
        return Scores(values[:, None], np.any([one.alarms for one in found.values()], axis=0)[:, None])

    return units


def _counts(profile: ReferenceProfile, columns: Columns) -> tuple[list[WindowCounts], WindowCounts]:
    """Count a window in slots; tell the slots and their sum."""
    slots: list[WindowCounts] = []
    window: dict[str, Any] = {}
    rows = next(iter(columns.values())).size
    for places in np.array_split(np.arange(rows), SLOTS):
        counters = ProfileCounters(profile)
        counters.ingest({name: column[places] for name, column in columns.items()}, {})
        slots.append(counters.totals()["inputs"])
        window = add(window, slots[-1])
    return slots, window


def _own_decision(
    profile: ReferenceProfile, windows: Sequence[tuple[Sequence[WindowCounts], WindowCounts]], alpha: float = BUDGET
) -> dict[str, Scores]:
    """Alarms as a Monitor with its default `delta` would raise them, with slots and windows before."""
    found: dict[str, list[FeatureDrift | None]] = {feature.name: [] for feature in profile.features}
    for index, (slots, window) in enumerate(windows):
        past = [before for _, before in windows[max(0, index - PAST) : index]]
        report = assess(profile, window, alpha=alpha, min_rows=50, history=History(slots, past))
        drifts = {feature.name: feature for feature in report.features}
        for name, judged in found.items():
            judged.append(drifts.get(name))
    # A correlation is not told where one of its columns drifts.
    return {
        name: Scores(
            np.array([one.severity if one else 0.0 for one in judged]),
            np.array([one is not None and one.drifting for one in judged], dtype=bool),
        )
        for name, judged in found.items()
    }


def _evidence(
    profile: ReferenceProfile, windows: Sequence[tuple[Sequence[WindowCounts], WindowCounts]]
) -> dict[str, Scores]:
    """How sure it is that anything changed (`delta` 0): log 1 / alpha at which it would alarm, by window or lastingly.

    A window alarms by itself with its part of alpha, windows together with theirs.
    """
    sums = {feature.name: Sums() for feature in profile.features}
    values: dict[str, list[float]] = {name: [] for name in sums}
    for slots, window in windows:
        report = assess(profile, window, alpha=BUDGET, delta=0.0, min_rows=50, history=History(slots))
        drifts = {feature.name: feature for feature in report.features}
        for feature in profile.features:
            drift = drifts.get(feature.name)
            if drift is None:
                # A correlation is not told where one of its columns drifts.
                values[feature.name].append(0.0)
                continue
            rule = SlowRule(0.0, BUDGET, drift.design_effect)
            sums[feature.name] = with_counts(feature, window[feature.name], rule, sums[feature.name]) or Sums()
            by_itself = -math.log(max(TINY, drift.p_value)) + math.log(1 - SLOW)
            values[feature.name].append(max(by_itself, sums[feature.name].log_r + math.log(SLOW)))
    return {name: Scores(np.array(rows), np.array(rows) > -math.log(BUDGET)) for name, rows in values.items()}


def car_loan(folder: Path) -> None:
    """NannyML's set as a Monitor would see it with its default budget, hourly windows."""
    reference, windows = read_car_loan(folder)
    profile = ReferenceProfile.from_columns(reference, {})
    alpha = alarm_share(0.1, 3600, len(profile.features))
    found = _own_decision(profile, [_counts(profile, window) for window in windows], alpha)
    scores = Scores(*(np.column_stack([getattr(one, part) for one in found.values()]) for part in Scores._fields))
    save(folder, TOOL, "car_loan", {METHOD: scores})


def speed(rows: int) -> None:
    """Profile a reference, count a window and check it; then check windows that differ, and pack a day of slots."""
    reference, live = speed_columns(rows)
    began = time.process_time()
    profile = ReferenceProfile.from_columns(reference, {})
    fit = time.process_time() - began
    alpha = alarm_share(0.1, 3600, len(profile.features))
    before, began = megabytes(), time.process_time()
    counters = ProfileCounters(profile)
    counters.ingest(live, {})
    counts = counters.totals()["inputs"]
    counted = time.process_time() - began
    assess(profile, counts, alpha=alpha)
    seconds, grown = time.process_time() - began, megabytes() - before
    check, kept = _check(profile, counts, alpha), _checkpoint(profile, live)
    say(seconds=seconds, counting=counted, megabytes=grown, check=check, fit=fit, checkpoint=kept)


def _check(profile: ReferenceProfile, counts: WindowCounts, alpha: float) -> float:
    """The median time of a check from counters."""
    times = []
    for more in range(CHECKS):
        window = {name: {**one, "counts": [count + more for count in one["counts"]]} for name, one in counts.items()}
        began = time.process_time()
        assess(profile, window, alpha=alpha)
        times.append(time.process_time() - began)
    return float(np.median(times))


def _checkpoint(profile: ReferenceProfile, live: Columns) -> int:
    """The bytes of what a restart of the operator must not lose: a window's slots, each of other rows."""
    rows = next(iter(live.values())).size
    slots = []
    for start, places in enumerate(np.array_split(np.arange(rows), SLOTS)):
        counters = ProfileCounters(profile)
        counters.ingest({name: column[places] for name, column in live.items()}, {})
        slots.append(CountedSlot(300 * start, places.size, PackedCounts.of(counters.totals()["inputs"])))
    revision = "churn-1a2b3c4d"
    kept = Checkpoint(300 * SLOTS, profiles={revision: profile.sha256}, lanes={300: {revision: slots}})
    packed = pack(kept)
    return len(packed or b"")


if __name__ == "__main__":
    main(TOOL, judge, car_loan, speed)
