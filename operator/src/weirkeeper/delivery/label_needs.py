"""What a gate needs that cannot decide yet: which labels, how many an hour, until when, and of which predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from weirkeeper.api.conditions import timestamp

if TYPE_CHECKING:
    from weirkeeper.delivery.evidence import LabelSlots
    from weirkeeper.delivery.verdict import Comparison, GateResult


def told(result: GateResult, comparison: Comparison, labels: LabelSlots, now: float, until: float | None) -> str:
    """Say what it takes that labels suffice; empty where they do, or where none count.

    `until` (Unix seconds, as `now`) is when the running step has waited for the gate as long as it may; None where it
    does not wait for it.
    """
    if not result.needs or comparison.mode != "Weight":
        return ""
    return "".join(f"; {part}" for part in (_pace(result, now, until), _first(comparison, labels, now)) if part)


def awaited(results: Iterable[Mapping[str, Any]], until: Mapping[str, float], now: float) -> str:
    """Say what each gate needs that a step waits for, by their results as JSON, and until when (`until`, by name).

    It has no numbers that change from slot to slot: each change of a message is a write.
    """
    return "".join(
        f"; {item['name']} needs {item['needs']}{_until(until.get(item['name']), now)}"
        for item in results
        if item.get("needs")
    )


def _until(until: float | None, now: float) -> str:
    if until is None:
        return ""
    return f", until {timestamp(until)}" if now < until else f"; its maxDuration ended at {timestamp(until)}"


def _pace(result: GateResult, now: float, until: float | None) -> str:
    if until is None:
        return ""
    if until <= now:
        return f"its maxDuration ended at {timestamp(until)}"
    lacks, hours = result.lacks, (until - now) / 3600.0
    needed = f"{lacks} more, about {lacks / hours:.3g} an hour" if lacks else result.needs
    return f"needed: {needed}, until {timestamp(until)}, when its maxDuration ends"


def _first(comparison: Comparison, labels: LabelSlots, now: float) -> str:
    """Say when the first whole slot since the weights changed ends, as long as it has not."""
    since = comparison.clean_from
    start = labels.start_of(since)
    start = start if start == since else labels.end_of(start)
    end = labels.end_of(start)
    if end <= now:
        return ""
    return f"predictions from {timestamp(start)} on count, and their labels from {timestamp(end)} on"
