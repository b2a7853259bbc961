"""Envoy's histograms of how long requests took, in the bins that gates compare. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from weirkeeper.router.listeners import LATENCY, OUTCOMES
from weirkeeper.statistics.latency import bin_of

LATENCY_FILTER: Final = rf"^{OUTCOMES}\.{LATENCY}\.cluster\..*$"
"""What to ask the admin port for, with the buckets in detail."""

_NAME: Final = re.compile(rf"{OUTCOMES}\.{LATENCY}\.cluster\.([-a-z0-9]+(?:~[a-z]+)?)(?:\.grpc)?")


def read_latencies(answer: Mapping[str, Any]) -> dict[str, dict[int, int]]:
    """Requests by bin and revision, both clusters of a revision together, from what was answered for LATENCY_FILTER."""
    found: dict[str, Counter[int]] = {}
    for histogram in _histograms(answer):
        named = _NAME.fullmatch(histogram["name"])
        if named:
            bins = found.setdefault(named[1], Counter())
            for bucket in histogram.get("totals", ()):
                bins[_bin(bucket["lower_bound"], bucket["width"])] += bucket["count"]
    return {revision: dict(bins) for revision, bins in found.items()}


def _histograms(answer: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    for stat in answer.get("stats", ()):
        if "histograms" in stat:
            yield from stat["histograms"].get("details", ())


def _bin(lower: float, width: float) -> int:
    """The bin of a bucket's upper edge; a whole millisecond stands for all durations up to the next one."""
    return bin_of(1000.0 * max(lower + width, lower + 1.0))
