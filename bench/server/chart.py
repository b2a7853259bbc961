"""The picture: how many times the peer's rate, with the goal as a mark, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

from bench.server.results import CaseResult, Report

WIDTH: Final = 960
LEFT: Final = 410
RIGHT: Final = 150
ROW: Final = 30
TOP: Final = 56
FOOT: Final = 40
LEAST: Final = 1.0
STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.s{font-size:11px;fill:#57606a}"
    ".m{fill:#2f6f4f}.x{fill:#b3402e}.g{stroke:#24292f;stroke-width:2}.a{stroke:#d0d7de}"
)


def chart(report: Report) -> str:
    """Draw a report as SVG."""
    shown = [result for result in report.cases if result.case.peer in result.rates]
    most = 10 ** math.ceil(math.log10(max([10.0, *(_times(result) * 1.05 for result in shown)])))
    height = TOP + ROW * len(shown) + FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">',
        "<title>Rate of the model server as a multiple of its peers'</title>",
        f"<style>{STYLE}</style>",
        '<text x="10" y="22">Requests per second on one core, as a multiple of the peer in the same run</text>',
        '<text class="s" x="10" y="40">bar: median of the rounds; upright line: the goal; logarithmic scale</text>',
        *_axis(most, height),
        *(line for place, result in enumerate(shown) for line in _row(place, result, most)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _times(result: CaseResult) -> float:
    return result.rates[result.case.peer].median


def _at(value: float, most: float) -> float:
    share = math.log(max(value, LEAST) / LEAST) / math.log(most / LEAST)
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _axis(most: float, height: int) -> Sequence[str]:
    marks = [
        10**power * step for power in range(round(math.log10(most)) + 1) for step in (1, 3) if 10**power * step <= most
    ]
    lines = []
    for mark in marks:
        x = _at(mark, most)
        lines.append(f'<line class="a" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{height - FOOT + 4}"/>')
        lines.append(f'<text class="s" x="{x:.1f}" y="{height - FOOT + 20}" text-anchor="middle">{mark:g}x</text>')
    return lines


def _row(place: int, result: CaseResult, most: float) -> Sequence[str]:
    y, case, times = TOP + ROW * place, result.case, _times(result)
    end, goal = _at(times, most), _at(case.goal, most)
    kind = "m" if times >= case.goal else "x"
    alone = ", 1 connection" if case.connections == 1 else ""
    title = f"{case.title}{alone}, {case.way}, against {case.peer}"
    return [
        f'<text class="s" x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(title)}</text>',
        f'<rect class="{kind}" x="{LEFT}" y="{y + 3}" width="{max(1.0, end - LEFT):.1f}" height="16"/>',
        f'<line class="g" x1="{goal:.1f}" x2="{goal:.1f}" y1="{y}" y2="{y + 22}"/>',
        f'<text x="{max(end, goal) + 6:.1f}" y="{y + 16}">{times:.3g}x, goal {case.goal:g}x</text>',
    ]
