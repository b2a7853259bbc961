"""Log-spaced latency bins that servers count in and gates compare: 16 bins an octave, 1 microsecond to 67 seconds.

Bin `i` counts durations in `(2**((i-1)/16), 2**(i/16)]` microseconds; bin 0 also what is shorter, the last bin also
what is longer. Neighbouring edges differ by 4.4 %, so a shift by whole bins is an exact factor, and histograms of
several pods add up without loss.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Final

from weirkeeper.statistics.errors import StatisticsError

BINS_PER_OCTAVE = 16
BINS = 417


def bin_of(us: float) -> int:
    """Tell the bin of a duration in microseconds; negative and zero durations fall into bin 0."""
    return bisect_left(EDGES_US, us)


def upper_edge_us(i: int) -> float:
    """Tell the longest duration that bin `i` counts, in microseconds (for the last bin: its nominal edge)."""
    return float(2.0 ** (i / BINS_PER_OCTAVE))


def relative_error(bins_per_octave: int = BINS_PER_OCTAVE) -> float:
    """Tell by what share a duration may be off that is told as the middle of its bin: 2.2 % for 16 bins an octave."""
    growth = 2.0 ** (1.0 / bins_per_octave)
    return float((growth - 1.0) / (growth + 1.0))


EDGES_US: Final = tuple(upper_edge_us(i) for i in range(BINS - 1))
"""The longest durations of all bins but the last, which has none, in microseconds."""


def whole_milliseconds_us(us: float) -> float:
    """Round a duration in microseconds up to an edge of the histograms that Envoy keeps of whole milliseconds.

    They keep two digits: every millisecond up to 100, every tenth one up to 1,000, and so on.
    """
    milliseconds = us / 1000.0
    step = 10.0 ** max(0, math.floor(math.log10(milliseconds)) - 1) if milliseconds > 1.0 else 1.0
    return 1000.0 * step * math.ceil(milliseconds / step)


def merge(histograms: Iterable[Mapping[int, int]]) -> dict[int, int]:
    """Add sparse histograms (bin to count) of several pods or slots."""
    merged: dict[int, int] = {}
    for histogram in histograms:
        for i, count in histogram.items():
            merged[i] = merged.get(i, 0) + count
    return merged


def quantile_bin(histogram: Mapping[int, int], quantile: float) -> int:
    """Tell the first bin at which at least the share `quantile` (0 to 1) of the counted durations is reached.

    Raises StatisticsError for an empty histogram: a quantile of nothing is not a number.
    """
    total = sum(histogram.values())
    if total == 0:
        raise StatisticsError(f"quantile {quantile} of an empty latency histogram; at least one count is needed")
    reached = 0
    for i in sorted(histogram):
        reached += histogram[i]
        if reached >= quantile * total:
            return i
    return max(histogram)


def exceeding(histogram: Mapping[int, int], threshold: int) -> int:
    """Count the durations longer than the upper edge of bin `threshold`."""
    return sum(count for i, count in histogram.items() if i > threshold)
