"""What pictures along time share: from when to when they are, which promotions lie between, and how fine they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from weirkeeper.report.chart import Mark, Trace, Trend

MOST_STRETCHES: Final = 48
"""Numbers of one line: more of them are added up."""

TOGETHER: Final = (1, 2, 3, 6, 12, 24)
"""So many slots are added up."""


@dataclass(frozen=True)
class Frame:
    """From when to when, Unix seconds, and promotions between."""

    start: float
    end: float
    marks: tuple[Mark, ...] = ()

    def trend(self, traces: Sequence[Trace], limit: float | None = None, *, share: bool = False) -> Trend:
        """Draw numbers in this frame; shares (0 to 1) in percent."""
        return Trend(self.start, self.end, tuple(traces), self.marks, limit, share)


def stretch_length(starts: Iterable[int], slot_seconds: int, least: int = 1) -> int:
    """Tell how long stretches of slots are, seconds: `least` slots or more, until there are few enough stretches."""
    starts = list(starts)
    for slots in (one for one in TOGETHER if one >= least):
        length = slots * slot_seconds
        if len({start // length for start in starts}) <= MOST_STRETCHES:
            return length
    return TOGETHER[-1] * slot_seconds
