"""What pictures show: numbers and their labels, without sizes and colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Tone = Literal["good", "bad", "caution", "unknown", "plain"]
"""How something is, shown by shape and by colour."""


@dataclass(frozen=True)
class Pair:
    """Two shares (0 to 1) of what `label` names: of the reference, and of what is compared with it."""

    label: str
    reference: float
    live: float


@dataclass(frozen=True)
class Tick:
    """A label beneath upright bars: at 0 where the first begins, at 0.5 in its middle, at 1 where it ends."""

    at: float
    label: str


@dataclass(frozen=True)
class Columns:
    """Upright bars, for values in their order; of ticks as many are drawn as there is room for."""

    pairs: tuple[Pair, ...]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Bars:
    """Bars that lie, for categories: each has a line for its label; `rest` is told beneath them without a bar."""

    pairs: tuple[Pair, ...]
    rest: Pair | None = None


@dataclass(frozen=True)
class Span:
    """A stretch of time, Unix seconds, and how it was."""

    start: float
    end: float
    tone: Tone
    label: str


@dataclass(frozen=True)
class Lane:
    """Stretches of one thing along time, with its name."""

    name: str
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Mark:
    """A moment, Unix seconds, and what it was."""

    at: float
    label: str


@dataclass(frozen=True)
class Timeline:
    """Lanes above each other from `start` to `end`, Unix seconds, with marks across all of them."""

    start: float
    end: float
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Line:
    """Parts of a limit (1 is at it) along time, by Unix seconds; `above` is what it means to reach it."""

    name: str
    points: tuple[tuple[float, float], ...]
    above: Tone


@dataclass(frozen=True)
class Lines:
    """Lines from `start` to `end`, Unix seconds, with the limit across at 1."""

    start: float
    end: float
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Measured:
    """A number of what lies from `start` to `end`, Unix seconds; `low` and `high` where it has an interval."""

    start: float
    end: float
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Trace:
    """A number along time, the earliest first: a whole line where it is `firm`, else a dashed one."""

    name: str
    measured: tuple[Measured, ...]
    firm: bool = True


@dataclass(frozen=True)
class Trend:
    """Numbers from `start` to `end`, Unix seconds, with the `limit` that is asked of them, and marks.

    At least one trace has a number. Shares (0 to 1) are written in percent.
    """

    start: float
    end: float
    traces: tuple[Trace, ...]
    marks: tuple[Mark, ...] = ()
    limit: float | None = None
    share: bool = False


Chart: TypeAlias = Columns | Bars | Timeline | Lines | Trend
