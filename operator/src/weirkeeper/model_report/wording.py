"""Times and states as the report writes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from weirkeeper.api.conditions import unix_seconds
from weirkeeper.report.chart import Tone
from weirkeeper.report.page import Badge

OUTCOMES: Final[Mapping[str, Tone]] = {
    "Promoted": "good",
    "RolledBack": "bad",
    "Aborted": "caution",
    "Superseded": "unknown",
}
VERDICTS: Final[Mapping[str, Tone]] = {"Pass": "good", "Fail": "bad", "Inconclusive": "unknown"}
STATES: Final[Mapping[str, Tone]] = {"OK": "good", "Drifting": "bad", "Insufficient": "unknown", "Error": "caution"}


def moment(written: str | float | None) -> str:
    """Write a time of Kubernetes, or Unix seconds, for people: 24 Nov 2026, 12:30."""
    if not written:
        return ""
    seconds = written if isinstance(written, int | float) else unix_seconds(written)
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%d %b %Y, %H:%M")


def stretch(start: float, end: float) -> str:
    """Write from when to when: 24 Nov 2026, 12:30 to 13:30."""
    one, other = moment(start), moment(end)
    day, _, hour = other.partition(", ")
    return f"{one} to {hour if one.startswith(day) else other}"


def hash_of(revision: str) -> str:
    """Give the part of a revision's name that tells it from others of its Model."""
    return revision.rpartition("-")[2]


def outcome_badge(attempt: Mapping[str, Any]) -> Badge:
    """Show how an attempt ended."""
    outcome = attempt.get("outcome")
    return Badge(str(outcome), OUTCOMES.get(str(outcome), "plain")) if outcome else Badge("Running", "plain")


def verdict_badge(verdict: object) -> Badge:
    """Show the verdict of a gate."""
    return Badge(str(verdict), VERDICTS.get(str(verdict), "plain"))


def state_badge(state: object) -> Badge:
    """Show the state of a Monitor or one of its conditions."""
    return Badge(str(state or "Unknown"), STATES.get(str(state), "unknown"))
