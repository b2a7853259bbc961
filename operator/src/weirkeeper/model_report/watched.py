"""What Monitors found: conditions, and the worst inputs with their distributions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from weirkeeper.api.conditions import unix_seconds
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.wording import moment, state_badge, stretch
from weirkeeper.report.page import Block, Cell, Column, Facts, Section, Table

_CONDITIONS: Final = (Column("Condition"), Column("State"), Column("Since, UTC"), Column("Message"))
_FEATURES: Final = (
    Column("Feature"),
    Column("State"),
    Column("PSI", numeric=True),
    Column("Threshold", numeric=True),
    Column("Message"),
)


def monitor_section(monitor: Mapping[str, Any], *, drawn: bool) -> Section:
    """Tell the conditions of one Monitor; unless its inputs are `drawn`, also those that moved furthest."""
    name, status = monitor["metadata"]["name"], monitor.get("status") or {}
    conditions = [one for one in status.get("conditions") or () if one["type"] != "Ready"]
    ready = [one for one in status.get("conditions") or () if one["type"] == "Ready" and one["status"] != "True"]
    rows = tuple(_condition(one) for one in (*conditions, *ready))
    features = tuple(_feature(one) for one in status.get("features") or ())
    blocks: list[Block] = [
        Facts(tuple(_facts(monitor))),
        *([Table("Conditions", _CONDITIONS, rows)] if rows else []),
        *([Table("Inputs that moved furthest", _FEATURES, features)] if features and not drawn else []),
    ]
    return Section(f"Monitor {name}", tuple(blocks), str(status.get("message", "")))


def _facts(monitor: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    spec, status = monitor["spec"], monitor.get("status") or {}
    window, last = spec.get("window") or {}, status.get("lastWindow")
    yield "Window", f"{window.get('size', '1h')}, {window.get('minRows', 500):,} rows at least"
    yield "False alarms put up with", f"{spec.get('falseAlarmsPerMonth', '0.1')} a month"
    if last:
        yield (
            "Last window, UTC",
            f"{stretch(unix_seconds(last['start']), unix_seconds(last['end']))}, {last['rows']:,} rows",
        )


def _condition(condition: Mapping[str, Any]) -> tuple[Cell, ...]:
    state = condition["reason"]
    return (
        condition["type"],
        state_badge(state),
        moment(condition.get("lastTransitionTime")),
        condition.get("message", ""),
    )


def _feature(feature: Mapping[str, Any]) -> tuple[Cell, ...]:
    message = str(feature.get("message", "")).removeprefix(f"{feature['name']}: ")
    return (
        feature["name"],
        state_badge(feature.get("state")),
        feature.get("psi", ""),
        feature.get("threshold", ""),
        message,
    )


def without_monitor(found: Found) -> str:
    """Say that nothing is watched."""
    return f"No Monitor names {found.name}: nothing is known of its inputs. Make one to have them watched."
