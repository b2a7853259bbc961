"""The comparison of drift detectors as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.drift.judging import PROMISES, Power
from bench.drift.scenarios import Scenario
from bench.tables import Row
from bench.verdicts import Rate


def false_alarm_rows(
    rates: Mapping[str, Mapping[str, Rate]], chosen: Sequence[Scenario], tools: Sequence[str]
) -> list[Row]:
    """Share of windows and columns that alarm although nothing changed, and the upper 95 % bound of that."""
    titles = {scenario.name: scenario.title for scenario in chosen}
    rows: list[Row] = [("nothing changed", *tools), ("promised", *(PROMISES[tool] for tool in tools))]
    for name, found in rates.items():
        cells = (
            f"{100 * one.share:.2f} (≤ {100 * one.upper:.2f}) %" if (one := found.get(tool)) else "-" for tool in tools
        )
        rows.append((titles[name], *cells))
    return rows


def power_rows(
    found: Mapping[str, Mapping[str, list[Power]]], chosen: Sequence[Scenario], tools: Sequence[str]
) -> list[Row]:
    """Power at equal false alarms of each tool's best method, and windows and rows until the change is seen."""
    scenarios = {scenario.name: scenario for scenario in chosen}
    rows: list[Row] = [("what changed", *tools)]
    rows += [
        (scenarios[name].title, *(_power(by_tool.get(tool), scenarios[name].rows) for tool in tools))
        for name, by_tool in found.items()
    ]
    means = [_mean([by_tool.get(tool) for by_tool in found.values()]) for tool in tools]
    return [*rows, ("on the whole", *means)]


def _power(methods: list[Power] | None, rows: int) -> str:
    if not methods:
        return "-"
    best = methods[0]
    method = "" if best.method == "default" else f", {best.method.replace('_', ' ')}"
    return f"{100 * best.share:.1f} % ({best.delay:.1f}; {rows * best.delay:,.0f}{method})"


def _mean(found: Sequence[list[Power] | None]) -> str:
    shares = [methods[0].share for methods in found if methods]
    return f"{100 * sum(shares) / len(shares):.1f} %" if len(shares) == len(found) else "-"


def speed_rows(speeds: Mapping[str, Mapping[str, float]], tools: Sequence[str], rows: int) -> list[Row]:
    """Seconds and memory for one window."""
    table: list[Row] = [(f"{rows:,} rows, 30 columns", "seconds", "memory, MB")]
    for tool in tools:
        found = speeds.get(tool)
        if tool != "dummy":
            table.append(
                (tool, f"{found['seconds']:.2f}", f"{found['megabytes']:.0f}") if found else (tool, "did not end", "-")
            )
    return table
