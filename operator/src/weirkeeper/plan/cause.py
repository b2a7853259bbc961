"""What a Monitor's conditions come to, in a few words: data, concept, model or system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from weirkeeper.api.conditions import condition_of, unix_seconds
from weirkeeper.diagnosis.diagnosing import short
from weirkeeper.diagnosis.evidence import Seen
from weirkeeper.plan.conditions.watched import ConditionState


def cause_of(conditions: Iterable[ConditionState], status: Mapping[str, Any], end: float, promoted: float) -> str:
    """Say it; empty where nothing is bad. A condition that was not bad in `status` became so with the window's `end`.

    `promoted` is since when the stable revision is such; both are Unix seconds.
    """
    seen: dict[str, Seen] = {one.type: _seen(status, one, end) for one in conditions}
    return short(seen, stable_since=promoted)


def well_until(status: Mapping[str, Any], one: ConditionState) -> str | None:
    """Give the end of the last window that `status` knows in which a bad condition was well; None: it knows none."""
    found = condition_of(status, one.type) or {}
    if one.state != "Drifting" or found.get("reason") not in {"Drifting", "OK"}:
        return None
    return found.get("wellUntil") if found["reason"] == "Drifting" else (status.get("lastWindow") or {}).get("end")


def _seen(status: Mapping[str, Any], one: ConditionState, end: float) -> Seen:
    well = well_until(status, one)
    return Seen(one.state, one.message, _since(status, one, end), unix_seconds(well) if well else None)


def _since(status: Mapping[str, Any], one: ConditionState, end: float) -> float:
    found = condition_of(status, one.type) or {}
    known = found.get("reason") == one.state and found.get("lastTransitionTime")
    return unix_seconds(found["lastTransitionTime"]) if known else end
