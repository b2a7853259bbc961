"""Pictures as SVG that grows with the page while its text keeps its size: lengths along the page are in percent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import singledispatch
from typing import Final
from xml.etree.ElementTree import Element

from weirkeeper.report.chart import Bars, Columns, Lane, Line, Lines, Pair, Span, Tick, Timeline, Tone, Trend
from weirkeeper.report.frame import CHARACTER, FOOT, HEIGHT, LEFT, NARROWEST, TOP, along, at, hours, marks, picture
from weirkeeper.report.markup import element
from weirkeeper.report.trend import drawn_trend
from weirkeeper.statistics.wording import percent

LINE: Final = 34.0
LONGEST_LABEL: Final = 24
TALLEST: Final = (0.02, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
WIDE: Final = 0.86
"""The part of a bar's place that the reference takes, and the current rows:"""
NARROW: Final = 0.42


LARGEST_PART: Final = 4.0
CLEARANCE: Final = 1.1
"""How many times the limit a picture of lines reaches at most, and how much above its highest line."""

LANE: Final = 36.0
MARKS: Final = 16.0
THINNEST: Final = 0.004
HEIGHTS: Final[Mapping[Tone, float]] = {"good": 6.0, "plain": 10.0, "unknown": 3.0, "caution": 14.0, "bad": 18.0}
"""How high a stretch of time is, so that its tone is seen without colour."""


@singledispatch
def drawn(chart: object, told: str) -> Element:
    """Draw a chart; `told` stands for it where nobody sees."""
    raise TypeError(f"{type(chart).__name__} is no chart: {told}")


drawn.register(Trend, drawn_trend)


@drawn.register
def _columns(chart: Columns, told: str) -> Element:
    most = _top(max(max(pair.reference, pair.live) for pair in chart.pairs))
    count = len(chart.pairs)
    bars = [
        one for place, pair in enumerate(chart.pairs) for one in _column(pair, _inset(place / count), 1.0 / count, most)
    ]
    return picture(told, HEIGHT + FOOT, *_grid(most), *bars, *_ticks(chart.ticks, count))


def _column(pair: Pair, left: float, width: float, most: float) -> list[Element]:
    return [
        _upright(pair, "reference", (left, width * (1.0 - LEFT)), (pair.reference / most, WIDE)),
        _upright(pair, "live", (left, width * (1.0 - LEFT)), (pair.live / most, NARROW)),
    ]


def _upright(pair: Pair, side: str, place: tuple[float, float], size: tuple[float, float]) -> Element:
    (left, width), (part, wide) = place, size
    height = (HEIGHT - TOP) * part
    return element(
        "rect",
        _hint(pair),
        class_=side,
        x=at(left + width * (1.0 - wide) / 2.0),
        y=round(HEIGHT - height, 1),
        width=at(width * wide),
        height=round(height, 1),
    )


def _inset(part: float) -> float:
    """Tell where a part of the width beside the scale lies."""
    return LEFT + (1.0 - LEFT) * part


def _hint(pair: Pair) -> Element:
    return element("title", f"{pair.label}: {percent(pair.reference)} → {percent(pair.live)}")


def _grid(most: float) -> list[Element]:
    """Draw lines at all, half and none of the height, labelled on the left."""
    lines = []
    for part in (1.0, 0.5, 0.0):
        y = round(HEIGHT - (HEIGHT - TOP) * part, 1)
        lines.append(element("line", class_="base" if part == 0.0 else "grid", x1=at(LEFT), x2="100%", y1=y, y2=y))
        lines.append(element("text", percent(most * part), class_="scale", x=at(LEFT - 0.02), y=y + 4.0))
    return lines


def _ticks(ticks: tuple[Tick, ...], count: int) -> list[Element]:
    """Write the labels that have room beside those before them."""
    labels, free = [], -math.inf
    for tick in ticks:
        place, text = _inset(tick.at / count), _short(tick.label)
        half = (len(text) + 1) * CHARACTER / 2.0
        if place * NARROWEST - half >= free:
            free = place * NARROWEST + half
            labels.append(element("text", text, class_="tick", x=at(place), y=HEIGHT + 15.0))
    return labels


@drawn.register
def _bars(chart: Bars, told: str) -> Element:
    most = max(max(pair.reference, pair.live) for pair in chart.pairs)
    lines = [one for place, pair in enumerate(chart.pairs) for one in _bar(pair, place * LINE, most)]
    end = len(chart.pairs) * LINE
    rest = _line(chart.rest, end) if chart.rest else []
    return picture(told, end + (LINE / 2.0 if rest else 0.0), *lines, *rest)


def _bar(pair: Pair, top: float, most: float) -> list[Element]:
    return [
        *_line(pair, top),
        element("rect", class_="reference", x="0", y=top + 17.0, width=at(pair.reference / most), height=12.0),
        element("rect", class_="live", x="0", y=top + 20.5, width=at(pair.live / most), height=5.0),
    ]


def _line(pair: Pair, top: float) -> list[Element]:
    return [
        element("text", _short(pair.label), class_="label", x="0", y=top + 12.0),
        element("text", f"{percent(pair.reference)} → {percent(pair.live)}", class_="value", x="100%", y=top + 12.0),
    ]


@drawn.register
def _timeline(chart: Timeline, told: str) -> Element:
    top = MARKS if chart.marks else 0.0
    lanes = [one for place, lane in enumerate(chart.lanes) for one in _lane(chart, lane, top + place * LANE)]
    bottom = top + len(chart.lanes) * LANE
    return picture(told, bottom + FOOT, *lanes, *marks(chart, chart.marks, bottom), *hours(chart, bottom))


def _lane(chart: Timeline, lane: Lane, top: float) -> list[Element]:
    name = [element("text", lane.name, class_="label", x="0", y=top + 12.0)] if lane.name else []
    base = top + LANE - 6.0
    line = element("line", class_="base", x1="0", x2="100%", y1=base, y2=base)
    return [*name, line, *(_span(chart, span, base) for span in lane.spans)]


def _span(chart: Timeline, span: Span, base: float) -> Element:
    """Draw a stretch as high as it is bad, and at least so wide that it can be seen."""
    left, right = along(chart, span.start), along(chart, span.end)
    height = HEIGHTS[span.tone]
    return element(
        "rect",
        element("title", span.label),
        class_=f"span {span.tone}",
        x=at(min(left, 1.0 - THINNEST)),
        width=at(max(right - left, THINNEST)),
        y=base - height,
        height=height,
    )


@drawn.register
def _lines(chart: Lines, told: str) -> Element:
    """Draw lines in a frame of their own that is stretched, with strokes that are not; below none they lie on it."""
    top = max(1.0, *(value for line in chart.lines for _, value in line.points))
    top = min(LARGEST_PART, CLEARANCE * top)
    limit = round(HEIGHT - (HEIGHT - TOP) / top, 1)
    frame = element(
        "svg",
        *(_path(chart, line, top) for line in chart.lines),
        x="0", y=TOP, width="100%", height=HEIGHT - TOP, viewBox="0 0 100 100", preserveAspectRatio="none",
    )  # fmt: skip
    lines = [
        element("line", class_="base", x1="0", x2="100%", y1=HEIGHT, y2=HEIGHT),
        element("line", class_="mark", x1="0", x2="100%", y1=limit, y2=limit),
        element("text", "suffices", class_="label", x="0", y=limit - 4.0),
    ]
    return picture(told, HEIGHT + FOOT, *lines, frame, *hours(chart, HEIGHT))


def _path(chart: Lines, line: Line, top: float) -> Element:
    places = [(100.0 * along(chart, at), 100.0 * (1.0 - min(top, max(0.0, value)) / top)) for at, value in line.points]
    d = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    return element("path", element("title", line.name), class_=f"trace {line.above}", d=d)


def meter(value: float, above: Tone = "bad") -> Element:
    """Draw a number against its limit, which stands at the middle; what is above twice the limit fills the bar."""
    part = min(1.0, max(0.0, value / 2.0))
    side = f"over {above}" if value > 1.0 else "under"
    return element(
        "svg",
        element("rect", class_="track", x="0", y="3", width="100%", height="6"),
        element("rect", class_=side, x="0", y="3", width=at(part), height="6"),
        element("line", class_="limit", x1="50%", x2="50%", y1="0", y2="12"),
        class_="meter",
        aria_hidden="true",
        height="12",
    )


def _top(most: float) -> float:
    return next((top for top in TALLEST if most <= top), 1.0)


def _short(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"
