"""Names in a Monitor's spec that nobody knows, with the nearest that somebody does."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from weirkeeper.api.monitor import MonitorSpec
from weirkeeper.statistics.profile import ReferenceProfile

MOST_LISTED = 10


def unknown_names(spec: MonitorSpec, profile: ReferenceProfile, segments: frozenset[str]) -> str:
    """Say which names the reference, or the Model's `segments`, do not know; nothing where they know them all."""
    known = {name for feature in profile.features for name in (feature.name, *feature.columns)}
    wrong = [
        f"inputs.features names {name!r}, which the reference does not have; it has {_nearest(name, known)}"
        for name in spec.inputs.features
        if name not in known
    ]
    asked = {one.segment: "performance" for one in spec.performance if one.segment}
    asked |= {one.segment: "fairness" for one in spec.fairness}
    wrong += [
        f"{place} names the segment {name!r}, by which labels are not counted apart, only by"
        f" {_nearest(name, segments)}: name it in the Model's parameter `segments`"
        for name, place in asked.items()
        if name not in segments
    ]
    return "; ".join(wrong)


def _nearest(name: str, known: Iterable[str]) -> str:
    listed = sorted(known)
    return ", ".join(get_close_matches(name, listed, n=3) or listed[:MOST_LISTED]) or "none"
