"""Numbers along time on a scale of their own, with their intervals, the limit that is asked of them, and marks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final
from xml.etree.ElementTree import Element

from weirkeeper.report.chart import Measured, Trace, Trend
from weirkeeper.report.frame import FOOT, HEIGHT, LEFT, TOP, along, at, hours, marks, picture
from weirkeeper.report.markup import element
from weirkeeper.statistics.wording import number

STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
PARTS: Final = 4
"""A scale has so many parts at most."""

HEAD: Final = 4.0
"""Pixels above the scale, in which labels of marks stand."""


def drawn_trend(chart: Trend, told: str) -> Element:
    """Draw a scale on the left; beside it the lines, in a frame that is stretched, with strokes that are not."""
    scale = scale_of(chart)
    inner = element(
        "svg",
        *marks(chart, chart.marks, HEIGHT),
        _stretched(chart, scale),
        *hours(chart, HEIGHT),
        x=at(LEFT),
        width=at(1.0 - LEFT),
        height=HEIGHT + FOOT,
        overflow="visible",
    )
    return picture(told, HEIGHT + FOOT, *_scale(chart, scale), *_limit(chart, scale), inner)


def scale_of(chart: Trend) -> Sequence[float]:
    """Choose round numbers from below the least that is shown to above the most; of a share within 0 and 1."""
    shown = [value for trace in chart.traces for one in trace.measured for value in _values(one)]
    shown += [chart.limit] if chart.limit is not None else []
    low, high = min(shown), max(shown)
    if high - low <= 1e-9 * max(1.0, abs(high)):
        high, low = (high, 0.0) if high > 0.0 else (low + 1.0, low)
    exponent = math.floor(math.log10((high - low) / PARTS))
    for step in (10.0**exponent * one for one in STEPS):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first <= PARTS:
            break
    return [place * step for place in range(first, last + 1)]


def _values(one: Measured) -> Iterator[float]:
    yield from (value for value in (one.value, one.low, one.high) if value is not None)


def _scale(chart: Trend, scale: Sequence[float]) -> Iterator[Element]:
    for place, value in enumerate(scale):
        y = _height(value, scale)
        yield element("line", class_="grid" if place else "base", x1=at(LEFT), x2="100%", y1=y, y2=y)
        yield element("text", _written(chart, value, scale), class_="scale", x=at(LEFT - 0.02), y=y + 4.0)


def _written(chart: Trend, value: float, scale: Sequence[float]) -> str:
    """Write a number of the scale with the digits in which it differs from the next one."""
    factor = 100.0 if chart.share else 1.0
    step = factor * (scale[1] - scale[0])
    if not chart.share and max(map(abs, scale)) >= 1000.0:  # noqa: PLR2004  as people write them: 1.2 k
        return number(value)
    digits = next((digits for digits in range(9) if math.isclose(round(step, digits), step)), 9)
    return f"{factor * value:.{digits}f}{' %' if chart.share else ''}"


def _limit(chart: Trend, scale: Sequence[float]) -> list[Element]:
    if chart.limit is None:
        return []
    y = _height(chart.limit, scale)
    return [
        element("line", class_="limit", x1=at(LEFT), x2="100%", y1=y, y2=y),
        element("text", "limit", class_="label", x="100%", y=y - 4.0, text_anchor="end"),
    ]


def _height(value: float, scale: Sequence[float]) -> float:
    return round(HEIGHT - (HEIGHT - TOP - HEAD) * (value - scale[0]) / (scale[-1] - scale[0]), 1)


def _stretched(chart: Trend, scale: Sequence[float]) -> Element:
    paths = [
        one for trace in reversed(chart.traces) for one in (_band(chart, trace, scale), _line(chart, trace, scale))
    ]
    return element(
        "svg",
        *paths,
        width="100%",
        height=HEIGHT,
        viewBox=f"0 0 100 {HEIGHT:g}",
        preserveAspectRatio="none",
    )


def _band(chart: Trend, trace: Trace, scale: Sequence[float]) -> Element:
    """Draw each interval as an area; where it has no bound on a side, to the end of the scale."""
    parts = []
    for one in trace.measured:
        low, high = (end if bound is None else bound for bound, end in ((one.low, scale[0]), (one.high, scale[-1])))
        if (one.low, one.high) != (None, None):
            (left, right), (top, bottom) = _sides(chart, one), (_height(high, scale), _height(low, scale))
            parts.append(f"M{left:.2f} {top:g}H{right:.2f}V{bottom:g}H{left:.2f}Z")
    return element("path", class_=f"band {_class(trace)}", d="".join(parts))


def _line(chart: Trend, trace: Trace, scale: Sequence[float]) -> Element:
    """Draw steps, joined where one stretch begins as another ends."""
    parts, ended = [], None
    for one in trace.measured:
        (left, right), y = _sides(chart, one), _height(one.value, scale)
        parts.append(f"V{y:g}H{right:.2f}" if ended == one.start else f"M{left:.2f} {y:g}H{right:.2f}")
        ended = one.end
    return element("path", element("title", trace.name), class_=f"trace {_class(trace)}", d="".join(parts))


def _sides(chart: Trend, one: Measured) -> tuple[float, float]:
    return 100.0 * along(chart, one.start), 100.0 * along(chart, one.end)


def _class(trace: Trace) -> str:
    return "firm" if trace.firm else "assumed"
