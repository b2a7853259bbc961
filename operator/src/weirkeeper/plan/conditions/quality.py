"""DataQualityDegraded: whether more values are missing, unseen, out of range or invalid than may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from weirkeeper.api.monitor import MonitorSpec
from weirkeeper.plan.conditions.too_few import too_few_rows
from weirkeeper.plan.conditions.watched import ConditionState, Watched
from weirkeeper.statistics.quality import Kind, QualityFinding, columns_of, quality

NAMED: Final = 3
"""Columns that a message names."""

HUNDRED: Final = 100.0


def judge_quality(watched: Watched) -> tuple[QualityFinding, ...]:
    """Judge the shares of all columns of a window, the worst first."""
    limits = limits_of(watched.spec)
    columns = columns_of(watched.profile.features)
    slots = [slot.inputs for slot in watched.window.slots]
    alpha = watched.share(len(columns) * len(limits))
    return quality(columns, watched.window.counts.inputs, limits, alpha, slots)


def limits_of(spec: MonitorSpec) -> Mapping[Kind, float]:
    """What the Monitor puts up with, as shares."""
    asked = spec.quality
    return {
        "missing": asked.missing / HUNDRED,
        "unseen": asked.unseen / HUNDRED,
        "outOfRange": asked.out_of_range / HUNDRED,
        "invalid": asked.invalid / HUNDRED,
    }


def data_quality(watched: Watched, findings: tuple[QualityFinding, ...], *, degraded_before: bool) -> ConditionState:
    """Say how the data is; what was degraded before is so until it is well below its limit."""
    rows = watched.window.rows
    if rows < watched.rule.min_rows:
        return ConditionState("DataQualityDegraded", "Insufficient", too_few_rows(watched))
    bad = [one for one in findings if one.above or (degraded_before and one.lingers)]
    if not bad:
        told = f"no column is above its limits over {rows} rows"
        return ConditionState("DataQualityDegraded", "OK", told)
    named = "; ".join(one.told for one in bad[:NAMED])
    more = f"; and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
    return ConditionState("DataQualityDegraded", "Drifting", f"{named}{more}")
