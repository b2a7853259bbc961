"""Research metrics and engineering metrics side by side: what was measured offline, and how it serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from weirkeeper.model_report.found import Found
from weirkeeper.model_report.wording import moment
from weirkeeper.report.page import Cell, Column, Facts, Section, Sides, Table
from weirkeeper.statistics.offline import OfflineMetric
from weirkeeper.statistics.wording import percent

_OFFLINE: Final = (
    Column("Metric"),
    Column("Value", numeric=True),
    Column("95 % interval", numeric=True),
    Column("Rows", numeric=True),
    Column("Measured on"),
)
_MEASURED_ON: Final = {"HeldOut": "rows kept from the training", "Sample": "the bundle's sample"}
_ENGINEERING: Final = (Column("Measure"), Column("Value", numeric=True))


def numbers_section(found: Found) -> Section | None:
    """Put both side by side; None where there are neither."""
    research, engineering = tuple(_research(found)), tuple(_engineering(found))
    sides = [
        *([Table("Research: how good the model is", _OFFLINE, research)] if research else []),
        *([Table("Engineering: how it serves", _ENGINEERING, engineering)] if engineering else []),
    ]
    return Section("Research and engineering", (Sides(tuple(sides)),)) if sides else None


def card_section(found: Found) -> Section | None:
    """Tell what the card says for people, its metrics apart."""
    card = found.model["spec"].get("card") or {}
    names = {
        "owner": "Owner", "contacts": "Contacts", "task": "Task", "description": "Description",
        "intendedUse": "Intended use", "limitations": "Limitations", "dataset": "Data", "sourceCommit": "Source commit",
        "trainingRun": "Training run", "reviewBy": "Review by", "runbook": "Runbook", "unit": "Unit of its answers",
    }  # fmt: skip
    items = tuple((told, _line(card[key])) for key, told in names.items() if card.get(key))
    return Section("Card", (Facts(items),)) if items else None


def _line(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _research(found: Found) -> Iterator[tuple[Cell, ...]]:
    """Tell metrics as the bundle measured them, and those of the card that it did not."""
    profile = found.profile(found.stable)
    measured = {metric.metric: metric for metric in profile.performance} if profile else {}
    yield from (_measured(metric) for metric in measured.values())
    card = (found.model["spec"].get("card") or {}).get("metrics") or {}
    yield from ((name, str(value), "", "", "said in the card") for name, value in card.items() if name not in measured)


def _measured(metric: OfflineMetric) -> tuple[Cell, ...]:
    interval = f"{metric.low:.3f} to {metric.high:.3f}"
    return (metric.metric, f"{metric.value:.3f}", interval, f"{metric.rows:,}", _MEASURED_ON[metric.measured_on])


def _engineering(found: Found) -> Iterator[tuple[Cell, ...]]:
    status = found.status
    if "replicas" in status:
        yield "Pods ready", f"{status['replicas']:,}"
    for share in status.get("traffic") or ():
        yield f"Traffic of {share['revision']}", f"{share['weight']} %"
    for gate in status.get("gates") or ():
        yield from _arms(gate)
    attempts = found.attempts
    if attempts:
        promoted = sum(one.get("outcome") == "Promoted" for one in attempts)
        yield "Attempts promoted, of the last", f"{promoted} of {len(attempts)}"
        yield "Requests exposed to candidates", f"{sum(one.get('exposedRequests', 0) for one in attempts):,}"
    if (status.get("stable") or {}).get("since"):
        yield "In production since, UTC", moment(status["stable"]["since"])


def _arms(gate: Mapping[str, Any]) -> Iterator[tuple[Cell, ...]]:
    for role in ("candidate", "stable"):
        arm = gate.get(role)
        if arm and arm["requests"]:
            yield f"Bad for gate {gate['name']}, {role}", f"{percent(arm['bad'] / arm['requests'])}"
