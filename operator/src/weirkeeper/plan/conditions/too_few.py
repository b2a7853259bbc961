"""Says that a window has too little to be judged: which window is meant, and when the next one can be judged.

What is said stays true while nobody writes it anew, which idle Monitors do not: so it has moments, and no "now".
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from weirkeeper.plan.conditions.watched import LABELLED, ConditionState, Watched

NO_WINDOW: Final = "no window has ended yet since rows are counted; windows end at multiples of {size} in UTC"


def too_few_rows(watched: Watched) -> str:
    """Say how many rows the last window has, of how many."""
    window, rule = watched.window, watched.rule
    return _none_ended(watched) or (
        f"{window.rows} of {rule.min_rows} rows in the window that ended at {_moment(window.end)};"
        f" later rows are judged once theirs has ended, {_next_end(watched)} at the earliest"
    )


def too_few_labels(rows: int, watched: Watched) -> str:
    """Say how many labelled rows there are, of how many."""
    return f"{rows} of {watched.labels.min_rows} labelled rows"


def with_time(said: ConditionState, watched: Watched) -> ConditionState:
    """Add to a condition of too few labels when they were looked at: at the end of a window, once one has ended."""
    if said.state != "Insufficient" or said.type not in LABELLED:
        return said
    looked = _none_ended(watched) or f"looked at when the window ended at {_moment(watched.window.end)}"
    return replace(said, message=f"{said.message}; {looked}")


def _none_ended(watched: Watched) -> str:
    """Say that all rows so far are in a window that goes on; empty where they are not."""
    if watched.window.end > watched.since:
        return ""
    return (
        f"rows count from {_moment(watched.since)} on, and no window has ended since: they are judged once theirs has"
        f" ended, {_next_end(watched)} at the earliest"
    )


def _next_end(watched: Watched) -> str:
    end = watched.window.end
    later = end + watched.rule.size
    day, moment = (_moment(one).partition(" ")[::2] for one in (end, later))
    return f"at {moment[1]}" if moment[0] == day[0] else f"at {_moment(later)}"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
