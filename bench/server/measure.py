"""Interleaved runs: each round runs every contender once, so that a disturbance meets all of them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.server.load import Load, Run
from bench.server.servers import Server

WARM_SECONDS: Final = 0.5


@dataclass(frozen=True)
class Effort:
    """How much time is spent: rounds of every case, and the length of one run in seconds."""

    rounds: int
    seconds: float
    starts: int


FULL: Final = Effort(5, 2.0, 5)
QUICK: Final = Effort(3, 1.0, 3)


@dataclass(frozen=True)
class Spread:
    """The median of some figures, with the least and the greatest."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        """Sum figures up."""
        return cls(statistics.median(figures), min(figures), max(figures))


def interleaved(contenders: Mapping[str, tuple[Server, Load]], effort: Effort) -> dict[str, list[Run]]:
    """Run every contender in each round, the others paused; the first round's start is warm."""
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for turn in range(effort.rounds):
        for name, (server, load) in contenders.items():
            server.resume()
            if turn == 0:
                load.run(server, WARM_SECONDS)
            runs[name].append(load.run(server, effort.seconds))
            server.pause()
    return runs


def spread(runs: Sequence[Run], figure: str) -> Spread:
    """Give the median of one figure of runs."""
    return Spread.of([getattr(run, figure) for run in runs])


def ratio(ours: Sequence[Run], others: Sequence[Run], figure: str) -> Spread:
    """Give ours by theirs, round by round."""
    pairs = zip(ours, others, strict=True)
    return Spread.of([getattr(mine, figure) / getattr(theirs, figure) for mine, theirs in pairs])
