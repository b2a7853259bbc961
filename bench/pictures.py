"""Pictures of comparisons, as SVG: bars by tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

COLOURS = ("#0b6e4f", "#c8553d", "#588bae", "#9a9a9a", "#b58900")
"""Of tools, in the order in which they first appear; the first is ours."""
ROW, BAR, LEFT, WIDTH, TOP = 15, 11, 230, 420, 56
FONT = 'font-family="sans-serif" font-size="11"'


class Bar(NamedTuple):
    """A share from 0 to 1, and where a bound is known, its upper one."""

    tool: str
    share: float
    upper: float | None = None


def bars(title: str, groups: Mapping[str, Sequence[Bar]], line: float | None = None) -> str:
    """Draw groups of bars one below the other; `line` marks what was promised."""
    tools = list(dict.fromkeys(bar.tool for found in groups.values() for bar in found))
    colours = dict(zip(tools, COLOURS, strict=False))
    height = TOP + sum(ROW * len(found) + ROW for found in groups.values()) + ROW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 90} {height}" role="img" {FONT}>',
        f"<title>{escape(title)}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="10" y="18" font-weight="bold">{escape(title)}</text>',
        *_legend(colours),
    ]
    y = TOP
    for name, found in groups.items():
        parts.append(f'<text x="{LEFT - 8}" y="{y + BAR}" text-anchor="end">{escape(name)}</text>')
        for bar in found:
            parts += _bar(bar, y, colours[bar.tool])
            y += ROW
        y += ROW
    if line is not None:
        x = LEFT + line * WIDTH
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{y - 6}" stroke="#000" stroke-dasharray="3 3"/>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _legend(colours: Mapping[str, str]) -> list[str]:
    return [
        f'<rect x="{10 + 110 * place}" y="28" width="10" height="10" fill="{colour}"/>'
        f'<text x="{24 + 110 * place}" y="37">{escape(tool)}</text>'
        for place, (tool, colour) in enumerate(colours.items())
    ]


def _bar(bar: Bar, y: int, colour: str) -> list[str]:
    width = max(0.5, bar.share * WIDTH)
    parts = [f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>']
    end = width
    if bar.upper is not None:
        end = bar.upper * WIDTH
        middle = y + BAR / 2
        parts.append(f'<line x1="{LEFT + width:.1f}" x2="{LEFT + end:.1f}" y1="{middle}" y2="{middle}" stroke="#333"/>')
    parts.append(f'<text x="{LEFT + end + 4:.1f}" y="{y + BAR - 1}">{100 * bar.share:.1f} %</text>')
    return parts
