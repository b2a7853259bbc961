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
    seen: dict[str, Seen] = {one.type: Seen(one.state, one.message, _since(status, one, end)) for one in conditions}
    return short(seen, stable_since=promoted)


def _since(status: Mapping[str, Any], one: ConditionState, end: float) -> float:
    found = condition_of(status, one.type) or {}
    known = found.get("reason") == one.state and found.get("lastTransitionTime")
    return unix_seconds(found["lastTransitionTime"]) if known else end
