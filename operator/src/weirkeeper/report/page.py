"""What a report says, apart from how it is drawn: a page of sections of blocks. All text in it is plain text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from weirkeeper.report.chart import Chart, Tone


@dataclass(frozen=True)
class Badge:
    """A word for a state, with a tone that is shown by shape and colour."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True)
class Ratio:
    """A number against its limit, as a bar: 1 is the limit, `above` what it means to be above it."""

    value: float
    told: str
    above: Tone = "bad"


Cell: TypeAlias = str | Badge | Ratio


@dataclass(frozen=True)
class Column:
    """A column of a table; numbers are aligned on the right."""

    heading: str
    numeric: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells, one for each column; the first names the row."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Paragraph:
    """Sentences."""

    text: str


@dataclass(frozen=True)
class Facts:
    """Names, and what stands for each."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Figure:
    """A picture with its title and what it shows in words, which also stands for it where nobody sees.

    `caption` tells the units; `numbers` are those that the picture was drawn from.
    """

    title: str
    told: str
    chart: Chart
    caption: str
    badge: Badge | None = None
    numbers: Table | None = None


@dataclass(frozen=True)
class Figures:
    """Pictures side by side, as many as there is room for, or one to a line; `legend` names two sides."""

    figures: tuple[Figure, ...]
    legend: tuple[str, str] | None = None
    wide: bool = False


@dataclass(frozen=True)
class Sides:
    """Blocks side by side, where there is room."""

    blocks: tuple[Table | Figures, ...]


Block: TypeAlias = Table | Paragraph | Facts | Figures | Sides


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading."""

    title: str
    blocks: tuple[Block, ...]
    lead: str = ""


@dataclass(frozen=True)
class Verdict:
    """What the whole page comes to: a state, and one sentence."""

    badge: Badge
    sentence: str


@dataclass(frozen=True)
class Page:
    """A report. `kind` is what is reported, `title` of what, `made` when; `absent` are sentences on what it lacks."""

    kind: str
    title: str
    made: str
    verdict: Verdict
    facts: Facts
    sections: tuple[Section, ...]
    absent: tuple[str, ...] = ()
