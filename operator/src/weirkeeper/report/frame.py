"""What pictures have in common: their sizes, and time along them, with moments marked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, Protocol
from xml.etree.ElementTree import Element

from weirkeeper.report.chart import Mark
from weirkeeper.report.markup import element

HEIGHT: Final = 150.0
TOP: Final = 14.0
FOOT: Final = 20.0
NARROWEST: Final = 280.0
"""The width, in CSS pixels, in which labels must have room."""

CHARACTER: Final = 6.4
"""The width of a character of a label, in CSS pixels."""

LEFT: Final = 0.12
"""The part of the width that the scale takes."""

MIDDLE: Final = 0.5

SHORT_SECONDS: Final = 180.0
"""Below so long the ends and the middle may lie in the same minute."""


class Timed(Protocol):
    """What has time along it, Unix seconds."""

    @property
    def start(self) -> float:
        """Where it begins."""

    @property
    def end(self) -> float:
        """Where it ends."""


def picture(told: str, height: float, *children: Element) -> Element:
    """Frame a picture, of the width of what it stands in."""
    return element("svg", *children, class_="chart", role="img", aria_label=told, width="100%", height=height)


def at(share: float) -> str:
    """Write a place along the page."""
    return f"{100.0 * share:.2f}%"


def along(chart: Timed, moment: float) -> float:
    """Give where a moment stands, as a part of the width."""
    return min(1.0, max(0.0, (moment - chart.start) / max(1.0, chart.end - chart.start)))


def hours(chart: Timed, bottom: float) -> list[Element]:
    """Write the ends of the time, and its middle; to the second where it is that short."""
    written = "%H:%M:%S" if chart.end - chart.start < SHORT_SECONDS else "%d %b %H:%M"
    anchors = (("start", 0.0), ("middle", MIDDLE), ("end", 1.0))
    return [
        element(
            "text",
            datetime.fromtimestamp(chart.start + part * (chart.end - chart.start), tz=UTC).strftime(written),
            x=at(part),
            y=bottom + 14.0,
            text_anchor=anchor,
        )
        for anchor, part in anchors
    ]


def marks(chart: Timed, found: Sequence[Mark], bottom: float) -> list[Element]:
    """Draw a line for each moment, and its label where there is room."""
    return [one for mark in _with_room(chart, found) for one in _mark(chart, mark, bottom)]


def _mark(chart: Timed, mark: Mark, bottom: float) -> list[Element]:
    place = along(chart, mark.at)
    anchor, shift = ("start", 4.0) if _on_the_left(place) else ("end", -4.0)
    return [
        element("line", class_="mark", x1=at(place), x2=at(place), y1=4.0, y2=bottom - 6.0),
        element("text", mark.label, class_="label", x=at(place), y=11.0, dx=shift, text_anchor=anchor),
    ]


def _on_the_left(place: float) -> bool:
    """Tell whether a label stands to the right of its mark, so that it stays within the picture."""
    return place < MIDDLE


def _with_room(chart: Timed, found: Sequence[Mark]) -> Iterator[Mark]:
    """Keep a mark's line always, and its label where the one before leaves room for it."""
    free = -math.inf
    for mark in sorted(found, key=lambda mark: mark.at):
        place, width = along(chart, mark.at) * NARROWEST, (len(mark.label) + 1) * CHARACTER
        left = place if _on_the_left(place / NARROWEST) else place - width
        fits = left >= free
        free = left + width if fits else free
        yield mark if fits else replace(mark, label="")
