"""What callers were promised, and how much of what may be bad is left, as Monitors tell it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from weirkeeper.api.conditions import unix_seconds
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.wording import moment, stretch
from weirkeeper.report.page import Cell, Column, Ratio, Section, Table

_OBJECTIVES: Final = (
    Column("Objective"),
    Column("Target", numeric=True),
    Column("Requests", numeric=True),
    Column("Bad", numeric=True),
    Column("Budget used", numeric=True),
    Column("Burn rate, 1 h", numeric=True),
    Column("6 h", numeric=True),
    Column("3 d", numeric=True),
    Column("Counted, UTC"),
)
_LEAD: Final = (
    "The budget is what may be bad of 30 days' requests; at the mark in the bar's middle all of it is used. A burn rate"
    " of 1 uses it up in just 30 days."
)


def objectives_section(found: Found) -> Section | None:
    """Tell where the objectives of each Monitor stand; None where no Monitor has any."""
    tables = tuple(
        Table(f"Objectives of Monitor {monitor['metadata']['name']}", _OBJECTIVES, tuple(rows))
        for monitor in found.monitors
        if (rows := [_row(one) for one in (monitor.get("status") or {}).get("objectives") or ()])
    )
    return Section("Objectives and budget", tables, _LEAD) if tables else None


def _row(one: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        one["objective"],
        f"{one['target']} %",
        f"{one['requests']:,}",
        f"{one['bad']:,}",
        _used(one.get("budgetLeft")),
        *(str(one.get(key) or "") for key in ("burn1h", "burn6h", "burn3d")),
        stretch(unix_seconds(one["since"]), unix_seconds(one["until"])),
    )


def _used(left: str | None) -> Cell:
    if left is None:
        return ""
    used = 100.0 - float(left)
    return Ratio(used / 100.0, f"{used:.1f} %")


def without_objectives(found: Found) -> Iterator[str]:
    """Say that nothing was promised, where that is so."""
    if found.monitors and objectives_section(found) is None:
        yield f"Objectives and their budget: no Monitor tells any as of {moment(_last(found)) or 'now'}."


def _last(found: Found) -> str | None:
    windows = ((monitor.get("status") or {}).get("lastWindow") for monitor in found.monitors)
    return max((one["end"] for one in windows if one), default=None)
