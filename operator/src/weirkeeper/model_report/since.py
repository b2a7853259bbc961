"""Since when inputs have drifted, by the windows that are kept."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile

from weirkeeper.model_report.windows import Judged, Watch


def drifting_since(watch: Watch) -> Mapping[str, float]:
    """Give when the first window began of those in a row up to the last in which an input drifts, Unix seconds."""
    own = sorted((one for one in watch.past if one.revision == watch.last.revision), key=lambda one: -one.start)
    found: dict[str, float] = {}
    for feature in watch.last.inputs.drifting:
        before = (one for one in own if one.start < watch.last.start)
        drifted = takewhile(lambda one, name=feature.name: name in _drifting(one), before)  # type: ignore[misc]
        found[feature.name] = min([watch.last.start, *(one.start for one in drifted)])
    return found


def _drifting(one: Judged) -> frozenset[str]:
    return frozenset(feature.name for feature in one.inputs.drifting)
