"""Revisions side by side: what was measured of each offline, and how each did live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from weirkeeper.model_report.found import Found
from weirkeeper.model_report.performance import estimates_of, labels_of
from weirkeeper.statistics.wording import percent

Told = Mapping[str, str]
"""What is known of one revision, by the name of what was measured."""


def compared(found: Found, attempts: Sequence[Mapping[str, Any]], revisions: Sequence[str]) -> list[tuple[str, ...]]:
    """List what is known of any of the revisions: its name, then a cell for each of them, `-` where it is unknown.

    `attempts` are all that are on record, the latest first.
    """
    columns = [dict(_told(found, attempts, revision)) for revision in revisions]
    names = dict.fromkeys(name for column in columns for name in column)
    return [(name, *(column.get(name, "-") for column in columns)) for name in names]


def _told(found: Found, attempts: Sequence[Mapping[str, Any]], revision: str) -> Iterator[tuple[str, str]]:
    profile = found.profile(revision)
    measured = {str(metric.metric): f"{metric.value:.3f}" for metric in profile.performance} if profile else {}
    yield from ((f"{name}, offline", value) for name, value in measured.items())
    if revision == found.asked:
        card = (found.model["spec"].get("card") or {}).get("metrics") or {}
        yield from ((f"{name}, by the card", str(value)) for name, value in card.items())
    for name, estimate in estimates_of(labels_of(found, revision)).items():
        yield (
            f"{name}, live",
            f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f}, {estimate.rows:,} labels)",
        )
    yield from ((f"{name}, live", _share(arm)) for name, arm in _arms(found, attempts, revision))


def _arms(
    found: Found, attempts: Sequence[Mapping[str, Any]], revision: str
) -> Iterator[tuple[str, Mapping[str, int]]]:
    """What gates counted of a revision: in the running attempt, else in its own latest one."""
    running = (found.status.get("candidate") or {}).get("revision")
    if running and revision in (running, found.stable):
        gates, side = found.status.get("gates") or (), "candidate" if revision == running else "stable"
    else:
        own = next((one for one in attempts if one["revision"] == revision), {})
        gates, side = own.get("gates") or (), "candidate"
    yield from ((gate["name"], gate[side]) for gate in gates if (gate.get(side) or {}).get("requests"))


def _share(arm: Mapping[str, int]) -> str:
    bad, requests = arm.get("bad", 0), arm["requests"]
    return f"{percent(bad / requests)} of {requests:,}" if bad else f"none of {requests:,}"
